/* When a worker counts as one that stands still. */
#include "app/workers/watchdog.h"

#include <check.h>

Suite *check_watchdog_suite(void);

#define STEP USEC_PER_SEC

/* So many looks without a beat, each a step apart, in which the process took so much processor
 * time. */
static struct watchdog looks(int count, char state, usec_t cpu_each)
{
    struct watchdog dog = {0};
    struct proc_stat stat = {state, 0};

    for (int i = 0; i < count; i++) {
        stat.cpu_time += cpu_each;
        watchdog_look(&dog, 0, &stat, STEP, STEP);
    }
    return dog;
}

START_TEST(test_one_that_is_stopped_or_sleeps)
{
    ck_assert_int_eq(looks(5, 'T', 0).wasted, 5 * STEP);
    ck_assert_int_eq(looks(5, 'S', 0).wasted, 5 * STEP);
    ck_assert_int_eq(looks(5, '?', 0).wasted, 5 * STEP);
}
END_TEST

START_TEST(test_an_endless_loop)
{
    /* Its first look says how much it had taken before. */
    ck_assert_int_eq(looks(6, 'R', STEP).wasted, 5 * STEP);
    /* With half a processor it takes twice as long to be sure. */
    ck_assert_int_eq(looks(11, 'R', STEP / 2).wasted, 5 * STEP);
}
END_TEST

START_TEST(test_one_that_waits_for_the_machine)
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
    struct proc_stat stat = {'R', 0};

    watchdog_look(&dog, 1, &stat, STEP, STEP);
    ck_assert_int_eq(dog.wasted, 0);
    ck_assert_int_eq(dog.silent, 0);
    watchdog_look(&dog, 1, &(struct proc_stat){'S', 0}, STEP, STEP);
    ck_assert_int_eq(dog.wasted, STEP);
}
END_TEST

/* All of them were stopped for an hour, the master too: its next look counts as two. */
START_TEST(test_the_master_was_stopped_as_well)
{
    struct watchdog dog = {0};

    watchdog_look(&dog, 0, &(struct proc_stat){'T', 0}, 3600 * USEC_PER_SEC, STEP);
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

Suite *check_watchdog_suite(void)
{
    Suite *suite = suite_create("watchdog");
    TCase *tc = tcase_create("watchdog");

    tcase_add_test(tc, test_one_that_is_stopped_or_sleeps);
    tcase_add_test(tc, test_an_endless_loop);
    tcase_add_test(tc, test_one_that_waits_for_the_machine);
    tcase_add_test(tc, test_a_beat_ends_it);
    tcase_add_test(tc, test_the_master_was_stopped_as_well);
    tcase_add_test(tc, test_steps);
    suite_add_tcase(suite, tc);
    return suite;
}
