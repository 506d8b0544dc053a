/* Dates, lists of entity tags, the order of conditions, ranges. */
#include "proto/http_condition.h"

#include <check.h>
#include <string.h>

Suite *check_http_condition_suite(void);

#define DATE      "Sun, 06 Nov 1994 08:49:37 GMT"
#define DATE_TIME 784111777

static struct http_message request;
static const struct http_validators validators = {"\"tag\"", DATE_TIME};

static void begin(const char *method)
{
    memset(&request, 0, sizeof(request));
    memcpy(request.method, method, strlen(method) + 1);
}

static void with(const char *name, const char *value)
{
    request.headers[request.header_count].name = name;
    request.headers[request.header_count++].value = value;
}

START_TEST(dates)
{
    static const char *const good[] = {DATE, "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    static const char *const bad[] = {"",
                                      "x",
                                      "0",
                                      "784111777",
                                      DATE "x",
                                      "Sun, 06 Nov 1994 08:49:37 CET",
                                      "Sun, 32 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994"};
    char text[HTTP_DATE_SIZE];
    int64_t seconds;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_int_eq(http_condition_date_parse(good[i], &seconds), 0);
        ck_assert_int_eq(seconds, DATE_TIME);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(http_condition_date_parse(bad[i], &seconds), -1);
    ck_assert_int_eq(http_condition_date_format(DATE_TIME, text), 0);
    ck_assert_str_eq(text, DATE);
    ck_assert_int_eq(http_condition_date_format(0, text), 0);
    ck_assert_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    ck_assert_int_eq(http_condition_date_format(INT64_MAX, text), -1);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(etags)
{
    ck_assert(http_condition_etag_listed("\"tag\"", "\"tag\"", 0));
    ck_assert(http_condition_etag_listed(" * ", "\"tag\"", 0));
    ck_assert(http_condition_etag_listed("\"a\", \"b\" ,,\t\"tag\"", "\"tag\"", 0));
    ck_assert(http_condition_etag_listed("W/\"a\",\"tag\"", "\"tag\"", 0));
    ck_assert(http_condition_etag_listed("\"a,b\",\"tag\"", "\"tag\"", 0));
    ck_assert(http_condition_etag_listed("W/\"tag\"", "\"tag\"", 1));
    ck_assert(!http_condition_etag_listed("W/\"tag\"", "\"tag\"", 0));
    ck_assert(!http_condition_etag_listed("", "\"tag\"", 1));
    ck_assert(!http_condition_etag_listed("tag", "\"tag\"", 1));
    ck_assert(!http_condition_etag_listed("\"tag", "\"tag\"", 1));
    ck_assert(!http_condition_etag_listed("\"ta\"", "\"tag\"", 1));
    ck_assert(!http_condition_etag_listed("\"tagg\"", "\"tag\"", 1));
    ck_assert(!http_condition_etag_listed("\"*\"", "\"tag\"", 1));
    ck_assert(!http_condition_etag_listed("x \"tag\"", "\"tag\"", 1));
}
END_TEST

static int condition(const char *name, const char *value, const char *name2, const char *value2)
{
    begin("GET");
    with(name, value);
    if (name2 != NULL)
        with(name2, value2);
    return http_condition(&request, &validators);
}

START_TEST(conditions)
{
    static const char later[] = "Sun, 06 Nov 1994 08:49:38 GMT";
    static const char earlier[] = "Sun, 06 Nov 1994 08:49:36 GMT";

    begin("GET");
    ck_assert_int_eq(http_condition(&request, &validators), 0);
    ck_assert_int_eq(condition("If-None-Match", "\"tag\"", NULL, NULL), 304);
    ck_assert_int_eq(condition("If-None-Match", "W/\"tag\"", NULL, NULL), 304);
    ck_assert_int_eq(condition("If-None-Match", "\"x\"", NULL, NULL), 0);
    ck_assert_int_eq(condition("If-Modified-Since", DATE, NULL, NULL), 304);
    ck_assert_int_eq(condition("If-Modified-Since", later, NULL, NULL), 304);
    ck_assert_int_eq(condition("If-Modified-Since", earlier, NULL, NULL), 0);
    ck_assert_int_eq(condition("If-Modified-Since", "yesterday", NULL, NULL), 0);
    /* The tag wins over the date. */
    ck_assert_int_eq(condition("If-None-Match", "\"x\"", "If-Modified-Since", DATE), 0);
    ck_assert_int_eq(condition("If-None-Match", "\"tag\"", "If-Modified-Since", earlier), 304);
    ck_assert_int_eq(condition("If-Match", "\"tag\"", NULL, NULL), 0);
    ck_assert_int_eq(condition("If-Match", "*", NULL, NULL), 0);
    ck_assert_int_eq(condition("If-Match", "W/\"tag\"", NULL, NULL), 412);
    ck_assert_int_eq(condition("If-Match", "\"x\"", "If-None-Match", "\"tag\""), 412);
    ck_assert_int_eq(condition("If-Match", "\"tag\"", "If-None-Match", "\"tag\""), 304);
    ck_assert_int_eq(condition("If-Unmodified-Since", earlier, NULL, NULL), 412);
    ck_assert_int_eq(condition("If-Unmodified-Since", DATE, NULL, NULL), 0);
    ck_assert_int_eq(condition("If-Match", "\"tag\"", "If-Unmodified-Since", earlier), 0);
}
END_TEST

START_TEST(ranges)
{
    static const struct {
        const char *value;
        uint64_t size;
        enum http_range_status status;
        uint64_t first, len;
    } rows[] = {
        {"bytes=0-0", 10, HTTP_RANGE_PART, 0, 1},
        {"bytes=2-5", 10, HTTP_RANGE_PART, 2, 4},
        {"bytes=2-", 10, HTTP_RANGE_PART, 2, 8},
        {"bytes=0-", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=9-100", 10, HTTP_RANGE_PART, 9, 1},
        {"bytes=-3", 10, HTTP_RANGE_PART, 7, 3},
        {"bytes=-30", 10, HTTP_RANGE_PART, 0, 10},
        {"BYTES = 1-2 ", 10, HTTP_RANGE_PART, 1, 2},
        {"bytes=0-99999999999999999999999", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=10-", 10, HTTP_RANGE_BEYOND, 0, 0},
        {"bytes=10-20", 10, HTTP_RANGE_BEYOND, 0, 0},
        {"bytes=99999999999999999999999-", 10, HTTP_RANGE_BEYOND, 0, 0},
        {"bytes=-0", 10, HTTP_RANGE_BEYOND, 0, 0},
        {"bytes=0-", 0, HTTP_RANGE_BEYOND, 0, 0},
        {"bytes=-1", 0, HTTP_RANGE_BEYOND, 0, 0},
        {"bytes=5-2", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=0-1,4-5", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=-", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=1", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=1-2x", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=--1", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes 1-2", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"items=0-1", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"", 10, HTTP_RANGE_WHOLE, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_range range = {0, 0};

        ck_assert_msg(http_condition_range_parse(rows[i].value, rows[i].size, &range) ==
                          rows[i].status,
                      "%s", rows[i].value);
        if (rows[i].status != HTTP_RANGE_PART)
            continue;
        ck_assert_uint_eq(range.first, rows[i].first);
        ck_assert_uint_eq(range.len, rows[i].len);
    }
}
END_TEST

START_TEST(ranges_of_requests)
{
    static const struct {
        const char *if_range;
        enum http_range_status status;
    } rows[] = {{"\"tag\"", HTTP_RANGE_PART},
                {DATE, HTTP_RANGE_PART},
                {"\"x\"", HTTP_RANGE_WHOLE},
                {"W/\"tag\"", HTTP_RANGE_WHOLE},
                {"Sun, 06 Nov 1994 08:49:38 GMT", HTTP_RANGE_WHOLE},
                {"nonsense", HTTP_RANGE_WHOLE}};
    struct http_range range;

    begin("GET");
    ck_assert_int_eq(http_condition_range_of(&request, &validators, 10, &range), HTTP_RANGE_WHOLE);
    with("range", "bytes=1-2");
    ck_assert_int_eq(http_condition_range_of(&request, &validators, 10, &range), HTTP_RANGE_PART);
    with("Range", "bytes=1-2");
    ck_assert_int_eq(http_condition_range_of(&request, &validators, 10, &range), HTTP_RANGE_WHOLE);
    begin("HEAD");
    with("Range", "bytes=1-2");
    ck_assert_int_eq(http_condition_range_of(&request, &validators, 10, &range), HTTP_RANGE_WHOLE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin("GET");
        with("Range", "bytes=1-2");
        with("If-Range", rows[i].if_range);
        ck_assert_int_eq(http_condition_range_of(&request, &validators, 10, &range),
                         rows[i].status);
    }
}
END_TEST

Suite *check_http_condition_suite(void)
{
    Suite *suite = suite_create("http_condition");
    TCase *tc = tcase_create("http_condition");

    tcase_add_test(tc, dates);
    tcase_add_test(tc, etags);
    tcase_add_test(tc, conditions);
    tcase_add_test(tc, ranges);
    tcase_add_test(tc, ranges_of_requests);
    suite_add_tcase(suite, tc);
    return suite;
}
