/*
 * TLS on one connection: the net_ops between plain bytes and the socket.
 *
 * A write encrypts a whole batch into one buffer that all connections share, and passes it to the
 * socket in one call: the cost is per call. Only the bytes that the socket does not take are kept.
 * Then the call returns one byte less than it took, so the caller waits and repeats that byte; that
 * call sends the kept bytes. So "everything is accepted" means the same as without TLS. Callers
 * must continue at the returned position, or their stream is corrupted.
 *
 * OpenSSL never waits for writing: its own messages (alerts, tickets, key updates) go into the same
 * buffer. So any call can only wait for reading. OpenSSL enables kernel TLS only if it has the
 * descriptor itself. If that succeeded in the handshake, writes go to the socket directly. The keys
 * of such a connection cannot be updated (OpenSSL 3.0).
 */
#include "base/str.h"
#include "co/tls_private.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static ssize_t tls_refuse(int sys_errno)
{
    errno = sys_errno;
    return -1;
}

/* ---- between OpenSSL and the socket ---- */

static int tls_bio_read(BIO *bio, char *buf, int len)
{
    struct tls_conn *t = BIO_get_data(bio);
    uint64_t payload = t->conn->bytes_in;
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (len <= 0)
        return 0;
    if (t->budget == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    n = t->below->try_read(t->conn, buf, (size_t)len);
    t->conn->bytes_in = payload;
    if (n > 0) {
        t->budget -= (size_t)n < t->budget ? (size_t)n : t->budget;
        return (int)n;
    }
    if (n == 0)
        t->is_eof = 1;
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
        BIO_set_retry_read(bio);
    else
        t->sys_errno = errno;
    return n == 0 ? 0 : -1;
}

static int tls_bio_write(BIO *bio, const char *buf, int len)
{
    struct tls_conn *t = BIO_get_data(bio);
    struct tls *tls = t->tls;

    BIO_clear_retry_flags(bio);
    if (len < 0 || (size_t)len > TLS_SCRATCH_SIZE - tls->scratch_len) {
        t->sys_errno = ENOBUFS;
        return -1;
    }
    memcpy(tls->scratch + tls->scratch_len, buf, (size_t)len);
    tls->scratch_len += (size_t)len;
    return len;
}

static long tls_bio_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
    const struct tls_conn *t = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return t->is_eof;
    default:
        return 0;
    }
}

BIO_METHOD *tls_bio_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "net_conn");

    if (method == NULL)
        return NULL;
    if (!BIO_meth_set_read(method, tls_bio_read) || !BIO_meth_set_write(method, tls_bio_write) ||
        !BIO_meth_set_ctrl(method, tls_bio_ctrl)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

/* Sends as much as the socket takes: *sent. 0, or -1 with errno. */
static int tls_send(struct tls_conn *t, const uint8_t *data, size_t len, size_t *sent)
{
    uint64_t payload = t->conn->bytes_out;

    *sent = 0;
    while (*sent < len) {
        struct iovec iov = {(uint8_t *)(uintptr_t)data + *sent, len - *sent};
        ssize_t n = t->below->try_writev(t->conn, &iov, 1);

        t->conn->bytes_out = payload;
        if (n < 0)
            return -1;
        *sent += (size_t)n;
    }
    return 0;
}

/* Keeps a copy of the bytes that the socket did not take. 0 or -1 with errno. */
static int tls_keep(struct tls_conn *t, const uint8_t *data, size_t len)
{
    size_t left = t->out_len - t->out_at;
    uint8_t *out;

    if (left + len > TLS_OUT_MAX) {
        errno = ENOBUFS;
        return -1;
    }
    out = malloc(left + len);
    if (out == NULL)
        return -1;
    if (left > 0)
        memcpy(out, t->out + t->out_at, left);
    memcpy(out + left, data, len);
    free(t->out);
    t->out = out;
    t->out_at = 0;
    t->out_len = left + len;
    return 0;
}

static int tls_send_kept(struct tls_conn *t)
{
    size_t sent;
    int rc;

    if (t->out == NULL)
        return 0;
    rc = tls_send(t, t->out + t->out_at, t->out_len - t->out_at, &sent);
    t->out_at += sent;
    if (t->out_at < t->out_len)
        return rc;
    free(t->out);
    t->out = NULL;
    t->out_at = t->out_len = 0;
    return 0;
}

int tls_conn_flush(struct tls_conn *t)
{
    struct tls *tls = t->tls;
    size_t len = tls->scratch_len;
    size_t sent = 0;
    int rc = tls_send_kept(t);

    tls->scratch_len = 0;
    if (rc == 0 && len > 0)
        rc = tls_send(t, tls->scratch, len, &sent);
    if (rc != 0 && errno != EAGAIN) {
        t->is_broken = 1;
        return -1;
    }
    if (sent == len)
        return rc;
    if (tls_keep(t, tls->scratch + sent, len - sent) != 0) {
        t->is_broken = 1;
        return -1;
    }
    errno = EAGAIN;
    return -1;
}

/* ---- ops ---- */

/* Records events on the descriptor that OpenSSL saw and this file did not. */
static void tls_note_socket(struct tls_conn *t, int what)
{
    if (!t->is_over_socket)
        return;
    if (what == SSL_ERROR_WANT_READ)
        t->conn->ready &= (uint8_t)~NET_IN;
    else if (what == SSL_ERROR_WANT_WRITE)
        t->conn->ready &= (uint8_t)~NET_OUT;
    else if (what == SSL_ERROR_SYSCALL)
        t->sys_errno = errno;
}

/* The result of a call that failed; `what` is SSL_get_error()'s value. */
static ssize_t tls_failed(struct tls_conn *t, int what)
{
    switch (what) {
    case SSL_ERROR_WANT_READ:
        return tls_refuse(EAGAIN);
    case SSL_ERROR_ZERO_RETURN:
        t->conn->ready |= NET_HUP;
        return 0;
    default:
        ERR_clear_error();
        t->is_broken = 1;
        t->conn->ready |= NET_HUP;
        return tls_refuse(t->sys_errno != 0 ? t->sys_errno : EPROTO);
    }
}

static ssize_t tls_try_read(struct net_conn *conn, void *buf, size_t len)
{
    struct tls_conn *t = conn->tls;
    size_t got = 0;
    int what;

    if (conn->closed)
        return tls_refuse(ESHUTDOWN);
    if (t->is_broken)
        return tls_refuse(EPROTO);
    if (t->is_over_socket && !(conn->ready & NET_IN))
        return tls_refuse(EAGAIN);
    if (len == 0)
        return 0;
    ERR_clear_error();
    t->budget = TLS_READ_BUDGET;
    what = SSL_read_ex(t->ssl, buf, len, &got) ? SSL_ERROR_NONE : SSL_get_error(t->ssl, 0);
    tls_note_socket(t, what);
    if (t->tls->scratch_len > 0 && tls_conn_flush(t) != 0 && errno != EAGAIN)
        return tls_refuse(errno);
    if (what != SSL_ERROR_NONE)
        return tls_failed(t, what);
    conn->bytes_in += got;
    /* Bytes that OpenSSL holds cause no event. */
    if (SSL_has_pending(t->ssl))
        conn->ready |= NET_IN;
    return (ssize_t)got;
}

/* The position of the next record in the caller's spans. */
struct tls_from {
    const struct iovec *iov;
    int n;
    int i;
    size_t at; /* in iov[i] */
};

static size_t tls_from_here(struct tls_from *from)
{
    while (from->i < from->n && from->at == from->iov[from->i].iov_len) {
        from->i++;
        from->at = 0;
    }
    return from->i < from->n ? from->iov[from->i].iov_len - from->at : 0;
}

/*
 * The next bytes to encrypt: whole records directly from a span, or one collected from several. At
 * most `max` bytes, a multiple of records; 0 at the end.
 */
static size_t tls_from_next(struct tls_from *from, size_t max, uint8_t *gather, const void **data)
{
    size_t here = tls_from_here(from);
    size_t len = 0;

    if (here >= TLS_RECORD || (here > 0 && from->i == from->n - 1)) {
        *data = (const uint8_t *)from->iov[from->i].iov_base + from->at;
        if (here > max)
            here = max;
        if (from->i < from->n - 1)
            here -= here % TLS_RECORD;
        from->at += here;
        return here;
    }
    *data = gather;
    for (; len < TLS_RECORD && here > 0; here = tls_from_here(from)) {
        size_t take = here < TLS_RECORD - len ? here : TLS_RECORD - len;

        memcpy(gather + len, (const uint8_t *)from->iov[from->i].iov_base + from->at, take);
        from->at += take;
        len += take;
    }
    return len;
}

/* Encrypts into the shared buffer: the number of bytes, or -1 with errno. */
static ssize_t tls_encrypt(struct tls_conn *t, struct tls_from *from)
{
    size_t room = t->window * TLS_RECORD;
    size_t total = 0;
    const void *data;
    size_t len;

    while (room > 0 && (len = tls_from_next(from, room, t->tls->gather, &data)) > 0) {
        size_t done = 0;

        ERR_clear_error();
        if (!SSL_write_ex(t->ssl, data, len, &done)) {
            ERR_clear_error();
            t->tls->scratch_len = 0;
            t->is_broken = 1;
            return tls_refuse(t->sys_errno != 0 ? t->sys_errno : EPROTO);
        }
        assert(done == len);
        total += len;
        room -= (len + TLS_RECORD - 1) / TLS_RECORD * TLS_RECORD;
    }
    return (ssize_t)total;
}

static ssize_t tls_try_writev(struct net_conn *conn, const struct iovec *iov, int n)
{
    struct tls_conn *t = conn->tls;
    struct tls_from from = {iov, n, 0, 0};
    ssize_t total;

    if (conn->closed)
        return tls_refuse(ESHUTDOWN);
    if (t->is_broken)
        return tls_refuse(EPIPE);
    if (!(conn->ready & NET_OUT))
        return tls_refuse(EAGAIN);
    if (t->out != NULL && tls_conn_flush(t) != 0)
        return -1;
    if (tls_from_here(&from) == 0)
        return 0;
    from.at += t->is_held; /* it is sent already */
    total = tls_encrypt(t, &from);
    if (total < 0)
        return -1;
    total += t->is_held;
    t->is_held = 0;
    if (tls_conn_flush(t) == 0) {
        if (t->window < TLS_RECORDS_MAX)
            t->window *= 2;
    } else if (errno != EAGAIN) {
        return -1;
    } else {
        /* Encrypt little ahead for a slow peer, so that little is kept. */
        t->window = 1;
        t->is_held = 1;
        total--;
    }
    conn->bytes_out += (uint64_t)total;
    return total > 0 ? total : tls_refuse(EAGAIN);
}

void tls_finish(struct net_conn *conn)
{
    struct tls_conn *t = conn->tls;

    if (t == NULL || t->is_broken || t->is_held || conn->closed || !SSL_is_init_finished(t->ssl) ||
        (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl);
    (void)tls_conn_flush(t);
    ERR_clear_error();
}

static void tls_fini(struct net_conn *conn)
{
    tls_finish(conn);
    tls_conn_free(conn->tls);
}

static const struct net_ops tls_ops = {tls_try_read, tls_try_writev, tls_fini};

static ssize_t tls_kernel_writev(struct net_conn *conn, const struct iovec *iov, int n)
{
    const struct tls_conn *t = conn->tls;

    return t->below->try_writev(conn, iov, n);
}

static const struct net_ops tls_kernel_ops = {tls_try_read, tls_kernel_writev, tls_fini};

/* ---- life ---- */

/* Inserts our BIOs between OpenSSL and the socket. 0 or -1. */
static int tls_stand_between(struct tls_conn *t)
{
    BIO *bio = BIO_new(t->tls->bio);

    if (bio == NULL)
        return -1;
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    t->is_over_socket = 0;
    return 0;
}

struct tls_conn *tls_conn_new(struct tls *tls, struct net_conn *conn)
{
    struct tls_conn *t = calloc(1, sizeof(*t));

    assert(conn->tls == NULL);
    if (t == NULL)
        return NULL;
    t->tls = tls;
    t->ssl = SSL_new(tls->ctx);
    if (t->ssl != NULL && tls->has_ktls)
        t->is_over_socket = SSL_set_fd(t->ssl, conn->fd) == 1;
    if (t->ssl == NULL || (!t->is_over_socket && tls_stand_between(t) != 0)) {
        SSL_free(t->ssl);
        free(t);
        ERR_clear_error();
        return NULL;
    }
    t->conn = conn;
    t->below = conn->ops;
    t->window = TLS_RECORDS_MAX;
    conn->tls = t;
    tls_enter(tls);
    return t;
}

void tls_conn_free(struct tls_conn *t)
{
    t->conn->tls = NULL;
    t->conn->ops = t->below;
    SSL_free(t->ssl);
    free(t->out);
    tls_leave(t->tls);
    free(t);
}

int tls_conn_step(struct tls_conn *t, unsigned *bits)
{
    int what;
    int rc;

    if (t->conn->closed)
        return -1;
    ERR_clear_error();
    t->budget = TLS_READ_BUDGET;
    rc = SSL_do_handshake(t->ssl);
    what = SSL_get_error(t->ssl, rc);
    tls_note_socket(t, what);
    if (tls_conn_flush(t) != 0 && errno != EAGAIN)
        return -1;
    if (rc == 1)
        return 1;
    *bits = what == SSL_ERROR_WANT_WRITE ? NET_OUT : NET_IN;
    return what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

int tls_conn_begin(struct tls_conn *t)
{
    t->conn->ops = &tls_ops;
    if (t->is_over_socket && BIO_get_ktls_send(SSL_get_wbio(t->ssl)))
        t->conn->ops = &tls_kernel_ops;
    else if (t->is_over_socket && tls_stand_between(t) != 0)
        return -1;
    if (SSL_has_pending(t->ssl))
        t->conn->ready |= NET_IN;
    return 0;
}
