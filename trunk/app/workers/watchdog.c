/*
 * On a busy machine a missing answer proves nothing: the worker may be waiting for a processor, for
 * its pages, or for a debugger. So time counts against a worker only as far as it could have run
 * its loop:
 *
 *   - runnable: the processor time that it used (an endless loop uses it; a worker that waits for a
 *     processor does not);
 *   - waiting for the disk, or traced: nothing, and no signal would help;
 *   - anything else, stopped or asleep: all of it, since notify_fd would wake a healthy worker.
 *
 * The unit of processor time is the clock tick (proc(5), /proc/PID/stat), which is precise enough.
 */
#include "app/workers/watchdog.h"

#include <assert.h>

#define WATCHDOG_STEPS    5 /* looks per timeout, while the worker does not answer */
#define WATCHDOG_QUIET    3 /* steps between two questions, so that an idle server can sleep */
#define WATCHDOG_STEP_MIN (100 * USEC_PER_MS)

usec_t watchdog_step(usec_t timeout)
{
    usec_t step = timeout / WATCHDOG_STEPS;

    return step > WATCHDOG_STEP_MIN ? step : WATCHDOG_STEP_MIN;
}

usec_t watchdog_next(const struct watchdog_times *times, int is_waiting, usec_t timeout)
{
    usec_t step = watchdog_step(timeout);

    if (!is_waiting)
        return times->probed_at + WATCHDOG_QUIET * step;
    return times->checked_at + (times->checked_at == times->probed_at ? WATCHDOG_STEP_MIN : step);
}

/* The part of this time in which the worker could have run its loop. */
static usec_t usable(const struct watchdog *dog, const struct proc_stat *process, usec_t elapsed)
{
    usec_t ran = process->cpu_time - dog->cpu_time;

    switch (process->state) {
    case 'R':
        /* Until the first look without a beat, the start of the silence is unknown. */
        if (ran < 0 || dog->silent == 0)
            return 0;
        return ran < elapsed ? ran : elapsed;
    case 'D':
    case 't':
        return 0;
    default:
        return elapsed;
    }
}

void watchdog_look(struct watchdog *dog, uint32_t beat, const struct proc_stat *process,
                   usec_t elapsed, usec_t step)
{
    assert(step > 0 && elapsed >= 0);
    if (elapsed > 2 * step)
        elapsed = 2 * step;
    if (beat != dog->beat) {
        dog->silent = dog->wasted = 0;
    } else {
        dog->wasted += usable(dog, process, elapsed);
        dog->silent += elapsed;
    }
    dog->beat = beat;
    dog->cpu_time = process->cpu_time;
}

int watchdog_is_late(const struct watchdog *dog, usec_t step)
{
    return dog->silent >= 2 * step;
}

const char *watchdog_state_name(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'S':
        return "sleeping";
    case 'T':
        return "stopped";
    default:
        return "state unknown";
    }
}
