/*
 * A connection from accept to close: counts it against the limits, answers it if it exceeds one,
 * reads its PROXY header and does its TLS handshake, then serves it in a coroutine of its own. The
 * row of its listener type (app/core/listener.h) has everything that depends on the protocol.
 */
#include "app/server/connection.h"

#include "app/core/ip_limit.h"
#include "app/core/log_limit.h"
#include "app/core/metrics.h"
#include "app/server/server_proxy.h"
#include "app/server/server_tls.h"
#include "app/server/service_private.h"
#include "app/server/shed.h"
#include "co/net.h"
#include "co/tls.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Connections that get an answer to a refusal at once; beyond this number they are just closed. */
#define SERVER_REFUSALS_MAX 64
/* Turns of the loop until a new connection has been served: it starts, what it sent is noticed, it
 * reads that. */
#define SERVE_FIRST_TURNS 3
static void connection_enter(struct connection *c)
{
    struct server *server = c->server;

    c->next = server->service->list;
    if (c->next != NULL)
        c->next->prev = c;
    server->service->list = c;
    if (c->next == NULL)
        server_wake_ticker(server);
    server->service->busy_at = clock_now();
    if (c->refused != 0) {
        server->service->refusals++;
    } else if (!c->type->is_internal) {
        server->connections++;
        metrics_add(server->metrics, METRICS_CONNECTIONS, 1);
        metrics_add(server->metrics, METRICS_CONNECTIONS_TOTAL, 1);
    }
}

static void connection_uncount(struct connection *c)
{
    c->server->connections--;
    metrics_add(c->server->metrics, METRICS_CONNECTIONS, -1);
    ip_limit_leave(c->server, c->peer);
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
    else if (!c->type->is_internal && !c->admission.is_out)
        connection_uncount(c);
    admission_leave(server, &c->admission);
    net_free(c->conn);
    free(c);
    co_cond_broadcast(&server->changed);
}

/* Sends a refusal, if the protocol has one without TLS, as far as the socket accepts it at once. */
static void connection_say(struct connection *c, int status, const char *reason)
{
    struct buf answer;
    char scratch[4096];

    if (c->type->protocol->refusal == NULL || c->type->tls != NULL)
        return;
    buf_init(&answer, LISTENER_REFUSAL_MAX);
    if (c->type->protocol->refusal(c->server, c->type->flags, status, reason, &answer) == 0) {
        struct iovec iov = {buf_data(&answer), answer.len};

        /* Read first: closing a socket with unread input resets the connection, and the peer would
         * lose the answer. */
        (void)net_try_read(c->conn, scratch, sizeof(scratch));
        (void)net_try_writev(c->conn, &iov, 1);
    }
    buf_fini(&answer);
}

/* Reads the PROXY header and counts its client. 0 or -1; *status: the HTTP status of a refusal, if
 * a limit is exceeded. */
static MAY_YIELD __attribute__((noinline)) int connection_unwrap(struct connection *c, int *status)
{
    const struct config *config = c->server->config;
    const char *why = NULL;
    int rc;

    *status = c->refused;
    if (c->type->has_proxy_header == NULL || !c->type->has_proxy_header(config))
        return 0;
    rc = server_proxy_accept(c->server, c->conn, &why, c->type->protocol->first_timeout(config));
    if (rc < 0 && why != NULL)
        connection_say(c, 400, why);
    if (rc <= 0 || c->refused != 0)
        return rc < 0 ? -1 : 0;
    if (c->admission.is_out)
        return -1;
    /* Until now the connection counted for the proxy's address. */
    ip_limit_leave(c->server, c->peer);
    c->peer = NULL;
    why = ip_limit_enter(c->server, c->conn->ip, &c->peer);
    if (why == NULL)
        return 0;
    metrics_add_label(c->server->metrics, METRICS_REFUSALS, why, 1);
    log_peer(c->server, LOG_WARN, "connection refused", c->conn->ip, "refused %s: %s", c->conn->ip,
             why);
    *status = 429;
    return c->type->protocol->turn_away != NULL ? 0 : -1;
}

static MAY_YIELD void connection_run(void *arg)
{
    struct connection *c = arg;
    int status;

    c->co = co_self();
    if (connection_unwrap(c, &status) == 0 &&
        (c->type->tls == NULL ||
         server_tls_accept(c->server, c->listener, c->conn, TLS_HANDSHAKE_TIMEOUT) == 0)) {
        if (status != 0)
            c->type->protocol->turn_away(c->server, c->conn, c->type->flags, status);
        else
            c->type->protocol->serve(c->server, c->conn, c->type->flags);
    }
    connection_leave(c);
}

/*
 * Refuses a connection that exceeds a limit: 0 if its coroutine must answer, -1 if the connection
 * is already closed. At most SERVER_REFUSALS_MAX coroutines answer at once; further
 * connections with TLS are closed without an answer.
 */
static int connection_refuse(struct connection *c, const char *why)
{
    int status = strcmp(why, "max_connections_per_ip") == 0 ? 429 : 503;

    metrics_add_label(c->server->metrics, METRICS_REFUSALS, why, 1);
    log_peer(c->server, LOG_WARN, "connection refused", c->conn->ip, "refused %s: %s", c->conn->ip,
             why);
    if (c->type->protocol->turn_away != NULL &&
        c->server->service->refusals < SERVER_REFUSALS_MAX) {
        c->refused = status;
        return 0;
    }
    connection_say(c, status, NULL);
    net_free(c->conn);
    return -1;
}

void connection_evicted(struct server *server, struct admission *admission, const char *limit)
{
    struct connection *c =
        (struct connection *)((char *)admission - offsetof(struct connection, admission));

    log_peer(server, LOG_INFO, "connection evicted", c->conn->ip,
             "evicted %s: %s reached, and this connection %s", c->conn->ip, limit,
             admission->class == QUOTA_WAITER ? "only waited for a stream"
                                              : "neither published nor played");
    connection_uncount(c);
}

/* Counts a new connection. NULL, or the name of the limit that is reached. */
static const char *connection_count(struct connection *c)
{
    struct server *server = c->server;
    const char *limit;

    if (c->type->is_internal)
        return NULL;
    /* Without connections and streams there is no timer that measures memory. */
    shed_tick(server, clock_now());
    if (server->memory.level != MEMORY_EASY && !c->type->is_admitted_always)
        return "max_memory";
    limit = ip_limit_enter(server, c->conn->ip, &c->peer);
    if (limit != NULL)
        return limit;
    limit = admission_enter(server, &c->admission, c->conn, c->type->quota);
    if (limit == NULL)
        return NULL;
    ip_limit_leave(server, c->peer);
    c->peer = NULL;
    return limit;
}

/* A full server: if all that could be evicted have just arrived, they get a moment first. */
static MAY_YIELD void connection_wait(struct server *server, const struct listener_type *type)
{
    usec_t wait = type->is_internal ? 0 : admission_wait(server, type->quota);

    if (wait > 0)
        (void)co_sleep(wait);
}

/* A full server: a new connection is served as far as it has sent something before the next one is
 * accepted, which may evict it. It may end meanwhile. */
static MAY_YIELD void connection_serve_first(struct server *server,
                                             const struct admission *admission, uint32_t place)
{
    for (int i = 0; i < SERVE_FIRST_TURNS; i++)
        co_yield ();
    admission_seen(server, admission, place);
}

static MAY_YIELD void connection_serve(struct server *server, struct net_conn *conn, int listener,
                                       const struct listener_type *type)
{
    struct connection *c = calloc(1, sizeof(*c));
    const char *limit;
    uint32_t place;
    int is_fresh;

    if (c == NULL) {
        net_free(conn);
        return;
    }
    connection_wait(server, type);
    c->server = server;
    c->conn = conn;
    c->listener = listener;
    c->type = type;
    limit = connection_count(c);
    if (limit != NULL && connection_refuse(c, limit) != 0) {
        free(c);
        return;
    }
    connection_enter(c);
    is_fresh = c->admission.is_fresh;
    place = c->admission.place;
    c->co = co_spawn(connection_run, c);
    if (c->co == NULL)
        connection_leave(c);
    else if (is_fresh)
        connection_serve_first(server, &c->admission, place);
}

void connection_begin(struct server *server, struct net_conn *conn, int listener)
{
    connection_serve(server, conn, listener, server->tables->listeners[listener]);
}

void connection_carry(struct server *server, struct net_conn *conn,
                      const struct listener_type *type)
{
    assert(type->tls == NULL && type->has_proxy_header == NULL);
    connection_serve(server, conn, -1, type);
}
