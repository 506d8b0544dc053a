/*
 * TLS handshakes. The computations of one take some hundred microseconds. So handshakes take turns,
 * and after each step all other runnable coroutines run: however many clients connect at once,
 * media waits for at most one step of one handshake.
 *
 * During the handshake a connection needs three times the memory that it needs later, and the
 * memory of hundreds of concurrent handshakes would remain fragmented among the lasting
 * connections. So only a few proceed at once; a handshake that waits for its peer gives up its slot
 * soon, so that slow peers do not block the others.
 */
#include "base/str.h"
#include "co/tls_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>

static struct err *tls_gate_take(struct tls_gate *gate, usec_t deadline)
{
    enum co_wait why = CO_OK;

    if (gate->room == 0 || gate->waiting > 0) {
        gate->waiting++;
        do
            why = co_left(deadline) > 0 ? co_cond_wait(&gate->cond, co_left(deadline)) : CO_TIMEOUT;
        while (gate->room == 0 && why == CO_OK);
        gate->waiting--;
    }
    if (why == CO_OK)
        gate->room--;
    /* The signal may have been for several waiters, or for one that gives up. */
    if (gate->room > 0)
        co_cond_signal(&gate->cond);
    if (why == CO_OK)
        return NULL;
    return why == CO_TIMEOUT ? err_new(ERR_TIMEOUT, "timed out")
                             : err_new(ERR_INTERRUPTED, "interrupted");
}

static void tls_gate_give(struct tls_gate *gate)
{
    gate->room++;
    co_cond_signal(&gate->cond);
}

static void tls_slot_give(struct tls_conn *t)
{
    if (t->slot_until != 0)
        tls_gate_give(&t->tls->slot);
    t->slot_until = 0;
}

/* Waits for the peer. If the peer is far or idle, the handshake keeps its memory but no slot. */
static struct err *tls_await(struct tls_conn *t, unsigned bits, usec_t deadline)
{
    struct err *err = NULL;

    if (t->slot_until != 0 && t->slot_until < deadline) {
        err = net_await(t->conn, bits, t->slot_until);
        if (err == NULL || err_code(err) != ERR_TIMEOUT)
            return err;
        err_free(err);
        tls_slot_give(t);
    }
    return net_await(t->conn, bits, deadline);
}

static struct err *tls_settle(struct tls_conn *t, usec_t deadline)
{
    while (t->out != NULL) {
        struct err *err = tls_await(t, NET_OUT, deadline);

        if (err != NULL)
            return err;
        if (tls_conn_flush(t) != 0 && errno != EAGAIN)
            return net_error(errno, "write");
    }
    return NULL;
}

static struct err *tls_step_failed(const struct tls_conn *t)
{
    long verified = SSL_get_verify_result(t->ssl);
    char reason[TLS_REASON_MAX];

    if (t->conn->closed)
        return err_new(ERR_CLOSED, "connection was closed");
    if (t->sys_errno != 0)
        return net_error(t->sys_errno, "handshake");
    if (t->is_eof)
        return err_new(ERR_CLOSED, "peer closed");
    if (t->tls->is_client && verified != X509_V_OK)
        return err_new(ERR_DENIED, "%s", X509_verify_cert_error_string(verified));
    return err_new(ERR_PROTO, "%s", tls_reason(reason, sizeof(reason)));
}

static struct err *tls_handshake(struct tls_conn *t, usec_t deadline)
{
    struct err *err = NULL;
    unsigned bits = NET_IN;
    int rc = 0;

    while (err == NULL && rc == 0) {
        err = tls_gate_take(&t->tls->turn, deadline);
        if (err != NULL)
            return err;
        rc = tls_conn_step(t, &bits);
        if (rc < 0)
            err = tls_step_failed(t);
        co_yield (); /* other coroutines run before the next handshake */
        tls_gate_give(&t->tls->turn);
        if (err == NULL)
            err = tls_settle(t, deadline);
        if (err == NULL && rc == 0)
            err = tls_await(t, bits, deadline);
    }
    return err;
}

static struct err *tls_begin(struct tls *tls, struct net_conn *conn, const char *host,
                             usec_t deadline)
{
    unsigned char ip[sizeof(struct in6_addr)];
    struct tls_conn *t;
    struct err *err;
    int is_ip;

    if (tls->handshakes >= TLS_HANDSHAKES_MAX)
        return err_new(ERR_LIMIT, "too many handshakes at once (%d)", TLS_HANDSHAKES_MAX);
    err = tls_gate_take(&tls->slot, deadline);
    if (err != NULL)
        return err;
    t = tls_conn_new(tls, conn);
    if (t == NULL) {
        tls_gate_give(&tls->slot);
        return err_new(ERR_NOMEM, "TLS connection");
    }
    t->slot_until = co_deadline(TLS_SLOT_TIME);
    if (host != NULL) {
        is_ip = inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
        SSL_set_connect_state(t->ssl);
        if (is_ip ? !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), host)
                  : !SSL_set_tlsext_host_name(t->ssl, host) || !SSL_set1_host(t->ssl, host))
            err = err_new(ERR_CONFIG, "\"%s\" is not a host name", host);
    } else {
        SSL_set_accept_state(t->ssl);
    }
    tls->handshakes++;
    if (err == NULL)
        err = tls_handshake(t, deadline);
    tls->handshakes--;
    tls_slot_give(t);
    ERR_clear_error();
    if (err == NULL && tls_conn_begin(t) != 0)
        err = err_new(ERR_NOMEM, "TLS connection");
    if (err != NULL)
        tls_conn_free(t);
    return err;
}

struct err *tls_accept(struct tls *tls, struct net_conn *conn, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct err *err;

    assert(!tls->is_client);
    tls_enter(tls);
    /* A peer that connects and stays silent costs no more than without TLS. */
    err = net_await(conn, NET_IN, deadline);
    if (err == NULL) {
        tls_refresh(tls);
        err = tls_begin(tls, conn, NULL, deadline);
    }
    tls_leave(tls);
    /* The handshake used more stack than anything that follows. */
    co_stack_trim();
    return err != NULL ? err_wrap(err, "TLS handshake") : NULL;
}

struct err *tls_connect(struct tls *tls, struct net_conn *conn, const char *host, usec_t timeout)
{
    struct err *err;

    assert(tls->is_client && host != NULL);
    tls_enter(tls);
    err = tls_begin(tls, conn, host, co_deadline(timeout));
    tls_leave(tls);
    co_stack_trim();
    return err != NULL ? err_wrap(err, "TLS handshake with %s", host) : NULL;
}

/* ---- negotiated parameters ---- */

static SSL *tls_ssl(const struct net_conn *conn)
{
    const struct tls_conn *t = conn->tls;

    assert(t != NULL);
    return t->ssl;
}

const char *tls_version(const struct net_conn *conn)
{
    return SSL_get_version(tls_ssl(conn));
}

const char *tls_cipher(const struct net_conn *conn)
{
    return SSL_get_cipher_name(tls_ssl(conn));
}

void tls_alpn(const struct net_conn *conn, char *out, size_t cap)
{
    const unsigned char *name = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(tls_ssl(conn), &name, &len);
    (void)str_copy_n(out, cap, len > 0 ? (const char *)name : "", len);
}

int tls_is_resumed(const struct net_conn *conn)
{
    return SSL_session_reused(tls_ssl(conn));
}
