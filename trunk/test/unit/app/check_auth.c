/* The handler that asks a policy. */
#include "app/http/auth.h"
#include "app/stream/gate.h"
#include "http_test.h"

#include <stdlib.h>

#include <string.h>

Suite *check_auth_suite(void);

static struct http_test t;

static struct err *serve_200(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    (void)self;
    return http_answer(x, 200, NULL, NULL, "ok", 2, timeout);
}

/* Answers with the text at arg. */
static int check_fixed(void *arg, const struct http_exchange *x, struct buf *headers,
                       const char **reason, usec_t timeout)
{
    int status = *(int *)arg;

    ck_assert_str_eq(x->request->path, "/p");
    ck_assert_int_gt((int)timeout, 0);
    if (status == 401)
        ck_assert_int_eq(buf_printf(headers, "WWW-Authenticate: Basic\r\n"), 0);
    if (status != 0)
        *reason = "because";
    return status;
}

START_TEST(asks)
{
    int status = 0;
    struct auth_policy policy = {check_fixed, &status};
    struct http_handler last = {serve_200, NULL};
    struct http_handler *auth = auth_new(&policy, &last);

    ck_assert_ptr_nonnull(auth);
    http_test_init(&t);
    http_test_request(&t, "GET", "/p");
    http_test_serve(&t, auth);
    ck_assert_int_eq(http_test_status(&t), 200);
    status = 403;
    http_test_request(&t, "GET", "/p");
    http_test_serve(&t, auth);
    ck_assert_str_eq(http_test_body(&t), "{\"code\":403,\"reason\":\"because\"}\n");
    status = 401;
    http_test_request(&t, "GET", "/p");
    http_test_serve(&t, auth);
    ck_assert_int_eq(http_test_status(&t), 401);
    ck_assert(http_test_has_line(&t, "WWW-Authenticate: Basic"));
    free(auth);
    auth = auth_new(&auth_policy_all, &last);
    ck_assert_ptr_nonnull(auth);
    http_test_request(&t, "GET", "/q");
    http_test_serve(&t, auth);
    ck_assert_int_eq(http_test_status(&t), 200);
    free(auth);
    http_test_fini(&t);
}
END_TEST

/* Requests live/s of the default vhost; returns the status of the answer, or 0 if it is allowed. */
static int ask_play(void)
{
    struct auth_stream stream = {.vhost = &t.vhost, .app = "live", .name = "s"};
    enum http_step step = auth_ask_play(&t.x, &stream, USEC_PER_SEC);

    ck_assert_ptr_null(http_step_err(&t.x));
    ck_assert_int_ne(step, HTTP_STEP_FAILED);
    ck_assert_int_eq(step == HTTP_STEP_DONE, http_test_out(&t)[0] != '\0');
    return step == HTTP_STEP_DONE ? http_test_status(&t) : 0;
}

START_TEST(asks_for_a_stream)
{
    static char *domains[] = {"good.example"};

    static const struct gate *const gates[] = {&gate_refer, &gate_token, NULL};
    static const struct tables tables = {.gates = gates};

    http_test_init(&t);
    t.server.tables = &tables;
    http_test_request(&t, "GET", "/live/s.flv");
    ck_assert_int_eq(ask_play(), 0);
    t.vhost.token.enabled = t.vhost.token.play = 1;
    http_test_request(&t, "GET", "/live/s.flv");
    ck_assert_int_eq(ask_play(), 401);
    ck_assert(http_test_has_line(&t, "WWW-Authenticate: Signed realm=\"stream\""));
    ck_assert_str_eq(http_test_body(&t), "{\"code\":401,\"reason\":\"URL is not signed\"}\n");
    t.vhost.token.enabled = 0;
    t.vhost.refer.enabled = 1;
    t.vhost.refer.all = (struct config_strings){1, domains};
    http_test_request(&t, "GET", "/live/s.flv");
    ck_assert_int_eq(ask_play(), 403);
    http_test_request(&t, "GET", "/live/s.flv");
    http_test_header(&t, "Origin", "https://good.example");
    ck_assert_int_eq(ask_play(), 0);
    /* The page in Referer counts, not the Origin. */
    http_test_request(&t, "GET", "/live/s.flv");
    http_test_header(&t, "Origin", "https://good.example");
    http_test_header(&t, "Referer", "https://evil.example/");
    ck_assert_int_eq(ask_play(), 403);
    http_test_fini(&t);
}
END_TEST

Suite *check_auth_suite(void)
{
    Suite *suite = suite_create("auth");
    TCase *tc = tcase_create("auth");

    tcase_add_test(tc, asks);
    tcase_add_test(tc, asks_for_a_stream);
    suite_add_tcase(suite, tc);
    return suite;
}
