/* When a worker counts as stuck. */
#include "app/workers/watchdog.h"

#include <check.h>

Suite *check_watchdog_suite(void);

#define STEP USEC_PER_SEC

/* So many looks without a beat, each a step apart, in which the process took so much processor
 * time. */
static struct watchdog looks(int count, char state, usec_t cpu_each)
{
    struct watchdog dog = {0};
    struct proc_stat stat = {.state = state};

    for (int i = 0; i < count; i++) {
        stat.cpu_time += cpu_each;
        watchdog_look(&dog, 0, &stat, STEP, STEP);
    }
    return dog;
}

START_TEST(test_a_stopped_or_sleeping_worker)
{
    ck_assert_int_eq(looks(5, 'T', 0).wasted, 5 * STEP);
    ck_assert_int_eq(looks(5, 'S', 0).wasted, 5 * STEP);
    ck_assert_int_eq(looks(5, '?', 0).wasted, 5 * STEP);
}
END_TEST

START_TEST(test_an_endless_loop)
{
    /* The first look shows how much processor time was used before. */
    ck_assert_int_eq(looks(6, 'R', STEP).wasted, 5 * STEP);
    /* With half a processor the decision takes twice as long. */
    ck_assert_int_eq(looks(11, 'R', STEP / 2).wasted, 5 * STEP);
}
END_TEST

START_TEST(test_a_worker_without_processor_time)
{
    ck_assert_int_eq(looks(1000, 'R', 0).wasted, 0);
    ck_assert_int_eq(looks(1000, 'D', 0).wasted, 0);
    ck_assert_int_eq(looks(1000, 't', 0).wasted, 0);
    /* But it is given no more connections. */
    ck_assert_int_eq(watchdog_is_late(&(struct watchdog){.silent = STEP}, STEP), 0);
    ck_assert_int_ne(watchdog_is_late(&(struct watchdog){.silent = 2 * STEP}, STEP), 0);
    ck_assert_int_eq(looks(3, 'D', 0).silent, 3 * STEP);
}
END_TEST

START_TEST(test_a_beat_ends_it)
{
    struct watchdog dog = looks(4, 'T', 0);
    struct proc_stat stat = {.state = 'R'};

    watchdog_look(&dog, 1, &stat, STEP, STEP);
    ck_assert_int_eq(dog.wasted, 0);
    ck_assert_int_eq(dog.silent, 0);
    watchdog_look(&dog, 1, &(struct proc_stat){.state = 'S', .cpu_time = 0}, STEP, STEP);
    ck_assert_int_eq(dog.wasted, STEP);
}
END_TEST

/* All of them were stopped for an hour, the master too: its next look counts as two. */
START_TEST(test_the_master_was_stopped_as_well)
{
    struct watchdog dog = {0};

    watchdog_look(&dog, 0, &(struct proc_stat){.state = 'T', .cpu_time = 0}, 3600 * USEC_PER_SEC,
                  STEP);
    ck_assert_int_eq(dog.wasted, 2 * STEP);
}
END_TEST

/* From the last beat to the kill it is less than ten seconds by default, and never more than two
 * looks beyond the timeout. */
START_TEST(test_steps)
{
    ck_assert_int_eq(watchdog_step(5 * USEC_PER_SEC), USEC_PER_SEC);
    ck_assert_int_gt(watchdog_step(1), 0);
}
END_TEST

/* The worst case: it hangs right after an answer. Looks until it must be killed; returns how long
 * that takes. */
static usec_t standstill(usec_t timeout, char state)
{
    usec_t step = watchdog_step(timeout);
    struct watchdog_times times = {0, 0};
    struct watchdog dog = {0};
    struct proc_stat stat = {.state = state};
    usec_t now = watchdog_next(&times, 0, timeout);

    times = (struct watchdog_times){now, now};
    while (dog.wasted < timeout) {
        usec_t at = watchdog_next(&times, 1, timeout);

        ck_assert_int_gt(at, now);
        stat.cpu_time = state == 'R' ? at : 0;
        watchdog_look(&dog, 0, &stat, at - now, step);
        times.checked_at = now = at;
    }
    return now;
}

START_TEST(test_an_idle_server_sleeps)
{
    usec_t timeout = 5 * USEC_PER_SEC;
    struct watchdog_times asked = {10 * USEC_PER_SEC, 10 * USEC_PER_SEC};
    usec_t first = watchdog_next(&asked, 1, timeout);
    struct watchdog_times answered = {asked.probed_at, first};

    /* One look soon after the question, and then none for seconds. */
    ck_assert_int_le(first - asked.probed_at, USEC_PER_SEC / 10);
    ck_assert_int_ge(watchdog_next(&answered, 0, timeout) - first, 2 * USEC_PER_SEC);
    /* Found within ten seconds all the same. */
    ck_assert_int_le(standstill(timeout, 'S'), 10 * USEC_PER_SEC);
    ck_assert_int_le(standstill(timeout, 'T'), 10 * USEC_PER_SEC);
    ck_assert_int_le(standstill(timeout, 'R'), 10 * USEC_PER_SEC);
    ck_assert_int_ge(standstill(timeout, 'S'), timeout);
}
END_TEST

Suite *check_watchdog_suite(void)
{
    Suite *suite = suite_create("watchdog");
    TCase *tc = tcase_create("watchdog");

    tcase_add_test(tc, test_a_stopped_or_sleeping_worker);
    tcase_add_test(tc, test_an_endless_loop);
    tcase_add_test(tc, test_a_worker_without_processor_time);
    tcase_add_test(tc, test_a_beat_ends_it);
    tcase_add_test(tc, test_the_master_was_stopped_as_well);
    tcase_add_test(tc, test_steps);
    tcase_add_test(tc, test_an_idle_server_sleeps);
    suite_add_tcase(suite, tc);
    return suite;
}
