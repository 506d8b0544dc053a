/* Values passed to the player page: the port for RTMP clients, the longest republish_wait. */
#include "app/http/http_page.h"
#include "http_test.h"

#include <stdlib.h>
#include <string.h>

Suite *check_http_page_suite(void);

static struct http_test t;
static struct http_handler *page;

static struct err *serve_next(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    (void)self;
    return http_answer(x, 200, "text/plain", NULL, "next", 4, timeout);
}

static struct http_handler last = {serve_next, NULL};

static void setup(void)
{
    http_test_runtime();
    http_test_init(&t);
    t.vhost.enabled = 1;
    t.vhost.http_remux.enabled = 1;
    t.vhost.http_remux.republish_wait = 15 * USEC_PER_SEC;
    t.server.rtmp_port = 19350;
    page = http_page_new(&last);
    ck_assert_ptr_nonnull(page);
}

static void teardown(void)
{
    free(page);
    http_test_fini(&t);
}

static const char *ask(const char *method, const char *path)
{
    http_test_request(&t, method, path);
    http_test_serve(&t, page);
    return http_test_out(&t);
}

START_TEST(test_served)
{
    const char *answer = ask("GET", HTTP_PAGE_PATH);

    ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 200 "));
    ck_assert_ptr_nonnull(strstr(answer, "Content-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(
        strstr(answer, "\r\n\r\n{\"rtmp_port\":19350,\"republish_wait_ms\":15000}\n"));
    ck_assert_ptr_nonnull(strstr(ask("POST", HTTP_PAGE_PATH), "HTTP/1.1 405 "));
    ck_assert_ptr_nonnull(strstr(ask("GET", "/players/server.jso"), "next"));
    ck_assert_ptr_nonnull(strstr(ask("GET", "/players/"), "next"));
}
END_TEST

START_TEST(test_configured_port_wins)
{
    char out[HTTP_PAGE_MAX];

    t.config.public_rtmp_port = 21935;
    ck_assert_int_eq(http_page_print(&t.config, 1935, out), 0);
    ck_assert_str_eq(out, "{\"rtmp_port\":21935,\"republish_wait_ms\":15000}\n");
    t.vhost.http_remux.rewind_s = 3600;
    ck_assert_int_eq(http_page_print(&t.config, 1935, out), 0);
    ck_assert_str_eq(out,
                     "{\"rtmp_port\":21935,\"republish_wait_ms\":15000,\"rewind_ms\":3600000}\n");
}
END_TEST

START_TEST(test_reports)
{
    char out[HTTP_PAGE_MAX];

    t.config.http_api.qoe = 1;
    ck_assert_int_eq(http_page_print(&t.config, 1935, out), 0);
    ck_assert_ptr_null(strstr(out, "qoe"));
    t.config.http_api.enabled = 1;
    ck_assert_int_eq(http_page_print(&t.config, 1935, out), 0);
    ck_assert_str_eq(out, "{\"rtmp_port\":1935,\"republish_wait_ms\":15000,\"qoe\":true}\n");
}
END_TEST

/* The page needs the clock only for streams with time stamps. */
START_TEST(test_clock)
{
    static const char before[] = "{\"rtmp_port\":1935,\"republish_wait_ms\":15000,\"time_ms\":";
    int64_t from = clock_wall() / USEC_PER_MS;
    char out[HTTP_PAGE_MAX];
    char *end;
    int64_t ms;

    t.vhost.play.stamp = 1;
    ck_assert_int_eq(http_page_print(&t.config, 1935, out), 0);
    ck_assert_mem_eq(out, before, sizeof(before) - 1);
    ms = strtoll(out + sizeof(before) - 1, &end, 10);
    ck_assert_str_eq(end, "}\n");
    ck_assert_int_ge(ms, from);
    ck_assert_int_le(ms, clock_wall() / USEC_PER_MS);
}
END_TEST

START_TEST(test_longest_wait_of_served_vhosts)
{
    static struct config_vhost other;
    static struct config_vhost *vhosts[] = {&t.vhost, &other};
    char out[HTTP_PAGE_MAX];

    other = t.vhost;
    other.http_remux.republish_wait = INT64_MAX / 1000 * 1000;
    t.config.vhost = vhosts;
    t.config.vhost_count = 2;
    ck_assert_int_eq(http_page_print(&t.config, 65535, out), 0);
    ck_assert_str_eq(out, "{\"rtmp_port\":65535,\"republish_wait_ms\":9223372036854775}\n");
    other.http_remux.enabled = 0;
    ck_assert_int_eq(http_page_print(&t.config, 0, out), 0);
    ck_assert_str_eq(out, "{\"rtmp_port\":0,\"republish_wait_ms\":15000}\n");
}
END_TEST

Suite *check_http_page_suite(void)
{
    Suite *suite = suite_create("http_page");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_served);
    tcase_add_test(tc, test_configured_port_wins);
    tcase_add_test(tc, test_reports);
    tcase_add_test(tc, test_clock);
    tcase_add_test(tc, test_longest_wait_of_served_vhosts);
    suite_add_tcase(suite, tc);
    return suite;
}
