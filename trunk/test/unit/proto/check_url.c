/* HTTP addresses, and paths that try to leave the root. */
#include "proto/url.h"

#include <check.h>
#include <string.h>

Suite *check_url_suite(void);

START_TEST(http_parse)
{
    struct url_http url;
    char address[8 + 1024 + URL_RTMP_MAX + 8];

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
    address[8 + 1024 + URL_RTMP_MAX - 1] = '\0';
    ck_assert_int_eq(url_http_parse(&url, address), SCAN_DONE);
    address[8 + 1024 + URL_RTMP_MAX - 1] = 'a';
    address[8 + 1024 + URL_RTMP_MAX] = '\0';
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

    tcase_add_test(tc, http_parse);
    tcase_add_test(tc, path_clean);
    tcase_add_test(tc, query_get);
    tcase_add_test(tc, next_addresses);
    suite_add_tcase(suite, tc);
    return suite;
}
