/* What servers say of themselves to each other: read, joined, written, and judged. */
#include "app/relay.h"

#include <check.h>
#include <string.h>

Suite *check_relay_suite(void);

static struct relay relay_of(const char *text)
{
    struct relay relay;

    ck_assert_int_eq(relay_parse(&relay, text), 0);
    return relay;
}

START_TEST(test_parse)
{
    struct relay relay = relay_of("2 one  two one");

    ck_assert_int_eq(relay.hops, 2);
    ck_assert_int_eq(relay.count, 2);
    ck_assert_str_eq(relay.id[0], "one");
    ck_assert_str_eq(relay.id[1], "two");
    relay = relay_of("1");
    ck_assert_int_eq(relay.hops, 1);
    ck_assert_int_eq(relay.count, 0);
}
END_TEST

START_TEST(test_malformed)
{
    static const char *const bad[] = {"", "0", "x", "0 a", "-1", " 1", "1a", "1\ta"};
    struct relay relay;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(relay_parse(&relay, bad[i]) == -1 && relay.hops == 0, "%s", bad[i]);
}
END_TEST

START_TEST(test_hostile)
{
    char text[4096];
    char out[RELAY_TEXT_MAX];
    struct relay relay;
    const char *why;
    size_t len = 2;

    memset(text, 'a', sizeof(text));
    memcpy(text, "1 ", 2);
    text[sizeof(text) - 1] = '\0';
    relay = relay_of(text);
    ck_assert_uint_eq(strlen(relay.id[0]), RELAY_ID_SIZE - 1);
    /* More ids than are kept: the newest stay. */
    for (int i = 0; i < 40; i++) {
        text[len++] = (char)('A' + i % 26);
        text[len++] = (char)('0' + i / 26);
        text[len++] = ' ';
    }
    text[len] = '\0';
    relay = relay_of(text);
    ck_assert_int_eq(relay.count, RELAY_IDS_MAX);
    ck_assert_str_eq(relay.id[RELAY_IDS_MAX - 1], "N1");
    relay_write(&relay, "own", out);
    ck_assert_ptr_nonnull(strstr(out, "N1 own"));
    relay = relay_of("1 a\r\nX: y b");
    ck_assert_str_eq(relay.id[0], "a__X_");
    relay = relay_of("99999999999999999999");
    ck_assert_int_eq(relay_check(&relay, "own", &why), -1);
}
END_TEST

START_TEST(test_write_adds_itself)
{
    struct relay nobody = {0};
    struct relay relay = relay_of("2 a b");
    char out[RELAY_TEXT_MAX];

    relay_write(&nobody, "own id", out);
    ck_assert_str_eq(out, "1 own_id");
    relay_write(&relay, "c", out);
    ck_assert_str_eq(out, "3 a b c");
    ck_assert_int_eq(relay.count, 2);
}
END_TEST

START_TEST(test_longest_is_never_cut)
{
    struct relay relay = {.hops = RELAY_HOPS_MAX, .count = RELAY_IDS_MAX};
    char out[RELAY_TEXT_MAX];
    char own[RELAY_ID_SIZE];
    struct relay back;

    for (int i = 0; i < RELAY_IDS_MAX; i++) {
        memset(relay.id[i], 'a' + i, RELAY_ID_SIZE - 1);
        relay.id[i][RELAY_ID_SIZE - 1] = '\0';
    }
    memset(own, 'z', sizeof(own) - 1);
    own[sizeof(own) - 1] = '\0';
    relay_write(&relay, own, out);
    ck_assert_int_eq(relay_parse(&back, out), 0);
    ck_assert_int_eq(back.count, RELAY_IDS_MAX);
    ck_assert_str_eq(back.id[RELAY_IDS_MAX - 1], own);
}
END_TEST

START_TEST(test_merge)
{
    struct relay all = relay_of("1 a");
    struct relay other = relay_of("2 b");

    ck_assert_int_eq(relay_merge(&all, &other), 1);
    ck_assert_int_eq(all.hops, 2);
    ck_assert_int_eq(all.count, 2);
    ck_assert_int_eq(relay_merge(&all, &other), 0);
    other = relay_of("1 a b");
    ck_assert_int_eq(relay_merge(&all, &other), 0);
}
END_TEST

START_TEST(test_check)
{
    struct relay relay = relay_of("2 a own");
    const char *why;

    ck_assert_int_eq(relay_check(&relay, "own", &why), -1);
    ck_assert_ptr_nonnull(strstr(why, "loop"));
    ck_assert_int_eq(relay_check(&relay, "other", &why), 0);
    relay = relay_of("8");
    ck_assert_int_eq(relay_check(&relay, "own", &why), 0);
    relay = relay_of("9");
    ck_assert_int_eq(relay_check(&relay, "own", &why), -1);
}
END_TEST

Suite *check_relay_suite(void)
{
    Suite *suite = suite_create("relay");
    TCase *tcase = tcase_create("relay");

    tcase_add_test(tcase, test_parse);
    tcase_add_test(tcase, test_malformed);
    tcase_add_test(tcase, test_hostile);
    tcase_add_test(tcase, test_write_adds_itself);
    tcase_add_test(tcase, test_longest_is_never_cut);
    tcase_add_test(tcase, test_merge);
    tcase_add_test(tcase, test_check);
    suite_add_tcase(suite, tcase);
    return suite;
}
