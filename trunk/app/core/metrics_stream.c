/*
 * The table of streams: a shared_map, whose lock every process takes only to enter or leave a
 * stream, never to count. Counters are atomic, because viewers of one stream may be at several
 * processes. What would be wrong after a process was killed (its uses of entries, its viewers) is
 * in a part of its own, which the master zeroes.
 */
#include "app/core/metrics_stream.h"

#include "app/core/metrics_private.h"
#include "base/shared_map.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

/* Shared: the names of formats, and the entry of all other streams. */
struct metrics_stream_shared {
    _Atomic uint64_t format[METRICS_FORMATS]; /* 0: none */
    struct metrics_stream other;
};

static size_t entry_size(const struct metrics *metrics)
{
    return sizeof(struct metrics_stream) +
           (size_t)metrics->count * sizeof(struct metrics_stream_part);
}

int metrics_stream_open(struct metrics *metrics, struct shared_memory *memory, size_t streams)
{
    size_t size = entry_size(metrics);

    metrics->other_bytes =
        sizeof(struct metrics_stream_shared) - sizeof(struct metrics_stream) + size;
    metrics->other =
        shared_memory_map(memory, shared_memory_kind(size, streams > 0), &metrics->other_bytes);
    if (metrics->other == NULL)
        return -1;
    if (streams > 0)
        metrics->streams = shared_map_new(memory, streams, size);
    return streams == 0 || metrics->streams != NULL ? 0 : -1;
}

void metrics_stream_close(struct metrics *metrics)
{
    shared_map_free(metrics->streams);
    if (metrics->other != NULL)
        (void)munmap(metrics->other, metrics->other_bytes);
}

static void part_clear(struct metrics_stream_part *part)
{
    part->uses = part->is_present = part->is_published = 0;
    for (int i = 0; i < METRICS_FORMATS; i++)
        part->viewers[i] = 0;
}

void metrics_stream_reap(struct metrics *metrics, int slot)
{
    struct metrics_stream *stream = NULL;

    part_clear(&metrics->other->other.part[slot]);
    if (metrics->streams == NULL)
        return;
    shared_map_lock(metrics->streams);
    while ((stream = shared_map_next(metrics->streams, stream)) != NULL)
        part_clear(&stream->part[slot]);
    shared_map_unlock(metrics->streams);
}

/* ---- entries ---- */

static int is_used(const struct metrics *metrics, const struct metrics_stream *stream)
{
    for (int i = 0; i < metrics->count; i++)
        if (stream->part[i].uses != 0)
            return 1;
    return 0;
}

static void histogram_fold(struct metrics_histogram *to, const struct metrics_histogram *from)
{
    for (int i = 0; i < METRICS_BOUNDS_MAX; i++)
        atomic_fetch_add(&to->bucket[i], from->bucket[i]);
    atomic_fetch_add(&to->sum, from->sum);
}

/* Adds its counters to the others', and removes it. */
static void entry_drop(struct metrics *metrics, struct metrics_stream *stream)
{
    struct metrics_stream *other = &metrics->other->other;

    for (int i = 0; i < METRICS_STREAM_COUNT; i++)
        atomic_fetch_add(&other->count[i], stream->count[i]);
    for (int i = 0; i < METRICS_QOE_COUNT; i++)
        atomic_fetch_add(&other->qoe.count[i], stream->qoe.count[i]);
    histogram_fold(&other->qoe.startup, &stream->qoe.startup);
    histogram_fold(&other->qoe.latency, &stream->qoe.latency);
    histogram_fold(&other->qoe.true_latency, &stream->qoe.true_latency);
    shared_map_remove(metrics->streams, stream);
}

/* Drops the entry that has been unused for longest. 0, or -1: all are used. */
static int entry_make_room(struct metrics *metrics)
{
    struct metrics_stream *oldest = NULL, *stream = NULL;

    while ((stream = shared_map_next(metrics->streams, stream)) != NULL)
        if (!is_used(metrics, stream) && (oldest == NULL || stream->used_at < oldest->used_at))
            oldest = stream;
    if (oldest == NULL)
        return -1;
    entry_drop(metrics, oldest);
    return 0;
}

struct metrics_stream *metrics_stream_enter(struct metrics *metrics, const char *key, usec_t now)
{
    struct metrics_stream *stream;

    if (metrics == NULL || metrics->streams == NULL || metrics->slot < 0)
        return NULL;
    shared_map_lock(metrics->streams);
    stream = shared_map_find(metrics->streams, key);
    if (stream == NULL)
        stream = shared_map_add(metrics->streams, key);
    if (stream == NULL && entry_make_room(metrics) == 0)
        stream = shared_map_add(metrics->streams, key);
    if (stream != NULL) {
        stream->used_at = now;
        stream->part[metrics->slot].uses++;
    }
    shared_map_unlock(metrics->streams);
    return stream;
}

void metrics_stream_leave(struct metrics *metrics, struct metrics_stream *stream, usec_t now)
{
    shared_map_lock(metrics->streams);
    assert(stream->part[metrics->slot].uses > 0);
    stream->used_at = now;
    stream->part[metrics->slot].uses--;
    shared_map_unlock(metrics->streams);
}

struct metrics_stream *metrics_stream_find(struct metrics *metrics, const char *key)
{
    struct metrics_stream *stream;

    if (metrics == NULL || metrics->streams == NULL || metrics->slot < 0)
        return NULL;
    shared_map_lock(metrics->streams);
    stream = shared_map_find(metrics->streams, key);
    if (stream != NULL)
        stream->part[metrics->slot].uses++;
    shared_map_unlock(metrics->streams);
    return stream;
}

void metrics_stream_release(struct metrics *metrics, struct metrics_stream *stream)
{
    assert(stream->part[metrics->slot].uses > 0);
    stream->part[metrics->slot].uses--;
}

struct metrics_stream *metrics_stream_other(const struct metrics *metrics)
{
    return metrics != NULL && metrics->slot >= 0 ? &metrics->other->other : NULL;
}

struct metrics_stream_part *metrics_stream_part(const struct metrics *metrics,
                                                struct metrics_stream *stream)
{
    return &stream->part[metrics->slot];
}

void metrics_stream_each(struct metrics *metrics, usec_t now,
                         void (*fn)(void *arg, const char *key, struct metrics_stream *stream),
                         void *arg)
{
    struct metrics_stream *stream, *next;

    if (metrics->streams == NULL)
        return;
    shared_map_lock(metrics->streams);
    for (stream = shared_map_next(metrics->streams, NULL); stream != NULL; stream = next) {
        next = shared_map_next(metrics->streams, stream);
        if (now - stream->used_at > METRICS_STREAM_KEEP && !is_used(metrics, stream))
            entry_drop(metrics, stream);
        else
            fn(arg, shared_map_key(metrics->streams, stream), stream);
    }
    shared_map_unlock(metrics->streams);
}

/* ---- formats ---- */

/*
 * A name of up to 8 bytes is one number, so that a place is taken by one atomic operation, and two
 * processes that add the same name get the same place.
 */
int metrics_stream_format(struct metrics *metrics, const char *name)
{
    struct metrics_stream_shared *shared = metrics->other;
    uint64_t wanted = 0;

    memcpy(&wanted, name, strnlen(name, sizeof(wanted)));
    for (int i = 0; i < METRICS_FORMATS; i++) {
        uint64_t is = shared->format[i];

        if (is == 0 && atomic_compare_exchange_strong(&shared->format[i], &is, wanted))
            return i;
        if (is == wanted)
            return i;
    }
    return METRICS_FORMATS - 1;
}

void metrics_stream_format_name(const struct metrics *metrics, int format,
                                char out[METRICS_FORMAT_MAX])
{
    uint64_t name = metrics->other->format[format];

    memcpy(out, &name, sizeof(name));
    out[METRICS_FORMAT_MAX - 1] = '\0';
}
