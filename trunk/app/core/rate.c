/*
 * A rate from a few samples of a counter. Four samples, ten seconds apart, cover the half minute of
 * the API's kbps values and cost nothing while a stream runs; a new stream is measured from its
 * start.
 */
#include "app/core/rate.h"

#include <assert.h>
#include <string.h>

static void rate_put(struct rate *rate, usec_t now, uint64_t in, uint64_t out)
{
    rate->sample[rate->next].at = now;
    rate->sample[rate->next].in = in;
    rate->sample[rate->next].out = out;
    rate->next = (uint8_t)((rate->next + 1) % RATE_SAMPLES);
    if (rate->count < RATE_SAMPLES)
        rate->count++;
}

void rate_init(struct rate *rate, usec_t now, uint64_t in, uint64_t out)
{
    memset(rate, 0, sizeof(*rate));
    rate_put(rate, now, in, out);
}

void rate_sample(struct rate *rate, usec_t now, uint64_t in, uint64_t out)
{
    int last = (rate->next + RATE_SAMPLES - 1) % RATE_SAMPLES;

    if (rate->count > 0 && now - rate->sample[last].at < RATE_STEP)
        return;
    rate_put(rate, now, in, out);
}

static int64_t kbps_of(uint64_t now, uint64_t then, usec_t span)
{
    /* Bits per millisecond. A counter that was reset gives 0, not a huge rate. */
    return now > then ? (int64_t)((now - then) * 8 / (uint64_t)(span / USEC_PER_MS)) : 0;
}

void rate_kbps(const struct rate *rate, usec_t now, const uint64_t bytes[2], int64_t kbps[2])
{
    int oldest = (rate->next + RATE_SAMPLES - rate->count) % RATE_SAMPLES;
    usec_t span = now - rate->sample[oldest].at;

    assert(bytes != NULL && kbps != NULL);
    kbps[0] = kbps[1] = 0;
    if (rate->count == 0 || span < 100 * USEC_PER_MS)
        return;
    kbps[0] = kbps_of(bytes[0], rate->sample[oldest].in, span);
    kbps[1] = kbps_of(bytes[1], rate->sample[oldest].out, span);
}

int64_t rate_mean(uint64_t bytes, usec_t span)
{
    return span < 100 * USEC_PER_MS ? 0 : kbps_of(bytes, 0, span);
}
