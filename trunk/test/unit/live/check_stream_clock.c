/* The clock of streams: that of the newest publication, whichever processes start, end and die. */
#include "live/stream_clock.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_stream_clock_suite(void);

static struct source_time stands_at(int64_t ms)
{
    return (struct source_time){
        .last = ms, .track_last = {ms, ms}, .duration = {23, 40}, .has_begun = 1};
}

static void put(struct stream_clock_cell *cell, uint64_t number, int64_t ms)
{
    struct source_time time = stands_at(ms);

    stream_clock_put(cell, number, &time);
}

START_TEST(the_newest_counts)
{
    struct stream_clock *table = stream_clock_new(NULL, 4, 3);
    struct stream_clock_cell *a = stream_clock_enter(table, "s", 0);
    struct stream_clock_cell *b = stream_clock_enter(table, "s", 1);
    struct stream_clock_view view;

    stream_clock_look(table, "s", 0, &view);
    ck_assert_uint_eq(view.number, 0);
    ck_assert_int_eq(view.is_open, 0);
    put(b, 7, 5000);
    put(b, 7, 5040);
    put(a, 3, 900000);
    stream_clock_look(table, "s", 0, &view);
    ck_assert_uint_eq(view.number, 7);
    ck_assert_int_eq(view.time.last, 5040);
    ck_assert_int_eq(view.time.duration[1], 40);
    ck_assert_int_eq(view.is_open, 1);
    /* Of no other one for the one who publishes it. */
    stream_clock_close(a);
    stream_clock_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_open, 0);
    stream_clock_close(b);
    stream_clock_look(table, "s", 0, &view);
    ck_assert_int_eq(view.is_open, 0);
    ck_assert_int_eq(view.time.last, 5040);
    /* Other streams are not affected. */
    stream_clock_look(table, "t", 0, &view);
    ck_assert_uint_eq(view.number, 0);
    stream_clock_free(table);
}
END_TEST

START_TEST(viewers_of_other_workers_are_known)
{
    struct stream_clock *table = stream_clock_new(NULL, 4, 2);
    struct stream_clock_cell *a = stream_clock_enter(table, "s", 0);
    struct stream_clock_view view;

    stream_clock_watch(a, 5);
    stream_clock_look(table, "s", 0, &view);
    ck_assert_int_eq(view.is_watched, 0);
    stream_clock_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_watched, 1);
    stream_clock_watch(a, 0);
    stream_clock_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_watched, 0);
    stream_clock_free(table);
}
END_TEST

START_TEST(a_missed_stream_is_noticed)
{
    struct stream_clock *table = stream_clock_new(NULL, 4, 2);
    struct stream_clock_cell *a = stream_clock_enter(table, "s", 0);

    ck_assert_ptr_nonnull(stream_clock_enter(table, "s", 1));
    ck_assert_int_eq(stream_clock_is_missed(table, "s", 1, 5), 0);
    stream_clock_want(a, 1);
    ck_assert_int_eq(stream_clock_is_missed(table, "s", 1, 5), 1);
    ck_assert_int_eq(stream_clock_is_missed(table, "s", 0, 5), 0);
    ck_assert_int_eq(stream_clock_is_missed(table, "t", 1, 5), 0);
    stream_clock_play(a, 4);
    ck_assert_int_eq(stream_clock_is_missed(table, "s", 1, 5), 1);
    stream_clock_play(a, 5);
    ck_assert_int_eq(stream_clock_is_missed(table, "s", 1, 5), 0);
    ck_assert_int_eq(stream_clock_is_missed(table, "s", 1, 6), 1);
    ck_assert_int_eq(stream_clock_reap(table, 0), 0);
    ck_assert_int_eq(stream_clock_is_missed(table, "s", 1, 6), 0);
    stream_clock_free(table);
}
END_TEST

START_TEST(it_is_forgotten_with_the_last)
{
    struct stream_clock *table = stream_clock_new(NULL, 1, 2);
    struct stream_clock_cell *a = stream_clock_enter(table, "s", 0);
    struct stream_clock_view view;

    ck_assert_ptr_nonnull(stream_clock_enter(table, "s", 1));
    ck_assert_ptr_null(stream_clock_enter(table, "no room", 1));
    put(a, 1, 777);
    stream_clock_watch(a, 1);
    stream_clock_leave(table, "s", 0);
    stream_clock_look(table, "s", 1, &view);
    ck_assert_int_eq(view.time.last, 777);
    ck_assert_int_eq(view.is_watched, 0);
    ck_assert_int_eq(view.is_open, 0);
    /* It returns, and finds its clock. */
    ck_assert_ptr_eq(stream_clock_enter(table, "s", 0), a);
    stream_clock_leave(table, "s", 1);
    stream_clock_look(table, "s", 0, &view);
    ck_assert_int_eq(view.time.last, 777);
    stream_clock_leave(table, "s", 0);
    ck_assert_ptr_nonnull(stream_clock_enter(table, "s", 1));
    stream_clock_look(table, "s", 1, &view);
    ck_assert_uint_eq(view.number, 0);
    /* Leaving without an entry has no effect. */
    stream_clock_leave(table, "another", 0);
    stream_clock_free(table);
}
END_TEST

START_TEST(a_worker_is_gone)
{
    struct stream_clock *table = stream_clock_new(NULL, 8, 2);
    struct stream_clock_cell *a = stream_clock_enter(table, "s", 0);
    struct stream_clock_view view;

    ck_assert_ptr_nonnull(stream_clock_enter(table, "s", 1));
    ck_assert_ptr_nonnull(stream_clock_enter(table, "alone", 0));
    stream_clock_watch(a, 1);
    put(a, 4, 123);
    ck_assert_int_eq(stream_clock_reap(table, 0), 1);
    ck_assert_int_eq(stream_clock_reap(table, 0), 0);
    stream_clock_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_watched, 0);
    ck_assert_int_eq(view.is_open, 0);
    ck_assert_int_eq(view.time.last, 123);
    ck_assert_int_eq(stream_clock_reap(table, 1), 0);
    stream_clock_look(table, "s", 1, &view);
    ck_assert_uint_eq(view.number, 0);
    stream_clock_free(table);
}
END_TEST

START_TEST(as_many_workers_as_may_be)
{
    enum { WORKERS = 64 };
    struct stream_clock *table = stream_clock_new(NULL, 1, WORKERS);
    struct stream_clock_view view;

    for (int i = 0; i < WORKERS; i++)
        put(stream_clock_enter(table, "s", i), (uint64_t)i + 1, i * 1000);
    stream_clock_look(table, "s", 0, &view);
    ck_assert_uint_eq(view.number, WORKERS);
    ck_assert_int_eq(view.time.last, (WORKERS - 1) * 1000);
    stream_clock_free(table);
}
END_TEST

/* Publishes until it is killed: number and all times are of one kind. */
static void publish(struct stream_clock_cell *cell, uint64_t number)
{
    for (int64_t ms = 1;; ms++)
        put(cell, number, ms);
}

/* One that is killed while it writes leaves what it had written, whole. */
START_TEST(killed_while_it_writes)
{
    struct stream_clock *table = stream_clock_new(NULL, 1, 2);
    struct stream_clock_cell *cell = stream_clock_enter(table, "s", 1);
    int64_t last = 0;

    ck_assert_ptr_nonnull(stream_clock_enter(table, "s", 0));
    for (uint64_t round = 1; round <= 100; round++) {
        struct stream_clock_view view = {0};
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
            publish(cell, round);
        last = 0;
        for (int i = 0; i < 1000 || view.number != round; i++) {
            stream_clock_look(table, "s", 0, &view);
            if (view.number != round)
                continue;
            ck_assert_int_ge(view.time.last, last);
            last = view.time.last;
            ck_assert_int_eq(view.time.track_last[0], last);
            ck_assert_int_eq(view.time.track_last[1], last);
        }
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        stream_clock_look(table, "s", 0, &view);
        ck_assert_uint_eq(view.number, round);
        ck_assert_int_ge(view.time.last, last);
        ck_assert_int_eq(view.time.track_last[1], view.time.last);
        ck_assert_int_eq(stream_clock_reap(table, 1), 1);
        ck_assert_ptr_eq(stream_clock_enter(table, "s", 1), cell);
    }
    stream_clock_free(table);
}
END_TEST

Suite *check_stream_clock_suite(void)
{
    Suite *suite = suite_create("stream_clock");
    TCase *tc = tcase_create("stream_clock");

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_newest_counts);
    tcase_add_test(tc, viewers_of_other_workers_are_known);
    tcase_add_test(tc, a_missed_stream_is_noticed);
    tcase_add_test(tc, it_is_forgotten_with_the_last);
    tcase_add_test(tc, a_worker_is_gone);
    tcase_add_test(tc, as_many_workers_as_may_be);
    tcase_add_test(tc, killed_while_it_writes);
    return suite;
}
