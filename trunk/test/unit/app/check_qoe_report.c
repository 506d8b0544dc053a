/* Reports of player pages: complete, partial, malformed, hostile. */
#include "app/control/qoe_report.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_qoe_report_suite(void);

static struct qoe_report report;

static const char *parse(const char *text)
{
    return qoe_report_parse((const uint8_t *)text, strlen(text), &report);
}

static uint64_t count(enum metrics_id id)
{
    return report.count[id - METRICS_QOE_FIRST];
}

START_TEST(complete)
{
    ck_assert_ptr_null(
        parse("{\"url\":\"/live/s.flv?vhost=a\",\"watched_ms\":10000,\"stalls\":2,"
              "\"stalled_ms\":350,\"frames\":250,\"dropped\":3,\"errors\":1,"
              "\"latency_ms\":900,\"true_latency_ms\":950,\"startup_ms\":412,\"more\":[]}"));
    ck_assert_str_eq(report.path, "/live/s.flv");
    ck_assert_str_eq(report.query, "vhost=a");
    ck_assert_uint_eq(count(METRICS_QOE_REPORTS), 1);
    ck_assert_uint_eq(count(METRICS_QOE_WATCHED), 10000000);
    ck_assert_uint_eq(count(METRICS_QOE_STALLS), 2);
    ck_assert_uint_eq(count(METRICS_QOE_STALLED), 350000);
    ck_assert_uint_eq(count(METRICS_QOE_FRAMES), 250);
    ck_assert_uint_eq(count(METRICS_QOE_DROPPED), 3);
    ck_assert_uint_eq(count(METRICS_QOE_ERRORS), 1);
    ck_assert_int_eq(report.latency, 900000);
    ck_assert_int_eq(report.true_latency, 950000);
    ck_assert_int_eq(report.startup, 412000);
}
END_TEST

START_TEST(least)
{
    ck_assert_ptr_null(parse("{\"url\":\"/s.flv\"}"));
    ck_assert_str_eq(report.query, "");
    ck_assert_uint_eq(count(METRICS_QOE_REPORTS), 1);
    ck_assert_int_eq(report.latency, -1);
    ck_assert_int_eq(report.true_latency, -1);
    ck_assert_int_eq(report.startup, -1);
}
END_TEST

START_TEST(refused)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"url\":1}",
        "{\"url\":\"\"}",
        "{\"url\":\"live/s\"}",
        "{\"url\":\"http://x/live/s\"}",
        "{\"url\":\"/s\\u0000x\"}",
        "{\"url\":\"/s\",\"url\":\"/t\"}",
        "{\"url\":\"/s\",\"stalls\":-1}",
        "{\"url\":\"/s\",\"stalls\":1001}",
        "{\"url\":\"/s\",\"stalls\":1.5}",
        "{\"url\":\"/s\",\"stalls\":\"1\"}",
        "{\"url\":\"/s\",\"stalls\":null}",
        "{\"url\":\"/s\",\"watched_ms\":99999999999999999999}",
        "{\"url\":\"/s\"}x",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(parse(texts[i]) != NULL, "%s", texts[i]);
}
END_TEST

START_TEST(limits)
{
    char text[QOE_REPORT_MAX + 64];

    (void)snprintf(text, sizeof(text), "{\"url\":\"/%0*d\"}", QOE_URL_MAX - 2, 0);
    ck_assert_ptr_null(parse(text));
    (void)snprintf(text, sizeof(text), "{\"url\":\"/%0*d\"}", QOE_URL_MAX - 1, 0);
    ck_assert_ptr_nonnull(parse(text));
    (void)snprintf(text, sizeof(text), "{\"url\":\"/s\"%*s}", QOE_REPORT_MAX - 12, "");
    ck_assert_uint_eq(strlen(text), QOE_REPORT_MAX);
    ck_assert_ptr_null(parse(text));
    (void)snprintf(text, sizeof(text), "{\"url\":\"/s\"%*s}", QOE_REPORT_MAX - 11, "");
    ck_assert_ptr_nonnull(parse(text));
}
END_TEST

/* Every prefix of a report is refused, and read within its bounds. */
START_TEST(truncated)
{
    static const char whole[] = "{\"url\":\"/live/s.flv\",\"stalls\":2}";

    for (size_t len = 0; len < strlen(whole); len++) {
        uint8_t *copy = malloc(len + 1);

        memcpy(copy, whole, len);
        ck_assert_ptr_nonnull(qoe_report_parse(copy, len, &report));
        free(copy);
    }
}
END_TEST

Suite *check_qoe_report_suite(void)
{
    Suite *suite = suite_create("qoe_report");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, complete);
    tcase_add_test(tc, least);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, truncated);
    suite_add_tcase(suite, tc);
    return suite;
}
