/* Parameters passed to another server. */
#include "proto/url_param.h"

#include <check.h>
#include <string.h>

Suite *check_url_param_suite(void);

START_TEST(test_without)
{
    static const char *const names[] = {"vhost", "domain", NULL};
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"", ""},
        {"?", ""},
        {"?a=b&c=d", "a=b&c=d"},
        {"&&a=b&&c", "a=b&c"},
        {"vhost=B", ""},
        {"?a=b&vhost=B&c=d", "a=b&c=d"},
        {"?VHost=B&domain", ""},
        {"%76host=B&v%48ost%3DB", ""},
        {"a=b?vhost=B&c=d", "c=d"},
        {"a=b,vhost=B", ""},
        {"a=b...vhost...B", ""},
        {"a=b%3Fvhost%3DB", ""},
        {"a=b%26domain=B", ""},
        /* Values and longer names are none. */
        {"a=vhost&myvhost=1&vhosts=2", "a=vhost&myvhost=1&vhosts=2"},
        {"site=www.domain.com&p=/vhost/x", "site=www.domain.com&p=/vhost/x"},
        {"a=%&b=%4", "a=%&b=%4"},
    };
    char out[128];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(url_param_without(cases[i].from, names, out, sizeof(out)), 0);
        ck_assert_msg(strcmp(out, cases[i].to) == 0, "%s: %s", cases[i].from, out);
    }
}
END_TEST

START_TEST(test_limits)
{
    static const char *const names[] = {"vhost", NULL};
    char out[8];

    ck_assert_int_eq(url_param_without("a=b&c=d", names, out, sizeof(out)), 0);
    ck_assert_int_eq(url_param_without("a=b&c=de", names, out, sizeof(out)), -1);
    ck_assert_str_eq(out, "");
    ck_assert_int_eq(url_param_without("a=b&vhost=something&c=d", names, out, sizeof(out)), 0);
    ck_assert_str_eq(out, "a=b&c=d");
}
END_TEST

START_TEST(test_pass)
{
    char out[64];

    ck_assert_int_eq(
        url_param_pass("?token=x&only=audio&track=2&startPts=5&sign=y", out, sizeof(out)), 0);
    ck_assert_str_eq(out, "token=x&sign=y");
}
END_TEST

START_TEST(test_encode)
{
    char out[32] = "k=";

    ck_assert_int_eq(url_param_query_encode("a b\"\r\n%2F#\xff", out, sizeof(out)), 0);
    ck_assert_str_eq(out, "k=a%20b%22%0D%0A%2F%23%FF");
    ck_assert_int_eq(url_param_query_encode("1234567", out, sizeof(out)), -1);
}
END_TEST

Suite *check_url_param_suite(void)
{
    Suite *suite = suite_create("url_param");
    TCase *tcase = tcase_create("url_param");

    tcase_add_test(tcase, test_without);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_pass);
    tcase_add_test(tcase, test_encode);
    suite_add_tcase(suite, tcase);
    return suite;
}
