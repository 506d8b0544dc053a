/* Signed addresses: the text, the signature (RFC 2104 by an independent tool), every change. */
#include "proto/token.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_token_suite(void);

static const struct token_claim play = {0, "", "live", "livestream", 1700000000, ""};

/* printf 'play\n/live/livestream\n1700000000\n' | openssl dgst -sha256 -hmac K */
static const char play_sign[] = "ed84c43ca7019e09d214234da911abf86c1b8bd446922626660ef2bf2864d8df";

static const char *const keys[] = {"K", "before"};

START_TEST(test_text)
{
    struct token_claim claim = play;
    char text[TOKEN_TEXT_MAX];

    ck_assert_int_eq(token_text(&claim, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "play\n/live/livestream\n1700000000\n");
    claim = (struct token_claim){1, "Example.ORG", "A/b", "S", 5, "::1"};
    ck_assert_int_eq(token_text(&claim, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "publish\nexample.org/A/b/S\n5\n::1");
    for (size_t cap = 1; cap <= strlen("publish\nexample.org/A/b/S\n5\n::1"); cap++)
        ck_assert_int_eq(token_text(&claim, text, cap), -1);
}
END_TEST

START_TEST(test_text_refuses)
{
    const struct token_claim bad[] = {
        {0, "", "", "s", 1, ""},      {0, "", "a", "", 1, ""},     {0, "", "a\nb", "s", 1, ""},
        {0, "", "a", "s\n2", 1, ""},  {0, "v\n", "a", "s", 1, ""}, {0, "", "a", "s", -1, ""},
        {0, "", "a", "s", 1, "1\n2"},
    };
    char text[TOKEN_TEXT_MAX];
    char hex[TOKEN_HEX_SIZE];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(token_text(&bad[i], text, sizeof(text)), -1);
        ck_assert_int_eq(token_sign("K", &bad[i], hex), -1);
        ck_assert_str_eq(hex, "");
    }
}
END_TEST

START_TEST(test_sign)
{
    char hex[TOKEN_HEX_SIZE];

    ck_assert_int_eq(token_sign("K", &play, hex), 0);
    ck_assert_str_eq(hex, play_sign);
    ck_assert_int_eq(token_sign("", &play, hex), 0);
    ck_assert_str_ne(hex, play_sign);
}
END_TEST

static enum token_verdict check(const char *query, int64_t now)
{
    struct token_claim claim = play;

    claim.expires = 0; /* is not looked at */
    claim.ip = "192.0.2.7";
    return token_check(keys, 2, &claim, query, now);
}

static const char *query_of(const char *expires, const char *sign)
{
    static char query[512];

    snprintf(query, sizeof(query), "?a=b&expires=%s&sign=%s&c=d", expires, sign);
    return query;
}

START_TEST(test_check)
{
    ck_assert_int_eq(check(query_of("1700000000", play_sign), 1699999999), TOKEN_GOOD);
    ck_assert_int_eq(check(query_of("1700000000", play_sign), 1700000000), TOKEN_EXPIRED);
    ck_assert_int_eq(check(query_of("1700000001", play_sign), 1), TOKEN_WRONG);
    ck_assert_int_eq(check(query_of("-1", play_sign), 1), TOKEN_WRONG);
    ck_assert_int_eq(check(query_of("99999999999999999999", play_sign), 1), TOKEN_WRONG);
    ck_assert_int_eq(check(query_of("999999999999999999999999999", play_sign), 1), TOKEN_MISSING);
    ck_assert_int_eq(check(query_of("", play_sign), 1), TOKEN_WRONG);
    ck_assert_int_eq(check(query_of("1700000000", ""), 1), TOKEN_WRONG);
    ck_assert_int_eq(check("", 1), TOKEN_MISSING);
    ck_assert_int_eq(check("expires=1700000000", 1), TOKEN_MISSING);
    ck_assert_int_eq(check("sign=1", 1), TOKEN_MISSING);
}
END_TEST

/* No digit of the signature may differ, none may be missing, none too many. */
START_TEST(test_every_digit_counts)
{
    char sign[TOKEN_HEX_SIZE + 1];

    for (size_t i = 0; i < TOKEN_HEX_SIZE - 1; i++) {
        memcpy(sign, play_sign, TOKEN_HEX_SIZE);
        sign[i] = sign[i] == '0' ? '1' : '0';
        ck_assert_int_eq(check(query_of("1700000000", sign), 1), TOKEN_WRONG);
        sign[i] = 'g';
        ck_assert_int_eq(check(query_of("1700000000", sign), 1), TOKEN_WRONG);
        memcpy(sign, play_sign, TOKEN_HEX_SIZE);
        sign[i] = '\0';
        ck_assert_int_eq(check(query_of("1700000000", sign), 1), TOKEN_WRONG);
    }
    snprintf(sign, sizeof(sign), "%s0", play_sign);
    ck_assert_int_eq(check(query_of("1700000000", sign), 1), TOKEN_WRONG);
    /* Upper case is the same number. */
    memcpy(sign, play_sign, TOKEN_HEX_SIZE);
    for (size_t i = 0; i < TOKEN_HEX_SIZE - 1; i++)
        if (sign[i] >= 'a')
            sign[i] = (char)(sign[i] - 'a' + 'A');
    ck_assert_int_eq(check(query_of("1700000000", sign), 1), TOKEN_GOOD);
}
END_TEST

START_TEST(test_claims_differ)
{
    const struct token_claim others[] = {
        {1, "", "live", "livestream", 0, ""},  {0, "v", "live", "livestream", 0, ""},
        {0, "", "live2", "livestream", 0, ""}, {0, "", "live", "livestream2", 0, ""},
        {0, "live", "livestream", "x", 0, ""}, {0, "", "Live", "livestream", 0, ""},
        {0, "", "live/live", "stream", 0, ""},
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_int_eq(token_check(keys, 2, &others[i], query_of("1700000000", play_sign), 1),
                         TOKEN_WRONG);
    ck_assert_int_eq(token_check(keys, 0, &play, query_of("1700000000", play_sign), 1),
                     TOKEN_WRONG);
}
END_TEST

START_TEST(test_old_key_and_ip)
{
    struct token_claim bound = play;
    char hex[TOKEN_HEX_SIZE];

    ck_assert_int_eq(token_sign("before", &play, hex), 0);
    ck_assert_int_eq(check(query_of("1700000000", hex), 1), TOKEN_GOOD);
    ck_assert_int_eq(token_sign("never", &play, hex), 0);
    ck_assert_int_eq(check(query_of("1700000000", hex), 1), TOKEN_WRONG);
    bound.ip = "192.0.2.7";
    ck_assert_int_eq(token_sign("K", &bound, hex), 0);
    ck_assert_int_eq(check(query_of("1700000000", hex), 1), TOKEN_GOOD);
    bound.ip = "192.0.2.8";
    ck_assert_int_eq(token_sign("K", &bound, hex), 0);
    ck_assert_int_eq(check(query_of("1700000000", hex), 1), TOKEN_WRONG);
}
END_TEST

START_TEST(test_print)
{
    uint8_t a[TOKEN_FINGERPRINT_SIZE];
    uint8_t b[TOKEN_FINGERPRINT_SIZE];

    ck_assert_int_eq(token_fingerprint("", a), -1);
    ck_assert_int_eq(token_fingerprint("?", a), -1);
    ck_assert_int_eq(token_fingerprint("?vhost=v&domain=d&&", a), -1);
    ck_assert_int_eq(token_fingerprint("?token=1", a), 0);
    ck_assert_int_eq(token_fingerprint("?vhost=v&token=1", b), 0);
    ck_assert(token_fingerprint_equal(a, b));
    ck_assert_int_eq(token_fingerprint("token=2", b), 0);
    ck_assert(!token_fingerprint_equal(a, b));
    ck_assert_int_eq(token_fingerprint("token=1&x", b), 0);
    ck_assert(!token_fingerprint_equal(a, b));
}
END_TEST

Suite *check_token_suite(void)
{
    Suite *suite = suite_create("token");
    TCase *tc = tcase_create("token");

    tcase_add_test(tc, test_text);
    tcase_add_test(tc, test_text_refuses);
    tcase_add_test(tc, test_sign);
    tcase_add_test(tc, test_check);
    tcase_add_test(tc, test_every_digit_counts);
    tcase_add_test(tc, test_claims_differ);
    tcase_add_test(tc, test_old_key_and_ip);
    tcase_add_test(tc, test_print);
    suite_add_tcase(suite, tc);
    return suite;
}
