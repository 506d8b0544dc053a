/*
 * Conditions: which coroutine a signal wakes, in which order, and deadlines on the fine timer,
 * hundreds at once and removed in the middle.
 */
#include "co_test.h"

#include <string.h>

Suite *check_co_cond_suite(void);

#define SLEEPERS 300

struct sleeper {
    struct co_cond *cond;
    usec_t deadline; /* 0: wait for ever */
    usec_t woke;
    enum co_wait why;
    int order; /* the how manieth to wake; 0 = still waiting */
};

static int woken;

static void run_sleeper(void *arg)
{
    struct sleeper *s = arg;

    if (s->deadline == 0)
        s->why = co_cond_wait(s->cond, USEC_NEVER);
    else
        s->why = co_cond_wait_until(s->cond, s->deadline);
    s->woke = clock_now();
    s->order = ++woken;
}

START_TEST(signal_wakes_the_first_and_only_it)
{
    struct co_cond cond;
    struct sleeper s[3] = {{.cond = &cond}, {.cond = &cond}, {.cond = &cond}};

    co_test_ok(co_cond_init(&cond));
    co_cond_signal(&cond); /* no waiter: lost */
    woken = 0;
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(co_spawn(run_sleeper, &s[i]));
    co_yield ();
    ck_assert_int_eq(woken, 0);
    co_cond_signal(&cond);
    co_yield ();
    ck_assert_int_eq(woken, 1);
    ck_assert_int_eq(s[0].order, 1);
    /* Two signals in a row meet two coroutines. */
    co_cond_signal(&cond);
    co_cond_signal(&cond);
    co_yield ();
    ck_assert_int_eq(s[1].order, 2);
    ck_assert_int_eq(s[2].order, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(s[i].why, CO_OK);
    co_cond_fini(&cond);
}
END_TEST

START_TEST(broadcast_wakes_all)
{
    struct co_cond cond;
    struct sleeper s[20];

    memset(s, 0, sizeof(s));
    co_test_ok(co_cond_init(&cond));
    woken = 0;
    for (int i = 0; i < 20; i++) {
        s[i].cond = &cond;
        ck_assert_ptr_nonnull(co_spawn(run_sleeper, &s[i]));
    }
    co_yield ();
    co_cond_broadcast(&cond);
    co_cond_fini(&cond); /* may have ended before they run */
    memset(&cond, 0xff, sizeof(cond));
    co_yield ();
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(s[i].order, i + 1);
}
END_TEST

START_TEST(timeouts_take_one_out_of_the_ring)
{
    struct co_cond cond;
    struct sleeper s[2] = {{.cond = &cond}, {.cond = &cond}};
    usec_t from = clock_now();

    co_test_ok(co_cond_init(&cond));
    woken = 0;
    ck_assert_ptr_nonnull(co_spawn(run_sleeper, &s[0]));
    co_yield ();
    ck_assert_int_eq(co_cond_wait(&cond, 2000), CO_TIMEOUT);
    ck_assert_int_ge(clock_now() - from, 2000);
    ck_assert_int_eq(co_cond_wait_until(&cond, clock_now() + 2000), CO_TIMEOUT);
    ck_assert_int_ge(clock_now() - from, 4000);
    ck_assert_int_eq(co_cond_wait(&cond, 0), CO_TIMEOUT);
    ck_assert_int_eq(co_cond_wait_until(&cond, clock_now()), CO_TIMEOUT);
    ck_assert_int_eq(co_cond_wait_until(&cond, 1), CO_TIMEOUT);
    ck_assert_ptr_nonnull(co_spawn(run_sleeper, &s[1]));
    co_yield ();
    co_cond_broadcast(&cond);
    co_yield ();
    ck_assert_int_eq(s[0].order, 1);
    ck_assert_int_eq(s[1].order, 2);
    co_cond_fini(&cond);
}
END_TEST

START_TEST(deadlines_come_in_their_order)
{
    static struct sleeper s[SLEEPERS];
    struct co_cond cond;
    usec_t from = clock_now();
    uint32_t seed = 1;

    memset(s, 0, sizeof(s));
    co_test_ok(co_cond_init(&cond));
    woken = 0;
    for (int i = 0; i < SLEEPERS; i++) {
        seed = seed * 1103515245 + 12345;
        s[i].cond = &cond;
        s[i].deadline = from + 20 * USEC_PER_MS + (seed >> 8) % 20000;
        ck_assert_ptr_nonnull(co_spawn(run_sleeper, &s[i]));
    }
    while (woken < SLEEPERS) {
        ck_assert_int_lt(clock_now() - from, TEST_WAIT);
        co_yield ();
    }
    for (int i = 0; i < SLEEPERS; i++) {
        ck_assert_int_eq(s[i].why, CO_TIMEOUT);
        ck_assert_int_ge(s[i].woke, s[i].deadline);
        for (int k = 0; k < SLEEPERS; k++)
            ck_assert(s[k].deadline >= s[i].deadline || s[k].order < s[i].order);
    }
    co_cond_fini(&cond);
}
END_TEST

START_TEST(a_signal_takes_the_timer_away)
{
    static struct sleeper s[SLEEPERS];
    static struct co_cond cond[SLEEPERS];
    usec_t from = clock_now();
    uint32_t seed = 7;
    int signalled = 0;

    memset(s, 0, sizeof(s));
    woken = 0;
    for (int i = 0; i < SLEEPERS; i++) {
        seed = seed * 1103515245 + 12345;
        co_test_ok(co_cond_init(&cond[i]));
        s[i].cond = &cond[i];
        s[i].deadline = from + USEC_PER_SEC + (seed >> 8) % 20000;
        ck_assert_ptr_nonnull(co_spawn(run_sleeper, &s[i]));
    }
    co_yield ();
    /* Otherwise the machine has not run this process for a second. */
    ck_assert_int_lt(clock_now(), from + USEC_PER_SEC);
    /* From everywhere in the heap; what stays must keep its order. */
    for (int i = 0; i < SLEEPERS; i++) {
        seed = seed * 1103515245 + 12345;
        if (seed >> 16 & 1)
            continue;
        co_cond_signal(&cond[i]);
        signalled++;
    }
    co_yield ();
    ck_assert_int_eq(woken, signalled);
    while (woken < SLEEPERS) {
        ck_assert_int_lt(clock_now() - from, TEST_WAIT);
        co_yield ();
    }
    for (int i = 0; i < SLEEPERS; i++) {
        ck_assert_int_eq(s[i].why, s[i].order <= signalled ? CO_OK : CO_TIMEOUT);
        for (int k = 0; k < SLEEPERS && s[i].why == CO_TIMEOUT; k++)
            ck_assert(s[k].deadline >= s[i].deadline || s[k].order < s[i].order);
    }
}
END_TEST

START_TEST(far_deadlines)
{
    struct co_cond cond;
    struct sleeper s[4] = {{.cond = &cond, .deadline = INT64_MAX},
                           {.cond = &cond, .deadline = INT64_MAX / 2},
                           {.cond = &cond, .deadline = USEC_NEVER},
                           {.cond = &cond}};

    co_test_ok(co_cond_init(&cond));
    woken = 0;
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(co_spawn(run_sleeper, &s[i]));
    ck_assert_int_eq(co_sleep(2000), CO_TIMEOUT);
    ck_assert_int_eq(woken, 0);
    co_cond_broadcast(&cond);
    co_yield ();
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(s[i].why, CO_OK);
}
END_TEST

Suite *check_co_cond_suite(void)
{
    Suite *suite = suite_create("co_cond");
    TCase *tc = co_test_case(suite, "co_cond");

    tcase_add_test(tc, signal_wakes_the_first_and_only_it);
    tcase_add_test(tc, broadcast_wakes_all);
    tcase_add_test(tc, timeouts_take_one_out_of_the_ring);
    tcase_add_test(tc, deadlines_come_in_their_order);
    tcase_add_test(tc, a_signal_takes_the_timer_away);
    tcase_add_test(tc, far_deadlines);
    return suite;
}
