/* Heads and bodies of answers. */
#include "http_test.h"

#include <string.h>

Suite *check_http_exchange_suite(void);

static struct http_test t;

static void setup(void)
{
    http_test_init(&t);
}

static void teardown(void)
{
    http_test_fini(&t);
}

static void answer(int status, const char *type, const char *headers, const char *body)
{
    struct err *err = http_answer(&t.x, status, type, headers, body, strlen(body), USEC_PER_SEC);

    ck_assert_ptr_null(err);
}

START_TEST(answer_plain)
{
    ck_assert_int_eq(buf_printf(&t.x.extra, "X-Extra: 1\r\n"), 0);
    answer(200, "text/plain", "X-Own: 2\r\n", "hello");
    ck_assert_int_eq(http_test_status(&t), 200);
    ck_assert_int_eq(strncmp(http_test_out(&t), "HTTP/1.1 200 OK\r\nServer: Millrace/", 34), 0);
    ck_assert(http_test_has_line(&t, "Content-Type: text/plain"));
    ck_assert(http_test_has_line(&t, "Content-Length: 5"));
    ck_assert(http_test_has_line(&t, "X-Extra: 1"));
    ck_assert(http_test_has_line(&t, "X-Own: 2"));
    ck_assert_ptr_nonnull(strstr(http_test_out(&t), "\r\nDate: "));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Connection:"));
    ck_assert_str_eq(http_test_body(&t), "hello");
    ck_assert_int_eq(t.x.has_answered, 1);
}
END_TEST

/* Every answer has nosniff; a page also has frame-ancestors. */
START_TEST(answer_for_browsers)
{
    char *items[] = {"self", "https://portal.example:8443"};

    t.config.http_server.frame_ancestors.item = items;
    t.config.http_server.frame_ancestors.count = 2;
    answer(200, "text/html; charset=utf-8", NULL, "page");
    ck_assert(http_test_has_line(&t, "X-Content-Type-Options: nosniff"));
    ck_assert(http_test_has_line(
        &t, "Content-Security-Policy: frame-ancestors 'self' https://portal.example:8443"));
    http_test_request(&t, "GET", "/");
    answer(200, "application/json", NULL, "{}");
    ck_assert(http_test_has_line(&t, "X-Content-Type-Options: nosniff"));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Security-Policy"));
    t.config.http_server.frame_ancestors.count = 0;
}
END_TEST

START_TEST(answer_connection)
{
    t.x.keep_alive = 0;
    answer(200, NULL, NULL, "");
    ck_assert(http_test_has_line(&t, "Connection: close"));
    ck_assert(http_test_has_line(&t, "Content-Length: 0"));
    ck_assert_ptr_null(strstr(http_test_out(&t), "\r\nContent-Type:"));
    http_test_request(&t, "GET", "/");
    t.request.minor = 0;
    answer(200, NULL, NULL, "x");
    ck_assert(http_test_has_line(&t, "Connection: keep-alive"));
}
END_TEST

START_TEST(answer_head_and_204)
{
    http_test_request(&t, "HEAD", "/");
    answer(200, "text/plain", NULL, "hello");
    ck_assert(http_test_has_line(&t, "Content-Length: 5"));
    ck_assert_str_eq(http_test_body(&t), "");
    http_test_request(&t, "OPTIONS", "/");
    answer(204, NULL, NULL, "");
    ck_assert_ptr_null(strstr(http_test_out(&t), "Content-Length"));
}
END_TEST

START_TEST(answer_too_large)
{
    static char lines[HTTP_ANSWER_HEAD_MAX + 1];
    struct err *err;

    memset(lines, 'a', sizeof(lines) - 1);
    err = http_answer(&t.x, 200, NULL, lines, NULL, 0, USEC_PER_SEC);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err_code(err), ERR_LIMIT);
    err_free(err);
    ck_assert_str_eq(http_test_out(&t), "");
}
END_TEST

START_TEST(errors)
{
    struct err *err = http_answer_error(&t.x, 404, "X-Own: 2\r\n", USEC_PER_SEC, "no %s",
                                        "\"stream\"\\\n\xc3\xa9");

    ck_assert_ptr_null(err);
    ck_assert_int_eq(http_test_status(&t), 404);
    ck_assert(http_test_has_line(&t, "Content-Type: application/json"));
    ck_assert(http_test_has_line(&t, "Cache-Control: no-store"));
    ck_assert(http_test_has_line(&t, "X-Own: 2"));
    ck_assert_str_eq(http_test_body(&t),
                     "{\"code\":404,\"reason\":\"no \\\"stream\\\"\\\\\\u000a\xc3\xa9\"}\n");
    http_test_request(&t, "POST", "/");
    err = http_answer_method(&t.x, USEC_PER_SEC);
    ck_assert_ptr_null(err);
    ck_assert_int_eq(http_test_status(&t), 405);
    ck_assert(http_test_has_line(&t, "Allow: GET, HEAD, OPTIONS"));
}
END_TEST

START_TEST(rendered)
{
    ck_assert_int_eq(buf_printf(&t.x.extra, "X-Extra: 1\r\n"), 0);
    ck_assert_int_eq(http_render_error(&t.x, 404, "gone", &t.out), 0);
    ck_assert_int_eq(http_test_status(&t), 404);
    ck_assert(http_test_has_line(&t, "Connection: close"));
    ck_assert(http_test_has_line(&t, "X-Extra: 1"));
    ck_assert_str_eq(http_test_body(&t), "{\"code\":404,\"reason\":\"gone\"}\n");
    ck_assert_int_eq(t.x.keep_alive, 1);
    ck_assert_int_eq(t.x.has_answered, 0);
}
END_TEST

static int stream_head(const char *method, int minor)
{
    int is_chunked = -1;

    http_test_request(&t, method, "/");
    t.request.minor = minor;
    ck_assert_int_eq(buf_printf(&t.x.extra, "X-Extra: 1\r\n"), 0);
    ck_assert_int_eq(http_stream_head(&t.x, "video/x-flv", &t.out, &is_chunked), 0);
    ck_assert_int_eq(http_test_status(&t), 200);
    ck_assert(http_test_has_line(&t, "Content-Type: video/x-flv"));
    ck_assert(http_test_has_line(&t, "Cache-Control: no-cache, no-store"));
    ck_assert(http_test_has_line(&t, "X-Accel-Buffering: no"));
    ck_assert(http_test_has_line(&t, "X-Extra: 1"));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Content-Length"));
    ck_assert_str_eq(http_test_body(&t), "");
    ck_assert_int_eq(http_test_has_line(&t, "Transfer-Encoding: chunked"), is_chunked);
    ck_assert_int_eq(http_test_has_line(&t, "Connection: close"), !t.x.keep_alive);
    return is_chunked;
}

START_TEST(stream_heads)
{
    ck_assert_int_eq(stream_head("GET", 1), 1);
    ck_assert_int_eq(t.x.keep_alive, 0);
    ck_assert_int_eq(stream_head("GET", 0), 0);
    ck_assert_int_eq(t.x.keep_alive, 0);
    ck_assert_int_eq(stream_head("HEAD", 1), 1);
    ck_assert_int_eq(t.x.keep_alive, 1);
    ck_assert_int_eq(stream_head("HEAD", 0), 0);
    ck_assert_int_eq(t.x.keep_alive, 0);
}
END_TEST

START_TEST(path_encode)
{
    ck_assert_int_eq(http_path_encode(&t.out, "/a b/\xc3\xa9%?#\"<\r\n~-._!$&'()*+,;=:@Z9"), 0);
    ck_assert_str_eq(http_test_out(&t), "/a%20b/%C3%A9%25%3F%23%22%3C%0D%0A~-._!$&'()*+,;=:@Z9");
}
END_TEST

START_TEST(methods)
{
    ck_assert_int_eq(http_is_read(&t.x), 1);
    http_test_request(&t, "HEAD", "/");
    ck_assert_int_eq(http_is_read(&t.x), 1);
    http_test_request(&t, "DELETE", "/");
    ck_assert_int_eq(http_is_read(&t.x), 0);
}
END_TEST

Suite *check_http_exchange_suite(void)
{
    Suite *suite = suite_create("http_exchange");
    TCase *tc = tcase_create("http_exchange");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, answer_plain);
    tcase_add_test(tc, answer_for_browsers);
    tcase_add_test(tc, answer_connection);
    tcase_add_test(tc, answer_head_and_204);
    tcase_add_test(tc, answer_too_large);
    tcase_add_test(tc, errors);
    tcase_add_test(tc, rendered);
    tcase_add_test(tc, stream_heads);
    tcase_add_test(tc, path_encode);
    tcase_add_test(tc, methods);
    suite_add_tcase(suite, tc);
    return suite;
}
