/* The texts that an RTMP client sends for a stream: from parts, from whole addresses, redirected.
 */
#include "proto/rtmp_target.h"

#include <check.h>
#include <string.h>

Suite *check_rtmp_target_suite(void);

static struct rtmp_target target;

static struct rtmp_parts parts_of(const char *vhost, const char *app, const char *stream,
                                  const char *param)
{
    return (struct rtmp_parts){"rtmp", "a", 1935, vhost, app, stream, param};
}

START_TEST(test_parts)
{
    struct rtmp_parts parts = parts_of("v", "live/deep", "s", "?x=1&vhost=w");

    ck_assert_int_eq(rtmp_target_make(&target, &parts), 0);
    ck_assert_str_eq(target.tc_url, "rtmp://a:1935/live/deep?vhost=v");
    ck_assert_str_eq(target.app, "live/deep");
    ck_assert_str_eq(target.name, "s?x=1");
    parts = parts_of(URL_DEFAULT_VHOST, "live", "s", "");
    ck_assert_int_eq(rtmp_target_make(&target, &parts), 0);
    ck_assert_str_eq(target.tc_url, "rtmp://a:1935/live");
    ck_assert_str_eq(target.name, "s");
    /* The other server's own vhost is its host: nothing is to be said. */
    parts = parts_of("a", "live", "s", "");
    ck_assert_int_eq(rtmp_target_make(&target, &parts), 0);
    ck_assert_str_eq(target.tc_url, "rtmp://a:1935/live");
}
END_TEST

START_TEST(test_no_spelling)
{
    static const struct rtmp_parts bad[] = {
        {"rtmp", "a", 1935, "", "live", "s?vhost=w", ""},
        {"rtmp", "a", 1935, "", "live...vhost...w", "s", ""},
        {"rtmp", "a", 1935, "v/x", "live", "s", ""},
        {"rtmp", "a", 1935, "v&vhost=w", "live", "s", ""},
        {"rtmp", "a", 1935, "", "live/_definst_", "s", ""},
        {"rtmp", "a", 1935, "", "live", "a/b", ""},
        {"rtmp", "a@b", 1935, "", "live", "s", ""},
        {"rtmp", "a/b", 1935, "", "live", "s", ""},
        {"rtmp", "", 1935, "", "live", "s", ""},
        {"http", "a", 1935, "", "live", "s", ""},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(rtmp_target_make(&target, &bad[i]) == -1, "%zu", i);
}
END_TEST

/* What a server may say of where else to go, and what is asked there. */
START_TEST(test_redirections)
{
    static const struct {
        const char *to, *host;
        int port;
        const char *tc_url;
    } good[] = {
        {"rtmp://b/live/deep", "b", 1935, "rtmp://b:1935/live/deep?vhost=v"},
        {"rtmp://b:1936/live/deep/s", "b", 1936, "rtmp://b:1936/live/deep?vhost=v"},
        {"rtmp://b/other?vhost=w&y=2", "b", 1935, "rtmp://b:1935/other?vhost=v"},
        {"rtmp://[::1]:1/s", "::1", 1, "rtmp://[::1]:1/s?vhost=v"},
        {"rtmp://b/s/s", "b", 1935, "rtmp://b:1935/s?vhost=v"},
        {"rtmp://b/as", "b", 1935, "rtmp://b:1935/as?vhost=v"},
    };
    static const char *const bad[] = {"",
                                      "b",
                                      "http://b/live",
                                      "rtmps://b/live",
                                      "rtmp://",
                                      "rtmp://b",
                                      "rtmp:///live",
                                      "rtmp://b:0/live",
                                      "rtmp://b/",
                                      "rtmp://b\n/x",
                                      "//b/live"};
    struct rtmp_parts parts = parts_of("v", "live/deep", "s", "x=1");
    struct rtmp_target before;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_int_eq(rtmp_target_make(&target, &parts), 0);
        ck_assert_int_eq(rtmp_target_redirect(&target, good[i].to), 0);
        ck_assert_str_eq(target.host, good[i].host);
        ck_assert_int_eq(target.port, good[i].port);
        ck_assert_str_eq(target.tc_url, good[i].tc_url);
        ck_assert_str_eq(target.name, "s?x=1");
    }
    parts = parts_of("", "live", "s", "");
    ck_assert_int_eq(rtmp_target_make(&target, &parts), 0);
    before = target;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(rtmp_target_redirect(&target, bad[i]) == -1, "%s was followed", bad[i]);
        ck_assert_str_eq(target.tc_url, before.tc_url);
    }
    /* Without a vhost of its own the other server's is the new host; its parameters are taken. */
    ck_assert_int_eq(rtmp_target_redirect(&target, "rtmp://b/live?token=x"), 0);
    ck_assert_str_eq(target.tc_url, "rtmp://b:1935/live");
    ck_assert_str_eq(target.name, "s?token=x");
}
END_TEST

START_TEST(test_whole)
{
    ck_assert_int_eq(rtmp_target_read(&target, "rtmp://h/live2?backup=1/KEY"), 0);
    ck_assert_str_eq(target.tc_url, "rtmp://h/live2?backup=1");
    ck_assert_str_eq(target.name, "KEY");
    ck_assert_int_eq(rtmp_target_read(&target, "rtmps://[::1]/a/b/s?x=/y"), 0);
    ck_assert_str_eq(target.tc_url, "rtmps://[::1]/a/b");
    ck_assert_str_eq(target.host, "::1");
    ck_assert_str_eq(target.name, "s?x=/y");
    ck_assert_int_eq(rtmp_target_read(&target, "rtmp://h/a/"), -1);
    ck_assert_int_eq(rtmp_target_read(&target, "rtmp://h"), -1);
    ck_assert_int_eq(rtmp_target_read(&target, "rtmp:"), -1);
    ck_assert_int_eq(rtmp_target_read(&target, ""), -1);
    ck_assert_int_eq(rtmp_target_read(&target, "http://h/a/b"), -1);
    ck_assert_int_eq(rtmp_target_read(&target, "rtmp://h:99999/a/b"), -1);
}
END_TEST

Suite *check_rtmp_target_suite(void)
{
    Suite *suite = suite_create("rtmp_target");
    TCase *tcase = tcase_create("rtmp_target");

    tcase_add_test(tcase, test_parts);
    tcase_add_test(tcase, test_no_spelling);
    tcase_add_test(tcase, test_redirections);
    tcase_add_test(tcase, test_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
