/* When a worker that died is replaced. */
#include "app/workers/master.h"

#include <check.h>

Suite *check_master_suite(void);

START_TEST(test_a_worker_that_served_is_replaced_at_once)
{
    ck_assert_int_eq(master_pause(1, USEC_PER_SEC), 0);
    ck_assert_int_eq(master_pause(100, 60 * USEC_PER_SEC), 0);
}
END_TEST

START_TEST(test_a_worker_that_ends_soon_is_replaced_after_a_pause)
{
    usec_t before = 0;

    /* Within a second for a first accident, then longer and longer, but not for ever. */
    ck_assert_int_lt(master_pause(1, -1), USEC_PER_SEC);
    ck_assert_int_gt(master_pause(1, 0), 0);
    for (unsigned failures = 1; failures < 40; failures++) {
        usec_t pause = master_pause(failures, -1);

        ck_assert_int_ge(pause, before);
        ck_assert_int_le(pause, 8 * USEC_PER_SEC);
        before = pause;
    }
    ck_assert_int_eq(before, 8 * USEC_PER_SEC);
}
END_TEST

Suite *check_master_suite(void)
{
    Suite *suite = suite_create("master");
    TCase *tc = tcase_create("master");

    tcase_add_test(tc, test_a_worker_that_served_is_replaced_at_once);
    tcase_add_test(tc, test_a_worker_that_ends_soon_is_replaced_after_a_pause);
    suite_add_tcase(suite, tc);
    return suite;
}
