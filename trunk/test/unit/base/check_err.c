/*
 * Errors: the chain as one line, codes that survive wrapping, texts longer than an error can hold,
 * and which errors are no alarm.
 */
#include "base/err.h"

#include <check.h>
#include <errno.h>
#include <string.h>

Suite *check_err_suite(void);

START_TEST(new_has_code_and_text)
{
    struct err *err = err_new(ERR_PROTO, "chunk %d of %s", 7, "video");

    ck_assert_int_eq(err_code(err), ERR_PROTO);
    ck_assert_int_eq(err_errno(err), 0);
    ck_assert_str_eq(err_text(err), "chunk 7 of video");
    err_free(err);
}
END_TEST

START_TEST(sys_keeps_errno)
{
    struct err *err;

    errno = EPERM;
    err = err_sys(ECONNRESET, "read %s", "10.0.0.1:80");
    ck_assert_int_eq(err_code(err), ERR_SYS);
    ck_assert_int_eq(err_errno(err), ECONNRESET);
    ck_assert_str_eq(err_text(err), "read 10.0.0.1:80: Connection reset by peer");
    err_free(err);
}
END_TEST

START_TEST(sys_with_unknown_errno)
{
    struct err *err = err_sys(99999, "odd");

    ck_assert_int_eq(err_errno(err), 99999);
    ck_assert_str_eq(err_text(err), "odd: Unknown error 99999");
    err_free(err);
}
END_TEST

START_TEST(wrap_puts_facts_in_front)
{
    struct err *err = err_sys(ETIMEDOUT, "connect");
    struct err *wrapped = err_wrap(err, "origin %s", "a:1935");

    ck_assert_ptr_eq(wrapped, err);
    wrapped = err_wrap(wrapped, "edge live/%d", 3);
    ck_assert_str_eq(err_text(wrapped),
                     "edge live/3: origin a:1935: connect: Connection timed out");
    ck_assert_int_eq(err_code(wrapped), ERR_SYS);
    ck_assert_int_eq(err_errno(wrapped), ETIMEDOUT);
    err_free(wrapped);
}
END_TEST

START_TEST(long_texts_are_cut)
{
    char big[4096];
    struct err *err;
    size_t len;

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    err = err_new(ERR_LIMIT, "%s", big);
    len = strlen(err_text(err));
    ck_assert_uint_gt(len, 100);
    ck_assert_uint_lt(len, sizeof(big) - 1);
    err = err_wrap(err, "outer");
    ck_assert_int_eq(strncmp(err_text(err), "outer: xxx", 10), 0);
    ck_assert_uint_eq(strlen(err_text(err)), len);
    err = err_wrap(err, "%s", big);
    ck_assert_uint_eq(strlen(err_text(err)), len);
    ck_assert_int_eq(err_code(err), ERR_LIMIT);
    err_free(err);

    err = err_sys(EIO, "%s", big);
    ck_assert_uint_eq(strlen(err_text(err)), len);
    ck_assert_int_eq(err_errno(err), EIO);
    err_free(err);
}
END_TEST

/* A chain that grows for ever stays one bounded line, its newest fact in front. */
START_TEST(many_wraps_stay_bounded)
{
    struct err *err = err_new(ERR_BUSY, "root");
    size_t longest = 0;

    for (int i = 0; i < 1000; i++) {
        err = err_wrap(err, "level %d", i);
        if (strlen(err_text(err)) > longest)
            longest = strlen(err_text(err));
    }
    ck_assert_uint_lt(longest, 1024);
    ck_assert_int_eq(strncmp(err_text(err), "level 999: level 998: ", 22), 0);
    ck_assert_int_eq(err_code(err), ERR_BUSY);
    err_free(err);
}
END_TEST

START_TEST(a_disconnected_peer_is_quiet)
{
    static const struct {
        enum err_code code;
        int quiet;
    } rows[] = {{ERR_SYS, 0},    {ERR_CLOSED, 1}, {ERR_TIMEOUT, 1},  {ERR_INTERRUPTED, 1},
                {ERR_PROTO, 0},  {ERR_LIMIT, 0},  {ERR_DENIED, 0},   {ERR_BUSY, 0},
                {ERR_CONFIG, 0}, {ERR_NOMEM, 0},  {ERR_NOT_FOUND, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err *err = err_wrap(err_new(rows[i].code, "x"), "y");

        ck_assert_int_eq(err_code(err), rows[i].code);
        ck_assert_int_eq(!!err_is_quiet(err), rows[i].quiet);
        err_free(err);
    }
}
END_TEST

START_TEST(free_takes_null)
{
    err_free(NULL);
}
END_TEST

START_TEST(percent_in_arguments_is_text)
{
    struct err *err = err_new(ERR_PROTO, "%s", "%s%n%d");

    err = err_wrap(err, "%s", "100%");
    ck_assert_str_eq(err_text(err), "100%: %s%n%d");
    err_free(err);
}
END_TEST

Suite *check_err_suite(void)
{
    Suite *suite = suite_create("err");
    TCase *tcase = tcase_create("err");

    tcase_add_test(tcase, new_has_code_and_text);
    tcase_add_test(tcase, sys_keeps_errno);
    tcase_add_test(tcase, sys_with_unknown_errno);
    tcase_add_test(tcase, wrap_puts_facts_in_front);
    tcase_add_test(tcase, long_texts_are_cut);
    tcase_add_test(tcase, many_wraps_stay_bounded);
    tcase_add_test(tcase, a_disconnected_peer_is_quiet);
    tcase_add_test(tcase, free_takes_null);
    tcase_add_test(tcase, percent_in_arguments_is_text);
    suite_add_tcase(suite, tcase);
    return suite;
}
