/*
 * Steps that cost viewers nothing come first, steps that end a stream last. Each step gets time to
 * take effect: connections end in their own coroutines, and freed memory must return to the system
 * before a measurement shows it.
 */
#include "app/server/shed.h"

#include "app/server/service_private.h"
#include "app/stream/fanout.h"
#include "app/stream/publication.h"
#include "app/stream/session_list.h"
#include "live/viewer.h"

#define SHED_STEP USEC_PER_SEC
#define MIB       (1024 * 1024)

/* ---- waiters ---- */

static void shed_waiter(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL)
        fanout_viewer_give_up(viewer_owner(viewer));
}

static void shed_waiters(struct source *source, void *arg)
{
    (void)arg;
    if (source_state(source) == SOURCE_IDLE)
        viewer_each(source, shed_waiter);
}

/* ---- queues ---- */

static void shed_queues(struct source *source, void *arg)
{
    *(size_t *)arg += source_shrink(source);
}

/* ---- the largest ---- */

struct shed_largest {
    struct source *source;
    size_t bytes;
};

static void shed_compare(struct source *source, void *arg)
{
    struct shed_largest *largest = arg;
    struct source_stat stat;
    size_t bytes;

    source_stat(source, &stat);
    bytes = stat.ring_bytes + publication_pending(source_data(source));
    if (bytes > largest->bytes)
        *largest = (struct shed_largest){source, bytes};
}

static void shed_viewer(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL)
        fanout_viewer_evict(viewer_owner(viewer));
}

/* Closes the publisher's connection; for a pulled stream, closes its viewers. */
static void shed_largest(struct server *server)
{
    struct shed_largest largest = {NULL, 0};
    const struct stream *stream;

    hub_each(server->hub, shed_compare, &largest);
    if (largest.source == NULL)
        return;
    stream = source_data(largest.source);
    log_error(server->log, "max_memory: closing %s, which uses %zu MiB, the most of all streams",
              source_key(largest.source), largest.bytes / MIB);
    if (publication_kind(stream) == PUBLISHER_ENCODER && stream->publisher != NULL)
        io_close(&stream->publisher->conn->io);
    else
        viewer_each(largest.source, shed_viewer);
}

/* ---- steps ---- */

static void shed_step(struct server *server)
{
    size_t freed = 0;

    switch (server->service->shed_steps++) {
    case 0:
        log_warn(server->log, "max_memory: closing viewers of unpublished streams");
        hub_each(server->hub, shed_waiters, NULL);
        break;
    case 1:
        hub_each(server->hub, shed_queues, &freed);
        log_warn(server->log, "max_memory: %zu MiB of queues dropped", freed / MIB);
        break;
    default:
        /* Queues have grown again since the last step. */
        hub_each(server->hub, shed_queues, &freed);
        shed_largest(server);
    }
}

static void shed_note(struct server *server, enum memory_level was)
{
    const struct memory *memory = &server->memory;
    unsigned long long used = (memory->used + memory->others) / MIB;
    unsigned long long limit = memory->limit / MIB;

    if (was == MEMORY_EASY)
        log_warn(server->log, "max_memory: %llu of %llu MiB used, new clients are refused", used,
                 limit);
    else if (memory->level == MEMORY_EASY)
        log_info(server->log, "max_memory: %llu of %llu MiB used, new clients are served again",
                 used, limit);
}

void shed_tick(struct server *server, usec_t now)
{
    struct memory *memory = &server->memory;
    enum memory_level was = memory->level;
    uint64_t used;
    int workers = 1;

    if (now - server->service->shed_measured_at < SHED_TICK)
        return;
    server->service->shed_measured_at = now;
    used = memory_used();
    memory_note(memory, used, server_shared_memory(server, used, &workers));
    if ((was == MEMORY_EASY) != (memory->level == MEMORY_EASY))
        shed_note(server, was);
    if (memory->level == MEMORY_EASY)
        server->service->shed_steps = 0;
    if (now - server->service->shed_at < SHED_STEP)
        return;
    server->service->shed_at = now;
    (void)memory_trim(memory, now, memory->level == MEMORY_OVER);
    /* Of several workers, only those above their share shed. */
    if (memory->level == MEMORY_OVER && memory_used() * (uint64_t)workers >= memory->limit)
        shed_step(server);
}
