#ifndef APP_WORKERS_WATCHDOG_H
#define APP_WORKERS_WATCHDOG_H

/*
 * Whether a worker still runs its event loop. The master puts a question: a number in shared memory
 * and a ring of the bell (co/notify.h). The worker's event loop answers with the same number, its
 * beat. Only while an answer is missing does the master look again at regular intervals, and adds
 * up the time without one; no timer runs in the workers. Nothing here yields.
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

/* How often the master looks for a timeout of this length, while an answer is missing. */
usec_t watchdog_step(usec_t timeout);

struct watchdog_times {
    usec_t asked_at, looked_at; /* looked_at is not before asked_at */
};

/* When to look again; or, when no answer is missing, when to ask again. */
usec_t watchdog_next(const struct watchdog_times *times, int is_waiting, usec_t timeout);

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
