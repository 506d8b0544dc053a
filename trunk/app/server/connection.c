/*
 * A connection from its acceptance to its end: counted against the limits, told
 * when it is one too many, its PROXY header and TLS handshake taken, then served
 * in a coroutine of its own.
 */
#include "app/server/connection.h"

#include "app/core/log_limit.h"
#include "app/core/peer.h"
#include "app/http/http_session.h"
#include "app/rtmp/rtmp_session.h"
#include "app/server/server_proxy.h"
#include "app/server/server_tls.h"
#include "app/server/service_private.h"
#include "co/net.h"
#include "co/tls.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Connections that are told "too many" at once; beyond it they are just closed. */
#define SERVER_REFUSALS_MAX 64
/* Connections that were closed for others and have not ended yet. */
#define SERVER_EVICTED_MAX 256

static void connection_enter(struct connection *c)
{
    struct server *server = c->server;

    c->next = server->service->list;
    if (c->next != NULL)
        c->next->prev = c;
    server->service->list = c;
    if (c->refused != 0)
        server->service->refusals++;
    else if (c->kind != SERVER_WORKER)
        server->connections++;
}

static void connection_uncount(struct connection *c)
{
    struct server *server = c->server;

    admission_leave(server, &c->admission);
    server->connections--;
    server_shared_leave(server);
    peer_leave(server, c->peer);
    c->peer = NULL;
}

static void connection_leave(struct connection *c)
{
    struct server *server = c->server;

    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        server->service->list = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (c->refused != 0)
        server->service->refusals--;
    else if (c->is_evicted)
        server->service->evicted--;
    else if (c->kind != SERVER_WORKER)
        connection_uncount(c);
    net_free(c->conn);
    free(c);
    co_cond_broadcast(&server->changed);
}

static int connection_flags(enum server_kind kind)
{
    switch (kind) {
    case SERVER_API:
        return HTTP_SESSION_API;
    case SERVER_HTTPS:
        return HTTP_SESSION_TLS;
    case SERVER_WORKER:
        return HTTP_SESSION_WORKER;
    default:
        return 0;
    }
}

/* The handshake of those that have one: 0 or -1. */
static int connection_secure(struct connection *c)
{
    struct server *server = c->server;

    if (c->kind == SERVER_HTTPS)
        return server_tls_accept(server, server->service->https, c->conn, TLS_HANDSHAKE_TIMEOUT);
    if (c->kind == SERVER_RTMPS)
        return server_tls_accept(server, server->service->rtmps, c->conn, TLS_HANDSHAKE_TIMEOUT);
    return 0;
}

/* Says it where HTTP is spoken in the clear, as far as the peer takes it at once. */
static void connection_say(struct connection *c, int status, const char *reason)
{
    struct buf answer;
    char scratch[4096];

    if (c->kind != SERVER_HTTP && c->kind != SERVER_API)
        return;
    buf_init(&answer, HTTP_ANSWER_HEAD_MAX);
    if (http_session_refusal(c->server, connection_flags(c->kind), status, reason, &answer) == 0) {
        struct iovec iov = {buf_data(&answer), answer.len};

        /* What it sent is taken first: closing over unread bytes would reset the answer away. */
        (void)net_try_read(c->conn, scratch, sizeof(scratch));
        (void)net_try_writev(c->conn, &iov, 1);
    }
    buf_fini(&answer);
}

/* Whether a PROXY header may come first, and how long it may take. */
static int connection_has_header(const struct connection *c, usec_t *timeout)
{
    const struct config *config = c->server->config;

    *timeout = config->http_header_timeout;
    switch (c->kind) {
    case SERVER_HTTP:
        return config->http_server.proxy_protocol;
    case SERVER_HTTPS:
        return config->http_server.https.proxy_protocol;
    case SERVER_API:
        return config->http_api.proxy_protocol;
    case SERVER_RTMP:
        *timeout = config->rtmp_handshake_timeout;
        return config->proxy_protocol;
    case SERVER_RTMPS:
        *timeout = config->rtmp_handshake_timeout;
        return config->rtmps.proxy_protocol;
    default:
        return 0;
    }
}

/* Takes the header and counts its client. 0 or -1; *status: the answer, if it is one too many. */
static __attribute__((noinline)) int connection_unwrap(struct connection *c, int *status)
{
    const char *why = NULL;
    usec_t timeout;
    int rc;

    *status = c->refused;
    if (!connection_has_header(c, &timeout))
        return 0;
    rc = server_proxy_accept(c->server, c->conn, &why, timeout);
    if (rc < 0 && why != NULL)
        connection_say(c, 400, why);
    if (rc <= 0 || c->refused != 0)
        return rc < 0 ? -1 : 0;
    if (c->is_evicted)
        return -1;
    /* Until now it was the proxy's. */
    peer_leave(c->server, c->peer);
    c->peer = NULL;
    why = peer_enter(c->server, c->conn->ip, &c->peer);
    if (why == NULL)
        return 0;
    log_peer(c->server, LOG_WARN, "connection refused", c->conn->ip, "refused %s: %s", c->conn->ip,
             why);
    *status = 429;
    return c->kind == SERVER_RTMP || c->kind == SERVER_RTMPS ? -1 : 0;
}

static void connection_run(void *arg)
{
    struct connection *c = arg;
    int status;

    c->co = co_self();
    if (connection_unwrap(c, &status) == 0 && connection_secure(c) == 0) {
        if (status != 0)
            http_session_turn_away(c->server, c->conn, connection_flags(c->kind), status);
        else if (c->kind == SERVER_RTMP || c->kind == SERVER_RTMPS)
            rtmp_session_run(c->server, c->conn);
        else
            http_session_run(c->server, c->conn, connection_flags(c->kind));
    }
    connection_leave(c);
}

/*
 * A connection beyond a limit: 0 where its coroutine shall say so, and -1 when all is done, the
 * connection closed. Of many at once only some are served that well, by TLS the others hear
 * nothing.
 */
static int connection_refuse(struct connection *c, const char *why)
{
    int status = strcmp(why, "max_connections_per_ip") == 0 ? 429 : 503;

    log_peer(c->server, LOG_WARN, "connection refused", c->conn->ip, "refused %s: %s", c->conn->ip,
             why);
    if ((c->kind == SERVER_HTTP || c->kind == SERVER_API || c->kind == SERVER_HTTPS) &&
        c->server->service->refusals < SERVER_REFUSALS_MAX) {
        c->refused = status;
        return 0;
    }
    connection_say(c, status, NULL);
    net_free(c->conn);
    return -1;
}

/* NULL: it is one of the workers' connections now. */
static const char *connection_fits(struct server *server)
{
    if (server->connections >= (size_t)server->config->max_connections)
        return "max_connections";
    return server_shared_enter(server);
}

/* Closes the connection that is needed least. 0, or -1: all are needed. */
static int connection_evict(struct server *server)
{
    struct admission *admission;
    struct connection *c;

    /* They keep their descriptors until their coroutines have noticed. */
    if (server->service->evicted >= SERVER_EVICTED_MAX)
        return -1;
    admission = admission_evict(server);
    if (admission == NULL)
        return -1;
    c = (struct connection *)((char *)admission - offsetof(struct connection, admission));
    log_peer(server, LOG_INFO, "connection evicted", c->conn->ip,
             "evicted %s: max_connections reached, and it %s", c->conn->ip,
             admission->class == QUOTA_WAITER ? "only waited for a stream"
                                              : "neither published nor played");
    connection_uncount(c);
    c->is_evicted = 1;
    server->service->evicted++;
    return 0;
}

/* Counts it in. NULL, or the name of the limit that it is beyond. */
static const char *connection_count(struct connection *c)
{
    struct server *server = c->server;
    const char *limit;

    if (c->kind == SERVER_WORKER)
        return NULL;
    if (server->memory.level != MEMORY_EASY && c->kind != SERVER_API)
        return "max_memory";
    limit = peer_enter(server, c->conn->ip, &c->peer);
    if (limit != NULL)
        return limit;
    limit = connection_fits(server);
    if (limit != NULL && connection_evict(server) == 0)
        limit = connection_fits(server);
    if (limit == NULL)
        limit = admission_enter(server, &c->admission, c->conn,
                                c->kind == SERVER_API ? QUOTA_API : QUOTA_NEW);
    else
        goto leave_peer;
    if (limit == NULL)
        return NULL;
    server_shared_leave(server);
leave_peer:
    peer_leave(server, c->peer);
    c->peer = NULL;
    return limit;
}

void connection_begin(struct server *server, struct net_conn *conn, enum server_kind kind)
{
    struct connection *c = calloc(1, sizeof(*c));
    const char *limit;

    if (c == NULL) {
        net_free(conn);
        return;
    }
    c->server = server;
    c->conn = conn;
    c->kind = kind;
    limit = connection_count(c);
    if (limit != NULL && connection_refuse(c, limit) != 0) {
        free(c);
        return;
    }
    connection_enter(c);
    c->co = co_spawn(connection_run, c);
    if (c->co == NULL)
        connection_leave(c);
}
