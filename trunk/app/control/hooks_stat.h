#ifndef APP_CONTROL_HOOKS_STAT_H
#define APP_CONTROL_HOOKS_STAT_H

/* Counters of the calls of callback servers by this process, for metrics. Only grow. */
#include "app/config/config.h"

#include <stdint.h>

struct server;

/* Upper limits of the latency histogram, in microseconds; one more bucket has the rest. */
#define HOOKS_LATENCY_BUCKETS 12
extern const usec_t hooks_stat_limits[HOOKS_LATENCY_BUCKETS];

struct hooks_stat {
    uint64_t calls;     /* with or without an answer; each try counts */
    uint64_t failures;  /* without a usable answer: unreachable, timeout, too long, status 5xx */
    uint64_t refusals;  /* answers that were a no */
    uint64_t overflows; /* clients refused by max_calls; events dropped undelivered */
    uint64_t latency[HOOKS_LATENCY_BUCKETS + 1]; /* of calls with an answer */
    uint64_t latency_us;                         /* sum of these */
};

/* Of one event; NULL: this server has no callbacks (struct tables). */
const struct hooks_stat *hooks_stat(const struct server *server, enum config_hook hook);

#endif
