#ifndef CO_CO_H
#define CO_CO_H

/*
 * Coroutines over State Threads. Each connection has one; its code reads as if it blocked.
 * Functions that may switch coroutine are marked, see base/yield.h. One runtime per process,
 * started after any fork.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/yield.h"

#include <stddef.h>

#define CO_ID_SIZE 16 /* context id: 8 to 12 letters and digits, terminator included */

/* Usable stack of a coroutine, without the guard page; the remainder is never touched. */
#define CO_STACK_USABLE (60 * 1024)

enum co_wait { CO_OK = 0, CO_TIMEOUT, CO_INTERRUPTED };

struct co;

/*
 * Starts the runtime and its reactor; the caller becomes the first coroutine. log is borrowed for
 * ever. Once per process, after any fork. Ignores SIGPIPE.
 */
struct err *co_init(const struct log *log);

/* Creates a coroutine that starts at the next switch. NULL without memory. Detached: its handle
 * becomes invalid when fn returns. */
struct co *co_spawn(MAY_YIELD void (*fn)(void *arg), void *arg);

/* The same, to be joined by exactly one co_join(). */
struct co *co_spawn_joinable(MAY_YIELD void (*fn)(void *arg), void *arg);
/* Waits for fn to return and frees the handle. */
MAY_YIELD void co_join(struct co *co);
/* Frees the handle of a coroutine whose fn has returned. Never yields. */
void co_reap(struct co *co);

/*
 * Asks a coroutine to end: its current or next wait returns CO_INTERRUPTED, and so does every later
 * one. Call it only while the coroutine is known to exist.
 */
void co_interrupt(struct co *co);
int co_is_interrupted(void);
/* Clears the running coroutine's interrupt, so that it can wait again after it has ended its work,
 * e.g. to report its end. */
void co_forget_interrupt(void);

/* The running coroutine; NULL before co_init(). */
struct co *co_self(void);

/* The running coroutine's context id, assigned at spawn, unique within the process; "-" before
 * co_init(). */
const char *co_id(void);
void co_set_id(const char *id);
/* For struct log's context callback. */
const char *co_log_context(void *unused);

/*
 * The time of this turn of the loop, on clock_now()'s scale but without a system call: read at each
 * wake-up of the reactor and at each switch. co_clock_refresh() reads the clock again and returns
 * it.
 */
usec_t co_now(void);
usec_t co_clock_refresh(void);

/* The time `timeout` from now, for co_left(): one deadline over many waits. */
usec_t co_deadline(usec_t timeout);
/* The time left until the deadline, never negative; USEC_NEVER without a deadline. */
usec_t co_left(usec_t deadline);

/* timeout in us; CO_TIMEOUT at its end, CO_INTERRUPTED if interrupted before. */
enum co_wait co_sleep(usec_t timeout);
/* Lets the other coroutines and the reactor run. */
MAY_YIELD void co_yield (void);
/*
 * Yields at every 32nd call without a wait in between. For loops that may always find work: I/O is
 * polled only when no coroutine can run. The calls of io, net_wait() and net_accept() include it.
 */
MAY_YIELD void co_fair(void);

/*
 * A condition. Signals are not stored: test the state, then wait. Wake-ups may be spurious: test
 * again. co_cond_fini() requires that no coroutine waits.
 */
struct co_cond {
    struct co *waiters; /* a ring in the order of arrival; private to co_cond.c */
};
struct err *co_cond_init(struct co_cond *cond);
void co_cond_fini(struct co_cond *cond);
enum co_wait co_cond_wait(struct co_cond *cond, usec_t timeout);
void co_cond_signal(struct co_cond *cond);
void co_cond_broadcast(struct co_cond *cond);

/*
 * The same for frequent timers: waits until `deadline` (clock_now() time) or a signal on cond, on
 * the reactor's timerfd, which fires at whole milliseconds so that close deadlines share a wake-up.
 * CO_TIMEOUT never comes before the deadline.
 */
enum co_wait co_cond_wait_until(struct co_cond *cond, usec_t deadline);

/* Returns the stack's pages below the caller's frame to the system; call before a long wait. Costs
 * about 1 us. */
void co_stack_trim(void);
/*
 * Measures stacks, for tests: coroutines spawned while painting is on get a stack filled with a
 * pattern. The peak is the deepest use (bytes) of any of them that ended or was trimmed.
 */
void co_stack_paint(int on);
size_t co_stack_peak(void);

/* Number of live coroutines, with the first one, without the reactor. */
size_t co_count(void);

/* Longest time (us) that one coroutine blocked the loop since the last call; resets it. Above 10 ms
 * a warning is logged. */
usec_t co_loop_peak(void);
/* Share of time (0..1) that the process was busy, not polling, in about the last second. */
double co_loop_load(void);

#endif
