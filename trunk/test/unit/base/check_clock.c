/*
 * The clocks: the right units, the right zero, no step back. Nothing here
 * sleeps, so nothing here depends on how busy the machine is.
 */
#include "base/clock.h"

#include <check.h>
#include <time.h>

Suite *check_clock_suite(void);

START_TEST(now_never_steps_back)
{
    usec_t last = clock_now();

    for (int i = 0; i < 10000; i++) {
        usec_t now = clock_now();

        ck_assert_int_ge(now, last);
        last = now;
    }
}
END_TEST

/* Our value is between two readings of the system's clock. */
START_TEST(now_is_monotonic_microseconds)
{
    struct timespec before, after;
    usec_t now;

    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    now = clock_now();
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    ck_assert_int_ge(now, before.tv_sec * USEC_PER_SEC + before.tv_nsec / 1000);
    ck_assert_int_le(now, after.tv_sec * USEC_PER_SEC + after.tv_nsec / 1000);
}
END_TEST

START_TEST(wall_counts_from_1970)
{
    struct timespec before, after;
    usec_t wall;

    ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &before), 0);
    wall = clock_wall();
    ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &after), 0);
    ck_assert_int_ge(wall, before.tv_sec * USEC_PER_SEC + before.tv_nsec / 1000);
    ck_assert_int_le(wall, after.tv_sec * USEC_PER_SEC + after.tv_nsec / 1000);
    /* 2020-01-01: a wrong unit or zero is off by far more. */
    ck_assert_int_gt(wall, 1577836800 * USEC_PER_SEC);
}
END_TEST

START_TEST(time_moves)
{
    usec_t start = clock_now();
    long spins = 0;

    while (clock_now() == start && spins < 100000000)
        spins++;
    ck_assert_int_gt(clock_now(), start);
}
END_TEST

START_TEST(units_and_never)
{
    ck_assert_int_eq(USEC_PER_SEC, 1000 * USEC_PER_MS);
    ck_assert_int_lt(USEC_NEVER, 0);
    /* 290,000 years: no sum of a time and a timeout overflows. */
    ck_assert_uint_eq(sizeof(usec_t), 8);
}
END_TEST

Suite *check_clock_suite(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");

    tcase_add_test(tcase, now_never_steps_back);
    tcase_add_test(tcase, now_is_monotonic_microseconds);
    tcase_add_test(tcase, wall_counts_from_1970);
    tcase_add_test(tcase, time_moves);
    tcase_add_test(tcase, units_and_never);
    suite_add_tcase(suite, tcase);
    return suite;
}
