#ifndef APP_CORE_METRICS_PRIVATE_H
#define APP_CORE_METRICS_PRIVATE_H

/* Shared by metrics.c (the blocks of processes) and metrics_stream.c (the table of streams) only.
 */
#include "app/core/metrics.h"
#include "app/core/metrics_stream.h"

struct shared_map;

struct metrics {
    int count; /* of processes */
    int slot;  /* of this process; -1: it does not count */
    struct metrics_block *block;
    struct shared_map *streams;          /* by "vhost/app/stream"; NULL: none */
    struct metrics_stream_shared *other; /* of the streams without an entry, and the formats */
    size_t other_bytes;
};

/* streams 0: there is no table, only the sum of all streams. 0, or -1 without memory. */
int metrics_stream_open(struct metrics *metrics, struct shared_memory *memory, size_t streams);
void metrics_stream_close(struct metrics *metrics);
void metrics_stream_reap(struct metrics *metrics, int slot);

#endif
