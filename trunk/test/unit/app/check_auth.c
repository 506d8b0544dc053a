/* The link that asks a policy. */
#include "app/auth.h"
#include "http_test.h"

#include <string.h>

Suite *check_auth_suite(void);

static struct http_test t;

static struct err *serve_200(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    (void)self;
    return http_answer(x, 200, NULL, NULL, "ok", 2, timeout);
}

/* Says what arg points to. */
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
    auth_free(auth);
    auth = auth_new(&auth_policy_all, &last);
    ck_assert_ptr_nonnull(auth);
    http_test_request(&t, "GET", "/q");
    http_test_serve(&t, auth);
    ck_assert_int_eq(http_test_status(&t), 200);
    auth_free(auth);
    http_test_fini(&t);
}
END_TEST

Suite *check_auth_suite(void)
{
    Suite *suite = suite_create("auth");
    TCase *tc = tcase_create("auth");

    tcase_add_test(tc, asks);
    suite_add_tcase(suite, tc);
    return suite;
}
