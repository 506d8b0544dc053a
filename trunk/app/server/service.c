/*
 * The server's life: HTTP chains, timers, drain, and stop. Listeners are in listeners.c,
 * connections in connection.c; a list of them lets a stop reach every one.
 */
#include "app/server/service.h"

#include "app/core/endpoint.h"
#include "app/core/log_limit.h"
#include "app/core/metrics.h"
#include "app/core/process.h"
#include "app/server/listeners.h"
#include "app/server/reload.h"
#include "app/server/server_tls.h"
#include "app/server/service_private.h"
#include "app/server/shed.h"
#include "app/stream/stream.h"
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

/* How long a process that retires waits at the end for those that pull its streams. */
#define RETIRE_LAST_WAIT ((usec_t)2 * USEC_PER_SEC)

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
            usec_t due = clock_now() + SERVER_TICK;

            (void)co_sleep(SERVER_TICK);
            server->service->busy_at = clock_now();
            metrics_observe(server->metrics, METRICS_LOOP_LAG, NULL,
                            server->service->busy_at - due);
        }
        hub_tick(server->hub, clock_now());
        while (hub_discard(server->hub))
            co_yield ();
        observers_tick(server, clock_now());
        server_sample(server);
        shed_tick(server, clock_now());
    }
}

/* ---- descriptors ---- */

/* Listeners, and a pull each for the streams that an edge fetches. */
void service_raise_descriptors(const struct tables *tables, const struct config *config,
                               const struct log *log)
{
    struct endpoints all;
    int is_edge = config->http_server.http_pull.enabled;

    endpoints_list(tables->listeners, config, net_has_ipv6(), &all);
    for (int i = 0; i < config->vhost_count; i++)
        is_edge |= observers_fetch(tables, config->vhost[i]);
    process_raise_descriptors((long)config->max_connections,
                              all.count + (is_edge ? (long)config->max_pulls : 0), log);
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

    assert(listeners_types(tables) <= LISTENER_TYPES_MAX);
    if (server == NULL) {
        config_unref(config);
        return err_new(ERR_NOMEM, "server");
    }
    server->log = log;
    server->config = config;
    server->tables = tables;
    server->pid = getpid();
    server->workers = 1;
    memory_init(&server->memory, (uint64_t)config->max_memory);
    (void)memory_note(&server->memory, memory_used(), 0);
    server->started_at = clock_now();
    server_make_service_id(server->service_id);
    server->service = calloc(1, sizeof(*server->service));
    server->log_limit = log_limit_new(log, config->log_peer_lines, LOG_LIMIT_WINDOW);
    server->hub = hub_new((size_t)config->max_streams,
                          (size_t)(config->max_streams + config->max_connections));
    observer_layout(server);
    server->admissions.on_evict = connection_evicted;
    server->carry = connection_carry;
    err = RAND_bytes(server->via_key, sizeof(server->via_key)) == 1
              ? co_cond_init(&server->changed)
              : err_new(ERR_NOMEM, "server: no random bytes");
    if (err == NULL)
        err = co_cond_init(&server->ticker);
    if (err == NULL && (admission_open(server) != 0 || server->log_limit == NULL ||
                        server->hub == NULL || server->service == NULL))
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
        reload_close(server);
    }
    log_limit_free(server->log_limit);
    hub_free(server->hub);
    server->hub = NULL; /* for coroutines that end as the rows are closed */
    observers_close(server);
    admission_close(server);
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
        err = listeners_open(server);
    if (err == NULL)
        err = phases->confine(phases->arg);
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

/* Idle connections end now. */
static void service_end_idle(struct server *server)
{
    for (struct connection *c = server->service->list; c != NULL; c = c->next)
        if (c->type->protocol->has_idle)
            net_wake_owner(c->conn);
}

/* Serves the clients that are connected, and the newer processes that pull their streams. A
 * connection without a request may be about to send one: it has its usual time. A drain or a stop
 * may be asked for meanwhile. */
static MAY_YIELD void service_retire(struct server *server)
{
    usec_t deadline = co_deadline(
        server->config->upgrade_timeout > 0 ? server->config->upgrade_timeout : USEC_NEVER);

    log_info(server->log, "retiring: %zu connections open", server->connections);
    listeners_leave(server);
    while (server->state == SERVER_DRAINING && server->connections > 0 && co_left(deadline) != 0)
        (void)co_cond_wait(&server->changed, co_left(deadline));
    if (server->connections > 0)
        log_info(server->log, "retiring: closing %zu connections", server->connections);
    /* Newer processes receive the last frames of the last publisher. */
    deadline = co_deadline(RETIRE_LAST_WAIT);
    while (server->state == SERVER_DRAINING && server->service->list != NULL &&
           server->connections == 0 && co_left(deadline) > 0)
        (void)co_cond_wait(&server->changed, co_left(deadline));
    listeners_close(server);
}

/* Waits for the connected clients, while the server drains. */
static MAY_YIELD void service_drain_all(struct server *server)
{
    if (server->is_retiring) {
        service_retire(server);
        return;
    }
    if (server->state == SERVER_DRAINING) {
        log_info(server->log, "drain: %zu connections open", server->connections);
        /* A load balancer sends new connections until it notices the drain: serve these. */
        server_drain_wait(server, server->config->grace_start_wait);
    }
    listeners_close(server);
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
    if (err != NULL) {
        server->state = SERVER_STOPPING;
        /* The master still has these sockets, and so do the workers of the program before: they
         * must not end because this worker could not start. */
        if (server->shared != NULL)
            listeners_leave(server);
    }
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
    server->is_retiring = 0;
    service_end_idle(server);
    co_cond_broadcast(&server->changed);
}
