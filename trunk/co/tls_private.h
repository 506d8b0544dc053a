#ifndef CO_TLS_PRIVATE_H
#define CO_TLS_PRIVATE_H

/* Shared by the tls files. */
#include "co/co.h"
#include "co/net_private.h"
#include "co/tls.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

#define TLS_RECORD      ((size_t)16384) /* RFC 8446, 5.1 */
#define TLS_RECORDS_MAX 8               /* encrypted in one call */
/* Their encrypted form, plus messages of the protocol itself before them. */
#define TLS_SCRATCH_SIZE (TLS_RECORDS_MAX * (TLS_RECORD + 64) + 64 * 1024)
/* Limit of the bytes that wait for one socket; a peer that exceeds it makes us answer without
 * reading. */
#define TLS_OUT_MAX (2 * TLS_SCRATCH_SIZE)
/* Handshakes that proceed at once, and how long one keeps its slot; see tls_handshake.c. */
#define TLS_SLOTS     16
#define TLS_SLOT_TIME (20 * USEC_PER_MS)
/* Bytes that one call reads from the socket: messages that yield no data cost time, too. */
#define TLS_READ_BUDGET (64 * 1024)

struct tls_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

/* Admits a few at once; the others wait in the order of arrival. */
struct tls_gate {
    size_t room, waiting;
    struct co_cond cond;
};

struct tls {
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    const struct log *log;
    int is_client;
    int has_ktls;               /* requested, and supported by the kernel */
    struct tls_options options; /* with copies of the texts */
    uint8_t alpn[64];           /* in wire format */
    unsigned alpn_len;
    struct tls_stamp stamp[2]; /* of certificate and key, as last read */
    usec_t checked;
    usec_t tickets_at;    /* when the ticket keys were made */
    struct tls_gate turn; /* admits one handshake's computation at a time */
    struct tls_gate slot; /* admits a few handshakes at a time */
    size_t handshakes;
    size_t users;   /* connections, and calls that wait */
    uint8_t is_let; /* tls_free() was called: the last user frees it */
    /* Shared by all connections: used within calls that never yield. */
    uint8_t *scratch; /* encrypted bytes to send */
    size_t scratch_len;
    uint8_t *gather; /* one record's plain bytes */
};

struct tls_conn {
    SSL *ssl;
    struct tls *tls;
    struct net_conn *conn;
    const struct net_ops *below; /* the socket's own */
    uint8_t *out;                /* encrypted bytes that the socket has not taken yet */
    size_t out_at, out_len;
    size_t budget;
    int sys_errno;
    usec_t slot_until; /* 0: no slot */
    uint8_t window;    /* records to encrypt at once */
    uint8_t is_held;   /* the last byte in `out` is still to be reported as accepted */
    uint8_t is_eof;
    uint8_t is_broken;
    uint8_t is_over_socket; /* OpenSSL itself uses the descriptor, for kernel TLS */
};

/* The method of the BIOs between an SSL and its net_conn. NULL without memory. */
BIO_METHOD *tls_bio_new(void);

/* Keeps the context while it is used; the last tls_leave() after tls_free() frees it. */
void tls_enter(struct tls *tls);
void tls_leave(struct tls *tls);

/* Prepares a connection for its handshake and sets conn->tls; NULL without memory. */
struct tls_conn *tls_conn_new(struct tls *tls, struct net_conn *conn);
/* Restores conn to plain. */
void tls_conn_free(struct tls_conn *t);
/* One step of the handshake: 1 done, 0 waiting for *bits, -1 failed (OpenSSL's queue has the
 * reason). */
int tls_conn_step(struct tls_conn *t, unsigned *bits);
/* Call after the handshake: 0, or -1 without memory. */
int tls_conn_begin(struct tls_conn *t);
/* Sends the kept bytes: 0, or -1 with errno. */
int tls_conn_flush(struct tls_conn *t);

#define TLS_REASON_MAX 160

/* OpenSSL's text for the last error; empties its queue. */
const char *tls_reason(char *out, size_t cap);
/* "private key FILE: " and that. */
struct err *tls_reason_error(enum err_code code, const char *what, const char *file);
/* tls_identity.c: loads certificate and key into a context. */
struct err *tls_identity_load(SSL_CTX *ctx, const struct tls_options *options);

#endif
