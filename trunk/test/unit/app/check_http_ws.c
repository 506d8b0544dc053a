/* The upgrade to WebSocket: the answer to each request. */
#include "app/http/http_ws.h"
#include "http_test.h"

#include <string.h>

Suite *check_http_ws_suite(void);

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static struct http_test t;
static const char *protocols[2]; /* that the client offers, a header each */

static void setup(void)
{
    http_test_runtime();
    http_test_init(&t);
    memset(protocols, 0, sizeof(protocols));
}

static void teardown(void)
{
    http_test_fini(&t);
}

/* The request with these headers; NULL leaves one out. The answer's status. */
static int upgrade(const char *version, const char *key, const char *key2, struct http_ws **ws)
{
    struct err *err;

    http_test_request(&t, "GET", "/live/a.flv");
    t.request.upgrade = HTTP_UPGRADE_WEBSOCKET;
    if (version != NULL)
        http_test_header(&t, "Sec-WebSocket-Version", version);
    if (key != NULL)
        http_test_header(&t, "sec-websocket-key", key);
    if (key2 != NULL)
        http_test_header(&t, "Sec-WebSocket-Key", key2);
    for (size_t i = 0; i < 2 && protocols[i] != NULL; i++)
        http_test_header(&t, "Sec-WebSocket-Protocol", protocols[i]);
    ck_assert_int_eq(buf_printf(&t.x.extra, "X-Extra: 1\r\n"), 0);
    err = http_ws_accept(&t.x, ws, USEC_PER_SEC);
    ck_assert_ptr_null(err);
    ck_assert_int_eq(t.x.has_answered, 1);
    ck_assert(http_test_has_line(&t, "X-Extra: 1"));
    return http_test_status(&t);
}

/* crossdomain off: a page of another site is refused before the stream is looked up. */
START_TEST(a_page_of_another_site)
{
    struct http_ws *ws = NULL;
    struct err *err;

    t.config.http_server.crossdomain = 0;
    http_test_request(&t, "GET", "/live/a.flv");
    t.request.upgrade = HTTP_UPGRADE_WEBSOCKET;
    http_test_header(&t, "Sec-WebSocket-Version", "13");
    http_test_header(&t, "Sec-WebSocket-Key", KEY);
    http_test_header(&t, "Origin", "http://o.example");
    err = http_ws_accept(&t.x, &ws, USEC_PER_SEC);
    ck_assert_ptr_null(err);
    ck_assert_ptr_null(ws);
    ck_assert_int_eq(http_test_status(&t), 403);
}
END_TEST

START_TEST(accepted)
{
    struct http_ws *ws = NULL;

    ck_assert_int_eq(upgrade("13", KEY, NULL, &ws), 101);
    ck_assert_ptr_nonnull(ws);
    ck_assert_ptr_null(http_ws_ended(ws));
    ck_assert(http_test_has_line(&t, "Upgrade: websocket"));
    ck_assert(http_test_has_line(&t, "Connection: Upgrade"));
    ck_assert(http_test_has_line(&t, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Protocol: "));
    ck_assert_ptr_null(strstr(http_test_out(&t), "Content-Length"));
    ck_assert_str_eq(http_test_body(&t), "");
    http_ws_free(ws);
}
END_TEST

START_TEST(agrees_to_the_first_protocol)
{
    struct http_ws *ws = NULL;

    protocols[0] = "v2.flv, flv";
    protocols[1] = "other";
    ck_assert_int_eq(upgrade("13", KEY, NULL, &ws), 101);
    ck_assert(http_test_has_line(&t, "Sec-WebSocket-Protocol: v2.flv"));
    http_ws_free(ws);
    protocols[0] = "";
    ck_assert_int_eq(upgrade("13", KEY, NULL, &ws), 101);
    ck_assert(http_test_has_line(&t, "Sec-WebSocket-Protocol: other"));
    http_ws_free(ws);
    protocols[1] = "not a token";
    ws = NULL;
    ck_assert_int_eq(upgrade("13", KEY, NULL, &ws), 400);
    ck_assert_ptr_null(ws);
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *version, *key, *key2;
        int status;
    } rows[] = {{NULL, KEY, NULL, 426}, {"12", KEY, NULL, 426},    {"13, 8", KEY, NULL, 426},
                {"", KEY, NULL, 426},   {"13", NULL, NULL, 400},   {"13", "", NULL, 400},
                {"13", KEY, KEY, 400},  {"13", KEY "=", NULL, 400}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_ws *ws = NULL;

        ck_assert_int_eq(upgrade(rows[i].version, rows[i].key, rows[i].key2, &ws), rows[i].status);
        ck_assert_ptr_null(ws);
        ck_assert(http_test_has_line(&t, "Connection: close"));
        if (rows[i].status == 426)
            ck_assert(http_test_has_line(&t, "Sec-WebSocket-Version: 13"));
        ck_assert_ptr_nonnull(strstr(http_test_body(&t), "\"code\":4"));
    }
}
END_TEST

Suite *check_http_ws_suite(void)
{
    Suite *suite = suite_create("http_ws");
    TCase *tc = tcase_create("http_ws");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, accepted);
    tcase_add_test(tc, a_page_of_another_site);
    tcase_add_test(tc, agrees_to_the_first_protocol);
    tcase_add_test(tc, refused);
    suite_add_tcase(suite, tc);
    return suite;
}
