/*
 * A worker's side of the shared registry. Each change of the registry wakes every worker, which
 * then checks its own streams: it fetches a stream that is wanted here and published elsewhere, and
 * evicts a local publisher whose stream another worker has taken over. The wake-up does not say
 * what has changed, so no change can be missed or arrive out of order.
 */
#include "app/workers/worker.h"

#include "app/core/metrics.h"
#include "app/workers/worker_private.h"
#include "app/workers/worker_reload.h"
#include "app/workers/worker_spread.h"
#include "base/str.h"
#include "co/notify.h"
#include "co/notify_signal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int worker_is_elsewhere(const struct server *server, const void *own, const char *key)
{
    const struct worker *worker = own;
    struct registry_holder holder;

    (void)server;
    return worker != NULL && registry_find(worker->share->registry, key, &holder) == 0 &&
           holder.worker != worker->slot;
}

/* ---- checking streams ---- */

static int is_watched(const struct stream *stream)
{
    struct source_stat stat;

    source_stat(stream->source, &stat);
    return stat.viewers > 0;
}

/* Whether the registry still says that the stream is ours. Another worker's publisher may have
 * taken it over. */
static int look_at_claim(struct stream *stream, struct worker_stream *own,
                         const struct registry_holder *holder)
{
    if (holder == NULL || holder->number != own->claim) {
        own->claim = 0;
        publication_claim_lost(stream, EVICT_TAKEN_OVER);
        return 0;
    }
    if (holder->asked != holder->answered) {
        own->asked = holder->asked;
        publication_ask(stream);
    }
    return own->claim != 0;
}

static void worker_look(struct worker *worker, struct stream *stream)
{
    struct worker_stream *own = worker_stream_of(stream);
    struct registry_holder holder;
    int is_held = registry_find(worker->share->registry, source_key(stream->source), &holder) == 0;

    if (own->claim != 0 && look_at_claim(stream, own, is_held ? &holder : NULL))
        return;
    if (own->pull != NULL) {
        if (!is_held || holder.number != own->pull->holder.number)
            worker_pull_stale(own->pull, co_now());
        return;
    }
    if (!is_held)
        stream_unclaimed(stream);
    else if (holder.worker != worker->slot && !holder.is_early &&
             source_state(stream->source) != SOURCE_LIVE && is_watched(stream))
        worker_pull_start(worker, stream, &holder);
}

static void look_one(struct source *source, void *arg)
{
    struct stream *stream = source_data(source);

    if (stream != NULL)
        worker_look(arg, stream);
}

/* The stream has a viewer here: if another worker has the stream, it is fetched. */
static void worker_on_viewers(struct stream *stream, void *state)
{
    struct worker *worker = worker_of(stream->server);
    struct worker_stream *own = state;

    if (worker == NULL)
        return;
    if (own->time != NULL)
        stream_clock_want(own->time, is_watched(stream));
    if (is_watched(stream))
        own->wanted_at = co_now();
    if (own->pull == NULL && source_state(stream->source) != SOURCE_LIVE)
        worker_look(worker, stream);
}

/* A pull whose publication is over ends now that all frames have arrived. */
static void worker_on_unpublish(struct stream *stream, void *state)
{
    struct worker_stream *own = state;

    worker_stream_on_unpublish(stream, state);
    if (own->pull != NULL && own->pull->stale_since != 0)
        worker_pull_drop(own->pull);
}

static int worker_is_coming(const struct stream *stream, const void *state)
{
    const struct worker_stream *own = state;

    return own->pull != NULL || worker_is_elsewhere(stream->server, worker_of(stream->server),
                                                    source_key(stream->source));
}

static int worker_is_pull(const struct stream *stream, const void *state)
{
    const struct worker_stream *own = state;

    (void)stream;
    return own->pull != NULL;
}

/* ---- streams for the other workers ---- */

struct search {
    uint64_t number;
    struct source *found;
};

static void search_one(struct source *source, void *arg)
{
    const struct stream *stream = source_data(source);
    struct search *search = arg;

    if (stream != NULL && worker_stream_of(stream)->claim == search->number)
        search->found = source;
}

struct source *worker_publication_find(struct server *server, uint64_t number)
{
    struct search search = {number, NULL};

    if (number == 0 || worker_of(server) == NULL)
        return NULL;
    hub_each(server->hub, search_one, &search);
    if (search.found == NULL)
        return NULL;
    /* An edge's pull holds the claim before it has media: the requesting worker waits together with
     * it. */
    if (source_state(search.found) != SOURCE_LIVE &&
        !worker_stream_of(source_data(search.found))->is_reserved)
        return NULL;
    return search.found;
}

/* ---- changes of the registry ---- */

static MAY_YIELD void listener_run(void *arg)
{
    struct worker *worker = arg;
    struct worker_slot *slot = &worker->share->slot[worker->slot];
    struct err *err = NULL;

    co_set_id("workers");
    while (err == NULL && worker->server->hub != NULL) {
        slot->beat = slot->asked; /* the event loop runs */
        if (slot->is_retired)
            server_retire(worker->server);
        worker_reload_look(worker);
        admission_settle(worker->server);
        observers_settle(worker->server);
        if (atomic_exchange(&slot->has_changed, 0)) {
            hub_each(worker->server->hub, look_one, worker);
            co_cond_broadcast(&worker->changed);
        }
        observers_on_workers(worker->server);
        err = notify_wait(worker->notify_fd);
    }
    if (err != NULL && err_code(err) != ERR_INTERRUPTED) {
        log_err(worker->server->log, LOG_ERROR, err,
                "notifications from other workers lost, stopping: %s", err_text(err));
        server_stop(worker->server);
    }
    err_free(err);
}

/* ---- timers ---- */

static void worker_tick(struct server *server, void *state, usec_t now)
{
    const struct worker *worker = state;
    struct worker_pull *next;

    if (worker == NULL)
        return;
    for (struct worker_pull *pull = worker->pulls; pull != NULL; pull = next) {
        next = pull->next;
        if (pull->stream == NULL)
            continue;
        if (is_watched(pull->stream))
            pull->watched_at = now;
        if (now - pull->watched_at > WORKER_PULL_LINGER) {
            log_info(server->log, "worker pull %s: no viewers", source_key(pull->source));
            worker_pull_drop(pull);
        } else if (pull->stale_since != 0 && now - pull->stale_since > WORKER_PULL_STALE) {
            worker_pull_drop(pull);
        }
    }
}

/* ---- life cycle ---- */

static struct err *worker_ready(struct server *server, void *own)
{
    struct worker *worker = own;
    struct err *err;

    if (worker == NULL)
        return NULL;
    err = worker_handoff_open(worker);
    if (err != NULL)
        return err;
    worker->share->slot[worker->slot].state = WORKER_READY;
    log_info(server->log, "worker %d ready", worker->slot + 1);
    notify_signal_send(worker->share->wake);
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
    worker->row = &worker_observer;
    worker->look = worker_look;
    err = co_cond_init(&worker->ended);
    if (err == NULL)
        err = co_cond_init(&worker->changed);
    if (err != NULL)
        goto free_worker;
    /* The wrapper owns its descriptor from here on; the other workers' are for notification. */
    err = net_wrap_fd(share->notify_fd[slot], &worker->notify_fd);
    if (err != NULL)
        goto fini_cond;
    worker->listener = co_spawn_joinable(listener_run, worker);
    if (worker->listener == NULL) {
        err = err_new(ERR_NOMEM, "worker: coroutine");
        goto free_notify;
    }
    (void)str_copy(server->server_id, sizeof(server->server_id), share->server_id);
    memcpy(server->via_key, share->via_key, sizeof(server->via_key));
    server->pid = share->master;
    server->started_at = share->started_at;
    (void)str_copy(server->service_id, sizeof(server->service_id), share->service_id);
    memcpy(server->row_shared, share->row_shared, sizeof(server->row_shared));
    server->slot = slot;
    server->rank = share->slot[slot].rank;
    server->workers = share->workers;
    server->shared = &worker_shared;
    server->shared_arg = worker;
    admission_share(server, share->places, share->pulls, slot);
    server->metrics = share->metrics;
    metrics_begin(server->metrics, slot);
    observer_set_own(server, &worker_observer, worker);
    return NULL;
free_notify:
    net_free(worker->notify_fd);
    share->notify_fd[slot] = -1;
fini_cond:
    co_cond_fini(&worker->ended);
    co_cond_fini(&worker->changed);
free_worker:
    free(worker);
    return err;
}

/* Other workers must not hand over connections any more. */
static void worker_leave(struct server *server, void *own)
{
    const struct worker *worker = own;

    (void)server;
    if (worker != NULL)
        worker_spread_leaves(worker->share, worker->slot);
}

/* Connections that were handed over but not taken stay for the replacement worker. */
static MAY_YIELD void worker_halt(struct server *server, void *own)
{
    (void)server;
    if (own != NULL)
        worker_handoff_close(own);
}

static void worker_stop(struct server *server, void *own, usec_t timeout)
{
    struct worker *worker = own;

    (void)server;
    if (worker == NULL)
        return;
    worker->share->slot[worker->slot].state = WORKER_ENDING;
    for (struct worker_pull *pull = worker->pulls; pull != NULL; pull = pull->next)
        worker_pull_drop(pull);
    /* The pulls are interrupted and wait for nothing else, so each of them ends, whatever the
     * deadline. */
    while (worker->pulls != NULL)
        (void)co_cond_wait(&worker->ended, timeout);
    co_interrupt(worker->listener);
    co_join(worker->listener);
    worker->listener = NULL;
}

static MAY_YIELD void worker_close(struct server *server, void *own)
{
    struct worker *worker = own;

    worker_handoff_close(worker);
    worker_reload_leave(worker);
    if (worker->listener != NULL) {
        co_interrupt(worker->listener);
        co_join(worker->listener);
    }
    net_free(worker->notify_fd);
    worker->share->notify_fd[worker->slot] = -1;
    co_cond_fini(&worker->ended);
    co_cond_fini(&worker->changed);
    server->shared = NULL;
    server->shared_arg = NULL;
    server->metrics = NULL;
    free(worker);
}

const struct observer worker_observer = {.name = "workers",
                                         .state_size = sizeof(struct worker_stream),
                                         .ready = worker_ready,
                                         .tick = worker_tick,
                                         .leave = worker_leave,
                                         .halt = worker_halt,
                                         .stop = worker_stop,
                                         .close = worker_close,
                                         .attach = worker_stream_attach,
                                         .detach = worker_stream_detach,
                                         .on_publish = worker_stream_on_publish,
                                         .on_unpublish = worker_on_unpublish,
                                         .on_data = worker_stream_on_data,
                                         .on_viewers = worker_on_viewers,
                                         .on_watched = worker_stream_on_watched,
                                         .on_gone = worker_stream_on_watched,
                                         .on_facts = worker_stream_on_facts,
                                         .on_ask_again = worker_pull_again,
                                         .is_coming = worker_is_coming,
                                         .is_worker_pull = worker_is_pull,
                                         .facts = worker_stream_facts,
                                         .find = worker_stream_find,
                                         .is_elsewhere = worker_is_elsewhere};
