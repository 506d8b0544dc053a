/* Addresses of other servers: what may be configured, and what a stream's address becomes. */
#include "app/origin.h"
#include "proto/url.h"

#include <check.h>
#include <string.h>

Suite *check_origin_suite(void);

static const struct origin_stream plain = {"__defaultVhost__", "live/deep", "a b&c", ""};
static const struct origin_stream full = {"v.example", "live", "s", "?x=1&y=2"};

START_TEST(test_origins)
{
    static const char *const good[] = {"h",     "h:1",        "a.example:65535",
                                       "[::1]", "[::1]:1935", "10.0.0.1:80"};
    static const char *const bad[] = {"",    ":80",      "h:",  "h:0",  "h:65536", "h:x",
                                      "h/p", "rtmp://h", "u@h", "[::1", "h h",     "[v]/x"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(origin_check(good[i]) == 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(origin_check(bad[i]) == -1, "%s", bad[i]);
}
END_TEST

START_TEST(test_destinations)
{
    static const char *const good[] = {"h:1",
                                       "rtmp://h",
                                       "rtmp://h:1/",
                                       "rtmp://h/[app]/[stream]",
                                       "rtmp://h/x/[stream]?vhost=v",
                                       "rtmps://h:443",
                                       "rtmps://h/x/[stream]"};
    static const char *const bad[] = {"",
                                      "rtmp://",
                                      "http://h/x",
                                      "rtmp://h/app",
                                      "rtmp://h/[x]/[stream]",
                                      "rtmp://h:x/[app]/[stream]",
                                      "rtmps://",
                                      "rtmps://h/app",
                                      "rtmpt://h"};
    const char *why;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(origin_destination_check(good[i], &why) == 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        ck_assert_msg(origin_destination_check(bad[i], &why) == -1 && why != NULL, "%s", bad[i]);
    }
}
END_TEST

START_TEST(test_sources)
{
    const char *why = NULL;

    ck_assert_int_eq(origin_source_check("a", "rtmp://h:1935", &why), 0);
    ck_assert_int_eq(origin_source_check("a-1_.b", "http://h:8080/live", &why), 0);
    ck_assert_int_eq(origin_source_check("a", "https://h/[app]/[stream].flv", &why), 0);
    ck_assert_int_eq(origin_source_check("", "rtmp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a:b", "rtmp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a/b", "rtmp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "ftp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "rtmps://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "http://", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "http://h/[vhost]/x", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "rtmp://h/app", &why), -1);
    ck_assert_ptr_nonnull(why);
}
END_TEST

static const struct origin_stream percent = {"", "5%", "a%41", ""};

START_TEST(test_urls)
{
    char out[ORIGIN_URL_MAX];

    ck_assert_int_eq(origin_url(ORIGIN_RTMP, "h:1", &full, out), 0);
    ck_assert_str_eq(out, "rtmp://h:1/live/s?vhost=v.example&x=1&y=2");
    ck_assert_int_eq(origin_url(ORIGIN_FLV, "h:1", &full, out), 0);
    ck_assert_str_eq(out, "http://h:1/live/s.flv?x=1&y=2");
    ck_assert_int_eq(origin_url(ORIGIN_FLVS, "[::1]:1", &plain, out), 0);
    ck_assert_str_eq(out, "https://[::1]:1/live/deep/a%20b%26c.flv");
    ck_assert_int_eq(origin_url(ORIGIN_RTMP, "h", &plain, out), 0);
    ck_assert_str_eq(out, "rtmp://h/live/deep/a b&c");
    /* The origin decodes: a '%' of the name is no escape. */
    ck_assert_int_eq(origin_url(ORIGIN_RTMP, "h", &percent, out), 0);
    ck_assert_str_eq(out, "rtmp://h/5%25/a%2541");
}
END_TEST

START_TEST(test_destination_urls)
{
    char out[ORIGIN_URL_MAX];

    ck_assert_int_eq(origin_destination_url("h:1", &full, out), 0);
    ck_assert_str_eq(out, "rtmp://h:1/live/s?vhost=v.example&x=1&y=2");
    ck_assert_int_eq(origin_destination_url("rtmp://h:1", &plain, out), 0);
    ck_assert_str_eq(out, "rtmp://h:1/live/deep/a b&c");
    ck_assert_int_eq(origin_destination_url("rtmp://h/x/[stream]?vhost=w", &full, out), 0);
    ck_assert_str_eq(out, "rtmp://h/x/s?vhost=w&x=1&y=2");
    ck_assert_int_eq(origin_destination_url("rtmps://h:1", &full, out), 0);
    ck_assert_str_eq(out, "rtmps://h:1/live/s?vhost=v.example&x=1&y=2");
    ck_assert_int_eq(origin_destination_url("rtmps://h/x/[stream]", &plain, out), 0);
    ck_assert_str_eq(out, "rtmps://h/x/a b&c");
}
END_TEST

START_TEST(test_source_urls)
{
    char out[ORIGIN_URL_MAX];

    ck_assert_int_eq(origin_source_url("http://h/live", &plain, "", out), 0);
    ck_assert_str_eq(out, "http://h/live?app=live/deep&stream=a%20b%26c");
    ck_assert_int_eq(origin_source_url("http://h/live?k=v", &full, "1936", out), 0);
    ck_assert_str_eq(out, "http://h/live?k=v&app=live&stream=s&port=1936&x=1&y=2");
    ck_assert_int_eq(origin_source_url("http://h/[app]/[stream].flv", &full, "1936", out), 0);
    ck_assert_str_eq(out, "http://h/live/s.flv?x=1&y=2");
    ck_assert_int_eq(origin_source_url("rtmp://h:1936", &plain, "", out), 0);
    ck_assert_str_eq(out, "rtmp://h:1936/live/deep/a b&c");
}
END_TEST

START_TEST(test_too_long)
{
    static char name[ORIGIN_URL_MAX];
    struct origin_stream stream = {"", "live", name, ""};
    char out[ORIGIN_URL_MAX];

    memset(name, '%', sizeof(name) - 1);
    ck_assert_int_eq(origin_url(ORIGIN_FLV, "h", &stream, out), -1);
    ck_assert_int_eq(origin_url(ORIGIN_RTMP, "h", &stream, out), -1);
}
END_TEST

/* What a server may say of where else to go, and what is asked there. */
START_TEST(test_redirections)
{
    static const struct {
        const char *to;
        const char *host;
        int port;
        const char *vhost, *app;
    } good[] = {
        {"rtmp://b/live/deep", "b", 1935, "v.example", "live/deep"},
        {"rtmp://b:1936/live/deep/s", "b", 1936, "v.example", "live/deep"},
        {"rtmp://b/other?vhost=w.example&y=2", "b", 1935, "v.example", "other"},
        {"rtmp://[::1]:1/s", "::1", 1, "v.example", "s"},
        {"rtmp://b/s/s", "b", 1935, "v.example", "s"},
        {"rtmp://b/as", "b", 1935, "v.example", "as"},
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
    struct url_rtmp url, before;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_int_eq(url_rtmp_parse_full(&url, "rtmp://a/live/deep/s?vhost=v.example&x=1"),
                         SCAN_DONE);
        ck_assert_int_eq(origin_redirect(&url, good[i].to), 0);
        ck_assert_str_eq(url.host, good[i].host);
        ck_assert_int_eq(url.port, good[i].port);
        ck_assert_str_eq(url.vhost, good[i].vhost);
        ck_assert_str_eq(url.app, good[i].app);
        ck_assert_str_eq(url.stream, "s");
        ck_assert_str_eq(url.param, "?vhost=v.example&x=1");
    }
    ck_assert_int_eq(url_rtmp_parse_full(&url, "rtmp://a/live/s"), SCAN_DONE);
    before = url;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(origin_redirect(&url, bad[i]) == -1, "%s was followed", bad[i]);
        ck_assert_str_eq(url.host, before.host);
    }
    /* Without a vhost of its own the other server's is the new host; its parameters are taken. */
    ck_assert_int_eq(origin_redirect(&url, "rtmp://b/live?token=x"), 0);
    ck_assert_str_eq(url.vhost, "b");
    ck_assert_str_eq(url.param, "?token=x");
}
END_TEST

START_TEST(test_show)
{
    char out[32];

    origin_show("http://h:1/live?token=x", out, sizeof(out));
    ck_assert_str_eq(out, "http://h:1");
    origin_show("rtmp://h?token=x", out, sizeof(out));
    ck_assert_str_eq(out, "rtmp://h");
}
END_TEST

Suite *check_origin_suite(void)
{
    Suite *suite = suite_create("origin");
    TCase *tcase = tcase_create("origin");

    tcase_add_test(tcase, test_origins);
    tcase_add_test(tcase, test_destinations);
    tcase_add_test(tcase, test_sources);
    tcase_add_test(tcase, test_urls);
    tcase_add_test(tcase, test_destination_urls);
    tcase_add_test(tcase, test_source_urls);
    tcase_add_test(tcase, test_too_long);
    tcase_add_test(tcase, test_redirections);
    tcase_add_test(tcase, test_show);
    suite_add_tcase(suite, tcase);
    return suite;
}
