/* Trusted proxies: which they are, and which client address they state for a request. */
#include "app/config/trust.h"

#include "base/str.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_trust_suite(void);

static char *words[] = {"10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "unix:"};
static const struct config_strings trusted = {4, words};
static const struct config_strings nobody = {0, NULL};

START_TEST(test_words)
{
    static const char *const good[] = {"127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "unix:"};
    static const char *const bad[] = {"", "all", "unix", "unix:/path", "localhost", "10.0.0.0/33"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(trust_check(good[i]) == 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(trust_check(bad[i]) != 0, "%s", bad[i]);
}
END_TEST

START_TEST(test_has)
{
    ck_assert(trust_has(&trusted, "10.1.2.3"));
    ck_assert(trust_has(&trusted, "192.0.2.7"));
    ck_assert(trust_has(&trusted, "2001:db8:5::1"));
    ck_assert(trust_has(&trusted, ""));
    ck_assert(!trust_has(&trusted, "11.0.0.1"));
    ck_assert(!trust_has(&trusted, "192.0.2.8"));
    ck_assert(!trust_has(&trusted, "2001:db9::1"));
    ck_assert(!trust_has(&trusted, "what"));
    ck_assert(!trust_has(&nobody, "10.1.2.3"));
    ck_assert(!trust_has(&nobody, ""));
    ck_assert(!trust_has(&(struct config_strings){1, words}, ""));
}
END_TEST

/* The client of a request of `peer`, with up to three header lines "Name: value". */
static const char *client(const struct config_strings *list, const char *peer,
                          const char *const line[3])
{
    static char ip[IP_TEXT_MAX];
    static char text[3][4096];
    struct http_message request = {.header_count = 0};
    int rc;

    for (int i = 0; i < 3 && line[i] != NULL; i++) {
        char *colon;

        ck_assert_int_eq(str_copy(text[i], sizeof(text[i]), line[i]), 0);
        colon = strstr(text[i], ": ");
        ck_assert_ptr_nonnull(colon);
        *colon = '\0';
        request.headers[request.header_count++] = (struct http_header){text[i], colon + 2};
    }
    ck_assert_int_eq(str_copy(ip, sizeof(ip), peer), 0);
    rc = trust_client_find(list, &request, ip);
    ck_assert_int_eq(rc, strcmp(ip, peer) != 0);
    return ip;
}

#define CLIENT(list, peer, ...) client(list, peer, (const char *const[3]){__VA_ARGS__})

/* Of a proxy at 10.0.0.1, by this X-Forwarded-For. */
static const char *by(const char *value)
{
    char line[4096];

    ck_assert_int_eq(str_format(line, sizeof(line), "X-Forwarded-For: %s", value), 0);
    return CLIENT(&trusted, "10.0.0.1", line);
}

START_TEST(test_one_hop)
{
    ck_assert_str_eq(by("203.0.113.9"), "203.0.113.9");
    ck_assert_str_eq(by("2001:0DB9::1"), "2001:db9::1");
    ck_assert_str_eq(by("::ffff:203.0.113.9"), "203.0.113.9");
    ck_assert_str_eq(by("203.0.113.9:4711"), "203.0.113.9");
    ck_assert_str_eq(by("[2001:db9::1]:4711"), "2001:db9::1");
    ck_assert_str_eq(by("[2001:db9::1]"), "2001:db9::1");
    ck_assert_str_eq(by(" \t203.0.113.9 \t"), "203.0.113.9");
}
END_TEST

START_TEST(test_forged_entries_are_not_reached)
{
    ck_assert_str_eq(by("127.0.0.1, 203.0.113.9"), "203.0.113.9");
    ck_assert_str_eq(by("10.0.0.5,203.0.113.9"), "203.0.113.9");
    ck_assert_str_eq(by("1.1.1.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
    ck_assert_str_eq(by("1.1.1.1, 203.0.113.9, 192.0.2.7, 2001:db8::5, 10.0.0.2"), "203.0.113.9");
    ck_assert_str_eq(by("no address at all, 203.0.113.9"), "203.0.113.9");
}
END_TEST

START_TEST(test_lines_are_one_list)
{
    ck_assert_str_eq(
        CLIENT(&trusted, "10.0.0.1", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.9"),
        "203.0.113.9");
    ck_assert_str_eq(CLIENT(&trusted, "10.0.0.1", "X-Forwarded-For: 1.1.1.1, 203.0.113.9",
                            "x-forwarded-for: 10.0.0.3", "Other: 5.5.5.5"),
                     "203.0.113.9");
}
END_TEST

START_TEST(test_all_are_trusted)
{
    /* The first of them is the client: one of the inner network. */
    ck_assert_str_eq(by("10.0.0.9, 10.0.0.2"), "10.0.0.9");
    ck_assert_str_eq(by("10.0.0.9"), "10.0.0.9");
}
END_TEST

START_TEST(test_malformed_entries_end_the_walk)
{
    static const char *const none[] = {"",
                                       "unknown",
                                       "_hidden",
                                       "203.0.113",
                                       "203.0.113.999",
                                       "203.0.113.9:",
                                       "203.0.113.9:x",
                                       ",",
                                       "[::1",
                                       "::1]",
                                       "[]",
                                       ":80",
                                       "203.0.113.9:70000",
                                       "203.0.113.9 1.1.1.1",
                                       "\"1.1.1.1\"",
                                       "[1::2]x",
                                       "[1::2]:",
                                       "fe80::1%eth0",
                                       " , ,, "};
    char text[512];

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        ck_assert_msg(strcmp(by(none[i]), "10.0.0.1") == 0, "\"%s\" is %s", none[i], by(none[i]));
        if (strpbrk(none[i], "abcdefghijklmnopqrstuvwxyz0123456789\"[]:") == NULL)
            continue;
        /* Addresses up to there count, those after it are ignored. */
        ck_assert_int_eq(str_format(text, sizeof(text), "1.1.1.1, %s, 10.0.0.2", none[i]), 0);
        ck_assert_str_eq(by(text), "10.0.0.2");
    }
    memset(text, '1', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ck_assert_str_eq(by(text), "10.0.0.1");
    /* An empty element of a list is ignored. */
    ck_assert_str_eq(by("203.0.113.9, "), "203.0.113.9");
    ck_assert_str_eq(by(",203.0.113.9,,10.0.0.2,"), "203.0.113.9");
}
END_TEST

/* More hops than the limit: the cost of the list is bounded. */
START_TEST(test_many_hops)
{
    char text[2048] = "203.0.113.9";

    for (int i = 0; i < TRUST_HOPS_MAX - 1; i++)
        strncat(text, ",10.0.0.2", sizeof(text) - strlen(text) - 1);
    ck_assert_str_eq(by(text), "203.0.113.9");
    strncat(text, ",10.0.0.2", sizeof(text) - strlen(text) - 1);
    ck_assert_str_eq(by(text), "10.0.0.2");
}
END_TEST

START_TEST(test_an_untrusted_peer_cannot_state_an_address)
{
    ck_assert_str_eq(
        CLIENT(&trusted, "203.0.113.5", "X-Forwarded-For: 1.1.1.1", "X-Real-IP: 1.1.1.1"),
        "203.0.113.5");
    ck_assert_str_eq(CLIENT(&nobody, "10.0.0.1", "X-Forwarded-For: 1.1.1.1"), "10.0.0.1");
    ck_assert_str_eq(CLIENT(&nobody, "", "X-Forwarded-For: 1.1.1.1"), "");
}
END_TEST

START_TEST(test_real_ip)
{
    ck_assert_str_eq(CLIENT(&trusted, "10.0.0.1", "X-Real-IP: 203.0.113.9"), "203.0.113.9");
    ck_assert_str_eq(CLIENT(&trusted, "10.0.0.1", "x-real-ip: 2001:DB9::1"), "2001:db9::1");
    ck_assert_str_eq(CLIENT(&trusted, "", "X-Real-IP: 203.0.113.9"), "203.0.113.9");
    /* It counts only without the other. */
    ck_assert_str_eq(
        CLIENT(&trusted, "10.0.0.1", "X-Real-IP: 1.1.1.1", "X-Forwarded-For: 203.0.113.9"),
        "203.0.113.9");
    ck_assert_str_eq(CLIENT(&trusted, "10.0.0.1", "X-Real-IP: 1.1.1.1", "X-Forwarded-For: unknown"),
                     "10.0.0.1");
    ck_assert_str_eq(CLIENT(&trusted, "10.0.0.1", "X-Real-IP: 1.1.1.1", "X-Real-IP: 2.2.2.2"),
                     "10.0.0.1");
    ck_assert_str_eq(CLIENT(&trusted, "10.0.0.1", "X-Real-IP: 1.1.1.1, 2.2.2.2"), "10.0.0.1");
    ck_assert_str_eq(CLIENT(&trusted, "10.0.0.1", "X-Real-IP: "), "10.0.0.1");
}
END_TEST

Suite *check_trust_suite(void)
{
    Suite *suite = suite_create("trust");
    TCase *tc = tcase_create("trust");

    tcase_add_test(tc, test_words);
    tcase_add_test(tc, test_has);
    tcase_add_test(tc, test_one_hop);
    tcase_add_test(tc, test_forged_entries_are_not_reached);
    tcase_add_test(tc, test_lines_are_one_list);
    tcase_add_test(tc, test_all_are_trusted);
    tcase_add_test(tc, test_malformed_entries_end_the_walk);
    tcase_add_test(tc, test_many_hops);
    tcase_add_test(tc, test_an_untrusted_peer_cannot_state_an_address);
    tcase_add_test(tc, test_real_ip);
    suite_add_tcase(suite, tc);
    return suite;
}
