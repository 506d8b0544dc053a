/* Counters in shared memory: sums over processes, labels, histograms, a process that dies. */
#include "app/core/metrics.h"
#include "app/core/metrics_stream.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_metrics_suite(void);

static struct metrics *metrics;

static void setup(void)
{
    metrics = metrics_new(NULL, 2, 4);
    ck_assert_ptr_nonnull(metrics);
    metrics_begin(metrics, 0);
}

static void teardown(void)
{
    metrics_free(metrics);
}

static uint64_t value(int slot, enum metrics_id id)
{
    return metrics_block(metrics, slot)->value[id];
}

static uint64_t labelled(int slot, enum metrics_id id, const char *label)
{
    for (int i = 0; i < METRICS_CELLS; i++) {
        const struct metrics_cell *cell = &metrics_block(metrics, slot)->cell[i];

        if (cell->is_used && cell->id == id && strcmp(cell->label, label) == 0)
            return cell->value;
    }
    return 0;
}

/* Counts in another process, which then dies. */
static void count_elsewhere(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        metrics_begin(metrics, 1);
        metrics_add(metrics, METRICS_CLIENTS, 3);
        metrics_add(metrics, METRICS_CLIENTS_TOTAL, 3);
        metrics_add_label(metrics, METRICS_VIEWERS, "flv", 2);
        metrics_add_label(metrics, METRICS_REFUSALS, "token", 1);
        (void)kill(getpid(), SIGKILL);
    }
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(nothing_without_metrics)
{
    metrics_add(NULL, METRICS_CLIENTS, 1);
    metrics_add_label(NULL, METRICS_REFUSALS, "x", 1);
    metrics_observe(NULL, METRICS_LOOP_LAG, NULL, 1);
    metrics_begin(NULL, 0);
    metrics_reap(NULL, 0);
    metrics_free(NULL);
    ck_assert_ptr_null(metrics_stream_enter(NULL, "v/a/s", 1));
    ck_assert_ptr_null(metrics_stream_other(NULL));
}
END_TEST

START_TEST(a_dead_process)
{
    count_elsewhere();
    ck_assert_uint_eq(value(1, METRICS_CLIENTS), 3);
    ck_assert_uint_eq(labelled(1, METRICS_VIEWERS, "flv"), 2);
    metrics_reap(metrics, 1);
    ck_assert_uint_eq(value(1, METRICS_CLIENTS), 0);
    ck_assert_uint_eq(labelled(1, METRICS_VIEWERS, "flv"), 0);
    ck_assert_uint_eq(value(1, METRICS_CLIENTS_TOTAL), 3);
    ck_assert_uint_eq(labelled(1, METRICS_REFUSALS, "token"), 1);
    ck_assert_int_eq(metrics_block(metrics, 1)->pid, 0);
    /* The next one continues. */
    count_elsewhere();
    ck_assert_uint_eq(value(1, METRICS_CLIENTS_TOTAL), 6);
    ck_assert_uint_eq(labelled(1, METRICS_REFUSALS, "token"), 2);
    ck_assert_uint_eq(metrics_block(metrics, 1)->starts, 2);
}
END_TEST

START_TEST(processor_time_of_both)
{
    uint64_t before;

    while (metrics_cpu_time(metrics, 0) < 1000)
        ;
    before = metrics_cpu_time(metrics, 0);
    metrics_reap(metrics, 0);
    ck_assert_uint_ge(metrics_cpu_time(metrics, 0), before);
    ck_assert_uint_eq(metrics_cpu_share(metrics, 0, clock_now()), 0);
}
END_TEST

START_TEST(share_of_a_processor)
{
    usec_t at = metrics_block(metrics, 0)->cpu_at;
    uint64_t used = metrics_cpu_time(metrics, 0);
    uint64_t share = metrics_cpu_share(metrics, 0, at + 10 * USEC_PER_SEC);

    /* Since it began; at least what was used then. */
    ck_assert_uint_ge(share, used / 10);
    /* Too soon for another measurement. */
    ck_assert_uint_eq(metrics_cpu_share(metrics, 0, at + 10 * USEC_PER_SEC + 1), share);
}
END_TEST

/* Labels beyond the limit are counted together, and nothing is written beyond the table. */
START_TEST(too_many_labels)
{
    char label[32];

    for (int i = 0; i < METRICS_CELLS + 10; i++) {
        (void)snprintf(label, sizeof(label), "label%d", i);
        metrics_add_label(metrics, METRICS_REFUSALS, label, 1);
    }
    ck_assert_uint_eq(labelled(0, METRICS_REFUSALS, "label0"), 1);
    ck_assert_uint_eq(value(0, METRICS_REFUSALS), 11);
    metrics_add_label(metrics, METRICS_REFUSALS, "label0", 1);
    ck_assert_uint_eq(labelled(0, METRICS_REFUSALS, "label0"), 2);
    for (int i = 0; i < METRICS_HISTOGRAMS + 10; i++) {
        (void)snprintf(label, sizeof(label), "label%d", i);
        metrics_observe(metrics, METRICS_SESSION_TIME, label, 1);
    }
}
END_TEST

START_TEST(a_long_label_is_cut)
{
    static const char label[] = "a label that is longer than the place that a cell has for it";
    char cut[METRICS_LABEL_MAX];

    memcpy(cut, label, sizeof(cut) - 1);
    cut[sizeof(cut) - 1] = '\0';
    metrics_add_label(metrics, METRICS_REFUSALS, label, 1);
    metrics_add_label(metrics, METRICS_REFUSALS, label, 1);
    ck_assert_uint_eq(labelled(0, METRICS_REFUSALS, cut), 2);
}
END_TEST

START_TEST(histogram_bounds)
{
    const usec_t *bounds = metrics_table_row(METRICS_LOOP_LAG)->bounds;
    const struct metrics_histogram *histogram = &metrics_block(metrics, 0)->series[0].histogram;
    int last = 0;

    while (bounds[last] != 0)
        last++;
    metrics_observe(metrics, METRICS_LOOP_LAG, NULL, -5);
    metrics_observe(metrics, METRICS_LOOP_LAG, NULL, bounds[0]);
    metrics_observe(metrics, METRICS_LOOP_LAG, NULL, bounds[0] + 1);
    metrics_observe(metrics, METRICS_LOOP_LAG, NULL, INT64_MAX / 2);
    ck_assert_uint_eq(histogram->bucket[0], 2);
    ck_assert_uint_eq(histogram->bucket[1], 1);
    ck_assert_uint_eq(histogram->bucket[last], 1);
    ck_assert_uint_eq(histogram->sum, (uint64_t)(2 * bounds[0] + 1) + INT64_MAX / 2);
}
END_TEST

/* Every row is complete, and its buckets fit. */
START_TEST(table)
{
    for (int id = 0; id < METRICS_IDS; id++) {
        const struct metrics_row *row = metrics_table_row((enum metrics_id)id);
        const char *end = row->name + strlen(row->name);
        int bounds = 0;

        ck_assert_ptr_nonnull(row->name);
        ck_assert_ptr_null(strchr(row->help, '\n'));
        ck_assert_int_eq(row->type == METRICS_COUNTER, strcmp(end - 6, "_total") == 0);
        ck_assert_int_eq(row->type == METRICS_HISTOGRAM, row->bounds != NULL);
        while (row->bounds != NULL && row->bounds[bounds] != 0) {
            ck_assert(bounds == 0 || row->bounds[bounds] > row->bounds[bounds - 1]);
            bounds++;
        }
        ck_assert_int_lt(bounds, METRICS_BOUNDS_MAX);
    }
}
END_TEST

Suite *check_metrics_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_without_metrics);
    tcase_add_test(tc, a_dead_process);
    tcase_add_test(tc, processor_time_of_both);
    tcase_add_test(tc, share_of_a_processor);
    tcase_add_test(tc, too_many_labels);
    tcase_add_test(tc, a_long_label_is_cut);
    tcase_add_test(tc, histogram_bounds);
    tcase_add_test(tc, table);
    suite_add_tcase(suite, tc);
    return suite;
}
