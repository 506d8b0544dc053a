/* The table of live addresses. */
#include "app/http/serve_mux.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_serve_mux_suite(void);

START_TEST(add_find_remove)
{
    struct serve_mux *mux = serve_mux_new(10);
    struct http_handler a = {NULL, NULL};
    struct http_handler b = {NULL, NULL};

    ck_assert_ptr_nonnull(mux);
    ck_assert_ptr_null(serve_mux_find(mux, "v", "/a/s.flv"));
    ck_assert_int_eq(serve_mux_add(mux, "/a/s.flv", &a), 0);
    ck_assert_ptr_eq(serve_mux_find(mux, "v", "/a/s.flv"), &a);
    ck_assert_ptr_eq(serve_mux_find(mux, "", "/a/s.flv"), &a);
    ck_assert_int_eq(serve_mux_add(mux, "/a/s.flv", &b), -1);
    ck_assert_int_eq(serve_mux_add(mux, "v/a/s.flv", &b), 0);
    ck_assert_ptr_eq(serve_mux_find(mux, "v", "/a/s.flv"), &b);
    ck_assert_ptr_eq(serve_mux_find(mux, "V", "/a/s.flv"), &b);
    ck_assert_ptr_eq(serve_mux_find(mux, "w", "/a/s.flv"), &a);
    ck_assert_ptr_null(serve_mux_find(mux, "v", "/A/s.flv"));
    ck_assert_ptr_null(serve_mux_find(mux, "v", "/a/s.fl"));
    ck_assert_uint_eq(serve_mux_count(mux), 2);
    serve_mux_remove(mux, "/a/s.flv");
    ck_assert_ptr_null(serve_mux_find(mux, "w", "/a/s.flv"));
    ck_assert_ptr_eq(serve_mux_find(mux, "v", "/a/s.flv"), &b);
    serve_mux_remove(mux, "/a/s.flv");
    ck_assert_uint_eq(serve_mux_count(mux), 1);
    serve_mux_free(mux);
    serve_mux_free(NULL);
}
END_TEST

START_TEST(bounds)
{
    struct serve_mux *mux = serve_mux_new(100);
    struct http_handler a = {NULL, NULL};
    char pattern[SERVE_MUX_PATTERN_MAX + 1];

    ck_assert_ptr_nonnull(mux);
    memset(pattern, 'a', sizeof(pattern));
    pattern[0] = '/';
    pattern[SERVE_MUX_PATTERN_MAX] = '\0';
    ck_assert_int_eq(serve_mux_add(mux, pattern, &a), -1);
    ck_assert_ptr_null(serve_mux_find(mux, "v", pattern));
    pattern[SERVE_MUX_PATTERN_MAX - 1] = '\0';
    ck_assert_int_eq(serve_mux_add(mux, pattern, &a), 0);
    /* With a host in front it is too long for a pattern, without it is found. */
    ck_assert_ptr_eq(serve_mux_find(mux, "v", pattern), &a);
    for (int i = 1; i < 100; i++) {
        snprintf(pattern, sizeof(pattern), "v/%d", i);
        ck_assert_int_eq(serve_mux_add(mux, pattern, &a), 0);
    }
    ck_assert_int_eq(serve_mux_add(mux, "v/100", &a), -1);
    serve_mux_remove(mux, "v/50");
    ck_assert_int_eq(serve_mux_add(mux, "v/100", &a), 0);
    ck_assert_uint_eq(serve_mux_count(mux), 100);
    serve_mux_free(mux);
}
END_TEST

Suite *check_serve_mux_suite(void)
{
    Suite *suite = suite_create("serve_mux");
    TCase *tc = tcase_create("serve_mux");

    tcase_add_test(tc, add_find_remove);
    tcase_add_test(tc, bounds);
    suite_add_tcase(suite, tc);
    return suite;
}
