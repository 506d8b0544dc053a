/*
 * Streams named in the query: which servers such an address can reach. In any spelling, a source
 * that is not configured is refused, and so is a port that is not the source's own; the server
 * consists only of its configuration here.
 */
#include "app/cluster/http_pull.h"
#include "http_test.h"

#include <stdlib.h>

#include <stdio.h>
#include <string.h>

Suite *check_http_pull_suite(void);

static char *sources[] = {"a", "rtmp://127.0.0.1:1936", "b.c", "http://h.example:8080/live"};
static struct http_test t;
static struct http_handler *handler;
static int next_count;

static struct err *next_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    (void)self;
    next_count++;
    return http_answer_error(x, 404, NULL, timeout, "next");
}

static struct http_handler next = {next_serve, NULL};

static void setup(void)
{
    http_test_runtime();
    http_test_init(&t);
    t.config.http_server.http_pull.enabled = 1;
    t.config.http_server.http_pull.mount = "/live";
    t.config.http_server.http_pull.source = (struct config_strings){4, sources};
    handler = http_pull_new(&next);
    ck_assert_ptr_nonnull(handler);
    next_count = 0;
}

static void teardown(void)
{
    free(handler);
    http_test_fini(&t);
}

static int ask(const char *path, const char *query)
{
    http_test_request(&t, "GET", path);
    t.request.query = query;
    http_test_serve(&t, handler);
    return http_test_status(&t);
}

static void ck_refused(const char *query)
{
    int status = ask("/live", query);

    ck_assert_msg(status == 403 || status == 400, "%d for %s", status, query);
    ck_assert_int_eq(next_count, 0);
}

START_TEST(test_next_of_the_chain)
{
    ck_assert_int_eq(ask("/live", ""), 404);
    ck_assert_int_eq(ask("/live/", "app=a&stream=b"), 404);
    ck_assert_int_eq(ask("/other", "app=a&stream=b"), 404);
    t.config.http_server.http_pull.enabled = 0;
    ck_assert_int_eq(ask("/live", "app=a&stream=b"), 404);
    ck_assert_int_eq(next_count, 4);
}
END_TEST

/* Each possible byte, plain and escaped, before, after and in place of a configured name. */
START_TEST(test_every_byte)
{
    char query[128];

    for (int c = 1; c < 256; c++) {
        static const char *const forms[] = {"src=%%%02xa&app=x&stream=s",
                                            "src=a%%%02x&app=x&stream=s",
                                            "src=b%%%02xc&app=x&stream=s"};

        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
            if (i == 2 && c == '.')
                continue;
            snprintf(query, sizeof(query), forms[i], c);
            ck_refused(query);
        }
        if (c == 'a' || c == '&' || c == '%' || c == '#')
            continue;
        snprintf(query, sizeof(query), "src=%c&app=x&stream=s", c);
        if (c != '+')
            ck_refused(query);
    }
}
END_TEST

START_TEST(test_addresses)
{
    static const char *const src[] = {"127.0.0.1",
                                      "127.0.0.1:1936",
                                      "rtmp://127.0.0.1:1936",
                                      "rtmp%3a%2f%2f127.0.0.1%3a1936",
                                      "http://h.example:8080/live",
                                      "http://169.254.169.254/",
                                      "//h.example:8080",
                                      "[::1]",
                                      "localhost",
                                      "a:1936",
                                      "a@h.example",
                                      "h.example@a",
                                      "a/../b.c",
                                      "a%00",
                                      "a%00b",
                                      "a%0d%0aX:%20y",
                                      "a,b.c",
                                      "a;b.c",
                                      "A",
                                      "b.C",
                                      "b",
                                      "b.",
                                      ".c",
                                      "*",
                                      "@a",
                                      "file:///etc/passwd",
                                      "unix:/run/x",
                                      "0",
                                      "2130706433"};
    char query[256];

    for (size_t i = 0; i < sizeof(src) / sizeof(src[0]); i++) {
        snprintf(query, sizeof(query), "src=%s&port=1935&app=x&stream=s", src[i]);
        ck_refused(query);
        snprintf(query, sizeof(query), "app=x&stream=s&src=%s", src[i]);
        ck_refused(query);
    }
}
END_TEST

START_TEST(test_ports)
{
    static const char *const odd[] = {"0",       "-1",     "65536",
                                      "1936x",   "x",      " 1936",
                                      "+1936",   "0x790",  "99999999999999999999",
                                      "1936,80", "1936%00"};
    char query[128];

    for (int port = 1; port <= 65535; port += port < 2100 ? 1 : 997) {
        if (port == 1935 || port == 1936)
            continue;
        snprintf(query, sizeof(query), "src=a&port=%d&app=x&stream=s", port);
        ck_refused(query);
    }
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        snprintf(query, sizeof(query), "src=a&port=%s&app=x&stream=s", odd[i]);
        ck_refused(query);
    }
}
END_TEST

START_TEST(test_names)
{
    static char query[600];
    static const char *const bad[] = {
        "src=a",
        "src=a&app=x",
        "src=a&stream=s",
        "src=a&app=&stream=s",
        "src=a&app=x&stream=",
        "src=a&app=/x&stream=s",
        "src=a&app=x/&stream=s",
        "src=a&app=x%2f%2fy&stream=s",
        "src=a&app=x&stream=s/t",
        "src=a&app=x&stream=s%2ft",
        "src=a&app=x&stream=s%3fvhost=w",
        "src=a&app=x%23&stream=s",
        "src=a&app=x%5c..&stream=s",
        "src=a&app=x%00&stream=s",
        "src=a&app=x&stream=s%0a",
        "src=a&app=x&stream=%zz",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_refused(bad[i]);
    (void)snprintf(query, sizeof(query), "src=a&app=x&stream=");
    memset(query + strlen(query), 's', 400);
    ck_refused(query);
    (void)snprintf(query, sizeof(query), "app=x&stream=s&src=");
    memset(query + strlen(query), 'a', 480);
    ck_refused(query);
}
END_TEST

START_TEST(test_target)
{
    static struct origin_target out;
    struct origin_stream stream = {NULL, "x", "s", NULL};

    ck_assert_int_eq(http_pull_target(&t.config, "a", &stream, &out), 0);
    ck_assert_str_eq(out.rtmp.tc_url, "rtmp://127.0.0.1:1936/x");
    ck_assert_str_eq(out.rtmp.name, "s");
    ck_assert_int_eq(http_pull_target(&t.config, "b.c:1935", &stream, &out), 0);
    ck_assert_str_eq(out.http.host, "h.example");
    ck_assert_str_eq(out.http.path, "/live");
    ck_assert_str_eq(out.http.query, "app=x&stream=s&port=1935");
    ck_assert_int_eq(http_pull_target(&t.config, "b", &stream, &out), -1);
    ck_assert_int_eq(http_pull_target(&t.config, "", &stream, &out), -1);
    ck_assert_int_eq(http_pull_target(&t.config, "a.", &stream, &out), -1);
}
END_TEST

Suite *check_http_pull_suite(void)
{
    Suite *suite = suite_create("http_pull");
    TCase *tcase = tcase_create("http_pull");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_next_of_the_chain);
    tcase_add_test(tcase, test_every_byte);
    tcase_add_test(tcase, test_addresses);
    tcase_add_test(tcase, test_ports);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_target);
    suite_add_tcase(suite, tcase);
    return suite;
}
