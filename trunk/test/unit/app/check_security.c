/* Rules by address and by page: their syntax, and which clients they admit. */
#include "app/config/security.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_security_suite(void);

/* Splits a text at blanks into a list. */
static struct config_strings words(const char *text)
{
    static char bytes[16][1024];
    static char *items[16][64];
    static int turn;
    char **item = items[turn];
    char *copy = bytes[turn];
    struct config_strings list = {0, item};

    turn = (turn + 1) % 16;
    ck_assert_uint_lt(strlen(text), sizeof(bytes[0]));
    memcpy(copy, text, strlen(text) + 1);
    for (char *p = strtok_r(copy, " ", &copy); p != NULL; p = strtok_r(NULL, " ", &copy))
        item[list.count++] = p;
    return list;
}

/* The index of the wrong word, or -1. */
static int wrong(const char *text)
{
    struct config_strings list = words(text);
    const char *why = NULL;
    int at = -1;

    if (security_rules_check(list.item, list.count, &at, &why) == 0)
        return -1;
    ck_assert_ptr_nonnull(why);
    return at;
}

START_TEST(test_rules_grammar)
{
    ck_assert_int_eq(wrong("play all"), -1);
    ck_assert_int_eq(wrong("publish 127.0.0.1"), -1);
    ck_assert_int_eq(wrong("PUBLISH 10.0.0.0/8 ::1 fd00::/8 play ALL"), -1);
    ck_assert_int_eq(wrong("play 0.0.0.0/0 ::/0 1.2.3.4/32 ::1/128"), -1);
    ck_assert_int_eq(wrong("all"), 0);
    ck_assert_int_eq(wrong("127.0.0.1 play"), 0);
    ck_assert_int_eq(wrong("play"), 0);
    ck_assert_int_eq(wrong("play publish all"), 1);
    ck_assert_int_eq(wrong("play all publish"), 2);
    ck_assert_int_eq(wrong("play everyone"), 1);
    ck_assert_int_eq(wrong("play 1.2.3"), 1);
    ck_assert_int_eq(wrong("play 1.2.3.256"), 1);
    ck_assert_int_eq(wrong("play 1.2.3.4/33"), 1);
    ck_assert_int_eq(wrong("play 1.2.3.4/"), 1);
    ck_assert_int_eq(wrong("play 1.2.3.4/-1"), 1);
    ck_assert_int_eq(wrong("play 1.2.3.4/8x"), 1);
    ck_assert_int_eq(wrong("play ::1/129"), 1);
    ck_assert_int_eq(wrong("play ::1%lo"), 1);
    ck_assert_int_eq(wrong("play all 01.2.3.4"), 2);
    ck_assert_int_eq(
        wrong("play aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 1);
}
END_TEST

static int asked(const char *allow, const char *deny, enum access_action action, const char *ip)
{
    struct config_security rules = {1, words(allow), words(deny)};

    return security_allows(&rules, action, ip);
}

START_TEST(test_rules_order)
{
    /* What no rule allows is denied, as SRS documents it. */
    ck_assert(!asked("", "", ACCESS_PLAY, "1.2.3.4"));
    ck_assert(!asked("play all", "", ACCESS_PUBLISH, "1.2.3.4"));
    ck_assert(!asked("publish all", "", ACCESS_PLAY, "1.2.3.4"));
    ck_assert(!asked("", "publish 10.0.0.1", ACCESS_PUBLISH, "1.2.3.4"));
    ck_assert(!asked("", "publish all", ACCESS_PLAY, "1.2.3.4"));
    ck_assert(asked("play all", "publish all", ACCESS_PLAY, "1.2.3.4"));
    ck_assert(!asked("play all publish all", "publish all", ACCESS_PUBLISH, "1.2.3.4"));
    ck_assert(asked("publish 10.0.0.1", "", ACCESS_PUBLISH, "10.0.0.1"));
    ck_assert(!asked("publish 10.0.0.1", "", ACCESS_PUBLISH, "10.0.0.2"));
    ck_assert(asked("publish 10.0.0.1 publish 10.0.0.2", "", ACCESS_PUBLISH, "10.0.0.2"));
    /* Deny wins, however general it is. */
    ck_assert(!asked("play all", "play 10.0.0.1", ACCESS_PLAY, "10.0.0.1"));
    ck_assert(asked("play all", "play 10.0.0.1", ACCESS_PLAY, "10.0.0.2"));
    ck_assert(!asked("play 10.0.0.1", "play all", ACCESS_PLAY, "10.0.0.1"));
}
END_TEST

static int shut(const char *allow, const char *deny, int meant)
{
    struct config_security rules = {1, words(allow), words(deny)};
    int is_meant;
    int is_shut = security_is_shut(&rules, ACCESS_PLAY, &is_meant);

    ck_assert_int_eq(is_meant, meant);
    return is_shut;
}

START_TEST(test_shut)
{
    ck_assert(shut("", "", 0));
    ck_assert(shut("publish all", "", 0));
    ck_assert(shut("", "play 1.2.3.4", 0));
    ck_assert(shut("play all", "play ALL", 1));
    ck_assert(shut("publish all", "play all", 1));
    ck_assert(!shut("play 1.2.3.4", "publish all", 0));
}
END_TEST

static int has(const char *network, const char *ip)
{
    char rule[128];

    snprintf(rule, sizeof(rule), "play %s", network);
    return asked(rule, "", ACCESS_PLAY, ip);
}

START_TEST(test_networks)
{
    ck_assert(has("10.0.0.0/8", "10.255.1.2"));
    ck_assert(!has("10.0.0.0/8", "11.0.0.0"));
    ck_assert(has("10.1.2.3/8", "10.200.0.1")); /* bits beyond the prefix length do not count */
    ck_assert(has("192.168.1.128/25", "192.168.1.200"));
    ck_assert(!has("192.168.1.128/25", "192.168.1.127"));
    ck_assert(has("192.168.1.4/31", "192.168.1.5"));
    ck_assert(!has("192.168.1.4/31", "192.168.1.6"));
    ck_assert(has("192.168.1.4/32", "192.168.1.4"));
    ck_assert(!has("192.168.1.4/32", "192.168.1.5"));
    ck_assert(has("0.0.0.0/0", "255.255.255.255"));
    ck_assert(!has("0.0.0.0/0", "::1"));
    ck_assert(!has("::/0", "1.2.3.4"));
    ck_assert(has("::/0", "2001:db8::1"));
    ck_assert(has("2001:db8::/32", "2001:db8:ffff::1"));
    ck_assert(!has("2001:db8::/32", "2001:db9::1"));
    ck_assert(has("2001:DB8:0:0:0:0:0:1", "2001:db8::1"));
    ck_assert(has("fe80::/10", "febf::1"));
    ck_assert(!has("fe80::/10", "fec0::1"));
    /* Mapped or not, it is the same peer. */
    ck_assert(has("::ffff:10.0.0.1", "10.0.0.1"));
    ck_assert(has("10.0.0.1", "::ffff:10.0.0.1"));
    ck_assert(has("::ffff:10.0.0.0/104", "10.9.9.9"));
}
END_TEST

START_TEST(test_unix_and_odd_peers)
{
    ck_assert(has("all", ""));
    ck_assert(!has("0.0.0.0/0", ""));
    ck_assert(!has("::/0", "what?"));
    ck_assert(!asked("", "play all", ACCESS_PLAY, ""));
    ck_assert(asked("play all", "play 10.0.0.1", ACCESS_PLAY, ""));
}
END_TEST

static int from(const char *all, const char *play, const char *page)
{
    struct config_refer refer = {1, words(all), words("publisher.example"), words(play)};

    return security_refer_allows(&refer, ACCESS_PLAY, page);
}

START_TEST(test_refer)
{
    ck_assert(from("", "", "https://evil.example/"));
    ck_assert(from("", "", NULL));
    ck_assert(from("good.example", "", "https://good.example/a"));
    ck_assert(from("good.example", "", "https://www.GOOD.example:8443/a?b#c"));
    ck_assert(from("Good.Example", "", "http://good.example"));
    /* A page must be in both lists. */
    ck_assert(!from("one.example", "good.example", "http://good.example"));
    ck_assert(!from("good.example", "one.example", "http://good.example"));
    ck_assert(from("example", "good.example", "http://good.example"));
    ck_assert(from("", "good.example", "http://good.example"));
    ck_assert(!from("", "good.example", "http://example"));
    ck_assert(!from("good.example", "", "https://notgood.example/"));
    ck_assert(!from("good.example", "", "https://good.example.evil.example/"));
    ck_assert(!from("good.example", "", "https://evil.example/good.example"));
    ck_assert(!from("good.example", "", "https://evil.example/?https://good.example/"));
    ck_assert(!from("good.example", "", "https://good.example@evil.example/"));
    ck_assert(!from("good.example", "", "https://evil.example\\good.example/"));
    ck_assert(!from("good.example", "", "https://evil.example#.good.example/"));
    ck_assert(!from("good.example", "", "good.example"));
    ck_assert(!from("good.example", "", "https://publisher.example/"));
    ck_assert(!from("good.example", "", NULL));
    ck_assert(!from("good.example", "", ""));
    ck_assert(!from("good.example", "", "https:///"));
    ck_assert(from("good.example none", "", NULL));
    ck_assert(from("good.example none", "", ""));
    ck_assert(!from("good.example none", "", "null"));
    ck_assert(!from("none", "", "https://none/x://")); /* a host with that name is not "none" */
}
END_TEST

Suite *check_security_suite(void)
{
    Suite *suite = suite_create("security");
    TCase *tc = tcase_create("security");

    tcase_add_test(tc, test_rules_grammar);
    tcase_add_test(tc, test_rules_order);
    tcase_add_test(tc, test_shut);
    tcase_add_test(tc, test_networks);
    tcase_add_test(tc, test_unix_and_odd_peers);
    tcase_add_test(tc, test_refer);
    suite_add_tcase(suite, tc);
    return suite;
}
