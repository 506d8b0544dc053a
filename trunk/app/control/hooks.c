/*
 * The row of the callbacks: their state in the process, what all workers share, and the end. When a
 * worker has died, the first worker that notices it reports the ends of its sessions.
 */
#include "app/control/hooks.h"

#include "app/control/hooks_private.h"
#include "app/control/hooks_target.h"
#include "app/stream/publication.h"
#include "app/stream/stream.h"
#include "base/shared_map.h"

#include <stdlib.h>

/* A start takes two to three blocks, and an RTMP client has two starts. */
#define BLOCKS_PER_CONNECTION 6
#define BLOCKS_MIN            4096
#define BLOCKS_MAX            ((size_t)1 << 21)
/* For the coroutines to end after they were interrupted. */
#define HOOKS_END_WAIT USEC_PER_SEC

struct hooks *hooks_of(const struct server *server)
{
    return observer_own(server, &hooks_observer);
}

/* ---- what all workers share ---- */

static void hooks_share_free(void *shared)
{
    struct hooks_share *share = shared;

    hooks_ledgers_free(share->ledgers);
    shared_map_free(share->watched);
    free(share);
}

static struct err *hooks_share_new(struct shared_memory *memory, const struct config *config,
                                   int slots, void **shared)
{
    struct hooks_share *share = calloc(1, sizeof(*share));
    size_t blocks = (size_t)config->max_connections * BLOCKS_PER_CONNECTION + BLOCKS_MIN;

    if (share == NULL)
        return err_new(ERR_NOMEM, "http_hooks");
    share->slots = slots;
    share->ledgers = hooks_ledgers_new(memory, slots, blocks < BLOCKS_MAX ? blocks : BLOCKS_MAX);
    /* Viewers may watch as many streams as there are connections, and some streams are idle. */
    share->watched = shared_map_new(memory, (size_t)(config->max_connections + config->max_streams),
                                    sizeof(usec_t) + 8 + (size_t)slots * sizeof(uint32_t));
    if (share->ledgers == NULL || share->watched == NULL) {
        hooks_share_free(share);
        return err_new(ERR_NOMEM, "http_hooks: shared memory");
    }
    *shared = share;
    return NULL;
}

/* A worker is dead. Runs in the master. */
static void hooks_share_reap(void *shared, int slot)
{
    struct hooks_share *share = shared;

    hooks_watch_reap(share, slot);
    hooks_ledger_orphan(hooks_ledgers_at(share->ledgers, slot));
}

int hooks_slot(const struct hooks *hooks)
{
    return observer_slot(hooks->server);
}

/* ---- sessions of dead workers ---- */

/* What a dead worker's ledger holds: the ends of sessions before those of their connections. */
struct orphan {
    struct orphan *next;
    struct hooks_record record;
    char *text;
};

/* Reads all records; those that do not fit into memory are lost. A start whose answer is not known
 * may have been granted, so its end is reported, too. */
static void orphans_read(const struct hooks_ledger *ledger, int is_close, struct orphan ***end)
{
    uint32_t number = 0;

    while ((number = hooks_ledger_next(ledger, number)) != 0) {
        struct orphan *orphan = calloc(1, sizeof(*orphan));

        if (orphan == NULL)
            return;
        if (hooks_ledger_read(ledger, number, &orphan->record, &orphan->text) != 0 ||
            (orphan->record.stop == CONFIG_ON_CLOSE) != is_close) {
            free(orphan->text);
            free(orphan);
            continue;
        }
        **end = orphan;
        *end = &orphan->next;
    }
}

/* Empties the ledger of a dead worker, which may be this process's own, of its predecessor. */
static void adopt(struct hooks *hooks, struct hooks_ledger *ledger)
{
    struct orphan *first = NULL;
    struct orphan **end = &first;
    size_t count = 0;

    orphans_read(ledger, 0, &end);
    orphans_read(ledger, 1, &end);
    hooks_ledger_reset(ledger);
    while (first != NULL) {
        struct orphan *next = first->next;

        hooks_notify_orphan(hooks, &first->record);
        free(first->text);
        free(first);
        first = next;
        count++;
    }
    if (count > 0)
        log_info(hooks->server->log, "http_hooks: reporting %zu ends for a worker that has died",
                 count);
}

static void adopt_at(struct hooks *hooks, int slot)
{
    struct hooks_ledger *ledger = hooks_ledgers_at(hooks->share->ledgers, slot);

    if (!hooks_ledger_is_orphan(ledger))
        return;
    shared_map_lock(hooks->share->watched);
    if (hooks_ledger_is_orphan(ledger))
        adopt(hooks, ledger);
    shared_map_unlock(hooks->share->watched);
}

static void hooks_on_workers(struct server *server, void *own)
{
    struct hooks *hooks = own;

    (void)server;
    if (hooks->ledger == NULL || hooks->is_over)
        return;
    /* First this worker's own, which takes what is adopted from the others. */
    adopt_at(hooks, hooks_slot(hooks));
    for (int i = 0; i < hooks_ledgers_count(hooks->share->ledgers); i++)
        adopt_at(hooks, i);
}

/* ---- the process ---- */

static struct err *hooks_open(struct server *server, void **own)
{
    struct hooks *hooks = calloc(1, sizeof(*hooks));
    struct err *err;

    if (hooks == NULL)
        return err_new(ERR_NOMEM, "http_hooks");
    err = co_cond_init(&hooks->changed);
    if (err != NULL) {
        free(hooks);
        return err;
    }
    hooks->server = server;
    hooks->pool = hooks_pool_new();
    *own = hooks;
    return hooks->pool != NULL ? NULL : err_new(ERR_NOMEM, "http_hooks");
}

static struct err *hooks_start(struct server *server, void *own)
{
    struct hooks *hooks = own;

    hooks->share = observer_shared(server, &hooks_observer);
    hooks->ledger = hooks_ledgers_at(hooks->share->ledgers, hooks_slot(hooks));
    /* Before anything is written to the ledger of this worker's predecessor. */
    hooks_on_workers(server, hooks);
    return NULL;
}

static void hooks_tick(struct server *server, void *own, usec_t now)
{
    struct hooks *hooks = own;

    (void)server;
    hooks_pool_trim(hooks->pool, now);
    hooks_watch_tick(hooks, now);
}

static void hooks_on_publish(struct stream *stream, void *state)
{
    (void)state;
    hooks_watch_publish(hooks_of(stream->server), source_key(stream->source));
}

/* All sessions have ended, but their last events may not be delivered yet. */
static void hooks_stop(struct server *server, void *own, usec_t timeout)
{
    struct hooks *hooks = own;
    usec_t deadline;

    (void)server;
    hooks_notify_flush(hooks, co_deadline(timeout));
    hooks_query_abort(hooks);
    deadline = co_deadline(HOOKS_END_WAIT);
    while (hooks->coroutines > 0 && co_left(deadline) > 0)
        (void)co_cond_wait(&hooks->changed, co_left(deadline));
}

static void hooks_close(struct server *server, void *own)
{
    struct hooks *hooks = own;

    (void)server;
    if (hooks->coroutines == 0)
        hooks_target_free_all(hooks);
    hooks_pool_free(hooks->pool);
    co_cond_fini(&hooks->changed);
    free(hooks);
}

const struct observer hooks_observer = {.name = "http_hooks",
                                        .share_new = hooks_share_new,
                                        .share_free = hooks_share_free,
                                        .share_reap = hooks_share_reap,
                                        .open = hooks_open,
                                        .start = hooks_start,
                                        .tick = hooks_tick,
                                        .stop = hooks_stop,
                                        .close = hooks_close,
                                        .on_workers = hooks_on_workers,
                                        .on_publish = hooks_on_publish,
                                        .on_record = hooks_record,
                                        .on_segment = hooks_segment,
                                        .on_enter = hooks_watch_enter,
                                        .on_leave = hooks_watch_leave};
