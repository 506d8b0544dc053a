/*
 * A worker's side of the shared table. Publishers take their stream there first
 * and then in their own source; it is announced by a bell that every worker hears, who then
 * looks at its own streams: one that is wanted here and published there is fetched,
 * one that somebody has taken over is left by its publisher. What the bell is about is never said,
 * so nothing can be missed or come in the wrong order.
 */
#include "app/worker.h"

#include "app/edge.h"
#include "app/rtmp_contest.h"
#include "app/rtmp_session.h"
#include "app/stream.h"
#include "app/watchdog.h"
#include "app/worker_ports.h"
#include "app/worker_private.h"
#include "base/str.h"
#include "co/notify.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct worker *worker_of(const struct stream *stream)
{
    return stream->server->worker;
}

/* ---- the publish lock ---- */

const uint8_t worker_stray_print[REGISTRY_PRINT_SIZE] = "fetched from another origin";

static int claim(struct stream *stream, struct registry_claim *claim)
{
    struct worker *worker = worker_of(stream);
    uint64_t number;

    if (worker == NULL)
        return 0;
    claim->key = source_key(stream->source);
    claim->worker = worker->slot;
    claim->now = co_now();
    if (registry_claim(worker->share->registry, claim, &number) != REGISTRY_YOURS)
        return -1;
    stream->claim = number;
    if (stream->relay != NULL && claim->is_early)
        worker_relay_stale(stream->relay, co_now());
    else if (stream->relay != NULL)
        worker_relay_drop(stream->relay);
    worker_share_ring(worker->share);
    return 0;
}

int worker_claim(struct stream *stream, const uint8_t *print, enum registry_takeover takeover)
{
    return claim(stream, &(struct registry_claim){.print = print, .takeover = takeover});
}

int worker_claim_early(struct stream *stream, const uint8_t *print, enum registry_takeover takeover)
{
    return claim(stream,
                 &(struct registry_claim){.print = print, .takeover = takeover, .is_early = 1});
}

void worker_release(struct stream *stream)
{
    struct worker *worker = worker_of(stream);

    if (worker == NULL || stream->claim == 0)
        return;
    registry_release(worker->share->registry, source_key(stream->source), stream->claim);
    stream->claim = 0;
    worker_share_ring(worker->share);
}

int worker_is_elsewhere(const struct server *server, const char *key)
{
    struct registry_holder holder;

    return server->worker != NULL &&
           registry_find(server->worker->share->registry, key, &holder) == 0 &&
           holder.worker != server->worker->slot;
}

/* ---- looking ---- */

static int is_watched(const struct stream *stream)
{
    struct source_stat stat;

    source_stat(stream->source, &stat);
    return stat.viewers > 0;
}

void worker_look(struct worker *worker, struct stream *stream)
{
    struct registry_holder holder;
    int is_held = registry_find(worker->share->registry, source_key(stream->source), &holder) == 0;
    int is_ours = is_held && holder.worker == worker->slot;

    if (stream->claim != 0) {
        /* Taken over by a publisher of another worker. */
        if (!is_held || holder.number != stream->claim) {
            stream->claim = 0;
            rtmp_publish_put_out(stream);
            edge_give_way(stream);
        }
        if (stream->claim != 0 && holder.asked != holder.answered)
            rtmp_contest_heard(stream, holder.asked);
        if (stream->claim != 0)
            return;
    }
    if (stream->relay != NULL) {
        if (!is_held || holder.number != stream->relay->holder.number)
            worker_relay_stale(stream->relay, co_now());
        return;
    }
    /* Nobody fetches it any more that others wait for here. */
    if (!is_held) {
        edge_on_viewers(stream);
        stream_give_up(stream);
    }
    if (is_held && !is_ours && !holder.is_early && source_state(stream->source) != SOURCE_LIVE &&
        is_watched(stream))
        worker_relay_start(worker, stream, &holder);
}

static void look_one(struct source *source, void *arg)
{
    struct stream *stream = source_data(source);

    if (stream != NULL)
        worker_look(arg, stream);
}

void worker_want(struct stream *stream)
{
    struct worker *worker = worker_of(stream);

    if (worker == NULL)
        return;
    if (stream->time != NULL)
        timetable_want(stream->time, is_watched(stream));
    if (is_watched(stream))
        stream->wanted_at = co_now();
    if (stream->relay == NULL && source_state(stream->source) != SOURCE_LIVE)
        worker_look(worker, stream);
}

static void bell_run(void *arg)
{
    struct worker *worker = arg;
    struct err *err = NULL;

    co_set_id("workers");
    while (err == NULL) {
        hub_each(worker->server->hub, look_one, worker);
        co_cond_broadcast(&worker->told);
        err = notify_wait(worker->bell, USEC_NEVER);
    }
    if (err_code(err) != ERR_INTERRUPTED) {
        log_error(worker->server->log, "other workers' streams are no longer heard of: %s",
                  err_text(err));
        server_stop(worker->server);
    }
    err_free(err);
}

/* ---- timers ---- */

/* Tells the master that the event loop runs. */
static void pulse_run(void *arg)
{
    struct worker *worker = arg;
    usec_t wait = watchdog_step(worker->server->config->worker_timeout) / 2;

    co_set_id("pulse");
    do
        worker->share->slot[worker->slot].beat++;
    while (co_sleep(wait) != CO_INTERRUPTED);
}

void worker_tick(struct worker *worker, usec_t now)
{
    struct worker_relay *next;

    if (worker == NULL)
        return;
    for (struct worker_relay *relay = worker->relays; relay != NULL; relay = next) {
        next = relay->next;
        if (relay->stream == NULL)
            continue;
        if (is_watched(relay->stream))
            relay->watched_at = now;
        if (now - relay->watched_at > WORKER_RELAY_LINGER) {
            log_info(worker->server->log, "relay %s: nobody watches", source_key(relay->source));
            worker_relay_drop(relay);
        } else if (relay->stale_since != 0 && now - relay->stale_since > WORKER_RELAY_STALE) {
            worker_relay_drop(relay);
        }
    }
}

/* ---- limits ---- */

uint64_t worker_memory(struct worker *worker, uint64_t used, int *workers)
{
    *workers = worker != NULL ? worker->share->count : 1;
    return worker != NULL ? worker_share_memory(worker->share, worker->slot, used) : 0;
}

const char *worker_enter(struct worker *worker)
{
    return worker == NULL ? NULL
                          : worker_share_enter(worker->share, worker->slot, worker->server->config);
}

void worker_leave(struct worker *worker)
{
    if (worker != NULL)
        worker_share_leave(worker->share, worker->slot);
}

const char *worker_peer_enter(struct worker *worker, const char *name, uint64_t limit)
{
    return worker == NULL ? NULL
                          : worker_share_peer_enter(worker->share, worker->slot, name, limit);
}

void worker_peer_leave(struct worker *worker, const char *name)
{
    if (worker != NULL)
        worker_share_peer_leave(worker->share, worker->slot, name);
}

void worker_quota_add(struct worker *worker, enum quota_class class, int delta)
{
    if (worker != NULL)
        worker_share_quota_add(worker->share, worker->slot, class, delta);
}

void worker_quota_oldest(struct worker *worker, enum quota_class class, usec_t since)
{
    if (worker != NULL)
        worker_share_oldest(worker->share, worker->slot, class, since);
}

uint64_t worker_quota_count(const struct worker *worker, enum quota_class class, uint64_t own)
{
    return worker != NULL ? worker_share_quota(worker->share, class) : own;
}

int worker_stream_enter(struct worker *worker, const char *key)
{
    return worker == NULL ? 0 : worker_share_stream_enter(worker->share, worker->slot, key);
}

void worker_stream_leave(struct worker *worker, const char *key)
{
    if (worker != NULL)
        worker_share_stream_leave(worker->share, worker->slot, key);
}

int worker_tls_secret(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at)
{
    const struct worker *worker = arg;

    return worker_share_secret(worker->share, out, made_at);
}

/* ---- life ---- */

int worker_endpoint(const struct worker *worker, char *out, size_t cap)
{
    char path[128];

    if (worker_share_path(worker->share, worker->slot, path, sizeof(path)) != 0)
        return -1;
    return str_format(out, cap, "unix:%s", path);
}

int worker_port(const struct worker *worker, const char *endpoint, int kind)
{
    return worker_ports_take(worker->share->ports, worker->slot, endpoint, kind);
}

int worker_listens(const struct worker *worker, const char *endpoint)
{
    return worker == NULL || worker->slot == 0 || !str_starts(endpoint, "unix:");
}

struct err *worker_ready(struct worker *worker)
{
    struct err *err;

    if (worker == NULL)
        return NULL;
    err = worker_door_open(worker);
    if (err != NULL)
        return err;
    worker->share->slot[worker->slot].state = WORKER_READY;
    log_info(worker->server->log, "worker %d serves", worker->slot + 1);
    /* The master looks at the states whenever it hears of its children. */
    (void)kill(worker->share->master, SIGCHLD);
    return NULL;
}

struct err *worker_new(struct server *server, struct worker_share *share, int slot)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    struct err *err;

    assert(slot >= 0 && slot < share->count);
    if (worker == NULL)
        return err_new(ERR_NOMEM, "worker");
    worker->server = server;
    worker->share = share;
    worker->slot = slot;
    err = co_cond_init(&worker->ended);
    if (err == NULL)
        err = co_cond_init(&worker->told);
    if (err != NULL)
        goto free_worker;
    /* The wrapper owns it from here on; the others' stay for ringing. */
    err = net_wrap_fd(share->bell[slot], &worker->bell);
    if (err != NULL)
        goto fini_cond;
    worker->listener = co_spawn_joinable(bell_run, worker);
    if (worker->listener == NULL) {
        err = err_new(ERR_NOMEM, "worker: coroutine");
        goto free_bell;
    }
    if (server->config->worker_timeout > 0)
        worker->pulse = co_spawn_joinable(pulse_run, worker);
    if (server->config->worker_timeout > 0 && worker->pulse == NULL) {
        err = err_new(ERR_NOMEM, "worker: coroutine");
        goto end_listener;
    }
    (void)str_copy(server->server_id, sizeof(server->server_id), share->server_id);
    memcpy(server->via_key, share->via_key, sizeof(server->via_key));
    server->pid = share->master;
    server->started_at = share->started_at;
    server->worker = worker;
    return NULL;
end_listener:
    co_interrupt(worker->listener);
    co_join(worker->listener, USEC_NEVER);
free_bell:
    net_free(worker->bell);
    share->bell[slot] = -1;
fini_cond:
    co_cond_fini(&worker->ended);
    co_cond_fini(&worker->told);
free_worker:
    free(worker);
    return err;
}

void worker_free(struct worker *worker, usec_t timeout_never)
{
    if (worker == NULL)
        return;
    worker->share->slot[worker->slot].state = WORKER_ENDING;
    if (worker->pulse != NULL) {
        co_interrupt(worker->pulse);
        co_join(worker->pulse, timeout_never);
    }
    for (struct worker_relay *relay = worker->relays; relay != NULL; relay = relay->next)
        worker_relay_drop(relay);
    while (worker->relays != NULL)
        (void)co_cond_wait(&worker->ended, timeout_never);
    co_interrupt(worker->listener);
    co_join(worker->listener, timeout_never);
    net_free(worker->bell);
    worker->share->bell[worker->slot] = -1;
    co_cond_fini(&worker->ended);
    co_cond_fini(&worker->told);
    worker->server->worker = NULL;
    free(worker);
}
