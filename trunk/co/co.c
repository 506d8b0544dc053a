/*
 * The running coroutine on unmodified State Threads: its clock, its identity, parking and waking.
 *
 * Of the library only threads, one condition variable per coroutine and the heap of timeouts are
 * used. Whatever a coroutine waits for, it sleeps on its own condition variable (co_park), and
 * another coroutine wakes it (co_wake); conditions (co_cond.c), joins, connections and timers are
 * lists of parked coroutines. The library's interrupts are not used, so a wake-up and an interrupt
 * cannot conflict. See "Coroutines on stock State Threads" in doc/architecture.md.
 *
 * The library gets a clock and deadlines in whole milliseconds: it truncates poll()'s timeout to
 * milliseconds, and with finer times it would spin for the rest of the last one.
 */
#include "co/co.h"
#include "base/str.h"
#include "co/co_private.h"

#include <assert.h>
#include <errno.h>
#include <st.h>
#include <string.h>

#define CO_HOLD_WARN_US    (10 * USEC_PER_MS)
#define CO_HOLD_WARN_EVERY USEC_PER_SEC /* at most one log line in this time */
#define CO_WAIT_SLICE_US   (3600 * USEC_PER_SEC)
#define CO_FAIR_STREAK     32

static struct {
    const struct log *log;
    struct co *current;
    usec_t clock;     /* see co_now() */
    usec_t run_since; /* when the current coroutine was resumed */
    usec_t hold_peak;
    usec_t hold_warned;
    usec_t window_start; /* of the running window of about a second */
    usec_t window_busy;
    double last_load; /* of the previous window */
} rt;

/* ---- time and load ---- */

static void co_window_roll(usec_t now)
{
    usec_t len = now - rt.window_start;

    if (len < USEC_PER_SEC)
        return;
    rt.last_load = (double)rt.window_busy / (double)len;
    rt.window_busy = 0;
    rt.window_start = now;
}

/* The library calls this after each poll. */
static st_utime_t co_utime(void)
{
    rt.clock = clock_now();
    co_window_roll(rt.clock); /* ends a window before the work after a long sleep */
    return (st_utime_t)(rt.clock / USEC_PER_MS * USEC_PER_MS);
}

usec_t co_now(void)
{
    return rt.clock != 0 ? rt.clock : clock_now();
}

usec_t co_clock_refresh(void)
{
    rt.clock = clock_now();
    return rt.clock;
}

usec_t co_deadline(usec_t timeout)
{
    usec_t now;

    if (timeout == USEC_NEVER)
        return USEC_NEVER;
    now = co_clock_refresh();
    if (timeout <= 0)
        return now;
    return timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
}

usec_t co_left(usec_t deadline)
{
    usec_t now;

    if (deadline == USEC_NEVER)
        return USEC_NEVER;
    now = co_clock_refresh();
    return deadline > now ? deadline - now : 0;
}

static void co_hold_warn(usec_t hold)
{
    if (rt.hold_warned != 0 && rt.clock - rt.hold_warned < CO_HOLD_WARN_EVERY)
        return;
    rt.hold_warned = rt.clock;
    log_warn(rt.log, "event loop blocked for %lld ms", (long long)(hold / USEC_PER_MS));
}

void co_switch_out(void)
{
    usec_t now = clock_now();
    usec_t hold = now - rt.run_since;

    rt.clock = now;
    rt.window_busy += hold;
    co_window_roll(now);
    if (hold > rt.hold_peak)
        rt.hold_peak = hold;
    if (hold > CO_HOLD_WARN_US)
        co_hold_warn(hold);
}

/* The library reads the clock after each poll, and every coroutine reads it when it leaves:
 * rt.clock is current. */
void co_switch_in(struct co *self)
{
    rt.current = self;
    rt.run_since = rt.clock;
}

void co_switch_end(void)
{
    co_switch_out();
    rt.current = NULL;
}

usec_t co_loop_peak(void)
{
    usec_t peak = rt.hold_peak;

    rt.hold_peak = 0;
    return peak;
}

double co_loop_load(void)
{
    usec_t now = clock_now();
    double busy = (double)(rt.window_busy + (now - rt.run_since));
    double len = (double)(now - rt.window_start);
    double load;

    /* If the running window is shorter than a second, the previous one supplies the rest. */
    if (len < USEC_PER_SEC) {
        busy += rt.last_load * (USEC_PER_SEC - len);
        len = USEC_PER_SEC;
    }
    load = busy / len;
    return load < 1 ? load : 1;
}

/* ---- identity ---- */

struct co *co_self(void)
{
    return rt.current;
}

const char *co_id(void)
{
    return rt.current != NULL ? rt.current->id : "-";
}

void co_set_id(const char *id)
{
    assert(rt.current != NULL && id != NULL);
    (void)str_copy(rt.current->id, sizeof(rt.current->id), id);
}

const char *co_log_context(void *unused)
{
    (void)unused;
    return co_id();
}

/* ---- start ---- */

struct err *co_runtime_start(const struct log *log)
{
    int failed;

    assert(log != NULL && rt.log == NULL);
    if (st_set_utime_function(co_utime) != 0)
        return err_new(ERR_SYS, "State Threads is already initialized");
    CO_KEPT_BEGIN();
    failed = st_set_eventsys(ST_EVENTSYS_POLL) != 0 || st_init() != 0;
    CO_KEPT_END();
    if (failed)
        return err_sys(errno, "State Threads");
    if (strcmp(st_get_eventsys_name(), "poll") != 0)
        return err_new(ERR_SYS, "State Threads runs on %s, not on poll", st_get_eventsys_name());
    rt.log = log;
    rt.window_start = co_clock_refresh();
    return NULL;
}

/* ---- park and wake ---- */

static st_utime_t co_slice(usec_t deadline)
{
    usec_t due;
    usec_t from = (usec_t)st_utime_last_clock();

    if (deadline == USEC_NEVER)
        return ST_UTIME_NO_TIMEOUT;
    if (deadline - from > CO_WAIT_SLICE_US)
        return CO_WAIT_SLICE_US;
    due = (deadline + USEC_PER_MS - 1) / USEC_PER_MS * USEC_PER_MS;
    return due > from ? (st_utime_t)(due - from) : 0;
}

static void co_park_once(struct co *self, usec_t deadline)
{
    self->streak = 0;
    self->parked = 1;
    co_switch_out();
    /* Our own flags tell why it returned. */
    (void)st_cond_timedwait(self->st_cond, co_slice(deadline));
    co_switch_in(self);
    self->parked = 0;
}

enum co_wait co_park(usec_t deadline)
{
    struct co *self = rt.current;

    assert(self != NULL && !self->parked);
    if (self->interrupted)
        return CO_INTERRUPTED;
    self->woken = 0;
    for (;;) {
        co_park_once(self, deadline);
        if (self->woken)
            return CO_OK;
        if (self->interrupted)
            return CO_INTERRUPTED;
        if (deadline != USEC_NEVER && co_clock_refresh() >= deadline)
            return CO_TIMEOUT;
    }
}

void co_park_deaf(void)
{
    struct co *self = rt.current;

    assert(self != NULL && !self->parked);
    self->woken = 0;
    while (!self->woken)
        co_park_once(self, USEC_NEVER);
}

void co_wake(struct co *co)
{
    if (!co->parked || co->woken)
        return;
    co->woken = 1;
    (void)st_cond_signal(co->st_cond);
}

void co_interrupt(struct co *co)
{
    assert(co != NULL);
    co->interrupted = 1;
    if (co->parked && !co->woken)
        (void)st_cond_signal(co->st_cond);
}

int co_is_interrupted(void)
{
    return rt.current != NULL && rt.current->interrupted;
}

void co_forget_interrupt(void)
{
    assert(rt.current != NULL);
    rt.current->interrupted = 0;
}

enum co_wait co_sleep(usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    if (rt.current->interrupted)
        return CO_INTERRUPTED;
    if (timeout == 0) {
        co_yield ();
        return CO_TIMEOUT;
    }
    return co_park(deadline);
}

void co_yield (void)
{
    struct co *self = rt.current;

    assert(self != NULL);
    self->streak = 0;
    co_switch_out();
    /* Through the heap of timeouts, so that a poll precedes the next turn. */
    (void)st_usleep(0);
    co_switch_in(self);
}

void co_fair(void)
{
    if (++rt.current->streak >= CO_FAIR_STREAK)
        co_yield ();
}
