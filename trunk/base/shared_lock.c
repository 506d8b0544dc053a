/*
 * A robust mutex: when its holder is killed, the kernel passes it to the next process and reports
 * that. If a holder does not release the lock, the waiting processes find its process id in a field
 * of glibc's mutex.
 */
#include "base/shared_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* The lock is held for microseconds: after this many waits the holder is reported. */
#define LOCK_WAIT_NS (100 * 1000 * 1000)
#define LOCK_WAITS   10

int shared_lock_init(struct shared_lock *lock)
{
    pthread_mutexattr_t attr;
    int failed = pthread_mutexattr_init(&attr) != 0;

    if (failed)
        return -1;
    failed = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
             pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0 ||
             pthread_mutex_init(&lock->mutex, &attr) != 0;
    pthread_mutexattr_destroy(&attr);
    return failed ? -1 : 0;
}

/* Belongs to the process, not to a lock: fork inherits it, and it is set before the first lock
 * exists. */
static void (*lock_stuck)(pid_t holder);

void shared_lock_on_stuck(void (*stuck)(pid_t holder))
{
    lock_stuck = stuck;
}

/* Each wait counts once, however long this process itself was stopped meanwhile. */
static int lock_wait(struct shared_lock *lock)
{
    for (int waits = 1;; waits++) {
        struct timespec until;
        int failed;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOCK_WAIT_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        failed = pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC, &until);
        if (failed != ETIMEDOUT)
            return failed;
        if (waits >= LOCK_WAITS && lock_stuck != NULL)
            lock_stuck((pid_t)lock->mutex.__data.__owner);
    }
}

int shared_lock_take(struct shared_lock *lock)
{
    int failed = pthread_mutex_trylock(&lock->mutex);

    if (failed == EBUSY)
        failed = lock_wait(lock);
    /* Continuing without the lock would be worse than exiting. */
    if (failed != 0 && failed != EOWNERDEAD)
        abort();
    return failed == EOWNERDEAD;
}

void shared_lock_repaired(struct shared_lock *lock)
{
    if (pthread_mutex_consistent(&lock->mutex) != 0)
        abort();
}

void shared_lock_release(struct shared_lock *lock)
{
    (void)pthread_mutex_unlock(&lock->mutex);
}
