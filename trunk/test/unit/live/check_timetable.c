/* Where the streams' time stands: the newest publication's, whoever comes, goes and dies. */
#include "live/timetable.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_timetable_suite(void);

static struct source_time stands_at(int64_t ms)
{
    return (struct source_time){ms, {ms, ms}, {23, 40}, 1};
}

static void put(struct timetable_cell *cell, uint64_t number, int64_t ms)
{
    struct source_time time = stands_at(ms);

    timetable_put(cell, number, &time);
}

START_TEST(the_newest_counts)
{
    struct timetable *table = timetable_new(4, 3);
    struct timetable_cell *a = timetable_enter(table, "s", 0);
    struct timetable_cell *b = timetable_enter(table, "s", 1);
    struct timetable_view view;

    timetable_look(table, "s", 0, &view);
    ck_assert_uint_eq(view.number, 0);
    ck_assert_int_eq(view.is_open, 0);
    put(b, 7, 5000);
    put(b, 7, 5040);
    put(a, 3, 900000);
    timetable_look(table, "s", 0, &view);
    ck_assert_uint_eq(view.number, 7);
    ck_assert_int_eq(view.time.last, 5040);
    ck_assert_int_eq(view.time.duration[1], 40);
    ck_assert_int_eq(view.is_open, 1);
    /* Of no other one for the one who publishes it. */
    timetable_close(a);
    timetable_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_open, 0);
    timetable_close(b);
    timetable_look(table, "s", 0, &view);
    ck_assert_int_eq(view.is_open, 0);
    ck_assert_int_eq(view.time.last, 5040);
    /* Other streams have nothing to do with it. */
    timetable_look(table, "t", 0, &view);
    ck_assert_uint_eq(view.number, 0);
    timetable_free(table);
}
END_TEST

START_TEST(who_watches)
{
    struct timetable *table = timetable_new(4, 2);
    struct timetable_cell *a = timetable_enter(table, "s", 0);
    struct timetable_view view;

    timetable_watch(a, 5);
    timetable_look(table, "s", 0, &view);
    ck_assert_int_eq(view.is_watched, 0);
    timetable_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_watched, 1);
    timetable_watch(a, 0);
    timetable_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_watched, 0);
    timetable_free(table);
}
END_TEST

START_TEST(who_misses_it)
{
    struct timetable *table = timetable_new(4, 2);
    struct timetable_cell *a = timetable_enter(table, "s", 0);

    ck_assert_ptr_nonnull(timetable_enter(table, "s", 1));
    ck_assert_int_eq(timetable_is_missed(table, "s", 1, 5), 0);
    timetable_want(a, 1);
    ck_assert_int_eq(timetable_is_missed(table, "s", 1, 5), 1);
    ck_assert_int_eq(timetable_is_missed(table, "s", 0, 5), 0);
    ck_assert_int_eq(timetable_is_missed(table, "t", 1, 5), 0);
    timetable_play(a, 4);
    ck_assert_int_eq(timetable_is_missed(table, "s", 1, 5), 1);
    timetable_play(a, 5);
    ck_assert_int_eq(timetable_is_missed(table, "s", 1, 5), 0);
    ck_assert_int_eq(timetable_is_missed(table, "s", 1, 6), 1);
    ck_assert_int_eq(timetable_reap(table, 0), 0);
    ck_assert_int_eq(timetable_is_missed(table, "s", 1, 6), 0);
    timetable_free(table);
}
END_TEST

START_TEST(it_is_forgotten_with_the_last)
{
    struct timetable *table = timetable_new(1, 2);
    struct timetable_cell *a = timetable_enter(table, "s", 0);
    struct timetable_view view;

    ck_assert_ptr_nonnull(timetable_enter(table, "s", 1));
    ck_assert_ptr_null(timetable_enter(table, "no room", 1));
    put(a, 1, 777);
    timetable_watch(a, 1);
    timetable_leave(table, "s", 0);
    timetable_look(table, "s", 1, &view);
    ck_assert_int_eq(view.time.last, 777);
    ck_assert_int_eq(view.is_watched, 0);
    ck_assert_int_eq(view.is_open, 0);
    /* It comes again, and finds it. */
    ck_assert_ptr_eq(timetable_enter(table, "s", 0), a);
    timetable_leave(table, "s", 1);
    timetable_look(table, "s", 0, &view);
    ck_assert_int_eq(view.time.last, 777);
    timetable_leave(table, "s", 0);
    ck_assert_ptr_nonnull(timetable_enter(table, "s", 1));
    timetable_look(table, "s", 1, &view);
    ck_assert_uint_eq(view.number, 0);
    /* Nothing is taken away from those who have nothing. */
    timetable_leave(table, "another", 0);
    timetable_free(table);
}
END_TEST

START_TEST(a_worker_is_gone)
{
    struct timetable *table = timetable_new(8, 2);
    struct timetable_cell *a = timetable_enter(table, "s", 0);
    struct timetable_view view;

    ck_assert_ptr_nonnull(timetable_enter(table, "s", 1));
    ck_assert_ptr_nonnull(timetable_enter(table, "alone", 0));
    timetable_watch(a, 1);
    put(a, 4, 123);
    ck_assert_int_eq(timetable_reap(table, 0), 1);
    ck_assert_int_eq(timetable_reap(table, 0), 0);
    timetable_look(table, "s", 1, &view);
    ck_assert_int_eq(view.is_watched, 0);
    ck_assert_int_eq(view.is_open, 0);
    ck_assert_int_eq(view.time.last, 123);
    ck_assert_int_eq(timetable_reap(table, 1), 0);
    timetable_look(table, "s", 1, &view);
    ck_assert_uint_eq(view.number, 0);
    timetable_free(table);
}
END_TEST

START_TEST(as_many_workers_as_may_be)
{
    enum { WORKERS = 64 };
    struct timetable *table = timetable_new(1, WORKERS);
    struct timetable_view view;

    for (int i = 0; i < WORKERS; i++)
        put(timetable_enter(table, "s", i), (uint64_t)i + 1, i * 1000);
    timetable_look(table, "s", 0, &view);
    ck_assert_uint_eq(view.number, WORKERS);
    ck_assert_int_eq(view.time.last, (WORKERS - 1) * 1000);
    timetable_free(table);
}
END_TEST

/* Publishes until it is killed: number and all times are of one kind. */
static void publish(struct timetable_cell *cell, uint64_t number)
{
    for (int64_t ms = 1;; ms++)
        put(cell, number, ms);
}

/* One that is killed while it writes leaves what it had written, whole. */
START_TEST(killed_while_it_writes)
{
    struct timetable *table = timetable_new(1, 2);
    struct timetable_cell *cell = timetable_enter(table, "s", 1);
    int64_t last = 0;

    ck_assert_ptr_nonnull(timetable_enter(table, "s", 0));
    for (uint64_t round = 1; round <= 100; round++) {
        struct timetable_view view = {0};
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
            publish(cell, round);
        last = 0;
        for (int i = 0; i < 1000 || view.number != round; i++) {
            timetable_look(table, "s", 0, &view);
            if (view.number != round)
                continue;
            ck_assert_int_ge(view.time.last, last);
            last = view.time.last;
            ck_assert_int_eq(view.time.track_last[0], last);
            ck_assert_int_eq(view.time.track_last[1], last);
        }
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        timetable_look(table, "s", 0, &view);
        ck_assert_uint_eq(view.number, round);
        ck_assert_int_ge(view.time.last, last);
        ck_assert_int_eq(view.time.track_last[1], view.time.last);
        ck_assert_int_eq(timetable_reap(table, 1), 1);
        ck_assert_ptr_eq(timetable_enter(table, "s", 1), cell);
    }
    timetable_free(table);
}
END_TEST

Suite *check_timetable_suite(void)
{
    Suite *suite = suite_create("timetable");
    TCase *tc = tcase_create("timetable");

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_newest_counts);
    tcase_add_test(tc, who_watches);
    tcase_add_test(tc, who_misses_it);
    tcase_add_test(tc, it_is_forgotten_with_the_last);
    tcase_add_test(tc, a_worker_is_gone);
    tcase_add_test(tc, as_many_workers_as_may_be);
    tcase_add_test(tc, killed_while_it_writes);
    return suite;
}
