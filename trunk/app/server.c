/*
 * The server's frame: listeners, the accept loops, the chain of HTTP handlers,
 * and the end of it all. Connections are in server_connection.c, listed so that
 * a stop reaches every one of them.
 */
#include "app/server.h"

#include "app/auth.h"
#include "app/cors.h"
#include "app/directory.h"
#include "app/edge.h"
#include "app/fanout.h"
#include "app/forward.h"
#include "app/http_api.h"
#include "app/http_live.h"
#include "app/http_page.h"
#include "app/http_pull.h"
#include "app/http_static.h"
#include "app/log_limit.h"
#include "app/server_connection.h"
#include "app/server_endpoint.h"
#include "app/server_tls.h"
#include "app/shed.h"
#include "app/stream.h"
#include "app/worker.h"
#include "app/worker_http.h"
#include "base/str.h"
#include "co/net.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Live sources' timers. */
#define SERVER_TICK ((usec_t)100 * USEC_PER_MS)
/* Without any, memory is still looked at. */
#define SERVER_IDLE_TICK USEC_PER_SEC
/* How long a stop waits for what is said to the directory at last. */
#define SERVER_DIRECTORY_WAIT (USEC_PER_SEC / 2)
/* How long a stop waits for the connections' coroutines. */
#define SERVER_STOP_WAIT ((usec_t)3 * USEC_PER_SEC)

struct server_acceptor {
    struct server *server;
    struct net_listener *listener;
    enum server_kind kind;
};

/* ---- listeners ---- */

static void acceptor_run(void *arg)
{
    struct server_acceptor *acceptor = arg;
    struct server *server = acceptor->server;

    while (server->state != SERVER_STOPPING) { /* a drain begins with new connections, too */
        struct net_conn *conn = NULL;
        struct err *err = net_accept(acceptor->listener, &conn, server->log, USEC_NEVER);

        if (err != NULL) {
            if (!err_is_quiet(err))
                log_error(server->log, "accept on %s: %s", net_listener_name(acceptor->listener),
                          err_text(err));
            err_free(err);
            break;
        }
        server_connection_begin(server, conn, acceptor->kind);
    }
    free(acceptor);
}

/* A worker with fewer connections may have it. */
static int acceptor_give(void *arg, int fd)
{
    const struct server_acceptor *acceptor = arg;

    return worker_hand_over(acceptor->server->worker, acceptor->kind, fd);
}

/* Workers share their ports, and so the kernel lets one of them listen at the same one twice. */
static struct err *server_open(const struct server *server, const char *endpoint,
                               enum server_kind kind, struct net_listener **out)
{
    struct err *err;
    int fd;

    if (server->worker == NULL)
        return net_listen(endpoint, out);
    fd = worker_port(server->worker, endpoint, kind);
    err = fd >= 0 ? net_listen_fd(fd, out) : net_listen_shared(endpoint, out);
    for (int i = 0; err == NULL && i < server->listener_count; i++)
        if (strcmp(net_listener_name(server->listener[i]), net_listener_name(*out)) == 0) {
            net_listener_close(*out);
            err = err_new(ERR_BUSY, "listen on %s: address in use, by this server", endpoint);
        }
    return err;
}

/* The first of the listeners that most clients reach is the one to be told. */
static void server_note_rtmp(struct server *server, const struct net_listener *listener)
{
    int rank = http_page_rank(net_listener_name(listener));

    if (rank <= server->rtmp_port_rank)
        return;
    server->rtmp_port_rank = rank;
    server->rtmp_port = net_listener_port(listener);
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
    err = server_open(server, endpoint, kind, &listener);
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
    if (server->worker != NULL && kind != SERVER_WORKER)
        net_listener_set_give(listener, acceptor_give, acceptor);
    server->listener[server->listener_count] = listener;
    server->acceptor[server->listener_count] = co_spawn_joinable(acceptor_run, acceptor);
    if (server->acceptor[server->listener_count] == NULL) {
        net_listener_close(listener);
        free(acceptor);
        return err_new(ERR_NOMEM, "listen on %s", endpoint);
    }
    server->listener_count++;
    if (kind == SERVER_RTMP)
        server_note_rtmp(server, listener);
    log_info(server->log, "%s listens on %s", server_kind_name(kind), net_listener_name(listener));
    return NULL;
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
    struct server_endpoints all;
    struct err *err = server_listen_worker(server);

    if (err == NULL)
        err = server_tls_open(server);
    if (server->config->http_api.enabled && !server->config->http_api.open)
        log_info(server->log,
                 "HTTP API answers this machine only; http_api { open on; } opens it to others");
    server_endpoints_list(server->config, net_has_ipv6(), &all);
    for (int i = 0; i < all.count && err == NULL; i++) {
        err = server_listen(server, all.item[i].text, all.item[i].kind);
        if (err != NULL)
            err = err_wrap(err, "%s", server_kind_name(all.item[i].kind));
    }
    return err;
}

static void server_close_listeners(struct server *server)
{
    for (int i = 0; i < server->listener_count; i++) {
        co_interrupt(server->acceptor[i]);
        co_join(server->acceptor[i], USEC_NEVER);
        /* The master has these open as well, for those that come after this worker. */
        if (server->worker != NULL)
            net_listener_shut(server->listener[i]);
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
            (void)co_cond_wait(&server->ticker, SERVER_IDLE_TICK);
        else
            (void)co_sleep(SERVER_TICK);
        hub_tick(server->hub, clock_now());
        edge_tick(server->edge, clock_now());
        worker_tick(server->worker, clock_now());
        server_sample(server);
        shed_tick(server, clock_now());
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
    server->link[9] = server->link[4] ? http_page_new(server->link[4]) : NULL;
    server->link[0] = server->link[9] ? cors_new(server->link[9]) : NULL;
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
    http_page_free(server->link[9]);
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
    server->pid = getpid();
    memory_init(&server->memory, (uint64_t)config->max_memory);
    (void)memory_note(&server->memory, memory_used(), 0);
    server->started_at = clock_now();
    (void)str_copy(server->server_id, sizeof(server->server_id),
                   config->server_id != NULL && config->server_id[0] != '\0' ? config->server_id
                                                                             : co_id());
    server->log_limit = log_limit_new(log, config->log_peer_lines, LOG_LIMIT_WINDOW);
    server->hub = hub_new((size_t)config->max_streams,
                          (size_t)(config->max_streams + config->max_connections));
    server->mux = serve_mux_new((size_t)config->max_streams * CONFIG_MOUNT_MAX);
    server->fanout = fanout_new(server);
    server->edge = edge_new(server);
    server->directory = directory_new(server);
    err = RAND_bytes(server->via_key, sizeof(server->via_key)) == 1
              ? co_cond_init(&server->changed)
              : err_new(ERR_NOMEM, "server: no random bytes");
    if (err == NULL)
        err = co_cond_init(&server->ticker);
    if (err == NULL &&
        (server->log_limit == NULL || server->hub == NULL || server->mux == NULL ||
         server->fanout == NULL || server->edge == NULL || server->directory == NULL))
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
    log_limit_free(server->log_limit, USEC_NEVER);
    hub_free(server->hub);
    serve_mux_free(server->mux);
    fanout_free(server->fanout);
    directory_free(server->directory);
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
    struct err *err = directory_start(server->directory);

    if (err == NULL)
        err = server_listen_all(server);

    (void)timeout_never;
    ticker = err == NULL ? co_spawn_joinable(ticker_run, server) : NULL;
    if (err == NULL && ticker == NULL)
        err = err_new(ERR_NOMEM, "ticker");
    if (err == NULL)
        err = worker_ready(server->worker);
    if (err == NULL) {
        while (server->state == SERVER_RUNNING)
            (void)co_cond_wait(&server->changed, USEC_NEVER);
    }
    worker_leaves(server->worker);
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
    worker_door_close(server->worker);
    server_end_connections(server);
    forward_stop(server, SERVER_STOP_WAIT);
    edge_stop(server->edge, SERVER_STOP_WAIT);
    directory_stop(server->directory, SERVER_DIRECTORY_WAIT);
    if (ticker != NULL) {
        co_interrupt(ticker);
        co_join(ticker, USEC_NEVER);
    }
    /* The fan-out's coroutines have been told to end with their last viewers: let them. */
    co_yield ();
    log_limit_free(server->log_limit, USEC_NEVER);
    server->log_limit = NULL;
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
