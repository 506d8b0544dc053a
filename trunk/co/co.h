#ifndef CO_CO_H
#define CO_CO_H

/*
 * Coroutines over State Threads. Every connection is one; its code reads as if
 * it blocked. What may switch coroutine says so, see base/yield.h. One runtime per process, started
 * after any fork.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/yield.h"

#include <stddef.h>

#define CO_ID_SIZE 16 /* context id: 8 to 12 letters and digits, terminator included */

/* What a coroutine may use of stack, guard page not counted; the rest of it is never touched. */
#define CO_STACK_USABLE (60 * 1024)

enum co_wait { CO_OK = 0, CO_TIMEOUT, CO_INTERRUPTED };

struct co;

/*
 * Starts the runtime and its reactor; the caller becomes the first coroutine. log is borrowed for
 * ever. Once per process, after any fork. Ignores SIGPIPE.
 */
struct err *co_init(const struct log *log);

/* A new coroutine that starts at the next switch. NULL without memory. Detached: gone when fn
 * returns. */
struct co *co_spawn(MAY_YIELD void (*fn)(void *arg), void *arg);

/* The same, to be joined by exactly one co_join(). */
struct co *co_spawn_joinable(MAY_YIELD void (*fn)(void *arg), void *arg);
/* Waits for fn to return and frees the handle. */
MAY_YIELD void co_join(struct co *co);
/* Frees the handle of one whose fn has returned. Never yields. */
void co_reap(struct co *co);

/*
 * Asks a coroutine to end: its wait, now or the next one, answers CO_INTERRUPTED,
 * and so does every later one. Only while the coroutine is known to live.
 */
void co_interrupt(struct co *co);
int co_is_interrupted(void);
/* The running coroutine was to end what it did, and has: it may wait again, to say so. */
void co_forget_interrupt(void);

/* The running coroutine; NULL before co_init(). */
struct co *co_self(void);

/* The running coroutine's context id, made at spawn, unique within the process; "-" before co_init.
 */
const char *co_id(void);
void co_set_id(const char *id);
/* For struct log's context callback. */
const char *co_log_context(void *unused);

/*
 * The time of this turn of the loop, by clock_now()'s clock but without a system call: read at each
 * wake of the reactor and at each switch. co_clock_refresh() reads the clock again and answers it.
 */
usec_t co_now(void);
usec_t co_clock_refresh(void);

/* The moment `timeout` from now, to be counted down by co_left(): one deadline over many waits. */
usec_t co_deadline(usec_t timeout);
/* What is left until the deadline, never negative; USEC_NEVER if it never comes. */
usec_t co_left(usec_t deadline);

/* timeout in us; CO_TIMEOUT when it is over, CO_INTERRUPTED before. */
enum co_wait co_sleep(usec_t timeout);
/* Lets the others and the reactor run. */
MAY_YIELD void co_yield (void);
/*
 * Yields after every 32nd call without a wait in between. For loops that may find work for ever:
 * I/O is looked at only when no coroutine can run. The calls of io, net_wait() and net_accept() do
 * it themselves.
 */
MAY_YIELD void co_fair(void);

/*
 * A condition. Signals are not kept: test the state, then wait. Wake-ups may be
 * spurious: test again. co_cond_fini() needs that nobody waits.
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
 * the reactor's timerfd, which goes off at whole milliseconds so that neighbours share a wake.
 * CO_TIMEOUT never comes before the deadline.
 */
enum co_wait co_cond_wait_until(struct co_cond *cond, usec_t deadline);

/* Gives back the stack's pages below the caller's frame; call before a long wait. Costs about 1 us.
 */
void co_stack_trim(void);
/*
 * Measures stacks, for tests: the coroutines spawned while painting is on have theirs filled with a
 * pattern. The peak is the deepest use (bytes) of any of them that ended or was trimmed.
 */
void co_stack_paint(int on);
size_t co_stack_peak(void);

/* Coroutines alive, the first one included, the reactor not. */
size_t co_count(void);

/* Longest time (us) one coroutine held the loop since the last call; resets. Logged as a warning
 * over 10 ms. */
usec_t co_loop_peak(void);
/* Share of time (0..1) the process was busy, not polling, over about the last second. */
double co_loop_load(void);

#endif
