#ifndef CO_OFFLOAD_H
#define CO_OFFLOAD_H

/*
 * Work that blocks, in helper threads: system calls on disks that may hang. A coroutine waits for
 * its own job; the loop continues.
 *
 *   coroutine ──job──▶ queue ──▶ thread: run(arg) ──eventfd──▶ dispatcher ──cond──▶ coroutine
 *
 * State Threads and everything above it belong to the thread of the loop: run() and drop() may only
 * compute, allocate and make system calls; they must not log, yield, or touch anything that a
 * coroutine may touch meanwhile.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/yield.h"

#include <stddef.h>

struct offload;

/* At most so many threads, each of which is started when it is needed and no other is idle. */
struct err *offload_new(int threads_max, struct offload **out);
/*
 * No call may be waiting. Threads end as soon as they are idle; one that hangs in a job keeps what
 * it needs, and the end of the process does not wait for it. NULL is allowed.
 */
MAY_YIELD void offload_free(struct offload *offload);

/*
 * Runs the job and waits until it has returned: 0, and the caller has arg again. -1 after the
 * timeout or an interrupt: arg is no longer the caller's, drop(arg) frees it, in whichever thread,
 * when the job has ended or before it has begun.
 */
int offload_call(struct offload *offload, void (*run)(void *arg), void (*drop)(void *arg),
                 void *arg, usec_t timeout);

#endif
