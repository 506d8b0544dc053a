/*
 * The counters of all calls; each call counts once, with its event, its outcome and its time.
 */
#include "app/control/hooks_private.h"

const usec_t hooks_stat_limits[HOOKS_LATENCY_BUCKETS] = {
    USEC_PER_MS,       2 * USEC_PER_MS,  5 * USEC_PER_MS,      10 * USEC_PER_MS,
    25 * USEC_PER_MS,  50 * USEC_PER_MS, 100 * USEC_PER_MS,    250 * USEC_PER_MS,
    500 * USEC_PER_MS, USEC_PER_SEC,     5 * USEC_PER_SEC / 2, 5 * USEC_PER_SEC};

void hooks_stat_count(struct hooks *hooks, enum config_hook hook, int is_failure, usec_t began_at)
{
    struct hooks_stat *stat = &hooks->stat[hook];
    usec_t took = clock_now() - began_at;
    int bucket = 0;

    stat->calls++;
    if (is_failure) {
        stat->failures++;
        return;
    }
    while (bucket < HOOKS_LATENCY_BUCKETS && took > hooks_stat_limits[bucket])
        bucket++;
    stat->latency[bucket]++;
    stat->latency_us += (uint64_t)took;
}
