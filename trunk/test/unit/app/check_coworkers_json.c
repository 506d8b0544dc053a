/* The question to a coworker and its answer: SRS's own, and hostile ones. */
#include "app/cluster/coworkers_json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_coworkers_json_suite(void);

static void ck_url(const char *key, const char *expected)
{
    char url[512];

    ck_assert_int_eq(coworkers_json_url("10.0.0.1:1985", key, url, sizeof(url)), 0);
    ck_assert_str_eq(url, expected);
}

START_TEST(test_url)
{
    char url[128];

    ck_url("__defaultVhost__/live/s",
           "http://10.0.0.1:1985/api/v1/clusters?ip=&vhost=__defaultVhost__&app=live&stream=s"
           "&coworker=10.0.0.1:1985");
    ck_url("v/a/b/c", "http://10.0.0.1:1985/api/v1/clusters?ip=&vhost=v&app=a/b&stream=c"
                      "&coworker=10.0.0.1:1985");
    ck_url("v/a&b=c/\xc3\xa4 ?#%\r\n",
           "http://10.0.0.1:1985/api/v1/clusters?ip=&vhost=v&app=a%26b%3Dc"
           "&stream=%C3%A4%20%3F%23%25%0D%0A&coworker=10.0.0.1:1985");
    ck_assert_int_eq(coworkers_json_url("h:1", "no-stream", url, sizeof(url)), -1);
    ck_assert_int_eq(coworkers_json_url("h:1", "v/stream", url, sizeof(url)), -1);
    for (size_t cap = 1; cap < 70; cap++)
        ck_assert_int_eq(coworkers_json_url("h:1", "v/a/%%%%%%", url, cap), -1);
}
END_TEST

/* The answer's address; the code of its error otherwise. */
static enum err_code answer(const char *text, const char *expected)
{
    char address[COWORKERS_ADDRESS_MAX];
    /* A copy of its exact size, for the sanitizer. */
    size_t len = strlen(text);
    char *copy = malloc(len > 0 ? len : 1);
    struct err *err;
    enum err_code code = 0;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    err = coworkers_json_answer(copy, len, address);
    free(copy);
    ck_assert_msg(strcmp(address, expected) == 0, "%s: \"%s\"", text, address);
    if (err != NULL)
        code = err_code(err);
    err_free(err);
    return code;
}

#define ORIGIN(fields) "{\"code\":0,\"data\":{\"query\":{},\"origin\":{" fields "}}}"

START_TEST(test_answers)
{
    ck_assert_int_eq(answer(ORIGIN("\"ip\":\"127.0.0.1\",\"port\":25302,\"vhost\":\"v\","
                                   "\"api\":\"127.0.0.1:25312\",\"routers\":[\"x\"]"),
                            "127.0.0.1:25302"),
                     0);
    ck_assert_int_eq(answer(ORIGIN("\"ip\":\"origin.example\",\"port\":1"), "origin.example:1"), 0);
    ck_assert_int_eq(answer(ORIGIN("\"ip\":\"fd00::1\",\"port\":1935"), "[fd00::1]:1935"), 0);
    ck_assert_int_eq(answer("{\"code\":0,\"data\":{\"query\":{},\"origin\":null}}", ""), 0);
}
END_TEST

START_TEST(test_hostile_answers)
{
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "0",
        "null",
        "{}",
        "{\"code\":0}",
        "{\"code\":0,\"data\":null}",
        "{\"code\":\"0\",\"data\":{\"origin\":null}}",
        "{\"code\":0,\"data\":{}}",
        "{\"code\":0,\"data\":{\"origin\":7}}",
        ORIGIN("\"port\":1"),
        ORIGIN("\"ip\":\"h\""),
        ORIGIN("\"ip\":\"h\",\"port\":0"),
        ORIGIN("\"ip\":\"h\",\"port\":65536"),
        ORIGIN("\"ip\":\"h\",\"port\":-1"),
        ORIGIN("\"ip\":\"h\",\"port\":1.5"),
        ORIGIN("\"ip\":\"h\",\"port\":\"1\""),
        ORIGIN("\"ip\":7,\"port\":1"),
        ORIGIN("\"ip\":\"\",\"port\":1"),
        ORIGIN("\"ip\":\"a b\",\"port\":1"),
        ORIGIN("\"ip\":\"a/b\",\"port\":1"),
        ORIGIN("\"ip\":\"u@h\",\"port\":1"),
        ORIGIN("\"ip\":\"h\\r\\nX: y\",\"port\":1"),
        ORIGIN("\"ip\":\"h\\u0000x\",\"port\":1"),
    };
    char deep[512];

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(answer(wrong[i], "") == ERR_PROTO, "%s", wrong[i]);
    ck_assert_int_eq(answer("{\"code\":2014,\"data\":{}}", ""), ERR_DENIED);
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    ck_assert_int_eq(answer(deep, ""), ERR_LIMIT);
}
END_TEST

START_TEST(test_long_answers)
{
    size_t len = COWORKERS_ANSWER_MAX + 1;
    char *text = malloc(len + 1);
    char address[COWORKERS_ADDRESS_MAX];
    char host[600];
    struct err *err;

    ck_assert_ptr_nonnull(text);
    memset(text, ' ', len);
    memcpy(text, "{}", 2);
    err = coworkers_json_answer(text, len, address);
    ck_assert_int_eq(err_code(err), ERR_LIMIT);
    err_free(err);
    memset(host, 'h', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    snprintf(text, len, ORIGIN("\"ip\":\"%s\",\"port\":1"), host);
    ck_assert_int_eq(answer(text, ""), ERR_PROTO);
    free(text);
}
END_TEST

Suite *check_coworkers_json_suite(void)
{
    Suite *suite = suite_create("coworkers_json");
    TCase *tcase = tcase_create("coworkers_json");

    tcase_add_test(tcase, test_url);
    tcase_add_test(tcase, test_answers);
    tcase_add_test(tcase, test_hostile_answers);
    tcase_add_test(tcase, test_long_answers);
    suite_add_tcase(suite, tcase);
    return suite;
}
