#ifndef CO_TLS_H
#define CO_TLS_H

/*
 * TLS 1.2 and 1.3 over a net_conn, by OpenSSL. After tls_accept() or
 * tls_connect() the connection is read, written, waited for and freed as before, and its bytes are
 * the plain ones. net_free() says close_notify where nothing that was accepted is cut off.
 */
#include "co/net.h"

struct tls;

/* What a handshake may take, all of it: what tls_accept() is best called with. */
#define TLS_HANDSHAKE_TIMEOUT ((usec_t)10 * USEC_PER_SEC)
/* Handshakes under way at once; each may hold some 50 KB. */
#define TLS_HANDSHAKES_MAX 1024

#define TLS_SECRET_SIZE 32
/* Tickets' keys are made anew after that long. */
#define TLS_TICKETS_MAX_AGE ((usec_t)12 * 3600 * USEC_PER_SEC)

struct tls_options {
    const char *cert; /* PEM: the certificate and its chain */
    const char *key;  /* PEM, without a passphrase */
    const char *alpn; /* "http/1.1": the one protocol that is agreed on; NULL: none is */
    const char *ca;   /* clients: trusted CAs, PEM; NULL: the system's */
    int ktls;         /* let the kernel encrypt, where it can */
    /* What the tickets' keys are made from, and when that was made (clock_now()): the same for all
     * processes of one server, so that each takes the tickets of the others; whoever asks after
     * TLS_TICKETS_MAX_AGE gets another. 0, or -1. NULL: this process's own. Must not yield. */
    int (*secret)(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);
    void *secret_arg;
};

/*
 * A server's identity and settings; files are read at once and may be replaced at any time, see
 * tls_refresh(). log is borrowed. ERR_CONFIG names the file that is missing or wrong. Must outlive
 * its connections.
 */
struct err *tls_server_new(const struct tls_options *options, const struct log *log,
                           struct tls **out);
/* For connecting: the peer's certificate must be valid for its name. cert and key are not used. */
struct err *tls_client_new(const struct tls_options *options, const struct log *log,
                           struct tls **out);
/* NULL is allowed. */
void tls_free(struct tls *tls);

/*
 * Reads certificate and key again, for the connections to come. On an error, which is logged,
 * nothing is changed: 0 or -1.
 */
int tls_reload(struct tls *tls);
/* The same if the files have changed; looks at most once a second. Each handshake calls it. */
void tls_refresh(struct tls *tls);

/*
 * The handshake of a connection just accepted, and from then on TLS on it. On an error conn is
 * still the caller's, to be freed. Handshakes take turns, and everybody else runs in between.
 */
struct err *tls_accept(struct tls *tls, struct net_conn *conn, usec_t timeout);
/* The same for one just connected. host is a name or an address. */
struct err *tls_connect(struct tls *tls, struct net_conn *conn, const char *host, usec_t timeout);

/* Says that nothing more will be sent; reading continues. Nothing for a plain connection. */
void tls_finish(struct net_conn *conn);

/* "TLSv1.3", the cipher's name and the protocol agreed on by ALPN ("" for none). */
const char *tls_version(const struct net_conn *conn);
const char *tls_cipher(const struct net_conn *conn);
void tls_alpn(const struct net_conn *conn, char *out, size_t cap);
/* Whether the handshake was shortened by a session ticket. */
int tls_is_resumed(const struct net_conn *conn);

#endif
