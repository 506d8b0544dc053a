/*
 * The server's life: listeners, accept loops, HTTP chains, timers, drain, and stop. Connections are
 * in connection.c; a list of them lets a stop reach every one.
 */
#include "app/server/service.h"

#include "app/core/endpoint.h"
#include "app/core/log_limit.h"
#include "app/server/server_tls.h"
#include "app/server/service_private.h"
#include "app/server/shed.h"
#include "app/stream/stream.h"
#include "app/workers/worker.h"
#include "base/str.h"
#include "co/net.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Between two runs of the streams' timers. */
#define SERVER_TICK ((usec_t)100 * USEC_PER_MS)
/* The same without streams: memory is still measured while it can change. */
#define SERVER_IDLE_TICK USEC_PER_SEC
/* How long a stop waits for the coroutines of connections. */
#define SERVER_STOP_WAIT ((usec_t)3 * USEC_PER_SEC)

struct server_acceptor {
    struct server *server;
    struct net_listener *listener;
    int type; /* its place in the list of listener types */
};

/* ---- listeners ---- */

static MAY_YIELD void acceptor_run(void *arg)
{
    struct server_acceptor *acceptor = arg;
    struct server *server = acceptor->server;

    while (server->state != SERVER_STOPPING) { /* a drain still accepts connections at first */
        struct net_conn *conn = NULL;
        struct err *err = net_accept(acceptor->listener, &conn, server->log, USEC_NEVER);

        if (err != NULL) {
            if (!err_is_quiet(err))
                log_err(server->log, LOG_ERROR, err, "accept on %s: %s",
                        net_listener_name(acceptor->listener), err_text(err));
            err_free(err);
            break;
        }
        connection_begin(server, conn, acceptor->type);
    }
    free(acceptor);
}

/* Hands the connection to a worker that has fewer. */
static int acceptor_give(void *arg, int fd)
{
    const struct server_acceptor *acceptor = arg;

    return worker_hand_over(worker_of(acceptor->server), acceptor->type, fd);
}

/* Workers share their ports, so the kernel would let one worker listen on the same port twice. */
static struct err *server_open(const struct server *server, const char *endpoint, int type,
                               struct net_listener **out)
{
    struct err *err;
    int fd;

    if (server->shared == NULL)
        return net_listen(endpoint, out);
    fd = worker_port(worker_of(server), endpoint, type);
    err = fd >= 0 ? net_listen_fd(fd, out) : net_listen_shared(endpoint, out);
    for (int i = 0; err == NULL && i < server->service->listener_count; i++)
        if (strcmp(net_listener_name(server->service->listener[i]), net_listener_name(*out)) == 0) {
            net_listener_close(*out);
            err = err_new(ERR_BUSY, "listen on %s: address in use, by this server", endpoint);
        }
    return err;
}

/* The player page shows the first of the listeners that most clients reach. */
static void server_note_rtmp(struct server *server, const struct net_listener *listener)
{
    int rank = endpoint_rank(net_listener_name(listener));

    if (rank <= server->service->rtmp_port_rank)
        return;
    server->service->rtmp_port_rank = rank;
    server->rtmp_port = net_listener_port(listener);
}

static struct err *server_listen(struct server *server, const char *endpoint, int type)
{
    const struct listener_type *row = server->tables->listeners[type];
    struct server_acceptor *acceptor;
    struct net_listener *listener;
    struct err *err;

    if (!row->is_internal && !worker_listens(worker_of(server), endpoint))
        return NULL;
    if (server->service->listener_count == SERVICE_LISTENERS_MAX)
        return err_new(ERR_LIMIT, "more than %d listeners", SERVICE_LISTENERS_MAX);
    err = server_open(server, endpoint, type, &listener);
    if (err != NULL)
        return err;
    acceptor = calloc(1, sizeof(*acceptor));
    if (acceptor == NULL) {
        net_listener_close(listener);
        return err_new(ERR_NOMEM, "listen on %s", endpoint);
    }
    acceptor->server = server;
    acceptor->listener = listener;
    acceptor->type = type;
    if (server->shared != NULL && !row->is_internal)
        net_listener_set_give(listener, acceptor_give, acceptor);
    server->service->listener[server->service->listener_count] = listener;
    server->service->acceptor[server->service->listener_count] =
        co_spawn_joinable(acceptor_run, acceptor);
    if (server->service->acceptor[server->service->listener_count] == NULL) {
        net_listener_close(listener);
        free(acceptor);
        return err_new(ERR_NOMEM, "listen on %s", endpoint);
    }
    server->service->listener_count++;
    if (row->is_player_port)
        server_note_rtmp(server, listener);
    log_info(server->log, "%s listens on %s", row->name, net_listener_name(listener));
    return NULL;
}

static int listener_count(const struct tables *tables)
{
    int count = 0;

    while (tables->listeners[count] != NULL)
        count++;
    return count;
}

static void take_handed_over(struct server *server, struct net_conn *conn, int type)
{
    if (type >= 0 && type < listener_count(server->tables) &&
        !server->tables->listeners[type]->is_internal)
        connection_begin(server, conn, type);
    else
        net_free(conn);
}

/* Listens for the other workers. */
static struct err *server_listen_worker(struct server *server)
{
    char endpoint[160];

    if (server->shared == NULL)
        return NULL;
    worker_take_with(worker_of(server), take_handed_over);
    if (worker_endpoint(worker_of(server), endpoint, sizeof(endpoint)) != 0)
        return err_new(ERR_LIMIT, "workers: path of the socket folder too long");
    for (int i = 0; i < listener_count(server->tables); i++)
        if (server->tables->listeners[i]->is_internal)
            return server_listen(server, endpoint, i);
    return NULL;
}

static struct err *server_listen_all(struct server *server)
{
    struct endpoints all;
    struct err *err = server_listen_worker(server);

    if (err == NULL)
        err = server_tls_open(server);
    if (server->config->http_api.enabled && !server->config->http_api.open)
        log_info(server->log,
                 "HTTP API is open to this machine only; http_api { open on; } opens it to others");
    endpoints_list(server->tables->listeners, server->config, net_has_ipv6(), &all);
    for (int i = 0; i < all.count && err == NULL; i++) {
        err = server_listen(server, all.item[i].text, all.item[i].type);
        if (err != NULL)
            err = err_wrap(err, "%s", server->tables->listeners[all.item[i].type]->name);
    }
    return err;
}

static MAY_YIELD void server_close_listeners(struct server *server)
{
    for (int i = 0; i < server->service->listener_count; i++) {
        co_interrupt(server->service->acceptor[i]);
        co_join(server->service->acceptor[i]);
        /* The master keeps these open as well, for the worker that replaces this one. */
        if (server->shared != NULL)
            net_listener_shut(server->service->listener[i]);
        net_listener_close(server->service->listener[i]);
    }
    server->service->listener_count = 0;
    server->is_closed = 1;
}

/* ---- timers ---- */

static void server_sample(struct server *server)
{
    if (clock_now() - server->service->sampled_at < RATE_STEP)
        return;
    server->service->sampled_at = clock_now();
    hub_each(server->hub, stream_sample, NULL);
}

/* Without streams: until memory is looked at again. Without connections, too, no memory is taken,
 * and what they had is given back once. */
static usec_t ticker_pause(struct server *server)
{
    struct service *service = server->service;
    usec_t now = clock_now();
    usec_t trim = memory_trim_at(&server->memory) - now;

    if (service->list != NULL || server->memory.level != MEMORY_EASY) {
        service->busy_at = now;
        return SERVER_IDLE_TICK;
    }
    if (server->memory.trimmed_at >= service->busy_at)
        return USEC_NEVER;
    return trim > SERVER_IDLE_TICK ? trim : SERVER_IDLE_TICK;
}

static MAY_YIELD void ticker_run(void *arg)
{
    struct server *server = arg;

    while (!co_is_interrupted()) {
        if (hub_count(server->hub) == 0) {
            (void)co_cond_wait(&server->ticker, ticker_pause(server));
        } else {
            (void)co_sleep(SERVER_TICK);
            server->service->busy_at = clock_now();
        }
        hub_tick(server->hub, clock_now());
        observers_tick(server, clock_now());
        server_sample(server);
        shed_tick(server, clock_now());
    }
}

/* ---- life ---- */

/* Makes the links from the last to the first, since each takes its next. NULL without memory. */
static struct http_handler *chain_make(struct service *service, const http_link_new *links)
{
    struct http_handler *next = NULL;
    int count = 0;

    while (links[count] != NULL)
        count++;
    while (count > 0 && service->link_count < SERVICE_LINKS_MAX) {
        next = links[--count](next);
        if (next == NULL)
            return NULL;
        service->link[service->link_count++] = next;
    }
    return next;
}

static struct err *service_chains(struct server *server)
{
    server->chain = chain_make(server->service, server->tables->http_chain);
    server->api_chain = chain_make(server->service, server->tables->api_chain);
    server->worker_chain = chain_make(server->service, server->tables->worker_chain);
    if (server->chain == NULL || server->api_chain == NULL || server->worker_chain == NULL)
        return err_new(ERR_NOMEM, "HTTP chain");
    return NULL;
}

struct err *service_new(struct server **out, const struct log *log, struct config *config,
                        const struct tables *tables)
{
    struct server *server = calloc(1, sizeof(*server));
    struct err *err;

    assert(listener_count(tables) <= LISTENER_TYPES_MAX);
    if (server == NULL) {
        config_unref(config);
        return err_new(ERR_NOMEM, "server");
    }
    server->log = log;
    server->config = config;
    server->tables = tables;
    server->pid = getpid();
    memory_init(&server->memory, (uint64_t)config->max_memory);
    (void)memory_note(&server->memory, memory_used(), 0);
    server->started_at = clock_now();
    server->service = calloc(1, sizeof(*server->service));
    server->log_limit = log_limit_new(log, config->log_peer_lines, LOG_LIMIT_WINDOW);
    server->hub = hub_new((size_t)config->max_streams,
                          (size_t)(config->max_streams + config->max_connections));
    observer_layout(server);
    err = RAND_bytes(server->via_key, sizeof(server->via_key)) == 1
              ? co_cond_init(&server->changed)
              : err_new(ERR_NOMEM, "server: no random bytes");
    if (err == NULL)
        err = co_cond_init(&server->ticker);
    if (err == NULL &&
        (server->log_limit == NULL || server->hub == NULL || server->service == NULL))
        err = err_new(ERR_NOMEM, "server");
    if (err == NULL)
        err = observers_open(server);
    if (err == NULL)
        err = service_chains(server);
    if (err != NULL) {
        service_free(server);
        return err;
    }
    hub_on_new(server->hub, stream_attach, server);
    hub_on_free(server->hub, stream_detach, server);
    *out = server;
    return NULL;
}

void service_free(struct server *server)
{
    if (server == NULL)
        return;
    if (server->service != NULL) {
        assert(server->service->list == NULL);
        for (int i = 0; i < server->service->link_count; i++)
            free(server->service->link[i]);
        server_tls_close(server);
    }
    log_limit_free(server->log_limit);
    hub_free(server->hub);
    observers_close(server);
    config_unref(server->config);
    co_cond_fini(&server->changed);
    co_cond_fini(&server->ticker);
    free(server->service);
    free(server);
}

/* Asks every connection to end and waits for them. */
static MAY_YIELD void server_end_connections(struct server *server)
{
    usec_t deadline = clock_now() + SERVER_STOP_WAIT;

    for (struct connection *c = server->service->list; c != NULL; c = c->next)
        if (c->co != NULL)
            co_interrupt(c->co);
    while (server->service->list != NULL && clock_now() < deadline)
        (void)co_cond_wait(&server->changed, deadline - clock_now());
    if (server->service->list != NULL)
        log_error(server->log, "%zu connections did not end in time; exiting", server->connections);
}

/* Waits while the server drains; a stop ends the wait at once. */
static MAY_YIELD void server_drain_wait(struct server *server, usec_t wait)
{
    usec_t deadline = co_deadline(wait);

    while (server->state == SERVER_DRAINING && co_left(deadline) > 0)
        (void)co_cond_wait(&server->changed, co_left(deadline));
}

/* Runs the listeners until the server stops or drains. */
static MAY_YIELD struct err *service_serve(struct server *server,
                                           const struct service_phases *phases, struct co **ticker)
{
    struct err *err = observers_start(server);

    if (err == NULL)
        err = server_listen_all(server);
    *ticker = err == NULL ? co_spawn_joinable(ticker_run, server) : NULL;
    if (err == NULL && *ticker == NULL)
        err = err_new(ERR_NOMEM, "ticker");
    if (err == NULL)
        err = observers_ready(server);
    if (err == NULL && server->state == SERVER_RUNNING)
        phases->ready(phases->arg);
    while (err == NULL && server->state == SERVER_RUNNING)
        (void)co_cond_wait(&server->changed, USEC_NEVER);
    return err;
}

/* Waits for the connected clients, while the server drains. */
static MAY_YIELD void service_drain_all(struct server *server)
{
    if (server->state == SERVER_DRAINING) {
        log_info(server->log, "drain: %zu connections open", server->connections);
        /* A load balancer sends new connections until it notices the drain: serve these. */
        server_drain_wait(server, server->config->grace_start_wait);
    }
    server_close_listeners(server);
    while (server->state == SERVER_DRAINING && server->connections > 0)
        (void)co_cond_wait(&server->changed, USEC_NEVER);
    server_drain_wait(server, server->config->grace_final_wait);
}

struct err *service_run(struct server *server, const struct service_phases *phases)
{
    struct co *ticker;
    struct err *err = service_serve(server, phases, &ticker);

    phases->stopping(phases->arg);
    observers_leave(server);
    if (err != NULL)
        server->state = SERVER_STOPPING;
    service_drain_all(server);
    server->state = SERVER_STOPPING;
    observers_halt(server);
    server_end_connections(server);
    observers_stop(server, SERVER_STOP_WAIT);
    if (ticker != NULL) {
        co_interrupt(ticker);
        co_join(ticker);
    }
    /* The fan-out's coroutines end with their last viewers: let them run. */
    co_yield ();
    log_limit_free(server->log_limit);
    server->log_limit = NULL;
    if (server->service->list != NULL)
        _exit(1); /* their coroutines still use memory that would be freed */
    return err;
}

void service_drain(struct server *server)
{
    if (server->state == SERVER_RUNNING)
        server->state = SERVER_DRAINING;
    /* Idle connections end now. */
    for (struct connection *c = server->service->list; c != NULL; c = c->next)
        if (c->type->protocol->has_idle)
            net_wake_owner(c->conn);
    co_cond_broadcast(&server->changed);
}
