#ifndef APP_CORE_METRICS_TABLE_H
#define APP_CORE_METRICS_TABLE_H

/*
 * The table of all metrics: one row is one metric of /metrics, in the order in which they appear.
 * To add one: an id and a row; code that knows the event calls metrics_add() or metrics_observe()
 * (app/core/metrics.h), and a line in doc/metrics.md. Constant.
 */
#include "base/clock.h"
#include "base/shared_memory.h"

#include <stddef.h>

enum metrics_id {
    /* SRS's names. */
    METRICS_UNAME,
    METRICS_BUILD,
    METRICS_CPU_PERCENT,
    METRICS_MEMORY,
    METRICS_SEND_BYTES,
    METRICS_RECEIVE_BYTES,
    METRICS_STREAMS,
    METRICS_CLIENTS,
    METRICS_CLIENTS_TOTAL,
    METRICS_CLIENTS_ERRORS,
    /* The server. */
    METRICS_START_TIME,
    METRICS_CONNECTIONS,
    METRICS_CONNECTIONS_TOTAL,
    METRICS_CONNECTIONS_MAX,
    METRICS_MEMORY_MAX,
    METRICS_PUBLISHERS,
    METRICS_VIEWERS,
    METRICS_REFUSALS,
    METRICS_SESSION_TIME,
    METRICS_STARTUP_TIME,
    METRICS_QUALITY_SWITCHES,
    METRICS_VIEWER_LAG,
    METRICS_LOOP_LAG,
    METRICS_SCRAPES,
    METRICS_SCRAPE_TIME,
    METRICS_QOE_REFUSALS,
    METRICS_HOOK_CALLS,
    METRICS_HOOK_FAILURES,
    METRICS_HOOK_REFUSALS,
    METRICS_HOOK_DROPS,
    METRICS_HOOK_TIME,
    METRICS_RECORDINGS,
    METRICS_RECORD_FILES,
    METRICS_RECORD_BYTES,
    METRICS_RECORD_FAILURES,
    /* Each worker process; without workers there is one. */
    METRICS_WORKER_STARTS,
    METRICS_WORKER_CPU,
    METRICS_WORKER_MEMORY,
    METRICS_WORKER_CONNECTIONS,
    METRICS_WORKER_CLIENTS,
    /* Each stream. */
    METRICS_STREAM_PUBLISHED,
    METRICS_STREAM_VIEWERS,
    METRICS_STREAM_PUBLISHES,
    METRICS_STREAM_RECEIVE_BYTES,
    METRICS_STREAM_SEND_BYTES,
    METRICS_STREAM_FRAMES,
    METRICS_STREAM_DROPPED,
    METRICS_STREAM_GAPS,
    METRICS_STREAM_GAP_TIME,
    METRICS_STREAM_JUMPS,
    METRICS_STREAM_REPAIRS,
    /* What player pages reported of it. */
    METRICS_QOE_REPORTS,
    METRICS_QOE_WATCHED,
    METRICS_QOE_STALLS,
    METRICS_QOE_STALLED,
    METRICS_QOE_FRAMES,
    METRICS_QOE_DROPPED,
    METRICS_QOE_ERRORS,
    METRICS_QOE_STARTUP,
    METRICS_QOE_LATENCY,
    METRICS_QOE_TRUE_LATENCY,
    METRICS_IDS
};

enum metrics_type { METRICS_GAUGE, METRICS_COUNTER, METRICS_HISTOGRAM };

enum metrics_unit {
    METRICS_NUMBER,
    METRICS_TIME /* counted in microseconds, shown in seconds */
};

/* Where the value is. */
enum metrics_place {
    METRICS_AT_SCRAPE, /* computed when it is read */
    METRICS_AT_SERVER, /* counted by each process, and summed */
    METRICS_AT_WORKER, /* one for each process */
    METRICS_AT_STREAM, /* one for each stream */
    METRICS_AT_QOE     /* the same, of what player pages reported */
};

#define METRICS_BOUNDS_MAX 14

struct metrics_row {
    const char *name;
    enum metrics_type type;
    enum metrics_unit unit;
    enum metrics_place place;
    const char
        *label; /* of METRICS_AT_SERVER, for values that are counted separately; NULL: none */
    const usec_t *bounds; /* of a histogram: the upper bounds of its buckets; 0 ends them */
    const char *help;
};

const struct metrics_row *metrics_table_row(enum metrics_id id);

/* A number that identifies the rows and the memory that they need: another table has another
 * number. */
uint64_t metrics_table_kind(size_t block_size);

#endif
