#ifndef APP_WORKERS_WATCHDOG_H
#define APP_WORKERS_WATCHDOG_H

/*
 * Whether a worker still runs its event loop. The worker counts a beat in shared memory; the
 * master compares it at regular looks and adds up the time without one. Nothing here yields.
 */
#include "base/clock.h"
#include "base/proc_stat.h"

#include <stdint.h>

/* What is known of one worker, by its looks so far. All zero: none yet. */
struct watchdog {
    uint32_t beat;
    usec_t cpu_time;
    usec_t silent; /* since the last beat, while the master was running */
    usec_t wasted; /* the part of it in which the worker could have run its loop */
};

/* How often the master looks for a timeout of this length; a worker beats twice as often. */
usec_t watchdog_step(usec_t timeout);

/*
 * One more look. elapsed: since the last one, by the master's clock; what is beyond two steps is
 * not counted, for then the master was stopped as well.
 */
void watchdog_look(struct watchdog *dog, uint32_t beat, const struct proc_stat *process,
                   usec_t elapsed, usec_t step);

/* New connections should go elsewhere: two looks without a beat, be it because of the machine. */
int watchdog_is_late(const struct watchdog *dog, usec_t step);

/* For a log line. */
const char *watchdog_state_name(char state);

#endif
