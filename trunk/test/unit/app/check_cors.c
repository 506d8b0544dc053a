/* Cross-origin headers, preflights, and OPTIONS without them. */
#include "app/http/cors.h"
#include "http_test.h"

#include <stdlib.h>

#include <string.h>

Suite *check_cors_suite(void);

static struct http_test t;
static struct http_handler *cors;

static struct err *serve_404(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    (void)self;
    return http_answer_error(x, 404, NULL, timeout, "nothing here");
}

static struct http_handler last = {serve_404, NULL};

static void setup(void)
{
    http_test_init(&t);
    cors = cors_new(&last);
    ck_assert_ptr_nonnull(cors);
}

static void teardown(void)
{
    free(cors);
    http_test_fini(&t);
}

START_TEST(with_origin)
{
    http_test_header(&t, "ORIGIN", "https://o.example:8443");
    http_test_serve(&t, cors);
    ck_assert_int_eq(http_test_status(&t), 404);
    ck_assert(http_test_has_line(&t, "Access-Control-Allow-Origin: https://o.example:8443"));
    ck_assert(http_test_has_line(&t, "Access-Control-Allow-Credentials: true"));
    ck_assert(http_test_has_line(&t, "Vary: Origin"));
    ck_assert_ptr_nonnull(strstr(http_test_out(&t), "Access-Control-Expose-Headers: "));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Allow-Methods"));
}
END_TEST

static void is_open_to_all(void)
{
    http_test_serve(&t, cors);
    ck_assert(http_test_has_line(&t, "Access-Control-Allow-Origin: *"));
    ck_assert(http_test_has_line(&t, "Vary: Origin"));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Credentials"));
}

START_TEST(without_origin)
{
    static char huge[5000];

    is_open_to_all();
    http_test_request(&t, "GET", "/");
    http_test_header(&t, "Origin", "null");
    is_open_to_all();
    http_test_request(&t, "GET", "/");
    http_test_header(&t, "Origin", "");
    is_open_to_all();
    http_test_request(&t, "GET", "/");
    memset(huge, 'a', sizeof(huge) - 1);
    http_test_header(&t, "Origin", huge);
    is_open_to_all();
}
END_TEST

START_TEST(preflight)
{
    http_test_request(&t, "OPTIONS", "/live/s.flv");
    http_test_header(&t, "Origin", "http://o");
    http_test_header(&t, "Access-Control-Request-Method", "GET");
    http_test_header(&t, "Access-Control-Request-Headers", "x-a, x-b");
    http_test_header(&t, "Access-Control-Request-Private-Network", "true");
    http_test_serve(&t, cors);
    ck_assert_int_eq(http_test_status(&t), 204);
    ck_assert(http_test_has_line(&t, "Access-Control-Allow-Origin: http://o"));
    ck_assert(http_test_has_line(&t, "Access-Control-Allow-Methods: GET, HEAD, OPTIONS"));
    ck_assert(http_test_has_line(&t, "Access-Control-Allow-Headers: x-a, x-b"));
    ck_assert(http_test_has_line(&t, "Access-Control-Max-Age: 86400"));
    ck_assert(http_test_has_line(&t, "Access-Control-Allow-Private-Network: true"));
    ck_assert(http_test_has_line(&t, "Allow: GET, HEAD, OPTIONS"));
    ck_assert_str_eq(http_test_body(&t), "");
}
END_TEST

START_TEST(options_plain)
{
    http_test_request(&t, "OPTIONS", "*");
    http_test_serve(&t, cors);
    ck_assert_int_eq(http_test_status(&t), 204);
    ck_assert_ptr_null(strstr(http_test_out(&t), "Private-Network"));
    ck_assert_ptr_nonnull(strstr(http_test_out(&t), "Access-Control-Allow-Headers: Accept"));
}
END_TEST

START_TEST(switched_off)
{
    t.config.http_server.crossdomain = 0;
    http_test_header(&t, "Origin", "http://o");
    http_test_serve(&t, cors);
    ck_assert_int_eq(http_test_status(&t), 404);
    ck_assert_ptr_null(strstr(http_test_out(&t), "Access-Control"));
    http_test_request(&t, "OPTIONS", "/");
    http_test_header(&t, "Origin", "http://o");
    http_test_serve(&t, cors);
    ck_assert_int_eq(http_test_status(&t), 204);
    ck_assert(http_test_has_line(&t, "Allow: GET, HEAD, OPTIONS"));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Access-Control"));
}
END_TEST

static int allows(const char *host, int port, const char *origin)
{
    http_test_request(&t, "GET", "/");
    t.request.host = host;
    t.request.port = port;
    if (origin != NULL)
        http_test_header(&t, "Origin", origin);
    return cors_allows_page(&t.x);
}

/* For WebSockets, which no browser holds to CORS. */
START_TEST(pages)
{
    ck_assert(allows("s.example", 8080, "https://o.example"));
    t.config.http_server.crossdomain = 0;
    ck_assert(allows("s.example", 8080, NULL));
    ck_assert(allows("s.example", 8080, "http://S.example:8080"));
    ck_assert(allows("s.example", 0, "http://s.example"));
    ck_assert(allows("s.example", 0, "https://s.example")); /* a proxy ends TLS */
    ck_assert(allows("::1", 8080, "http://[::1]:8080"));
    ck_assert(!allows("s.example", 8080, "http://s.example"));
    ck_assert(!allows("s.example", 0, "http://s.example:8080"));
    ck_assert(!allows("s.example", 8080, "http://o.example:8080"));
    ck_assert(!allows("s.example", 8080, "http://s.example.o.example:8080"));
    ck_assert(!allows("s.example", 8080, "null"));
    ck_assert(!allows("s.example", 8080, ""));
    ck_assert(!allows("", 0, "file://"));
}
END_TEST

Suite *check_cors_suite(void)
{
    Suite *suite = suite_create("cors");
    TCase *tc = tcase_create("cors");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, with_origin);
    tcase_add_test(tc, without_origin);
    tcase_add_test(tc, preflight);
    tcase_add_test(tc, options_plain);
    tcase_add_test(tc, switched_off);
    tcase_add_test(tc, pages);
    suite_add_tcase(suite, tc);
    return suite;
}
