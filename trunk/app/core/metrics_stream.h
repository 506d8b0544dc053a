#ifndef APP_CORE_METRICS_STREAM_H
#define APP_CORE_METRICS_STREAM_H

/*
 * Counters of each stream, in memory that all processes share. The table is bounded: a stream that
 * finds no room is counted in one entry for all others. A stream keeps its entry after it has
 * ended, and continues it when it is published again; when room is needed, or after
 * METRICS_STREAM_KEEP, its counters are added to the others'. So a sum over all entries never
 * falls. Never yields.
 */
#include "app/core/metrics.h"

/* How long the entry of a stream that no process has is kept. */
#define METRICS_STREAM_KEEP ((usec_t)900 * USEC_PER_SEC)

/* Counters, in the order of their ids: the first one is METRICS_STREAM_FIRST. */
#define METRICS_STREAM_FIRST METRICS_STREAM_PUBLISHES
#define METRICS_STREAM_COUNT (METRICS_STREAM_REPAIRS - METRICS_STREAM_FIRST + 1)
#define METRICS_QOE_FIRST    METRICS_QOE_REPORTS
#define METRICS_QOE_COUNT    (METRICS_QOE_ERRORS - METRICS_QOE_FIRST + 1)

struct metrics_qoe {
    _Atomic uint64_t count[METRICS_QOE_COUNT];
    struct metrics_histogram startup, latency, true_latency;
};

/* The part of one process in the stream's counters; only that process writes it. */
struct metrics_stream_part {
    _Atomic uint32_t uses;       /* it needs the entry */
    _Atomic uint32_t is_present; /* the stream is published, or was a moment ago; others: streams */
    _Atomic uint32_t is_published; /* others: number of streams */
    _Atomic uint32_t viewers[METRICS_FORMATS];
};

struct metrics_stream {
    _Atomic uint64_t count[METRICS_STREAM_COUNT]; /* by id, from METRICS_STREAM_FIRST on */
    struct metrics_qoe qoe;
    _Atomic int64_t used_at;           /* when a process last released it */
    _Atomic uint32_t formats;          /* a bit for each format that it ever had viewers in */
    struct metrics_stream_part part[]; /* of each process */
};

/*
 * The entry of a stream ("vhost/app/stream"), made if it has none, for this process until
 * metrics_stream_leave(). NULL: no room; then use metrics_stream_other(), which needs no leaving.
 */
struct metrics_stream *metrics_stream_enter(struct metrics *metrics, const char *key, usec_t now);
void metrics_stream_leave(struct metrics *metrics, struct metrics_stream *stream, usec_t now);
/* The same for a reader. NULL: there is no such entry; else it is kept until
 * metrics_stream_release(). */
struct metrics_stream *metrics_stream_find(struct metrics *metrics, const char *key);
void metrics_stream_release(struct metrics *metrics, struct metrics_stream *stream);
/* The entry of all other streams; NULL without metrics. */
struct metrics_stream *metrics_stream_other(const struct metrics *metrics);

/* The part of this process in the entry; the entry of all other streams is changed by deltas. */
struct metrics_stream_part *metrics_stream_part(const struct metrics *metrics,
                                                struct metrics_stream *stream);

static inline void metrics_stream_add(struct metrics_stream *stream, enum metrics_id id,
                                      uint64_t delta)
{
    atomic_fetch_add_explicit(&stream->count[id - METRICS_STREAM_FIRST], delta,
                              memory_order_relaxed);
}

/* The place of a format in `viewers`, and its name, cut to 8 bytes ("" for a place without one). */
#define METRICS_FORMAT_MAX 9
int metrics_stream_format(struct metrics *metrics, const char *name);
void metrics_stream_format_name(const struct metrics *metrics, int format,
                                char out[METRICS_FORMAT_MAX]);

/*
 * Calls fn for each entry, with the table locked: it must be quick. It may keep the entry by
 * increasing this process's uses. Drops entries that nobody has used for METRICS_STREAM_KEEP.
 */
void metrics_stream_each(struct metrics *metrics, usec_t now,
                         void (*fn)(void *arg, const char *key, struct metrics_stream *stream),
                         void *arg);

#endif
