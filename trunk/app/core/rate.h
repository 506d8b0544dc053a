#ifndef APP_CORE_RATE_H
#define APP_CORE_RATE_H

/* Kilobits per second over about the last half minute, from counters that only grow. Pure. */
#include "base/clock.h"

#include <stdint.h>

#define RATE_STEP    ((usec_t)10 * USEC_PER_SEC) /* how often to sample */
#define RATE_SAMPLES 4                           /* so that 30 s are covered at any time */

struct rate {
    struct {
        usec_t at;
        uint64_t in, out; /* bytes */
    } sample[RATE_SAMPLES];
    uint8_t count, next;
};

/* Starts again from these values of the counters. */
void rate_init(struct rate *rate, usec_t now, uint64_t in, uint64_t out);
/* Takes a sample when the last one is at least RATE_STEP old; else does nothing. */
void rate_sample(struct rate *rate, usec_t now, uint64_t in, uint64_t out);
/* kbit/s since the oldest sample; 0 within the first 100 ms. */
void rate_kbps(const struct rate *rate, usec_t now, const uint64_t bytes[2], int64_t kbps[2]);

/* The mean in kbit/s of this many bytes in this time; 0 for less than 100 ms. */
int64_t rate_mean(uint64_t bytes, usec_t span);

#endif
