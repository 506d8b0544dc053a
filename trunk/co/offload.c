/*
 * A queue with a mutex; threads wait for it on a condition. Jobs that have run go to a list of
 * finished ones, and an eventfd wakes the dispatcher, a coroutine that signals the callers that
 * wait.
 *
 * Threads are detached and share one block of memory with the loop, counted by reference, since a
 * thread may hang in the kernel for longer than the server runs. They block all signals: those of
 * the process belong to the loop.
 */
#include "co/offload.h"

#include "co/co.h"
#include "co/net.h"
#include "co/notify.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define OFFLOAD_STACK ((size_t)256 * 1024)

struct job {
    struct job *next;
    void (*run)(void *arg);
    void (*drop)(void *arg);
    void *arg;
    struct co_cond done; /* the loop's */
    int is_done;         /* the loop's: set by the dispatcher */
    int is_abandoned;    /* under the mutex: nobody waits */
};

/* What the threads share with the loop. */
struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int refs; /* threads, and the loop */
    int threads, idle;
    int is_over;
    int fd; /* of the notifications; closed with the last reference */
    struct job *first, **end;
    struct job *finished;
};

struct offload {
    struct shared *shared;
    int threads_max;
    struct co *dispatcher;
    struct net_conn *conn;
};

static void shared_unref_locked(struct shared *shared)
{
    int refs = --shared->refs;

    pthread_mutex_unlock(&shared->mutex);
    if (refs > 0)
        return;
    pthread_mutex_destroy(&shared->mutex);
    pthread_cond_destroy(&shared->wake);
    close(shared->fd);
    free(shared);
}

/* ---- threads ---- */

static struct job *take_locked(struct shared *shared)
{
    struct job *job = shared->first;

    if (job == NULL)
        return NULL;
    shared->first = job->next;
    if (shared->first == NULL)
        shared->end = &shared->first;
    return job;
}

static void *thread_run(void *arg)
{
    struct shared *shared = arg;

    pthread_mutex_lock(&shared->mutex);
    for (;;) {
        struct job *job = take_locked(shared);

        if (job == NULL && shared->is_over)
            break;
        if (job == NULL) {
            shared->idle++;
            pthread_cond_wait(&shared->wake, &shared->mutex);
            shared->idle--;
            continue;
        }
        pthread_mutex_unlock(&shared->mutex);
        job->run(job->arg);
        pthread_mutex_lock(&shared->mutex);
        if (job->is_abandoned) {
            pthread_mutex_unlock(&shared->mutex);
            job->drop(job->arg);
            free(job);
            pthread_mutex_lock(&shared->mutex);
            continue;
        }
        job->next = shared->finished;
        shared->finished = job;
        notify_send(shared->fd);
    }
    shared->threads--;
    shared_unref_locked(shared);
    return NULL;
}

/* One more thread, if the others are busy; without one, the job waits for them. 0, or -1 if there
 * is none at all. */
static int thread_start_locked(struct offload *offload)
{
    struct shared *shared = offload->shared;
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    int rc;

    if (shared->threads >= offload->threads_max || pthread_attr_init(&attr) != 0)
        return shared->threads > 0 ? 0 : -1;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, OFFLOAD_STACK);
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* of a sandbox, for the thread's own call */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, &attr, thread_run, shared);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    if (rc == 0) {
        shared->threads++;
        shared->refs++;
    }
    return shared->threads > 0 ? 0 : -1;
}

/* ---- the loop ---- */

static void dispatch(struct shared *shared)
{
    struct job *job;

    pthread_mutex_lock(&shared->mutex);
    job = shared->finished;
    shared->finished = NULL;
    pthread_mutex_unlock(&shared->mutex);
    while (job != NULL) {
        struct job *next = job->next;

        job->is_done = 1;
        co_cond_signal(&job->done);
        job = next;
    }
}

static MAY_YIELD void dispatcher_run(void *arg)
{
    struct offload *offload = arg;
    struct err *err = NULL;

    while (err == NULL) {
        err = notify_wait(offload->conn);
        dispatch(offload->shared);
    }
    err_free(err);
}

static struct shared *shared_new(void)
{
    struct shared *shared = calloc(1, sizeof(*shared));

    if (shared == NULL)
        return NULL;
    shared->refs = 1;
    shared->end = &shared->first;
    shared->fd = notify_new();
    if (shared->fd < 0 || pthread_mutex_init(&shared->mutex, NULL) != 0) {
        if (shared->fd >= 0)
            close(shared->fd);
        free(shared);
        return NULL;
    }
    (void)pthread_cond_init(&shared->wake, NULL);
    return shared;
}

struct err *offload_new(int threads_max, struct offload **out)
{
    struct offload *offload = calloc(1, sizeof(*offload));
    struct err *err;
    int fd;

    assert(threads_max > 0);
    if (offload == NULL || (offload->shared = shared_new()) == NULL) {
        free(offload);
        return err_new(ERR_NOMEM, "no memory for threads");
    }
    offload->threads_max = threads_max;
    /* The connection has a descriptor of its own, which it closes. */
    fd = dup(offload->shared->fd);
    err = fd < 0 ? err_new(ERR_SYS, "dup") : net_wrap_fd(fd, &offload->conn);
    if (err == NULL) {
        offload->dispatcher = co_spawn_joinable(dispatcher_run, offload);
        if (offload->dispatcher == NULL)
            err = err_new(ERR_NOMEM, "no memory for a coroutine");
    }
    if (err == NULL) {
        *out = offload;
        return NULL;
    }
    if (offload->conn != NULL)
        net_free(offload->conn);
    pthread_mutex_lock(&offload->shared->mutex);
    shared_unref_locked(offload->shared);
    free(offload);
    return err;
}

void offload_free(struct offload *offload)
{
    struct shared *shared;

    if (offload == NULL)
        return;
    shared = offload->shared;
    co_interrupt(offload->dispatcher);
    co_join(offload->dispatcher);
    net_free(offload->conn);
    pthread_mutex_lock(&shared->mutex);
    assert(shared->finished == NULL);
    shared->is_over = 1;
    pthread_cond_broadcast(&shared->wake);
    shared_unref_locked(shared);
    free(offload);
}

/* Takes a job that has not begun out of the queue: 1 if it was there. */
static int withdraw_locked(struct shared *shared, struct job *job)
{
    struct job **at = &shared->first;

    while (*at != NULL && *at != job)
        at = &(*at)->next;
    if (*at == NULL)
        return 0;
    *at = job->next;
    if (*at == NULL)
        shared->end = at;
    return 1;
}

/* Nobody waits for the job any more. 1 if it is done, after all. */
static int abandon(struct offload *offload, struct job *job)
{
    struct shared *shared = offload->shared;
    int is_queued;

    dispatch(shared);
    pthread_mutex_lock(&shared->mutex);
    /* It may have finished since; the dispatcher has not looked yet. */
    for (struct job *one = shared->finished; one != NULL; one = one->next)
        job->is_done |= one == job;
    if (job->is_done) {
        pthread_mutex_unlock(&shared->mutex);
        dispatch(shared);
        return 1;
    }
    is_queued = withdraw_locked(shared, job);
    job->is_abandoned = 1;
    co_cond_fini(&job->done);
    pthread_mutex_unlock(&shared->mutex);
    if (is_queued) {
        job->drop(job->arg);
        free(job);
    }
    return 0;
}

int offload_call(struct offload *offload, void (*run)(void *arg), void (*drop)(void *arg),
                 void *arg, usec_t timeout)
{
    struct shared *shared = offload->shared;
    struct job *job = calloc(1, sizeof(*job));
    usec_t deadline = co_deadline(timeout);
    enum co_wait wait = CO_OK;
    int rc;

    if (job == NULL) {
        drop(arg);
        return -1;
    }
    job->run = run;
    job->drop = drop;
    job->arg = arg;
    err_free(co_cond_init(&job->done));
    pthread_mutex_lock(&shared->mutex);
    rc = shared->idle > 0 && shared->first == NULL ? 0 : thread_start_locked(offload);
    if (rc == 0) {
        *shared->end = job;
        shared->end = &job->next;
        pthread_cond_signal(&shared->wake);
    }
    pthread_mutex_unlock(&shared->mutex);
    while (rc == 0 && !job->is_done && wait == CO_OK)
        wait = co_left(deadline) > 0 ? co_cond_wait(&job->done, co_left(deadline)) : CO_TIMEOUT;
    if (rc == 0 && !job->is_done && !abandon(offload, job))
        return -1;
    co_cond_fini(&job->done);
    free(job);
    if (rc != 0)
        drop(arg);
    return rc;
}
