#ifndef CO_TLS_H
#define CO_TLS_H

/*
 * TLS 1.2 and 1.3 over a net_conn, by OpenSSL. After tls_accept() or tls_connect() the connection
 * is read, written, waited for and freed as before, with the plain bytes. net_free() sends
 * close_notify if all accepted bytes were sent.
 */
#include "base/opener.h"
#include "co/net.h"

struct tls;

/* Timeout of a whole handshake, recommended for tls_accept(). */
#define TLS_HANDSHAKE_TIMEOUT ((usec_t)10 * USEC_PER_SEC)
/* Concurrent handshakes; each may use about 50 KB. */
#define TLS_HANDSHAKES_MAX 1024

#define TLS_SECRET_SIZE 32
/* Lifetime of the ticket keys. */
#define TLS_TICKETS_MAX_AGE ((usec_t)12 * 3600 * USEC_PER_SEC)

struct tls_options {
    const char *cert; /* PEM: the certificate and its chain */
    const char *key;  /* PEM, without a passphrase */
    const char *alpn; /* "h2,http/1.1": protocols for ALPN, best first; NULL: none */
    const char *ca;   /* clients: trusted CAs, PEM; NULL: the system's */
    int ktls;         /* let the kernel encrypt, if supported */
    /* Returns the secret from which the ticket keys are derived, and when it was made
     * (clock_now()). It is the same for all processes of one server, so that each accepts the
     * tickets of the others; after TLS_TICKETS_MAX_AGE it must return another one. 0, or -1. NULL:
     * the process makes its own secret. Must not yield. */
    int (*secret)(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);
    void *secret_arg;
    struct opener opener; /* for cert and key, if this process may not open them */
};

/* Once, before anything else uses OpenSSL: private keys stay out of core files, and no copy of one
 * stays in freed memory. */
void tls_protect_keys(void);

/*
 * A server's certificate and settings; files are read at once and may be replaced at any time, see
 * tls_refresh(). log is borrowed. ERR_CONFIG names a missing or wrong file.
 */
struct err *tls_server_new(const struct tls_options *options, const struct log *log,
                           struct tls **out);
/* For clients: the peer's certificate must be valid for its name. cert and key are not used. */
struct err *tls_client_new(const struct tls_options *options, const struct log *log,
                           struct tls **out);
/* Connections and handshakes that use it keep it until their end. NULL is allowed. */
void tls_free(struct tls *tls);

/*
 * Reloads certificate and key (a client's: the trusted CAs) for new connections. On an error, which
 * is logged, nothing changes: 0 or -1.
 */
int tls_reload(struct tls *tls);
/* The same if the files have changed; checks at most once a second. Each handshake calls it. */
void tls_refresh(struct tls *tls);

/*
 * Does the handshake of an accepted connection, which uses TLS from then on. On an error the caller
 * still has to free conn. Handshakes take turns, and other coroutines run in between.
 */
struct err *tls_accept(struct tls *tls, struct net_conn *conn, usec_t timeout);
/* The same for an outgoing connection. host is a name or an address. */
struct err *tls_connect(struct tls *tls, struct net_conn *conn, const char *host, usec_t timeout);

/* Announces that nothing more will be sent; reading continues. No effect on a plain connection. */
void tls_finish(struct net_conn *conn);

/* "TLSv1.3", the cipher's name and the ALPN protocol ("" for none). */
const char *tls_version(const struct net_conn *conn);
const char *tls_cipher(const struct net_conn *conn);
void tls_alpn(const struct net_conn *conn, char *out, size_t cap);
/* Whether a session ticket shortened the handshake. */
int tls_is_resumed(const struct net_conn *conn);

#endif
