#ifndef CO_CO_PRIVATE_H
#define CO_CO_PRIVATE_H

/*
 * Shared by the files of co only: the coroutine's record, parking and waking. Every switch of
 * coroutine goes through co_park() or co_yield(), so the runtime always knows which coroutine runs
 * and for how long.
 */
#include "base/yield.h"
#include "co/co.h"

#if defined(__SANITIZE_ADDRESS__)
#define CO_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CO_SANITIZED 1
#endif
#endif

/*
 * Around calls of the library that allocate what it never frees: the sanitizer does not report it.
 * trunk/test/lsan.supp would do the same, but the sanitizer then reads all debug information at
 * every exit to name the functions, which takes longer than most tests.
 */
#ifdef CO_SANITIZED
#include <sanitizer/lsan_interface.h>
#define CO_KEPT_BEGIN() __lsan_disable()
#define CO_KEPT_END()   __lsan_enable()
#else
#define CO_KEPT_BEGIN() ((void)0)
#define CO_KEPT_END()   ((void)0)
#endif

struct co {
    void *st_thread;
    void *st_cond; /* its own condition variable, on which it sleeps in every wait */
    MAY_YIELD void (*fn)(void *arg);
    void *arg;
    struct co_cond *cond;    /* the condition whose ring it is in; NULL once signalled */
    struct co *next, *prev;  /* in that ring; next also in the pool of ended coroutines */
    struct co *joiner;       /* waits for this coroutine's end */
    usec_t deadline;         /* in the timers' heap */
    uint8_t *stack_low;      /* lowest usable byte; NULL on the process's own stack */
    int32_t timer_index;     /* index in the timers' heap, -1 outside */
    uint16_t streak;         /* see co_fair() */
    uint8_t parked : 1;      /* in co_park() */
    uint8_t woken : 1;       /* co_wake() was called since it parked */
    uint8_t interrupted : 1; /* never cleared but by co_forget_interrupt() */
    uint8_t joinable : 1;
    uint8_t painted : 1; /* its stack, see co_stack_paint() */
    uint8_t done : 1;    /* fn has returned */
    char id[CO_ID_SIZE];
};

/*
 * Sleeps until co_wake(), the deadline or an interrupt. Deadlines are in the library's heap and
 * rounded up to milliseconds; it never wakes early.
 */
enum co_wait co_park(usec_t deadline);
/* As co_park(), without interrupts or a deadline. */
MAY_YIELD void co_park_deaf(void);
/* Wakes a coroutine from co_park(); has no effect on one that is not parked. Never yields. */
void co_wake(struct co *co);

/* Around a switch outside co_park(): the reactor's own sleep. */
void co_switch_out(void);
void co_switch_in(struct co *self);
/* As co_switch_out(), by a coroutine that ends: no coroutine runs until the next co_switch_in(). */
void co_switch_end(void);

/* The steps of co_init(), in this order, each once per process. */
/* Starts State Threads with our clock; log is borrowed for ever. ERR_SYS. */
struct err *co_runtime_start(const struct log *log);
/* Makes the caller the first coroutine: see co_spawn.c. ERR_NOMEM. */
struct err *co_spawn_first(void);

/* Stacks: see co_stack.c. thread is a new st_thread_t. */
void co_stack_adopt(struct co *co, void *thread, size_t size, int fresh);
/* Called by an ended coroutine on its own stack; trim: return its pages to the system. */
void co_stack_leave(struct co *co, int trim);

#endif
