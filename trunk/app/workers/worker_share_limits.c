/*
 * Limits that count by name over all workers: connections of an address, published streams. Each
 * name has one number for each slot, written by that worker alone.
 */
#include "app/workers/worker_share.h"

#include "base/shared_map.h"

/* Drops an entry that no worker counts any more. */
static void counts_drop(struct shared_map *map, uint32_t *counts, int workers)
{
    uint64_t sum = 0;

    for (int i = 0; i < workers; i++)
        sum += counts[i];
    if (sum == 0)
        shared_map_remove(map, counts);
}

/* Limits of a table: of one name's counts together, and of the number of names. */
struct counts_limits {
    uint64_t sum, names;
};

/* Adds one to this name's count at a worker; 0, or -1 if all workers together have reached a
 * limit. */
static int counts_enter(const struct worker_share *share, struct shared_map *map, int slot,
                        const char *name, const struct counts_limits *limits)
{
    uint32_t *counts;
    uint64_t sum = 0;
    int fits;

    shared_map_lock(map);
    counts = shared_map_find(map, name);
    if (counts == NULL && shared_map_count(map) < limits->names)
        counts = shared_map_add(map, name);
    for (int i = 0; counts != NULL && i < share->count; i++)
        sum += counts[i];
    fits = counts != NULL && sum < limits->sum;
    if (fits)
        counts[slot]++;
    shared_map_unlock(map);
    return fits ? 0 : -1;
}

static void counts_leave(const struct worker_share *share, struct shared_map *map, int slot,
                         const char *name)
{
    uint32_t *counts;

    shared_map_lock(map);
    counts = shared_map_find(map, name);
    if (counts != NULL && counts[slot] > 0) {
        counts[slot]--;
        counts_drop(map, counts, share->count);
    }
    shared_map_unlock(map);
}

static void counts_reap(const struct worker_share *share, struct shared_map *map, int slot)
{
    uint32_t *counts = NULL;

    shared_map_lock(map);
    while ((counts = shared_map_next(map, counts)) != NULL) {
        counts[slot] = 0;
        counts_drop(map, counts, share->count);
    }
    shared_map_unlock(map);
}

const char *worker_share_ip_enter(struct worker_share *share, int slot, const char *name,
                                  uint64_t limit)
{
    const struct counts_limits limits = {limit, UINT64_MAX};

    return counts_enter(share, share->ip_counts, slot, name, &limits) == 0
               ? NULL
               : "max_connections_per_ip";
}

void worker_share_ip_leave(struct worker_share *share, int slot, const char *name)
{
    counts_leave(share, share->ip_counts, slot, name);
}

int worker_share_stream_enter(struct worker_share *share, int slot, const char *key,
                              uint64_t streams_max)
{
    const struct counts_limits limits = {UINT64_MAX, streams_max};

    return counts_enter(share, share->streams, slot, key, &limits);
}

void worker_share_stream_leave(struct worker_share *share, int slot, const char *key)
{
    counts_leave(share, share->streams, slot, key);
}

void worker_share_limits_reap(const struct worker_share *share, int slot)
{
    counts_reap(share, share->ip_counts, slot);
    counts_reap(share, share->streams, slot);
}
