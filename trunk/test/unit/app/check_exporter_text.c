/* Lines of the text format: numbers, times, labels that must be escaped, histograms. */
#include "app/control/exporter_private.h"
#include "http_test.h"

#include <string.h>

Suite *check_exporter_text_suite(void);

static struct exporter_text text;

static void setup(void)
{
    http_test_runtime();
    exporter_text_init(&text, 65536);
}

static void teardown(void)
{
    buf_fini(&text.out);
}

/* What was written; starts again. */
static const char *written(void)
{
    static char out[8192];

    ck_assert_int_eq(text.failed, 0);
    ck_assert_uint_lt(text.out.len, sizeof(out));
    memcpy(out, buf_data(&text.out), text.out.len);
    out[text.out.len] = '\0';
    buf_reset(&text.out);
    return out;
}

static const char *label(const char *value)
{
    exporter_text_label(&text, "l", value);
    return written();
}

START_TEST(samples)
{
    static const struct {
        enum metrics_id id;
        int64_t value;
        const char *line;
    } cases[] = {
        {METRICS_CLIENTS, 0, "srs_clients 0\n"},
        {METRICS_CLIENTS, -3, "srs_clients -3\n"},
        {METRICS_CLIENTS, INT64_MAX, "srs_clients 9223372036854775807\n"},
        {METRICS_CLIENTS, INT64_MIN, "srs_clients -9223372036854775808\n"},
        {METRICS_SCRAPE_TIME, 0, "millrace_scrape_loop_seconds_total 0\n"},
        {METRICS_SCRAPE_TIME, 1, "millrace_scrape_loop_seconds_total 0.000001\n"},
        {METRICS_SCRAPE_TIME, 1500000, "millrace_scrape_loop_seconds_total 1.5\n"},
        {METRICS_SCRAPE_TIME, 20000000, "millrace_scrape_loop_seconds_total 20\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        exporter_text_sample(&text, cases[i].id, "", cases[i].value);
        ck_assert_str_eq(written(), cases[i].line);
    }
    exporter_text_sample(&text, METRICS_VIEWERS, "format=\"flv\"", 7);
    ck_assert_str_eq(written(), "millrace_viewers{format=\"flv\"} 7\n");
}
END_TEST

START_TEST(labels)
{
    ck_assert_str_eq(label(""), "l=\"\"");
    ck_assert_str_eq(label("a\"b\\c\nd"), "l=\"a\\\"b\\\\c\\nd\"");
    ck_assert_str_eq(label("\xc3\xa9"), "l=\"\xc3\xa9\"");
    ck_assert_str_eq(label("a\xff\xc3z"), "l=\"a??z\"");
    ck_assert_str_eq(label("} 1\nother{x=\"y"), "l=\"} 1\\nother{x=\\\"y\"");
}
END_TEST

START_TEST(head)
{
    exporter_text_head(&text, METRICS_LOOP_LAG);
    ck_assert_str_eq(written(),
                     "# HELP millrace_loop_lag_seconds Samples of how late the event loop "
                     "runs a timer.\n# TYPE millrace_loop_lag_seconds histogram\n");
}
END_TEST

START_TEST(histogram)
{
    uint64_t bucket[METRICS_BOUNDS_MAX] = {1, 0, 2};
    const char *out;

    exporter_text_histogram(&text, METRICS_LOOP_LAG, "", bucket, 2500000);
    out = written();
    ck_assert_ptr_nonnull(strstr(out, "millrace_loop_lag_seconds_bucket{le=\"0.001\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(out, "millrace_loop_lag_seconds_bucket{le=\"0.002\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(out, "millrace_loop_lag_seconds_bucket{le=\"0.005\"} 3\n"));
    ck_assert_ptr_nonnull(strstr(out, "millrace_loop_lag_seconds_bucket{le=\"5\"} 3\n"
                                      "millrace_loop_lag_seconds_bucket{le=\"+Inf\"} 3\n"
                                      "millrace_loop_lag_seconds_sum 2.5\n"
                                      "millrace_loop_lag_seconds_count 3\n"));
    exporter_text_histogram(&text, METRICS_SESSION_TIME, "type=\"play\"", bucket, 0);
    ck_assert_ptr_nonnull(
        strstr(written(), "millrace_session_seconds_bucket{type=\"play\",le=\"1\"} 1\n"));
}
END_TEST

START_TEST(too_long)
{
    struct exporter_text small;

    exporter_text_init(&small, 8);
    exporter_text_puts(&small, "12345678");
    ck_assert_int_eq(small.failed, 0);
    exporter_text_puts(&small, "9");
    ck_assert_int_eq(small.failed, 1);
    buf_fini(&small.out);
}
END_TEST

Suite *check_exporter_text_suite(void)
{
    Suite *suite = suite_create("exporter_text");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, samples);
    tcase_add_test(tc, labels);
    tcase_add_test(tc, head);
    tcase_add_test(tc, histogram);
    tcase_add_test(tc, too_long);
    suite_add_tcase(suite, tc);
    return suite;
}
