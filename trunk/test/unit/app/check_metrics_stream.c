/* The bounded table of streams' counters: entries kept, dropped, folded into the others', and the
 * parts of a process that dies. */
#include "app/core/metrics_stream.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_metrics_stream_suite(void);

#define STREAMS 3

static struct metrics *metrics;

static void setup(void)
{
    metrics = metrics_new(NULL, 2, STREAMS);
    ck_assert_ptr_nonnull(metrics);
    metrics_begin(metrics, 0);
}

static void teardown(void)
{
    metrics_free(metrics);
}

static struct metrics_stream *enter(int number, usec_t now)
{
    char key[32];

    (void)snprintf(key, sizeof(key), "v/live/s%d", number);
    return metrics_stream_enter(metrics, key, now);
}

static void sum_one(void *arg, const char *key, struct metrics_stream *stream)
{
    (void)key;
    *(uint64_t *)arg += stream->count[0];
}

/* Of all entries and the others. */
static uint64_t sum(usec_t now)
{
    uint64_t total = 0;

    metrics_stream_each(metrics, now, sum_one, &total);
    return total + metrics_stream_other(metrics)->count[0];
}

START_TEST(an_entry_continues)
{
    struct metrics_stream *first = enter(1, 1);

    ck_assert_ptr_nonnull(first);
    metrics_stream_add(first, METRICS_STREAM_FIRST, 5);
    metrics_stream_leave(metrics, first, 2);
    ck_assert_ptr_eq(enter(1, 3), first);
    ck_assert_uint_eq(first->count[0], 5);
    metrics_stream_leave(metrics, first, 4);
}
END_TEST

START_TEST(a_full_table)
{
    struct metrics_stream *entry[STREAMS];

    for (int i = 0; i < STREAMS; i++) {
        entry[i] = enter(i, i + 1);
        ck_assert_ptr_nonnull(entry[i]);
        metrics_stream_add(entry[i], METRICS_STREAM_FIRST, 10);
    }
    ck_assert_ptr_null(enter(STREAMS, 10));
    metrics_stream_leave(metrics, entry[1], 20);
    metrics_stream_leave(metrics, entry[2], 15);
    /* The entry that has been unused for longest is replaced; its counters stay in the sum. */
    ck_assert_ptr_nonnull(enter(STREAMS, 30));
    ck_assert_ptr_null(metrics_stream_find(metrics, "v/live/s2"));
    ck_assert_uint_eq(metrics_stream_other(metrics)->count[0], 10);
    ck_assert_uint_eq(sum(30), 10 * STREAMS);
    ck_assert_ptr_eq(metrics_stream_find(metrics, "v/live/s1"), entry[1]);
}
END_TEST

START_TEST(an_old_entry_is_dropped)
{
    struct metrics_stream *entry = enter(1, 1);
    struct metrics_stream *used = enter(2, 1);

    metrics_stream_add(entry, METRICS_STREAM_FIRST, 7);
    metrics_stream_add(used, METRICS_STREAM_FIRST, 1);
    metrics_histogram_add(&entry->qoe.startup, METRICS_QOE_STARTUP, 1);
    entry->qoe.count[0] = 3;
    metrics_stream_leave(metrics, entry, 5);
    ck_assert_uint_eq(sum(5 + METRICS_STREAM_KEEP), 8);
    ck_assert_ptr_nonnull(metrics_stream_find(metrics, "v/live/s1"));
    metrics_stream_release(metrics, entry);
    ck_assert_uint_eq(sum(6 + METRICS_STREAM_KEEP), 8);
    ck_assert_ptr_null(metrics_stream_find(metrics, "v/live/s1"));
    ck_assert_ptr_nonnull(metrics_stream_find(metrics, "v/live/s2"));
    ck_assert_uint_eq(metrics_stream_other(metrics)->qoe.count[0], 3);
    ck_assert_uint_eq(metrics_stream_other(metrics)->qoe.startup.bucket[0], 1);
}
END_TEST

START_TEST(a_dead_process)
{
    struct metrics_stream *entry = enter(1, 1);
    struct metrics_stream_part *part = metrics_stream_part(metrics, entry);

    metrics_stream_add(entry, METRICS_STREAM_FIRST, 4);
    part->is_present = part->is_published = 1;
    part->viewers[2] = 9;
    metrics_stream_part(metrics, metrics_stream_other(metrics))->viewers[0] = 1;
    metrics_reap(metrics, 0);
    ck_assert_uint_eq(part->uses + part->is_present + part->is_published + part->viewers[2], 0);
    ck_assert_uint_eq(metrics_stream_other(metrics)->part[0].viewers[0], 0);
    ck_assert_uint_eq(entry->count[0], 4);
}
END_TEST

START_TEST(formats)
{
    char name[METRICS_FORMAT_MAX];
    int flv = metrics_stream_format(metrics, "flv");
    int wide = metrics_stream_format(metrics, "a format with a long name");

    ck_assert_int_ne(flv, wide);
    ck_assert_int_eq(metrics_stream_format(metrics, "flv"), flv);
    metrics_stream_format_name(metrics, wide, name);
    ck_assert_str_eq(name, "a format");
    metrics_stream_format_name(metrics, METRICS_FORMATS - 1, name);
    ck_assert_str_eq(name, "");
    for (char c = 'a'; c <= 'z'; c++) {
        name[0] = c;
        name[1] = '\0';
        ck_assert_int_lt(metrics_stream_format(metrics, name), METRICS_FORMATS);
    }
}
END_TEST

/* Without a table everything is counted as others. */
START_TEST(no_table)
{
    struct metrics *none = metrics_new(NULL, 1, 0);

    metrics_begin(none, 0);
    ck_assert_ptr_null(metrics_stream_enter(none, "v/a/s", 1));
    ck_assert_ptr_null(metrics_stream_find(none, "v/a/s"));
    ck_assert_ptr_nonnull(metrics_stream_other(none));
    metrics_reap(none, 0);
    metrics_free(none);
}
END_TEST

Suite *check_metrics_stream_suite(void)
{
    Suite *suite = suite_create("metrics_stream");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_entry_continues);
    tcase_add_test(tc, a_full_table);
    tcase_add_test(tc, an_old_entry_is_dropped);
    tcase_add_test(tc, a_dead_process);
    tcase_add_test(tc, formats);
    tcase_add_test(tc, no_table);
    suite_add_tcase(suite, tc);
    return suite;
}
