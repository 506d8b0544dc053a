/* Work in helper threads: answers, many at once, jobs that hang and are given up, and the end. */
#include "co/offload.h"

#include "co_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

Suite *check_offload_suite(void);

/* A job that waits for a byte of a pipe. */
struct work {
    int fd[2];
    atomic_int has_run, is_dropped;
    pthread_t thread;
};

static void work_init(struct work *work)
{
    ck_assert_int_eq(pipe(work->fd), 0);
    atomic_init(&work->has_run, 0);
    atomic_init(&work->is_dropped, 0);
}

static void work_release(const struct work *work)
{
    ck_assert_int_eq(write(work->fd[1], "x", 1), 1);
}

static void work_fini(const struct work *work)
{
    close(work->fd[0]);
    close(work->fd[1]);
}

static void work_wait(void *arg)
{
    struct work *work = arg;
    char byte;

    while (read(work->fd[0], &byte, 1) < 0 && errno == EINTR)
        continue;
    work->thread = pthread_self();
    atomic_store(&work->has_run, 1);
}

static void work_quick(void *arg)
{
    struct work *work = arg;

    work->thread = pthread_self();
    atomic_store(&work->has_run, 1);
}

static void work_drop(void *arg)
{
    struct work *work = arg;

    atomic_store(&work->is_dropped, 1);
}

/* Sleeps until the flag is set by a thread. */
static void until(atomic_int *flag)
{
    usec_t deadline = co_deadline(TEST_WAIT);

    while (!atomic_load(flag)) {
        ck_assert_msg(co_left(deadline) > 0, "the thread did not get there");
        ck_assert_int_ne(co_sleep(USEC_PER_MS), CO_INTERRUPTED);
    }
}

START_TEST(test_runs_in_another_thread)
{
    struct offload *offload;
    struct work work;

    work_init(&work);
    co_test_ok(offload_new(2, &offload));
    for (int i = 0; i < 100; i++) {
        atomic_store(&work.has_run, 0);
        ck_assert_int_eq(offload_call(offload, work_quick, work_drop, &work, TEST_WAIT), 0);
        ck_assert_int_eq(atomic_load(&work.has_run), 1);
        ck_assert(!pthread_equal(work.thread, pthread_self()));
    }
    ck_assert_int_eq(atomic_load(&work.is_dropped), 0);
    offload_free(offload);
    work_fini(&work);
}
END_TEST

struct caller {
    struct offload *offload;
    struct work work;
    usec_t timeout;
    int rc, is_over;
    void (*run)(void *arg);
};

static MAY_YIELD void caller_run(void *arg)
{
    struct caller *caller = arg;

    caller->rc =
        offload_call(caller->offload, caller->run, work_drop, &caller->work, caller->timeout);
    caller->is_over = 1;
}

static void caller_start(struct caller *caller, struct offload *offload, usec_t timeout)
{
    work_init(&caller->work);
    caller->offload = offload;
    caller->timeout = timeout;
    caller->run = work_wait;
    caller->is_over = 0;
    ck_assert_ptr_nonnull(co_spawn(caller_run, caller));
}

START_TEST(test_loop_runs_while_a_job_hangs)
{
    struct offload *offload;
    struct caller slow, quick;

    co_test_ok(offload_new(2, &offload));
    caller_start(&slow, offload, TEST_WAIT);
    co_yield ();
    /* Another job, in the other thread. */
    caller_start(&quick, offload, TEST_WAIT);
    work_release(&quick.work);
    co_test_until(&quick.is_over);
    ck_assert_int_eq(quick.rc, 0);
    ck_assert_int_eq(slow.is_over, 0);
    work_release(&slow.work);
    co_test_until(&slow.is_over);
    ck_assert_int_eq(slow.rc, 0);
    offload_free(offload);
    work_fini(&slow.work);
    work_fini(&quick.work);
}
END_TEST

START_TEST(test_more_jobs_than_threads)
{
    static struct caller caller[8];
    struct offload *offload;

    co_test_ok(offload_new(1, &offload));
    for (int i = 0; i < 8; i++)
        caller_start(&caller[i], offload, TEST_WAIT);
    co_yield ();
    for (int i = 7; i >= 0; i--)
        work_release(&caller[i].work);
    for (int i = 0; i < 8; i++) {
        co_test_until(&caller[i].is_over);
        ck_assert_int_eq(caller[i].rc, 0);
        work_fini(&caller[i].work);
    }
    offload_free(offload);
}
END_TEST

/* The job that runs is dropped by its thread, the one that waits at once. */
START_TEST(test_given_up)
{
    struct offload *offload;
    struct caller running, waiting;

    co_test_ok(offload_new(1, &offload));
    caller_start(&running, offload, 20 * USEC_PER_MS);
    co_yield ();
    caller_start(&waiting, offload, 20 * USEC_PER_MS);
    co_test_until(&running.is_over);
    co_test_until(&waiting.is_over);
    ck_assert_int_eq(running.rc, -1);
    ck_assert_int_eq(waiting.rc, -1);
    ck_assert_int_eq(atomic_load(&waiting.work.is_dropped), 1);
    ck_assert_int_eq(atomic_load(&waiting.work.has_run), 0);
    ck_assert_int_eq(atomic_load(&running.work.is_dropped), 0);
    work_release(&running.work);
    until(&running.work.is_dropped);
    ck_assert_int_eq(atomic_load(&running.work.has_run), 1);
    /* The thread is free again. */
    work_release(&waiting.work);
    caller_run(&waiting);
    ck_assert_int_eq(waiting.rc, 0);
    offload_free(offload);
    work_fini(&running.work);
    work_fini(&waiting.work);
}
END_TEST

/* The end does not wait for a job that hangs. */
START_TEST(test_end_with_a_job_that_hangs)
{
    struct offload *offload;
    struct caller caller;

    co_test_ok(offload_new(1, &offload));
    caller_start(&caller, offload, 10 * USEC_PER_MS);
    co_test_until(&caller.is_over);
    ck_assert_int_eq(caller.rc, -1);
    offload_free(offload);
    work_release(&caller.work);
    until(&caller.work.is_dropped);
    work_fini(&caller.work);
}
END_TEST

Suite *check_offload_suite(void)
{
    Suite *suite = suite_create("offload");
    TCase *tcase = co_test_case(suite, "all");

    tcase_add_test(tcase, test_runs_in_another_thread);
    tcase_add_test(tcase, test_loop_runs_while_a_job_hangs);
    tcase_add_test(tcase, test_more_jobs_than_threads);
    tcase_add_test(tcase, test_given_up);
    tcase_add_test(tcase, test_end_with_a_job_that_hangs);
    return suite;
}
