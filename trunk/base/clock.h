#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/*
 * Time in the whole server: signed microseconds. Pure code takes the time as an argument; only
 * main, co and the tests call clock_now().
 */
#include <stdint.h>

typedef int64_t usec_t;

#define USEC_PER_MS  ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
/* A timeout that never expires. */
#define USEC_NEVER ((usec_t)-1)

/* Monotonic time with an arbitrary zero. Never fails. */
usec_t clock_now(void);

/* Wall clock, microseconds since 1970-01-01T00:00:00Z. */
usec_t clock_wall(void);

#endif
