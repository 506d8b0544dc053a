/* Addresses: every way a client writes an RTMP one, HTTP paths that try to get out. */
#include "proto/url.h"

#include <check.h>
#include <string.h>

Suite *check_url_suite(void);

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
    rtmp_is("rtmp://h/a/b", "", "h", "a/b", "", "");
    rtmp_is("rtmp://h/a/b", "?k=v", "h", "a/b", "", "?k=v");
    rtmp_is("rtmp://h/a?x=1", "s?y=2&z", "h", "a", "s", "?x=1&y=2&z");
    rtmp_is("rtmp://h/a?&x=1", "s??y=2", "h", "a", "s", "?x=1&y=2");
    rtmp_is("rtmp://h/a?t=x/y", "s", "h", "a", "s", "?t=x/y");
    rtmp_is("rtmp://h/a", "s...b", "h", "a", "s...b", "");
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
    memcpy(url, "rtmp://h/a?", 11);
    url[11 + 1022] = '\0';
    rtmp_is(url, "s", "h", "a", "s", url + 10);
    rtmp_bad(url, "s?b");
    url[11 + 1022] = 'a';
    url[11 + 1023] = '\0';
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

START_TEST(http_parse)
{
    struct url_http url;
    char address[2200];

    ck_assert_int_eq(url_http_parse(&url, "http://h.example:8080/live/s.flv?a=b#f"), SCAN_DONE);
    ck_assert_str_eq(url.schema, "http");
    ck_assert_str_eq(url.host, "h.example");
    ck_assert_int_eq(url.port, 8080);
    ck_assert_str_eq(url.path, "/live/s.flv");
    ck_assert_str_eq(url.query, "a=b");
    ck_assert_int_eq(url_http_parse(&url, "wss://[::1]?q"), SCAN_DONE);
    ck_assert_str_eq(url.host, "::1");
    ck_assert_int_eq(url.port, 443);
    ck_assert_str_eq(url.path, "/");
    ck_assert_str_eq(url.query, "q");
    ck_assert_int_eq(url_http_parse(&url, "https://h#x"), SCAN_DONE);
    ck_assert_int_eq(url.port, 443);
    ck_assert_str_eq(url.path, "/");
    ck_assert_int_eq(url_http_parse(&url, "ws://h/"), SCAN_DONE);
    ck_assert_int_eq(url.port, 80);
    ck_assert_int_eq(url_http_parse(&url, "ftp://h/"), SCAN_BAD);
    ck_assert_int_eq(url_http_parse(&url, "http:///x"), SCAN_BAD);
    ck_assert_int_eq(url_http_parse(&url, "http://h/a b"), SCAN_BAD);
    ck_assert_int_eq(url_http_parse(&url, "http://h:http/"), SCAN_BAD);
    ck_assert_int_eq(url_http_parse(&url, "/x"), SCAN_BAD);
    memset(address, 'a', sizeof(address));
    memcpy(address, "http://h/", 9);
    address[8 + 1023] = '\0';
    ck_assert_int_eq(url_http_parse(&url, address), SCAN_DONE);
    address[8 + 1023] = '?';
    address[8 + 1024 + 1023] = '\0';
    ck_assert_int_eq(url_http_parse(&url, address), SCAN_DONE);
    address[8 + 1024 + 1023] = 'a';
    address[8 + 1024 + 1024] = '\0';
    ck_assert_int_eq(url_http_parse(&url, address), SCAN_BAD);
    address[8 + 1023] = 'a';
    ck_assert_int_eq(url_http_parse(&url, address), SCAN_BAD);
}
END_TEST

static void clean_is(const char *path, const char *want)
{
    char out[64];

    ck_assert_msg(url_path_clean(out, sizeof(out), path, strlen(path)) == SCAN_DONE, "%s", path);
    ck_assert_str_eq(out, want);
}

START_TEST(path_clean)
{
    char out[64];
    const char *const bad[] = {"",          "a",       "%2f",
                               "/..",       "/../a",   "/a/../..",
                               "/%2e%2e",   "/.%2e/",  "/a/%2e%2e%2f..",
                               "/%00",      "/a%0",    "/a%",
                               "/a%g0",     "/a%0g",   "/a\\b",
                               "/a%5cb",    "/a%0ab",  "/a%7f",
                               "/a\tb",     "/..%2f",  "/%5c..",
                               "/a%00.flv", "/..%00/x"};

    clean_is("/", "/");
    clean_is("/live/livestream.flv", "/live/livestream.flv");
    clean_is("/a%20b%C3%A9+c", "/a b\xc3\xa9+c");
    clean_is("//a///b//", "/a/b/");
    clean_is("/a/./b/.", "/a/b/");
    clean_is("/a/..", "/");
    clean_is("/a/b/..", "/a/");
    clean_is("/a/b/../", "/a/");
    clean_is("/a/b/../../c", "/c");
    clean_is("/a%2fb%2F..%2fc", "/a/c");
    clean_is("/...", "/...");
    clean_is("/..a/.b", "/..a/.b");
    clean_is("/%252e%252e", "/%2e%2e");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(url_path_clean(out, sizeof(out), bad[i], strlen(bad[i])) == SCAN_BAD, "%s",
                      bad[i]);
    /* A zero byte in what is not a string. */
    ck_assert_int_eq(url_path_clean(out, sizeof(out), "/a\0b", 4), SCAN_BAD);
    ck_assert_int_eq(url_path_clean(out, 5, "/abc", 4), SCAN_DONE);
    ck_assert_int_eq(url_path_clean(out, 4, "/abc", 4), SCAN_BAD);
    ck_assert_int_eq(url_path_clean(out, 2, "/", 1), SCAN_DONE);
    ck_assert_int_eq(url_path_clean(out, 1, "/", 1), SCAN_BAD);
    /* The length counts, not a terminator. */
    ck_assert_int_eq(url_path_clean(out, sizeof(out), "/ab%41%zz", 7), SCAN_BAD);
    ck_assert_int_eq(url_path_clean(out, sizeof(out), "/ab%41%zz", 5), SCAN_BAD);
    ck_assert_int_eq(url_path_clean(out, sizeof(out), "/ab%41", 6), SCAN_DONE);
    ck_assert_str_eq(out, "/abA");
}
END_TEST

START_TEST(query_get)
{
    char out[8];

    ck_assert_int_eq(url_query_get("?a=1&b=2&a=3", "a", out, sizeof(out)), 0);
    ck_assert_str_eq(out, "1");
    ck_assert_int_eq(url_query_get("aa=1&b=2", "b", out, sizeof(out)), 0);
    ck_assert_str_eq(out, "2");
    ck_assert_int_eq(url_query_get("aa=1&b=2", "a", out, sizeof(out)), -1);
    ck_assert_int_eq(url_query_get("", "a", out, sizeof(out)), -1);
    ck_assert_int_eq(url_query_get("?", "a", out, sizeof(out)), -1);
    ck_assert_int_eq(url_query_get("&&a", "a", out, sizeof(out)), 0);
    ck_assert_str_eq(out, "");
    ck_assert_int_eq(url_query_get("a=b=c&d", "a", out, sizeof(out)), 0);
    ck_assert_str_eq(out, "b=c");
    ck_assert_int_eq(url_query_get("a=%41+%2b", "a", out, sizeof(out)), 0);
    ck_assert_str_eq(out, "A +");
    ck_assert_int_eq(url_query_get("a=%4", "a", out, sizeof(out)), -1);
    ck_assert_int_eq(url_query_get("a=%4&b", "a", out, sizeof(out)), -1);
    ck_assert_int_eq(url_query_get("a=%00", "a", out, sizeof(out)), -1);
    ck_assert_int_eq(url_query_get("a=%0d%0ax", "a", out, sizeof(out)), -1);
    ck_assert_int_eq(url_query_get("a=1234567", "a", out, sizeof(out)), 0);
    ck_assert_int_eq(url_query_get("a=12345678", "a", out, sizeof(out)), -1);
}
END_TEST

START_TEST(next_addresses)
{
    static const char *const next[][3] = {
        {"http://h:8080/live/s.flv?a=b", "http://o/x", "http://o/x"},
        {"http://h:8080/live/s.flv", "https://o:1/x?y", "https://o:1/x?y"},
        {"http://h:8080/live/s.flv", "/other.flv?c=d", "http://h:8080/other.flv?c=d"},
        {"https://h/live/s.flv", "/", "https://h:443/"},
        {"http://[::1]:1/x", "/y", "http://[::1]:1/y"},
        {"https://h/x", "//o/y", "https://o/y"},
        {"http://h/x", "y.flv", "y.flv"},
        {"http://h/x", "", ""},
    };
    struct url_http url;
    char out[64];

    for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
        ck_assert_int_eq(url_http_parse(&url, next[i][0]), SCAN_DONE);
        ck_assert_int_eq(url_http_next(&url, next[i][1], out, sizeof(out)), 0);
        ck_assert_str_eq(out, next[i][2]);
        /* At the limit, and one byte short of it. */
        ck_assert_int_eq(url_http_next(&url, next[i][1], out, strlen(next[i][2]) + 1), 0);
        if (next[i][2][0] != '\0')
            ck_assert_int_eq(url_http_next(&url, next[i][1], out, strlen(next[i][2])), -1);
    }
    ck_assert_int_eq(url_http_parse(&url, "http://h/"), SCAN_DONE);
    /* What is no address is found out when it is read. */
    ck_assert_int_eq(url_http_next(&url, "/a b", out, sizeof(out)), 0);
    ck_assert_int_eq(url_http_parse(&url, out), SCAN_BAD);
}
END_TEST

Suite *check_url_suite(void)
{
    Suite *suite = suite_create("url");
    TCase *tc = tcase_create("url");

    tcase_add_test(tc, rtmp_plain);
    tcase_add_test(tc, rtmp_vhost);
    tcase_add_test(tc, rtmp_path);
    tcase_add_test(tc, rtmp_hostile);
    tcase_add_test(tc, rtmp_full);
    tcase_add_test(tc, rtmp_truncated);
    tcase_add_test(tc, http_parse);
    tcase_add_test(tc, path_clean);
    tcase_add_test(tc, query_get);
    tcase_add_test(tc, next_addresses);
    suite_add_tcase(suite, tc);
    return suite;
}
