#ifndef APP_CORE_METRICS_H
#define APP_CORE_METRICS_H

/*
 * The counters that /metrics shows, in memory that all processes of the server share:
 *
 *   worker 0 ──writes──▶ block 0: values, labelled cells, histograms ─┐
 *   worker 1 ──writes──▶ block 1                                      ├─▶ any process adds them up
 *   (dead)               block 2: counters stay, gauges are zeroed ───┘
 *
 * Each process writes only its own block, so no lock is needed, and the block of a worker that dies
 * is continued by its replacement: counters never fall. Without workers there is one block.
 * All functions accept NULL for metrics and then count nothing. Never yields.
 */
#include "app/core/metrics_table.h"
#include "base/shared_memory.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Different labels of all metrics of a process together; further ones are counted as "other". */
#define METRICS_CELLS      128
#define METRICS_HISTOGRAMS 24
/* Bytes of a label, terminator included; a longer one is cut. */
#define METRICS_LABEL_MAX 32
/* Formats of viewers; further ones share the last place. */
#define METRICS_FORMATS 12

struct metrics_histogram {
    _Atomic uint64_t bucket[METRICS_BOUNDS_MAX]; /* not cumulative; the last one has no bound */
    _Atomic uint64_t sum;                        /* us */
};

struct metrics_cell {
    _Atomic uint32_t is_used; /* set last: then id and label are written */
    enum metrics_id id;
    char label[METRICS_LABEL_MAX];
    _Atomic uint64_t value;
};

struct metrics_series {
    _Atomic uint32_t is_used;
    enum metrics_id id;
    char label[METRICS_LABEL_MAX];
    struct metrics_histogram histogram;
};

/* Of one process. */
struct metrics_block {
    _Atomic int32_t pid; /* 0: no process */
    /* Processor time of former processes of this slot, and of this one when last looked at. */
    _Atomic uint64_t cpu_before, cpu_time;
    /* The same at the last measurement of its share, and when that was. */
    _Atomic uint64_t cpu_from;
    _Atomic int64_t cpu_at;
    _Atomic uint64_t cpu_share; /* then: in millionths of one processor */
    _Atomic uint64_t starts;
    _Atomic uint64_t value[METRICS_IDS]; /* without a label */
    struct metrics_cell cell[METRICS_CELLS];
    struct metrics_series series[METRICS_HISTOGRAMS];
};

struct metrics;

/* For so many processes, and up to `streams` streams with metrics of their own (metrics_stream.h).
 * Call it before they are forked. memory as for shared_map_new(). NULL without memory, or if an
 * opened memory has other metrics. */
struct metrics *metrics_new(struct shared_memory *memory, int processes, size_t streams);
/* Frees this process's view. */
void metrics_free(struct metrics *metrics);

/* This process is the one of this slot from now on. */
void metrics_begin(struct metrics *metrics, int slot);
/* The process of this slot is dead: its counters are kept, its gauges are not. */
void metrics_reap(struct metrics *metrics, int slot);

/* Counts an event, or changes a gauge; in this process's block. */
void metrics_add(struct metrics *metrics, enum metrics_id id, int64_t delta);
/* The same for a metric with a label. */
void metrics_add_label(struct metrics *metrics, enum metrics_id id, const char *label,
                       int64_t delta);
/* Adds a time to a histogram; label NULL: it has none. A negative time counts as 0. */
void metrics_observe(struct metrics *metrics, enum metrics_id id, const char *label, usec_t time);

/* Adds to a histogram with the bounds of this metric, wherever it is. */
void metrics_histogram_add(struct metrics_histogram *histogram, enum metrics_id id, usec_t time);

/* The processes, for reading. */
int metrics_count(const struct metrics *metrics);
struct metrics_block *metrics_block(const struct metrics *metrics, int slot);
int metrics_slot(const struct metrics *metrics);

/*
 * Processor time of the process of a slot, with that of its predecessors (us), and its share since
 * the last measurement, which is at least a second old, in millionths of one processor. Any process
 * may ask.
 */
uint64_t metrics_cpu_time(struct metrics *metrics, int slot);
uint64_t metrics_cpu_share(struct metrics *metrics, int slot, usec_t now);

#endif
