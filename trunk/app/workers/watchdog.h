#ifndef APP_WORKERS_WATCHDOG_H
#define APP_WORKERS_WATCHDOG_H

/*
 * Decides whether a worker still runs its event loop. The master asks: it writes a number to shared
 * memory and signals the worker's notify_fd (co/notify.h). The worker's event loop answers by
 * copying the number to its beat. Only while an answer is missing does the master look again at
 * regular intervals, and adds up the time without an answer; no timer runs in the workers. Never
 * yields.
 */
#include "base/clock.h"
#include "base/proc_stat.h"

#include <stdint.h>

/* What the master's looks have found about one worker. All zero: no look yet. */
struct watchdog {
    uint32_t beat;
    usec_t cpu_time;
    usec_t silent; /* since the last beat, while the master was running */
    usec_t wasted; /* the part of it in which the worker could have run its loop */
};

/* The time between two looks for this timeout, while an answer is missing. */
usec_t watchdog_step(usec_t timeout);

struct watchdog_times {
    usec_t probed_at, checked_at; /* looked_at is never before asked_at */
};

/* The time of the next look; if no answer is missing, of the next question. */
usec_t watchdog_next(const struct watchdog_times *times, int is_waiting, usec_t timeout);

/*
 * Adds one look. elapsed: the time since the last look, by the master's clock; time beyond two
 * steps does not count, since the master was stopped too.
 */
void watchdog_look(struct watchdog *dog, uint32_t beat, const struct proc_stat *process,
                   usec_t elapsed, usec_t step);

/* 1 after two looks without a beat, even if the machine is the cause: new connections should go to
 * other workers. */
int watchdog_is_late(const struct watchdog *dog, usec_t step);

/* The process state as text for a log line. */
const char *watchdog_state_name(char state);

#endif
