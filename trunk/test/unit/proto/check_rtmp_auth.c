/* authmod=adobe: the answer to each refusal. Python computed the digests. */
#include "proto/rtmp_auth.h"

#include <check.h>
#include <string.h>

Suite *check_rtmp_auth_suite(void);

#define REJECT  "[ AccessManager.Reject ] : "
#define NEED    REJECT "[ code=403 need auth; authmod=adobe ] : "
#define ASK     REJECT "[ authmod=adobe ] : ?reason=needauth&user=me&salt=c2FsdA==&challenge=Y2hhbA=="
#define FAILED  REJECT "[ authmod=adobe ] : ?reason=authfailed&opaque=x"
#define NO_USER REJECT "[ authmod=adobe ] : ?reason=nosuchuser&opaque=x"
#define LLNW    REJECT "[ code=403 need auth; authmod=llnw ] : "

static struct rtmp_target target;
static char out[RTMP_AUTH_QUERY_MAX];

static void setup(void)
{
    ck_assert_int_eq(rtmp_target_read(&target, "rtmp://me:secret@h/app/KEY"), 0);
}

static enum rtmp_auth answer(const char *description)
{
    return rtmp_auth_answer(&target, description, "0badcafe", out);
}

START_TEST(first_step)
{
    ck_assert_int_eq(answer(NEED), RTMP_AUTH_AGAIN);
    ck_assert_str_eq(out, "authmod=adobe&user=me");
}
END_TEST

START_TEST(second_step)
{
    ck_assert_int_eq(answer(ASK "&opaque=b3A+YQ=="), RTMP_AUTH_AGAIN);
    ck_assert_str_eq(out,
                     "authmod=adobe&user=me&challenge=0badcafe&response=woIxLrXFnI5aV0d7wDbhiw=="
                     "&opaque=b3A+YQ==");
    /* Without an opaque the server's challenge is used instead. */
    ck_assert_int_eq(answer(ASK), RTMP_AUTH_AGAIN);
    ck_assert_str_eq(out,
                     "authmod=adobe&user=me&challenge=0badcafe&response=JmIOIQJ3B30/8ovPJ5Tj7g==");
    ck_assert_int_eq(answer(ASK " and more&opaque=x"), RTMP_AUTH_AGAIN);
    ck_assert_ptr_null(strstr(out, "opaque"));
}
END_TEST

START_TEST(refusals)
{
    ck_assert_int_eq(answer(FAILED), RTMP_AUTH_DENIED);
    ck_assert_int_eq(answer(NO_USER), RTMP_AUTH_DENIED);
    ck_assert_int_eq(answer(LLNW), RTMP_AUTH_UNKNOWN);
    ck_assert_int_eq(answer("[ authmod=llnw ] : ?reason=needauth"), RTMP_AUTH_UNKNOWN);
    ck_assert_int_eq(answer("the stream is busy"), RTMP_AUTH_NONE);
    ck_assert_int_eq(answer(""), RTMP_AUTH_NONE);
    ck_assert_int_eq(answer("authmod=adobe"), RTMP_AUTH_NONE);
}
END_TEST

/* The texts of a hostile server are bounded. */
START_TEST(at_the_limits)
{
    char text[1200];
    size_t len = strlen(ASK "&opaque=");

    memcpy(text, ASK "&opaque=", len + 1);
    memset(text + len, 'o', 300);
    text[len + 255] = '\0';
    ck_assert_int_eq(answer(text), RTMP_AUTH_AGAIN);
    text[len + 255] = 'o';
    text[len + 256] = '\0';
    ck_assert_int_eq(answer(text), RTMP_AUTH_NONE);
}
END_TEST

START_TEST(applied)
{
    ck_assert_int_eq(rtmp_auth_apply(&target, "authmod=adobe&user=me"), 0);
    ck_assert_str_eq(target.app, "app?authmod=adobe&user=me");
    ck_assert_str_eq(target.tc_url, "rtmp://h/app?authmod=adobe&user=me");
    ck_assert_str_eq(target.name, "KEY");
    ck_assert_int_eq(rtmp_target_read(&target, "rtmp://me@h/live2?backup=1/KEY"), 0);
    ck_assert_int_eq(rtmp_auth_apply(&target, "x=1"), 0);
    ck_assert_str_eq(target.app, "live2?backup=1&x=1");
    ck_assert_str_eq(target.tc_url, "rtmp://h/live2?backup=1&x=1");
}
END_TEST

START_TEST(applied_to_a_long_app)
{
    char address[1100] = "rtmp://h/";
    size_t at = strlen(address);

    memset(address + at, 'a', 1000);
    memcpy(address + at + 1000, "/KEY", 5);
    ck_assert_int_eq(rtmp_target_read(&target, address), 0);
    ck_assert_int_eq(rtmp_auth_apply(&target, "authmod=adobe&user=somebody"), -1);
    ck_assert_uint_eq(strlen(target.app), 1000);
    ck_assert_uint_eq(strlen(target.tc_url), at + 1000);
}
END_TEST

START_TEST(users)
{
    static const struct {
        const char *address, *user, *password;
    } good[] = {{"rtmp://h/a/s", "", ""},
                {"rtmp://u@h/a/s", "u", ""},
                {"rtmp://u:@h/a/s", "u", ""},
                {"rtmp://u:p:q@h/a/s", "u", "p:q"},
                {"rtmp://u%40d:p%2Fq%3f@h:1936/a/s", "u@d", "p/q?"},
                {"rtmp://u:p@q@[::1]:1936/a/s", "u", "p@q"}};
    static const char *const bad[] = {
        "rtmp://@h/a/s",     "rtmp://:p@h/a/s",  "rtmp://u%4@h/a/s",  "rtmp://u:%zz@h/a/s",
        "rtmp://u%0a@h/a/s", "rtmp://u v@h/a/s", "rtmp://u%26@h/a/s", "rtmp://u:p%00@h/a/s"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(rtmp_target_read(&target, good[i].address) == 0, "%s", good[i].address);
        ck_assert_str_eq(target.user, good[i].user);
        ck_assert_str_eq(target.password, good[i].password);
        ck_assert_ptr_null(strchr(target.tc_url, '@'));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(rtmp_target_read(&target, bad[i]) == -1, "%s", bad[i]);
}
END_TEST

/* After a redirection the next server gets no password. */
START_TEST(not_after_a_redirection)
{
    ck_assert_int_eq(rtmp_target_redirect(&target, "rtmp://other/app"), 0);
    ck_assert_str_eq(target.host, "other");
    ck_assert_str_eq(target.user, "");
    ck_assert_str_eq(target.password, "");
}
END_TEST

Suite *check_rtmp_auth_suite(void)
{
    Suite *suite = suite_create("rtmp_auth");
    TCase *tc = tcase_create("rtmp_auth");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, first_step);
    tcase_add_test(tc, second_step);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, at_the_limits);
    tcase_add_test(tc, applied);
    tcase_add_test(tc, applied_to_a_long_app);
    tcase_add_test(tc, users);
    tcase_add_test(tc, not_after_a_redirection);
    suite_add_tcase(suite, tc);
    return suite;
}
