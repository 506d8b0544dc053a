/* Which answers of a callback server are a yes, and what a no tells the client. */
#include "app/control/hooks_answer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_hooks_answer_suite(void);

static struct hooks_answer answer;

static enum hooks_decision parse(int status, const char *location, const char *body)
{
    size_t len = strlen(body);
    /* Exactly as large as it claims. */
    char *text = malloc(len > 0 ? len : 1);

    ck_assert_ptr_nonnull(text);
    memcpy(text, body, len);
    memset(&answer, 'x', sizeof(answer));
    hooks_answer_parse(status, location, text, len, &answer);
    free(text);
    ck_assert_ptr_nonnull(memchr(answer.message, '\0', sizeof(answer.message)));
    ck_assert_ptr_nonnull(memchr(answer.location, '\0', sizeof(answer.location)));
    ck_assert((answer.decision == HOOKS_NO) == (answer.message[0] != '\0'));
    ck_assert((answer.decision == HOOKS_REDIRECT) == (answer.location[0] != '\0'));
    return answer.decision;
}

START_TEST(test_yes)
{
    static const char *const bodies[] = {"0",
                                         "0\n",
                                         " \t\r\n0\r\n",
                                         "\"0\"",
                                         "\"0\"\n",
                                         "{\"code\":0}",
                                         " {\"data\":null, \"code\" : 0}\n",
                                         "{\"code\":0,\"msg\":\"welcome\"}",
                                         "{\"code\":-0}"};

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        ck_assert_msg(parse(200, NULL, bodies[i]) == HOOKS_YES, "%s", bodies[i]);
        ck_assert_msg(parse(201, NULL, bodies[i]) == HOOKS_YES, "%s", bodies[i]);
        for (int status = 100; status < 600; status++)
            if (status != 200 && status != 201)
                ck_assert_int_eq(parse(status, NULL, bodies[i]), HOOKS_NO);
    }
}
END_TEST

START_TEST(test_no)
{
    static const char *const bodies[] = {"",
                                         " ",
                                         "1",
                                         "00",
                                         "0 0",
                                         "-0",
                                         "0.0",
                                         "'0'",
                                         "\"00\"",
                                         "\"0",
                                         "ok",
                                         "true",
                                         "null",
                                         "[]",
                                         "[0]",
                                         "{}",
                                         "{\"data\":1}",
                                         "{\"code\":\"0\"}",
                                         "{\"code\":0.0}",
                                         "{\"code\":null}",
                                         "{\"code\":false}",
                                         "{\"code\":1}",
                                         "{\"code\":0} x",
                                         "{\"code\":0",
                                         "{\"code\":1,\"code\":0}",
                                         "{\"code\":0,\"a\":[[[[[[[[[[]]]]]]]]]]}",
                                         "{\"code\":302}",
                                         "{\"code\":302,\"location\":\"\"}",
                                         "{\"code\":302,\"location\":7}",
                                         "{\"code\":302,\"location\":\"rtmp://h/a b\"}",
                                         "{\"code\":302,\"location\":\"rtmp://h/\\r\\nX: y\"}",
                                         "{\"code\":302,\"location\":\"rtmp://h/\xc3\xa4\"}"};

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        ck_assert_msg(parse(200, NULL, bodies[i]) == HOOKS_NO, "%s", bodies[i]);
    hooks_answer_parse(200, NULL, "0\0", 2, &answer);
    ck_assert_int_eq(answer.decision, HOOKS_NO);
}
END_TEST

START_TEST(test_messages)
{
    (void)parse(200, NULL, "{\"code\":1,\"msg\":\"pay first: 5 \xe2\x82\xac\"}");
    ck_assert_str_eq(answer.message, "pay first: 5 \xe2\x82\xac");
    (void)parse(403, NULL, "{\"msg\":\"no\\r\\nX: \\u0007y\"}");
    ck_assert_str_eq(answer.message, "noX: y");
    (void)parse(200, NULL, "{\"code\":9}");
    ck_assert_str_eq(answer.message, "the callback server answered with code 9");
    (void)parse(500, NULL, "{\"code\":0}");
    ck_assert_str_eq(answer.message, "the callback server answered with status 500");
    (void)parse(200, NULL, "");
    ck_assert_str_eq(answer.message, "refused by the callback server");
    hooks_answer_none("because", &answer);
    ck_assert_int_eq(answer.decision, HOOKS_NO);
    ck_assert_str_eq(answer.message, "because");
}
END_TEST

/* Cut between two characters. */
START_TEST(test_long_message)
{
    char body[4 * HOOKS_MESSAGE_MAX] = "{\"code\":1,\"msg\":\"a";

    while (strlen(body) < 2 * HOOKS_MESSAGE_MAX)
        strncat(body, "\xe2\x82\xac", 4);
    strncat(body, "\"}", 3);
    (void)parse(200, NULL, body);
    ck_assert_uint_lt(strlen(answer.message), HOOKS_MESSAGE_MAX);
    ck_assert_uint_gt(strlen(answer.message), HOOKS_MESSAGE_MAX - 5);
    ck_assert_uint_eq((strlen(answer.message) - 1) % 3, 0);
}
END_TEST

START_TEST(test_redirects)
{
    char location[HOOKS_LOCATION_MAX + 2];

    ck_assert_int_eq(parse(302, "rtmp://h/a/s?x=y", ""), HOOKS_REDIRECT);
    ck_assert_str_eq(answer.location, "rtmp://h/a/s?x=y");
    ck_assert_int_eq(parse(200, NULL, "{\"code\":302,\"location\":\"https://h/s.flv\"}"),
                     HOOKS_REDIRECT);
    ck_assert_str_eq(answer.location, "https://h/s.flv");
    ck_assert_int_eq(parse(200, "http://h/", "0"), HOOKS_YES);
    ck_assert_int_eq(parse(302, NULL, "0"), HOOKS_NO);
    ck_assert_int_eq(parse(302, "http://h/\r\n", "0"), HOOKS_NO);
    ck_assert_int_eq(parse(301, "http://h/", "0"), HOOKS_NO);
    memset(location, 'a', sizeof(location));
    location[HOOKS_LOCATION_MAX - 1] = '\0';
    ck_assert_int_eq(parse(302, location, ""), HOOKS_REDIRECT);
    location[HOOKS_LOCATION_MAX - 1] = 'a';
    location[HOOKS_LOCATION_MAX] = '\0';
    ck_assert_int_eq(parse(302, location, ""), HOOKS_NO);
}
END_TEST

Suite *check_hooks_answer_suite(void)
{
    Suite *suite = suite_create("hooks_answer");
    TCase *tc = tcase_create("hooks_answer");

    tcase_add_test(tc, test_yes);
    tcase_add_test(tc, test_no);
    tcase_add_test(tc, test_messages);
    tcase_add_test(tc, test_long_message);
    tcase_add_test(tc, test_redirects);
    suite_add_tcase(suite, tc);
    return suite;
}
