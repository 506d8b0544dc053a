/*
 * The server's frame: listeners, the accept loops, the limits on connections,
 * the chain of HTTP handlers, and the end of it all. Each connection is one
 * coroutine, listed here so that a stop reaches every one of them.
 */
#include "app/server.h"

#include "app/auth.h"
#include "app/cors.h"
#include "app/edge.h"
#include "app/fanout.h"
#include "app/forward.h"
#include "app/http_api.h"
#include "app/http_live.h"
#include "app/http_pull.h"
#include "app/http_session.h"
#include "app/http_static.h"
#include "app/rtmp_session.h"
#include "app/server_tls.h"
#include "app/stream.h"
#include "app/worker.h"
#include "app/worker_http.h"
#include "base/str.h"
#include "base/version.h"
#include "co/net.h"
#include "co/tls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

/* Live sources' timers. */
#define SERVER_TICK ((usec_t)100 * USEC_PER_MS)
/* How long a stop waits for the connections' coroutines. */
#define SERVER_STOP_WAIT ((usec_t)3 * USEC_PER_SEC)
/* Connections that are told "too many" at once; beyond it they are just closed. */
#define SERVER_REFUSALS_MAX 64

enum server_kind {
    SERVER_RTMP,
    SERVER_HTTP,
    SERVER_API,
    SERVER_HTTPS,
    SERVER_RTMPS,
    SERVER_WORKER /* other workers, at our own socket: no part of any limit */
};

static const char *const server_kinds[] = {"RTMP", "HTTP", "HTTP API", "HTTPS", "RTMPS", "worker"};

struct server_peer {
    size_t count;
    UT_hash_handle hh;
    char ip[INET6_ADDRSTRLEN];
};

struct server_connection {
    struct server *server;
    struct net_conn *conn;
    struct co *co;
    struct server_peer *peer;
    struct server_connection *prev, *next;
    enum server_kind kind;
};

struct server_acceptor {
    struct server *server;
    struct net_listener *listener;
    enum server_kind kind;
};

/* ---- connections ---- */

static struct server_peer *peer_enter(struct server *server, const char *ip)
{
    struct server_peer *peer;
    size_t len = strlen(ip);

    HASH_FIND(hh, server->peers, ip, len, peer);
    if (peer == NULL) {
        peer = calloc(1, sizeof(*peer));
        if (peer == NULL)
            return NULL;
        (void)str_copy(peer->ip, sizeof(peer->ip), ip);
        HASH_ADD_KEYPTR(hh, server->peers, peer->ip, len, peer);
    }
    peer->count++;
    return peer;
}

static void peer_leave(struct server *server, struct server_peer *peer)
{
    if (--peer->count > 0)
        return;
    HASH_DEL(server->peers, peer);
    free(peer);
}

static void connection_enter(struct server_connection *c)
{
    struct server *server = c->server;

    c->next = server->list;
    if (c->next != NULL)
        c->next->prev = c;
    server->list = c;
    if (c->kind != SERVER_WORKER)
        server->connections++;
}

static void connection_leave(struct server_connection *c)
{
    struct server *server = c->server;

    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        server->list = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (c->kind != SERVER_WORKER) {
        server->connections--;
        worker_leave(server->worker, c->peer->ip);
        peer_leave(server, c->peer);
    }
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
static int connection_secure(struct server_connection *c)
{
    struct server *server = c->server;

    if (c->kind == SERVER_HTTPS)
        return server_tls_accept(server, server->https, c->conn, TLS_HANDSHAKE_TIMEOUT);
    if (c->kind == SERVER_RTMPS)
        return server_tls_accept(server, server->rtmps, c->conn, TLS_HANDSHAKE_TIMEOUT);
    return 0;
}

static void connection_run(void *arg)
{
    struct server_connection *c = arg;

    c->co = co_self();
    if (connection_secure(c) == 0) {
        if (c->kind == SERVER_RTMP || c->kind == SERVER_RTMPS)
            rtmp_session_run(c->server, c->conn);
        else
            http_session_run(c->server, c->conn, connection_flags(c->kind));
    }
    connection_leave(c);
}

/* One clear answer for a connection beyond a limit, as far as it takes it without waiting. */
static void connection_refuse(struct server *server, struct net_conn *conn, enum server_kind kind,
                              const char *why)
{
    static const char everybody[] = "{\"code\":503,\"reason\":\"too many connections\"}\n";
    static const char address[] =
        "{\"code\":429,\"reason\":\"too many connections of this address\"}\n";
    const char *body = strcmp(why, "max_connections_per_ip") == 0 ? address : everybody;
    int status = body == address ? 429 : 503;
    char answer[512];
    struct iovec iov = {answer, 0};
    char scratch[4096];

    (void)str_format(answer, sizeof(answer),
                     "HTTP/1.1 %d %s\r\nServer: Millrace/%s\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                     "Cache-Control: no-store\r\nRetry-After: 5\r\n"
                     "Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n%s",
                     status, http_status_text(status), MILLRACE_VERSION, strlen(body), body);
    iov.iov_len = strlen(answer);

    if (kind == SERVER_HTTP || kind == SERVER_API) {
        /* What it sent is taken first: closing over unread bytes would reset the answer away. */
        (void)net_try_read(conn, scratch, sizeof(scratch));
        (void)net_try_writev(conn, &iov, 1);
    }
    log_warn(server->log, "refused %s: %s", conn->ip, why);
    net_free(conn);
}

/* Counts it in. NULL, or the name of the limit that it is beyond. */
static const char *connection_count(struct server_connection *c)
{
    struct server *server = c->server;
    int64_t per_ip = server->config->max_connections_per_ip;
    const char *limit = NULL;

    if (c->kind == SERVER_WORKER)
        return NULL;
    c->peer = peer_enter(server, c->conn->ip);
    if (c->peer == NULL)
        return "memory";
    if (per_ip > 0 && c->peer->count > (size_t)per_ip)
        limit = "max_connections_per_ip";
    else if (server->connections >= (size_t)server->config->max_connections)
        limit = "max_connections";
    else
        limit = worker_enter(server->worker, c->peer->ip);
    if (limit != NULL)
        peer_leave(server, c->peer);
    return limit;
}

static void connection_begin(struct server *server, struct net_conn *conn, enum server_kind kind)
{
    struct server_connection *c = calloc(1, sizeof(*c));
    const char *limit;

    if (c == NULL) {
        net_free(conn);
        return;
    }
    c->server = server;
    c->conn = conn;
    c->kind = kind;
    limit = connection_count(c);
    if (limit != NULL) {
        connection_refuse(server, conn, kind, limit);
        free(c);
        return;
    }
    connection_enter(c);
    c->co = co_spawn(connection_run, c);
    if (c->co == NULL)
        connection_leave(c);
}

/* ---- listeners ---- */

static void acceptor_run(void *arg)
{
    struct server_acceptor *acceptor = arg;
    struct server *server = acceptor->server;

    while (server->state == SERVER_RUNNING) {
        struct net_conn *conn = NULL;
        struct err *err = net_accept(acceptor->listener, &conn, server->log, USEC_NEVER);

        if (err != NULL) {
            if (!err_is_quiet(err))
                log_error(server->log, "accept on %s: %s", net_listener_name(acceptor->listener),
                          err_text(err));
            err_free(err);
            break;
        }
        connection_begin(server, conn, acceptor->kind);
    }
    free(acceptor);
}

static struct err *server_listen(struct server *server, const char *endpoint, enum server_kind kind)
{
    struct server_acceptor *acceptor;
    struct net_listener *listener;
    struct err *err;

    if (kind != SERVER_WORKER && !worker_listens(server->worker, endpoint))
        return NULL;
    if (server->listener_count == SERVER_LISTENERS_MAX)
        return err_new(ERR_LIMIT, "more than %d listeners", SERVER_LISTENERS_MAX);
    err = server->worker != NULL ? net_listen_shared(endpoint, &listener)
                                 : net_listen(endpoint, &listener);
    if (err != NULL)
        return err;
    acceptor = calloc(1, sizeof(*acceptor));
    if (acceptor == NULL) {
        net_listener_close(listener);
        return err_new(ERR_NOMEM, "listen on %s", endpoint);
    }
    acceptor->server = server;
    acceptor->listener = listener;
    acceptor->kind = kind;
    server->listener[server->listener_count] = listener;
    server->acceptor[server->listener_count] = co_spawn_joinable(acceptor_run, acceptor);
    if (server->acceptor[server->listener_count] == NULL) {
        net_listener_close(listener);
        free(acceptor);
        return err_new(ERR_NOMEM, "listen on %s", endpoint);
    }
    server->listener_count++;
    log_info(server->log, "%s listens on %s", server_kinds[kind], net_listener_name(listener));
    return NULL;
}

static struct err *server_listen_tls(struct server *server)
{
    const struct config_strings *https = &server->config->http_server.https.listen;
    const struct config_strings *rtmps = &server->config->rtmps.listen;
    struct err *err = server_tls_open(server);

    for (int i = 0; err == NULL && server->https != NULL && i < https->count; i++)
        err = server_listen(server, https->item[i], SERVER_HTTPS);
    for (int i = 0; err == NULL && server->rtmps != NULL && i < rtmps->count; i++)
        err = server_listen(server, rtmps->item[i], SERVER_RTMPS);
    return err;
}

/* Where the other workers ask this one. */
static struct err *server_listen_worker(struct server *server)
{
    char endpoint[160];

    if (server->worker == NULL)
        return NULL;
    if (worker_endpoint(server->worker, endpoint, sizeof(endpoint)) != 0)
        return err_new(ERR_LIMIT, "workers: the folder's name is too long");
    return server_listen(server, endpoint, SERVER_WORKER);
}

static struct err *server_listen_all(struct server *server)
{
    const struct config *config = server->config;
    struct err *err;

    err = server_listen_worker(server);
    if (err != NULL)
        return err;
    for (int i = 0; i < config->listen.count; i++) {
        err = server_listen(server, config->listen.item[i], SERVER_RTMP);
        if (err != NULL)
            return err_wrap(err, "RTMP");
    }
    for (int i = 0; config->http_server.enabled && i < config->http_server.listen.count; i++) {
        err = server_listen(server, config->http_server.listen.item[i], SERVER_HTTP);
        if (err != NULL)
            return err_wrap(err, "HTTP");
    }
    for (int i = 0; config->http_api.enabled && i < config->http_api.listen.count; i++) {
        if (http_api_is_shared(config, config->http_api.listen.item[i]))
            continue;
        err = server_listen(server, config->http_api.listen.item[i], SERVER_API);
        if (err != NULL)
            return err_wrap(err, "HTTP API");
    }
    return server_listen_tls(server);
}

static void server_close_listeners(struct server *server)
{
    for (int i = 0; i < server->listener_count; i++) {
        co_interrupt(server->acceptor[i]);
        co_join(server->acceptor[i], USEC_NEVER);
        net_listener_close(server->listener[i]);
    }
    server->listener_count = 0;
}

/* ---- timers ---- */

static void server_sample(struct server *server)
{
    if (clock_now() - server->sampled_at < RATE_STEP)
        return;
    server->sampled_at = clock_now();
    hub_each(server->hub, stream_sample, NULL);
}

static void ticker_run(void *arg)
{
    struct server *server = arg;

    while (!co_is_interrupted()) {
        if (hub_count(server->hub) == 0)
            (void)co_cond_wait(&server->ticker, USEC_NEVER);
        else
            (void)co_sleep(SERVER_TICK);
        hub_tick(server->hub, clock_now());
        edge_tick(server->edge, clock_now());
        worker_tick(server->worker, clock_now());
        server_sample(server);
    }
}

void server_wake_ticker(struct server *server)
{
    co_cond_signal(&server->ticker);
}

/* ---- life ---- */

static struct err *server_chain(struct server *server)
{
    /* From the end to the front: each link names its next. */
    server->link[3] = http_static_new();
    server->link[2] = server->link[3] ? http_live_new(server->link[3]) : NULL;
    server->link[8] = server->link[2] ? http_pull_new(server->link[2]) : NULL;
    server->link[1] = server->link[8] ? auth_new(&auth_policy_all, server->link[8]) : NULL;
    server->link[4] = server->link[1] ? http_api_new(server->link[1]) : NULL;
    server->link[0] = server->link[4] ? cors_new(server->link[4]) : NULL;
    server->link[5] = http_api_new(NULL);
    server->link[6] = server->link[5] ? cors_new(server->link[5]) : NULL;
    server->link[7] = server->link[5] ? worker_http_new(server->link[5]) : NULL;
    if (server->link[0] == NULL || server->link[6] == NULL || server->link[7] == NULL)
        return err_new(ERR_NOMEM, "HTTP chain");
    server->chain = server->link[0];
    server->api_chain = server->link[6];
    server->worker_chain = server->link[7];
    return NULL;
}

static void server_unchain(struct server *server)
{
    if (server->link[0] != NULL)
        cors_free(server->link[0]);
    if (server->link[1] != NULL)
        auth_free(server->link[1]);
    if (server->link[2] != NULL)
        http_live_free(server->link[2]);
    if (server->link[3] != NULL)
        http_static_free(server->link[3]);
    http_pull_free(server->link[8]);
    http_api_free(server->link[4]);
    http_api_free(server->link[5]);
    if (server->link[6] != NULL)
        cors_free(server->link[6]);
    worker_http_free(server->link[7]);
}

struct err *server_new(struct server **out, const struct log *log, struct config *config)
{
    struct server *server = calloc(1, sizeof(*server));
    struct err *err;

    if (server == NULL) {
        config_unref(config);
        return err_new(ERR_NOMEM, "server");
    }
    server->log = log;
    server->config = config;
    server->started_at = clock_now();
    (void)str_copy(server->server_id, sizeof(server->server_id),
                   config->server_id != NULL && config->server_id[0] != '\0' ? config->server_id
                                                                             : co_id());
    server->hub = hub_new((size_t)config->max_streams);
    server->mux = serve_mux_new((size_t)config->max_streams * CONFIG_MOUNT_MAX);
    server->fanout = fanout_new(server);
    server->edge = edge_new(server);
    err = co_cond_init(&server->changed);
    if (err == NULL)
        err = co_cond_init(&server->ticker);
    if (err == NULL && (server->hub == NULL || server->mux == NULL || server->fanout == NULL ||
                        server->edge == NULL))
        err = err_new(ERR_NOMEM, "server");
    if (err == NULL)
        err = server_chain(server);
    if (err != NULL) {
        server_free(server);
        return err;
    }
    hub_on_new(server->hub, stream_attach, server);
    hub_on_free(server->hub, stream_detach, server);
    *out = server;
    return NULL;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    assert(server->list == NULL);
    server_unchain(server);
    server_tls_close(server);
    hub_free(server->hub);
    serve_mux_free(server->mux);
    fanout_free(server->fanout);
    edge_free(server->edge);
    config_unref(server->config);
    co_cond_fini(&server->changed);
    co_cond_fini(&server->ticker);
    free(server);
}

/* Asks every connection to end and waits for them. */
static void server_end_connections(struct server *server)
{
    usec_t deadline = clock_now() + SERVER_STOP_WAIT;

    for (struct server_connection *c = server->list; c != NULL; c = c->next)
        if (c->co != NULL)
            co_interrupt(c->co);
    while (server->list != NULL && clock_now() < deadline)
        (void)co_cond_wait(&server->changed, deadline - clock_now());
    if (server->list != NULL)
        log_error(server->log, "%zu connections did not end in time", server->connections);
}

/* Waits while it drains; a stop ends that at once. */
static void server_drain_wait(struct server *server, usec_t wait)
{
    usec_t deadline = co_deadline(wait);

    while (server->state == SERVER_DRAINING && co_left(deadline) > 0)
        (void)co_cond_wait(&server->changed, co_left(deadline));
}

struct err *server_run(struct server *server, usec_t timeout_never)
{
    struct co *ticker;
    struct err *err = server_listen_all(server);

    (void)timeout_never;
    ticker = err == NULL ? co_spawn_joinable(ticker_run, server) : NULL;
    if (err == NULL && ticker == NULL)
        err = err_new(ERR_NOMEM, "ticker");
    if (err == NULL) {
        worker_ready(server->worker);
        while (server->state == SERVER_RUNNING)
            (void)co_cond_wait(&server->changed, USEC_NEVER);
    }
    if (err != NULL)
        server->state = SERVER_STOPPING;
    if (server->state == SERVER_DRAINING) {
        log_info(server->log, "drain: %zu connections", server->connections);
        /* A load balancer still sends for a moment: it is served until it has noticed. */
        server_drain_wait(server, server->config->grace_start_wait);
    }
    server_close_listeners(server);
    while (server->state == SERVER_DRAINING && server->connections > 0)
        (void)co_cond_wait(&server->changed, USEC_NEVER);
    server_drain_wait(server, server->config->grace_final_wait);
    server->state = SERVER_STOPPING;
    server_end_connections(server);
    forward_stop(server, SERVER_STOP_WAIT);
    edge_stop(server->edge, SERVER_STOP_WAIT);
    if (ticker != NULL) {
        co_interrupt(ticker);
        co_join(ticker, USEC_NEVER);
    }
    /* The fan-out's coroutines have been told to end with their last viewers: let them. */
    co_yield ();
    if (server->list != NULL)
        _exit(1); /* their coroutines still use what would be freed */
    return err;
}

void server_stop(struct server *server)
{
    server->state = SERVER_STOPPING;
    co_cond_broadcast(&server->changed);
}

void server_drain(struct server *server)
{
    if (server->state == SERVER_RUNNING)
        server->state = SERVER_DRAINING;
    /* HTTP connections that wait for another request end now. */
    for (struct server_connection *c = server->list; c != NULL; c = c->next)
        if (c->kind != SERVER_RTMP && c->kind != SERVER_RTMPS)
            net_kick(c->conn);
    co_cond_broadcast(&server->changed);
}
