/*
 * Coroutines: order of running, identity, joins, interrupts, sleeping, time,
 * the heartbeat and the fairness of loops.
 */
#include "co_test.h"

#include <string.h>

Suite *check_co_suite(void);

struct trace {
    char text[64];
    size_t len;
    enum co_wait wait[4];
    char id[CO_ID_SIZE];
    struct co_cond cond;
    int stop;
};

static void mark(struct trace *t, char c)
{
    if (t->len < sizeof(t->text) - 1)
        t->text[t->len++] = c;
}

static void run_marks(void *arg)
{
    struct trace *t = arg;

    mark(t, 'b');
    co_yield ();
    mark(t, 'd');
}

START_TEST(spawn_runs_at_the_next_switch)
{
    struct trace t = {.text = ""};
    size_t before = co_count();
    struct co *co = co_spawn_joinable(run_marks, &t);

    ck_assert_ptr_nonnull(co);
    ck_assert_uint_eq(co_count(), before + 1);
    mark(&t, 'a');
    co_yield ();
    mark(&t, 'c');
    co_join(co);
    ck_assert_str_eq(t.text, "abcd");
    ck_assert_uint_eq(co_count(), before);
}
END_TEST

START_TEST(join_after_the_end)
{
    struct trace t = {.text = ""};
    struct co *co = co_spawn_joinable(run_marks, &t);
    size_t with = co_count();

    for (int i = 0; i < 10 && co_count() == with; i++)
        co_yield ();
    ck_assert_uint_eq(co_count(), with - 1);
    co_join(co);
    ck_assert_str_eq(t.text, "bd");
}
END_TEST

START_TEST(reap_after_the_end)
{
    struct trace t = {.text = ""};
    struct co *co = co_spawn_joinable(run_marks, &t);
    size_t with = co_count();

    for (int i = 0; i < 10 && co_count() == with; i++)
        co_yield ();
    ck_assert_str_eq(t.text, "bd");
    co_reap(co);
    ck_assert_str_eq(t.text, "bd");
}
END_TEST

static void run_id(void *arg)
{
    struct trace *t = arg;

    memcpy(t->id, co_id(), strlen(co_id()) + 1);
}

START_TEST(ids_differ)
{
    static struct trace t[100];

    for (int i = 0; i < 100; i++)
        co_join(co_spawn_joinable(run_id, &t[i]));
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(strlen(t[i].id), 8);
        ck_assert_uint_eq(strspn(t[i].id, "0123456789abcdefghijklmnopqrstuvwxyz"), 8);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(t[i].id, t[k].id);
    }
}
END_TEST

START_TEST(id_is_set_and_cut)
{
    char mine[CO_ID_SIZE];

    memcpy(mine, co_id(), strlen(co_id()) + 1);
    co_set_id("0123456789abcdefghij");
    ck_assert_str_eq(co_id(), "0123456789abcde");
    ck_assert_str_eq(co_log_context(NULL), co_id());
    co_set_id(mine);
    ck_assert_str_eq(co_id(), mine);
}
END_TEST

START_TEST(sleep_is_not_early)
{
    for (usec_t want = 0; want < 4000; want += 700) {
        usec_t from = clock_now();

        ck_assert_int_eq(co_sleep(want), CO_TIMEOUT);
        ck_assert_int_ge(clock_now() - from, want);
    }
}
END_TEST

static void run_waits(void *arg)
{
    struct trace *t = arg;

    t->wait[0] = co_cond_wait(&t->cond, USEC_NEVER);
    t->wait[1] = co_cond_wait(&t->cond, USEC_NEVER);
    t->wait[2] = co_sleep(USEC_NEVER);
    t->wait[3] = co_cond_wait_until(&t->cond, clock_now() + 1000 * USEC_PER_SEC);
    t->stop = co_is_interrupted();
}

START_TEST(interrupt_ends_this_wait_and_all_later_ones)
{
    struct trace t = {.text = ""};
    struct co *co = co_spawn_joinable(run_waits, &t);

    co_yield ();
    ck_assert_ptr_nonnull(t.cond.waiters);
    co_interrupt(co);
    co_interrupt(co);
    co_join(co);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(t.wait[i], CO_INTERRUPTED);
    ck_assert_int_eq(t.stop, 1);
    ck_assert_ptr_null(t.cond.waiters);
    ck_assert_int_eq(co_is_interrupted(), 0);
}
END_TEST

START_TEST(interrupt_before_the_start)
{
    struct trace t = {.text = ""};
    struct co *co = co_spawn_joinable(run_waits, &t);

    co_interrupt(co);
    co_join(co);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(t.wait[i], CO_INTERRUPTED);
}
END_TEST

START_TEST(signal_and_interrupt_together)
{
    for (int first = 0; first < 2; first++) {
        struct trace t = {.text = ""};
        struct co *co = co_spawn_joinable(run_waits, &t);

        co_yield ();
        if (first == 0)
            co_cond_signal(&t.cond);
        co_interrupt(co);
        if (first == 1)
            co_cond_signal(&t.cond);
        co_join(co);
        ck_assert_int_eq(t.wait[0], CO_OK); /* the signal is not lost */
        ck_assert_int_eq(t.wait[1], CO_INTERRUPTED);
    }
}
END_TEST

static void run_join(void *arg)
{
    struct trace *t = arg;
    struct co *co = co_spawn_joinable(run_waits, t);

    co_join(co);
    mark(t, 'j');
}

START_TEST(join_ignores_interrupts)
{
    struct trace t = {.text = ""};
    struct co *co = co_spawn_joinable(run_join, &t);

    co_yield ();
    co_yield ();
    ck_assert_ptr_nonnull(t.cond.waiters);
    co_interrupt(co);
    co_yield ();
    co_yield ();
    ck_assert_str_eq(t.text, "");
    co_interrupt(t.cond.waiters);
    co_join(co);
    ck_assert_str_eq(t.text, "j");
}
END_TEST

static void run_endless(void *arg)
{
    struct trace *t = arg;

    while (!t->stop)
        co_fair();
}

START_TEST(fair_lets_others_run)
{
    struct trace t = {.text = ""};
    struct co *co = co_spawn_joinable(run_endless, &t);

    co_yield (); /* returns only because co_fair() yields */
    co_yield ();
    t.stop = 1;
    co_join(co);
}
END_TEST

START_TEST(deadlines)
{
    usec_t now = clock_now();

    ck_assert_int_eq(co_deadline(USEC_NEVER), USEC_NEVER);
    ck_assert_int_eq(co_left(USEC_NEVER), USEC_NEVER);
    ck_assert_int_ge(co_deadline(1000), now + 1000);
    ck_assert_int_ge(co_deadline(-7), now);
    ck_assert_int_eq(co_deadline(INT64_MAX), INT64_MAX);
    ck_assert_int_eq(co_left(now - 1), 0); /* never the -1 that means never */
    ck_assert_int_gt(co_left(now + 1000 * USEC_PER_SEC), 900 * USEC_PER_SEC);
    ck_assert_int_ge(co_now(), now);
    ck_assert_int_ge(co_clock_refresh(), now);
}
END_TEST

static void run_hold(void *arg)
{
    usec_t until = clock_now() + 12 * USEC_PER_MS;

    (void)arg;
    co_set_id("holder");
    while (clock_now() < until)
        continue;
}

START_TEST(heartbeat_names_the_coroutine_that_blocks_the_loop)
{
    int turns = 0;

    co_yield ();
    (void)co_loop_peak();
    /* At most one line per second: an earlier test's may keep the first ones back. */
    while (!co_test_log_has("[holder]") && turns++ < 200)
        co_join(co_spawn_joinable(run_hold, NULL));
    ck_assert_int_eq(co_test_log_has("event loop blocked for"), 1);
    co_join(co_spawn_joinable(run_hold, NULL));
    ck_assert_int_eq(co_test_log_has("[holder]"), 1);
    ck_assert_int_ge(co_loop_peak(), 12 * USEC_PER_MS);
    ck_assert_int_eq(co_loop_peak(), 0);
    ck_assert(co_loop_load() > 0 && co_loop_load() <= 1);
}
END_TEST

static void run_nothing(void *arg)
{
    (void)arg;
}

START_TEST(thousands)
{
    static struct co *co[3000];
    size_t before = co_count();

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3000; i++) {
            co[i] = co_spawn_joinable(run_nothing, NULL);
            ck_assert_ptr_nonnull(co[i]);
        }
        for (int i = 0; i < 3000; i++)
            co_join(co[i]);
    }
    for (int i = 0; i < 3000; i++)
        ck_assert_ptr_nonnull(co_spawn(run_nothing, NULL));
    co_yield ();
    co_yield ();
    ck_assert_uint_eq(co_count(), before);
}
END_TEST

Suite *check_co_suite(void)
{
    Suite *suite = suite_create("co");
    TCase *tc = co_test_case(suite, "co");

    tcase_add_test(tc, spawn_runs_at_the_next_switch);
    tcase_add_test(tc, join_after_the_end);
    tcase_add_test(tc, reap_after_the_end);
    tcase_add_test(tc, ids_differ);
    tcase_add_test(tc, id_is_set_and_cut);
    tcase_add_test(tc, sleep_is_not_early);
    tcase_add_test(tc, interrupt_ends_this_wait_and_all_later_ones);
    tcase_add_test(tc, interrupt_before_the_start);
    tcase_add_test(tc, signal_and_interrupt_together);
    tcase_add_test(tc, join_ignores_interrupts);
    tcase_add_test(tc, fair_lets_others_run);
    tcase_add_test(tc, deadlines);
    tcase_add_test(tc, heartbeat_names_the_coroutine_that_blocks_the_loop);
    tcase_add_test(tc, thousands);
    return suite;
}
