/* The order of events for one URL: several at once, one per client, and after failures. */
#include "app/control/hooks_queue.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_hooks_queue_suite(void);

static struct hooks_queue queue;
static struct hooks_queued item[40];
static char name[40][16];

static void setup(void)
{
    memset(&queue, 0, sizeof(queue));
    memset(item, 0, sizeof(item));
    for (int i = 0; i < 40; i++) {
        snprintf(name[i], sizeof(name[i]), "c%d", i);
        item[i].client = name[i];
        item[i].at = i;
    }
}

static void push(int count)
{
    for (int i = 0; i < count; i++)
        hooks_queue_push(&queue, &item[i]);
}

START_TEST(test_window)
{
    push(40);
    ck_assert_uint_eq(queue.count, 40);
    for (int i = 0; i < HOOKS_QUEUE_WINDOW; i++)
        ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 100), &item[i]);
    ck_assert_ptr_null(hooks_queue_take(&queue, NULL, 100));
    hooks_queue_done(&queue, &item[5]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 100), &item[HOOKS_QUEUE_WINDOW]);
    ck_assert_ptr_null(hooks_queue_take(&queue, NULL, 100));
    ck_assert_uint_eq(queue.count, 39);
}
END_TEST

START_TEST(test_one_per_client)
{
    item[1].client = item[3].client = "c0";
    push(4);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 0), &item[0]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 0), &item[2]);
    ck_assert_ptr_null(hooks_queue_take(&queue, NULL, 0));
    hooks_queue_done(&queue, &item[2]);
    ck_assert_ptr_null(hooks_queue_take(&queue, NULL, 0));
    hooks_queue_done(&queue, &item[0]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 0), &item[1]);
    ck_assert_ptr_null(hooks_queue_take(&queue, NULL, 0));
    hooks_queue_done(&queue, &item[1]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 0), &item[3]);
    hooks_queue_done(&queue, &item[3]);
    ck_assert_ptr_null(queue.first);
    ck_assert_ptr_null(queue.last);
}
END_TEST

static int may_go(const struct hooks_queued *one)
{
    return strcmp(one->client, "c0") != 0;
}

START_TEST(test_may_go)
{
    push(3);
    ck_assert_ptr_eq(hooks_queue_take(&queue, may_go, 0), &item[1]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, may_go, 0), &item[2]);
    ck_assert_ptr_null(hooks_queue_take(&queue, may_go, 0));
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 0), &item[0]);
}
END_TEST

/* One at a time, with growing pauses, until one succeeds. */
START_TEST(test_failures)
{
    usec_t now = 1000;
    usec_t pause = HOOKS_RETRY_MIN;

    push(3);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, now), &item[0]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, now), &item[1]);
    hooks_queue_failed(&queue, &item[0], now);
    hooks_queue_failed(&queue, &item[1], now); /* the same outage */
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(queue.retry_at, now + pause);
        ck_assert_ptr_null(hooks_queue_take(&queue, NULL, now + pause - 1));
        now += pause;
        ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, now), &item[0]);
        ck_assert_ptr_null(hooks_queue_take(&queue, NULL, now));
        hooks_queue_failed(&queue, &item[0], now);
        pause = 2 * pause < HOOKS_RETRY_MAX ? 2 * pause : HOOKS_RETRY_MAX;
    }
    now += pause;
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, now), &item[0]);
    hooks_queue_done(&queue, &item[0]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, now), &item[1]);
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, now), &item[2]);
}
END_TEST

START_TEST(test_expire)
{
    push(3);
    /* What was never tried is not given up while its server answers. */
    ck_assert_ptr_null(hooks_queue_expire(&queue, 100));
    ck_assert_ptr_eq(hooks_queue_take(&queue, NULL, 0), &item[0]);
    ck_assert_ptr_null(hooks_queue_expire(&queue, 100));
    hooks_queue_failed(&queue, &item[0], 0);
    ck_assert_ptr_null(hooks_queue_expire(&queue, 0));
    ck_assert_ptr_eq(hooks_queue_expire(&queue, 2), &item[0]);
    ck_assert_ptr_eq(hooks_queue_expire(&queue, 2), &item[1]);
    ck_assert_ptr_null(hooks_queue_expire(&queue, 2));
    ck_assert_ptr_eq(hooks_queue_oldest(&queue), &item[2]);
    ck_assert_ptr_null(hooks_queue_oldest(&queue));
    ck_assert_uint_eq(queue.count, 0);
}
END_TEST

Suite *check_hooks_queue_suite(void)
{
    Suite *suite = suite_create("hooks_queue");
    TCase *tc = tcase_create("hooks_queue");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, test_window);
    tcase_add_test(tc, test_one_per_client);
    tcase_add_test(tc, test_may_go);
    tcase_add_test(tc, test_failures);
    tcase_add_test(tc, test_expire);
    suite_add_tcase(suite, tc);
    return suite;
}
