#ifndef CO_TLS_PRIV_H
#define CO_TLS_PRIV_H

/* What the tls files share. */
#include "co/co.h"
#include "co/net_priv.h"
#include "co/tls.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

#define TLS_RECORD      ((size_t)16384) /* RFC 8446, 5.1 */
#define TLS_RECORDS_MAX 8               /* encrypted by one call */
/* Their encrypted form, and what the protocol itself may have to say before them. */
#define TLS_SCRATCH_SIZE (TLS_RECORDS_MAX * (TLS_RECORD + 64) + 64 * 1024)
/* What may wait for one connection's socket; more is a peer that makes us talk and does not read.
 */
#define TLS_OUT_MAX (2 * TLS_SCRATCH_SIZE)
/* Handshakes that make progress at once, and how long one counts as such; see tls_handshake.c. */
#define TLS_SLOTS     16
#define TLS_SLOT_TIME (20 * USEC_PER_MS)
/* What one call takes off the socket: a peer's messages that yield no data cost time, too. */
#define TLS_READ_BUDGET (64 * 1024)

struct tls_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

/* Lets a few through at once; the others wait in the order in which they came. */
struct tls_gate {
    size_t room, waiting;
    struct co_cond cond;
};

struct tls {
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    const struct log *log;
    int is_client;
    int has_ktls;               /* asked for, and the kernel knows it */
    struct tls_options options; /* its texts are copies */
    uint8_t alpn[64];           /* as on the wire */
    unsigned alpn_len;
    struct tls_stamp stamp[2]; /* of certificate and key, as last read */
    usec_t checked;
    usec_t tickets_at;    /* the tickets' keys were made */
    struct tls_gate turn; /* to reckon: one at a time */
    struct tls_gate slot; /* to have memory for a handshake */
    size_t handshakes;
    /* Shared by all connections: used within calls that never yield. */
    uint8_t *scratch; /* encrypted bytes on their way out */
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
    usec_t slot_until; /* 0: it has none */
    uint8_t window;    /* records to encrypt at once */
    uint8_t is_held;   /* the last byte in `out` is still to be reported as accepted */
    uint8_t is_eof;
    uint8_t is_broken;
    uint8_t is_over_socket; /* OpenSSL itself uses the descriptor, so that the kernel may encrypt */
};

/* The method of the BIOs that stand between an SSL and its net_conn. NULL without memory. */
BIO_METHOD *tls_bio_new(void);

/* A connection that is about to begin its handshake, already in conn->tls; NULL without memory. */
struct tls_conn *tls_conn_new(struct tls *tls, struct net_conn *conn);
/* Makes conn what it was before. */
void tls_conn_free(struct tls_conn *t);
/* One step of the handshake: 1 done, 0 it waits for *bits, -1 failed (OpenSSL's queue says why). */
int tls_conn_step(struct tls_conn *t, unsigned *bits);
/* The handshake is done: 0, or -1 without memory. */
int tls_conn_begin(struct tls_conn *t);
/* Gives the socket what waits: 0, or -1 with errno. */
int tls_conn_flush(struct tls_conn *t);

#define TLS_REASON_MAX 160

/* OpenSSL's word for what went wrong last; empties its queue. */
const char *tls_reason(char *out, size_t cap);

#endif
