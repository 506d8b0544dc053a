/* RTMP addresses: every way a client writes one. */
#include "proto/url.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_url_rtmp_suite(void);

static void rtmp_is(const char *tc_url, const char *stream, const char *vhost, const char *app,
                    const char *name, const char *param)
{
    struct url_rtmp url;

    ck_assert_msg(url_rtmp_parse(&url, tc_url, stream) == SCAN_DONE, "%s + %s", tc_url,
                  stream != NULL ? stream : "NULL");
    ck_assert_str_eq(url.vhost, vhost);
    ck_assert_str_eq(url.app, app);
    ck_assert_str_eq(url.stream, name);
    ck_assert_str_eq(url.param, param);
}

static void rtmp_bad(const char *tc_url, const char *stream)
{
    struct url_rtmp url;

    ck_assert_msg(url_rtmp_parse(&url, tc_url, stream) == SCAN_BAD, "%s", tc_url);
}

static void full_is(const char *address, const char *vhost, const char *app, const char *name,
                    const char *param)
{
    struct url_rtmp url;

    ck_assert_msg(url_rtmp_parse_full(&url, address) == SCAN_DONE, "%s", address);
    ck_assert_str_eq(url.vhost, vhost);
    ck_assert_str_eq(url.app, app);
    ck_assert_str_eq(url.stream, name);
    ck_assert_str_eq(url.param, param);
}

START_TEST(rtmp_plain)
{
    struct url_rtmp url;

    ck_assert_int_eq(url_rtmp_parse(&url, "rtmp://localhost/live", "livestream"), SCAN_DONE);
    ck_assert_str_eq(url.schema, "rtmp");
    ck_assert_str_eq(url.host, "localhost");
    ck_assert_int_eq(url.port, 1935);
    ck_assert_int_eq(url_rtmp_parse(&url, "RTMPS://Host.Example:1443/live", NULL), SCAN_DONE);
    ck_assert_str_eq(url.schema, "rtmps");
    ck_assert_str_eq(url.host, "host.example");
    ck_assert_int_eq(url.port, 1443);
    ck_assert_str_eq(url.stream, "");
    ck_assert_int_eq(url_rtmp_parse(&url, "rtmps://h/live", ""), SCAN_DONE);
    ck_assert_int_eq(url.port, 443);
    ck_assert_int_eq(url_rtmp_parse(&url, "rtmp://[2001:db8::1]:19350/live", "s"), SCAN_DONE);
    ck_assert_str_eq(url.host, "2001:db8::1");
    ck_assert_int_eq(url.port, 19350);
    ck_assert_int_eq(url_rtmp_parse(&url, "rtmp://[::1]/live", "s"), SCAN_DONE);
    ck_assert_int_eq(url.port, 1935);
    rtmp_is("rtmp://user:pa@ss@h:1936/live", "s", "h", "live", "s", "");
    rtmp_is("rtmp://h:/live", "s", "h", "live", "s", "");
}
END_TEST

START_TEST(rtmp_vhost)
{
    rtmp_is("rtmp://h/live?vhost=v.com", "s", "v.com", "live", "s", "?vhost=v.com");
    rtmp_is("rtmp://h/live", "s?domain=d.com", "d.com", "live", "s", "?domain=d.com");
    rtmp_is("rtmp://h/live?domain=d", "s?vhost=v", "v", "live", "s", "?domain=d&vhost=v");
    rtmp_is("rtmp://h/live...vhost...v.com", "s", "v.com", "live", "s", "?vhost=v.com");
    rtmp_is("rtmp://h/live...vhost...v.com...token...t", "s", "v.com", "live", "s",
            "?vhost=v.com&token=t");
    rtmp_is("rtmp://h/live", "s...vhost...v.com", "v.com", "live", "s", "?vhost=v.com");
    rtmp_is("rtmp://h/live...vhost...v.com/sub", "s", "v.com", "live/sub", "s", "?vhost=v.com");
    rtmp_is("rtmp://h/live?vhost=", "s", "h", "live", "s", "?vhost=");
    rtmp_is("rtmp:///live", "s", "__defaultVhost__", "live", "s", "");
    rtmp_is("rtmp://__defaultVhost__/live", "s", "__defaultVhost__", "live", "s", "");
    rtmp_is("rtmp://h/live?vhost=__defaultVhost__", "s", "__defaultVhost__", "live", "s",
            "?vhost=__defaultVhost__");
    rtmp_is("rtmp://__defaultVhost__/live?vhost=v", "s", "v", "live", "s", "?vhost=v");
}
END_TEST

START_TEST(rtmp_path)
{
    rtmp_is("rtmp://h/live/_definst_", "s", "h", "live", "s", "");
    rtmp_is("rtmp://h/live/_definst_/", "/s", "h", "live", "s", "");
    rtmp_is("rtmp://h/live", "_definst_/s", "h", "live", "s", "");
    rtmp_is("rtmp://h/a/b/c", "s", "h", "a/b/c", "s", "");
    rtmp_is("rtmp://h/a/b", "c/s", "h", "a/b/c", "s", "");
    rtmp_is("rtmp://h/a", "b/c/s?k=v", "h", "a/b/c", "s", "?k=v");
    rtmp_is("rtmp://h//a///b//", "//s//", "h", "a/b", "s", "");
    rtmp_is("rtmp://h/a?x=1", "s?y=2&z", "h", "a", "s", "?x=1&y=2&z");
    rtmp_is("rtmp://h/a?&x=1", "s??y=2", "h", "a", "s", "?x=1&y=2");
    rtmp_is("rtmp://h/a?t=x/y", "s", "h", "a", "s", "?t=x/y");
    rtmp_is("rtmp://h/a", "s...b", "h", "a", "s...b", "");
}
END_TEST

/* OBS with the whole address in "Server" and no key, or with the query once more as the key. */
START_TEST(rtmp_stream_in_app)
{
    rtmp_is("rtmp://h/a/b", "", "h", "a", "b", "");
    rtmp_is("rtmp://h/a/b?k=v", "", "h", "a", "b", "?k=v");
    rtmp_is("rtmp://h/a/b?k=v", "?k=v", "h", "a", "b", "?k=v&k=v");
    rtmp_is("rtmp://h/a/b/c/", "//", "h", "a/b", "c", "");
    rtmp_is("rtmp://h/a/b/_definst_", "", "h", "a", "b", "");
    rtmp_is("rtmp://h/a/b...vhost...v", "", "v", "a", "b", "?vhost=v");
    rtmp_is("rtmp://h/a/b", NULL, "h", "a/b", "", "");
    /* Nothing is left for the app. */
    rtmp_is("rtmp://h/a", "", "h", "a", "", "");
    rtmp_is("rtmp://h/a/_definst_", "?k=v", "h", "a", "", "?k=v");
}
END_TEST

START_TEST(rtmp_encoded)
{
    static const char *const bad[] = {"a%",
                                      "a%2",
                                      "a%zz",
                                      "%00",
                                      "a%00b",
                                      "a%0a",
                                      "a%7f",
                                      "a%5cb",
                                      "a\\b",
                                      "%2e%2e",
                                      "b%2f..",
                                      "%2e%2e%2fa",
                                      "a%3fvhost=v",
                                      ".%2e",
                                      "%2e",
                                      "a%2e..vhost...v",
                                      "a...%76host...v"};

    rtmp_is("rtmp://h/live", "my%20cam", "h", "live", "my cam", "");
    rtmp_is("rtmp://h/live", "my cam", "h", "live", "my cam", "");
    rtmp_is("rtmp://h/l%69ve", "%63am", "h", "live", "cam", "");
    rtmp_is("rtmp://h/live", "c%C3%A9", "h", "live", "c\xc3\xa9", "");
    rtmp_is("rtmp://h/live", "a%2Fb", "h", "live/a", "b", "");
    rtmp_is("rtmp://h/live%2fb", "%2F", "h", "live", "b", "");
    rtmp_is("rtmp://h/live", "100%25", "h", "live", "100%", "");
    rtmp_is("rtmp://h/live", "%252e%252e", "h", "live", "%2e%2e", "");
    rtmp_is("rtmp://h/live/%5fdefinst_", "s", "h", "live", "s", "");
    /* Parameters stay as they are: url_query_get() decodes them. */
    rtmp_is("rtmp://h/live", "s?k=%20%zz", "h", "live", "s", "?k=%20%zz");
    rtmp_is("rtmp://h/live?vhost=%76", "s", "v", "live", "s", "?vhost=%76");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        rtmp_bad("rtmp://h/live", bad[i]);
    rtmp_bad("rtmp://h/a%00", NULL);
    rtmp_bad("rtmp://h/a%3fb", NULL);
}
END_TEST

static void call_is(const char *tc_url, const char *app, const char *stream, const char *key,
                    const char *param)
{
    struct url_rtmp_call call = {tc_url, app, stream};
    struct url_rtmp url;
    char got[800];

    ck_assert_msg(url_rtmp_parse_call(&url, &call) == SCAN_DONE, "%s + %s", tc_url, app);
    ck_assert_int_lt(snprintf(got, sizeof(got), "%s/%s/%s", url.vhost, url.app, url.stream), 800);
    ck_assert_str_eq(got, key);
    ck_assert_str_eq(url.param, param);
}

static void call_bad(const char *tc_url, const char *app, const char *stream, const char *fault)
{
    struct url_rtmp_call call = {tc_url, app, stream};
    struct url_rtmp url;

    ck_assert_msg(url_rtmp_parse_call(&url, &call) == SCAN_BAD, "%s + %s", tc_url, app);
    ck_assert_str_eq(url.fault, fault);
}

/* connect's app counts where the tcUrl tells none. */
START_TEST(rtmp_app)
{
    call_is("rtmp://h/", "live", "s", "h/live/s", "");
    call_is("rtmp://h", "live", "s", "h/live/s", "");
    call_is("rtmp://h", "live/deep?k=v", "s", "h/live/deep/s", "?k=v");
    call_is("rtmp://h?k=v", "live", "s?x=y", "h/live/s", "?k=v&x=y");
    call_is("rtmp://h", "live?vhost=v", "s", "v/live/s", "?vhost=v");
    call_is("rtmp://h", "live/s", "", "h/live/s", "");
    call_is("", "live", "s", "__defaultVhost__/live/s", "");
    call_is("nonsense", "live", "s", "__defaultVhost__/live/s", "");
    call_is("/other", "live", "s", "__defaultVhost__/live/s", "");
    call_is("rtmp://h/live", "other", "s", "h/live/s", "");
    call_bad("rtmp://h", "", "s", "the address has no app");
    call_bad("rtmp://h", NULL, NULL, "the address has no app");
    call_bad("rtmp://h", "/_definst_/", NULL, "the address has no app");
    call_bad("nonsense", "", NULL, "the address is malformed");
    call_bad("nonsense", "a\nb", NULL, "the address is malformed");
    call_bad("nonsense", "..", NULL, "the address is malformed");
    call_bad("ftp://h/a", "live", "s", "the address has an unknown scheme");
}
END_TEST

/* Address and parameters together, wherever they are: at the limit, and one byte beyond. */
START_TEST(rtmp_long)
{
    const size_t names = strlen("//live/s"); /* as they are joined */
    char stream[URL_RTMP_MAX + 16];
    char tc_url[URL_RTMP_MAX + 32];

    memset(stream, 'a', sizeof(stream));
    memcpy(stream, "s?", 2);
    stream[URL_RTMP_MAX - names + 1] = '\0';
    rtmp_is("rtmp://h/live", stream, "h", "live", "s", stream + 1);
    stream[URL_RTMP_MAX - names + 1] = 'a';
    stream[URL_RTMP_MAX - names + 2] = '\0';
    call_bad("rtmp://h/live", NULL, stream, "the address is too long");
    memset(tc_url, 'a', sizeof(tc_url));
    memcpy(tc_url, "rtmp://h/live?", 14);
    tc_url[13 + URL_RTMP_MAX - names] = '\0';
    rtmp_is(tc_url, "s", "h", "live", "s", tc_url + 13);
    call_bad(tc_url, NULL, "s?b", "the address is too long");
}
END_TEST

START_TEST(rtmp_hostile)
{
    char url[3000];

    rtmp_bad("", NULL);
    rtmp_bad("rtmp", NULL);
    rtmp_bad("rtmp:", NULL);
    rtmp_bad("rtmp://", NULL);
    rtmp_bad("://h/a", NULL);
    rtmp_bad("http://h/a", NULL);
    rtmp_bad("rtmpx://h/a", NULL);
    rtmp_bad("rtmp://h", NULL);
    rtmp_bad("rtmp://h/", NULL);
    rtmp_bad("rtmp://h/_definst_", NULL);
    rtmp_bad("rtmp://h/?x=1", NULL);
    rtmp_bad("rtmp://h/", "s");
    rtmp_bad("rtmp://h:0/a", "s");
    rtmp_bad("rtmp://h:65536/a", "s");
    rtmp_bad("rtmp://h:99999999999999999999/a", "s");
    rtmp_bad("rtmp://h:x/a", "s");
    rtmp_bad("rtmp://[::1/a", "s");
    rtmp_bad("rtmp://[::1]x/a", "s");
    rtmp_bad("rtmp://h/a\n", "s");
    rtmp_bad("rtmp://h/a", "s\x7f");
    rtmp_bad("rtmp://h/a", "..");
    rtmp_bad("rtmp://h/../a", "s");
    rtmp_bad("rtmp://h/./a", "s");
    rtmp_bad("rtmp://h/a?vhost=v/w", "s");
    rtmp_bad("rtmp://h/a?vhost=v%2fw", "s");
    rtmp_is("rtmp://h/...", "...", "h", "...", "...", "");
    /* Each part at its limit and one beyond. */
    memset(url, 'a', sizeof(url));
    memcpy(url, "rtmp://h/", 9);
    url[9 + 255] = '\0';
    rtmp_is(url, "s", "h", url + 9, "s", "");
    url[9 + 255] = 'a';
    url[9 + 256] = '\0';
    rtmp_bad(url, "s");
    rtmp_is("rtmp://h/a", url + 10, "h", "a", url + 10, "");
    rtmp_bad("rtmp://h/a", url + 9);
    url[9 + 256] = 'a';
    url[2999] = '\0';
    rtmp_bad(url, "s");
    memset(url, 'a', 300);
    memcpy(url, "rtmp://", 7);
    memcpy(url + 7 + 256, "/a", 3);
    rtmp_bad(url, "s");
}
END_TEST

START_TEST(rtmp_full)
{
    struct url_rtmp url;

    full_is("rtmp://h/live/livestream", "h", "live", "livestream", "");
    full_is("rtmp://h/a/b/c?x=y", "h", "a/b", "c", "?x=y");
    full_is("rtmp://h/live/s?token=a/b", "h", "live", "s", "?token=a/b");
    full_is("rtmp://h/live?vhost=v/s", "v", "live", "s", "?vhost=v");
    full_is("rtmp://h/live?vhost=v/s?t=1", "v", "live", "s", "?vhost=v&t=1");
    full_is("rtmp://h/a/b?vhost=v/s", "v", "a/b", "s", "?vhost=v");
    full_is("rtmp://h/live...vhost...v/s", "v", "live", "s", "?vhost=v");
    ck_assert_int_eq(url_rtmp_parse_full(&url, "rtmp://h/live"), SCAN_BAD);
    ck_assert_int_eq(url_rtmp_parse_full(&url, "rtmp://h/live/"), SCAN_BAD);
    ck_assert_int_eq(url_rtmp_parse_full(&url, "rtmp://h/"), SCAN_BAD);
    ck_assert_int_eq(url_rtmp_parse_full(&url, "rtmp:///live/s"), SCAN_BAD);
    ck_assert_int_eq(url_rtmp_parse_full(&url, "rtmp://h//s"), SCAN_BAD);
}
END_TEST

/* Cut anywhere, nothing is read beyond the end (the sanitizers see it) and nothing asserts. */
START_TEST(rtmp_truncated)
{
    const char whole[] = "rtmp://u@[::1]:1935/a/b...vhost...v...k...w?vhost=x&domain=y/s?t=%20";
    char cut[sizeof(whole)];
    struct url_rtmp url;
    int done = 0;

    for (size_t n = 0; n < sizeof(whole); n++) {
        memcpy(cut, whole, n);
        cut[n] = '\0';
        done += url_rtmp_parse(&url, cut, NULL) == SCAN_DONE;
        done += url_rtmp_parse(&url, "rtmp://h/a", cut + n / 2) == SCAN_DONE;
        done += url_rtmp_parse_full(&url, cut) == SCAN_DONE;
    }
    ck_assert_int_gt(done, 60);
}
END_TEST

Suite *check_url_rtmp_suite(void)
{
    Suite *suite = suite_create("url_rtmp");
    TCase *tc = tcase_create("url_rtmp");

    tcase_add_test(tc, rtmp_plain);
    tcase_add_test(tc, rtmp_vhost);
    tcase_add_test(tc, rtmp_path);
    tcase_add_test(tc, rtmp_stream_in_app);
    tcase_add_test(tc, rtmp_encoded);
    tcase_add_test(tc, rtmp_app);
    tcase_add_test(tc, rtmp_long);
    tcase_add_test(tc, rtmp_hostile);
    tcase_add_test(tc, rtmp_full);
    tcase_add_test(tc, rtmp_truncated);
    suite_add_tcase(suite, tc);
    return suite;
}
