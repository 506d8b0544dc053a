/*
 * The two clocks of the machine. Everything that measures an interval uses the monotonic one, so
 * that a step of the wall clock does not change any timeout.
 */
#include "base/clock.h"

#include <time.h>

static usec_t clock_read(clockid_t id)
{
    struct timespec ts;

    /* Cannot fail for the two ids below. */
    clock_gettime(id, &ts);
    return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t clock_now(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

usec_t clock_wall(void)
{
    return clock_read(CLOCK_REALTIME);
}
