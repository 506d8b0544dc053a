#ifndef BASE_SHARED_LOCK_H
#define BASE_SHARED_LOCK_H

/*
 * A lock in memory shared by a process and its forked children. A process may be killed at any
 * instant, also while it holds the lock: the next one gets the lock and repairs what it protects.
 * Hold it for microseconds, never across a wait; then taking it makes no system call in nearly all
 * cases. Never yields.
 */
#include <pthread.h>
#include <sys/types.h>

struct shared_lock {
    pthread_mutex_t mutex;
};

/* In shared memory, before the fork. 0 or -1. */
int shared_lock_init(struct shared_lock *lock);

/* 1: the process that held the lock was killed; repair what the lock protects, then call
 * shared_lock_repaired(). Else 0. */
int shared_lock_take(struct shared_lock *lock) __attribute__((warn_unused_result));
void shared_lock_repaired(struct shared_lock *lock);
void shared_lock_release(struct shared_lock *lock);

/*
 * Sets a callback that is called when this process has waited for a lock for a second, and every
 * tenth of a second from then on, with the id of the process that holds the lock (0 if unknown).
 * NULL: no callback.
 */
void shared_lock_on_stuck(void (*stuck)(pid_t holder));

#endif
