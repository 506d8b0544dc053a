/* Via chains between servers: read, joined, written, and evaluated. */
#include "app/config/via_chain.h"

#include <check.h>
#include <string.h>

Suite *check_via_chain_suite(void);

static struct via_chain chain_of(const char *text)
{
    struct via_chain chain;

    ck_assert_int_eq(via_chain_parse(&chain, text), 0);
    return chain;
}

START_TEST(test_parse)
{
    struct via_chain chain = chain_of("2 one  two one");

    ck_assert_int_eq(chain.hops, 2);
    ck_assert_int_eq(chain.count, 2);
    ck_assert_str_eq(chain.mark[0], "one");
    ck_assert_str_eq(chain.mark[1], "two");
    chain = chain_of("1");
    ck_assert_int_eq(chain.hops, 1);
    ck_assert_int_eq(chain.count, 0);
}
END_TEST

START_TEST(test_malformed)
{
    static const char *const bad[] = {"", "0", "x", "0 a", "-1", " 1", "1a", "1\ta"};
    struct via_chain chain;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(via_chain_parse(&chain, bad[i]) == -1 && chain.hops == 0, "%s", bad[i]);
}
END_TEST

START_TEST(test_hostile)
{
    char text[4096];
    char out[VIA_CHAIN_TEXT_MAX];
    struct via_chain chain;
    const char *why;
    size_t len = 2;

    memset(text, 'a', sizeof(text));
    memcpy(text, "1 ", 2);
    text[sizeof(text) - 1] = '\0';
    chain = chain_of(text);
    ck_assert_uint_eq(strlen(chain.mark[0]), VIA_CHAIN_MARK_SIZE - 1);
    /* More ids than are kept: the newest stay. */
    for (int i = 0; i < 40; i++) {
        text[len++] = (char)('A' + i % 26);
        text[len++] = (char)('0' + i / 26);
        text[len++] = ' ';
    }
    text[len] = '\0';
    chain = chain_of(text);
    ck_assert_int_eq(chain.count, VIA_CHAIN_MARKS_MAX);
    ck_assert_str_eq(chain.mark[VIA_CHAIN_MARKS_MAX - 1], "N1");
    via_chain_write(&chain, "own", out);
    ck_assert_ptr_nonnull(strstr(out, "N1 own"));
    chain = chain_of("1 a\r\nX: y b");
    ck_assert_str_eq(chain.mark[0], "a__X_");
    chain = chain_of("99999999999999999999");
    ck_assert_int_eq(via_chain_check(&chain, "own", &why), -1);
}
END_TEST

START_TEST(test_write_adds_itself)
{
    struct via_chain nobody = {0};
    struct via_chain chain = chain_of("2 a b");
    char out[VIA_CHAIN_TEXT_MAX];

    via_chain_write(&nobody, "own", out);
    ck_assert_str_eq(out, "1 own");
    via_chain_write(&nobody, "", out);
    ck_assert_str_eq(out, "1");
    via_chain_write(&chain, "c", out);
    ck_assert_str_eq(out, "3 a b c");
    ck_assert_int_eq(chain.count, 2);
}
END_TEST

START_TEST(test_longest_is_never_cut)
{
    struct via_chain chain = {.hops = VIA_CHAIN_HOPS_MAX, .count = VIA_CHAIN_MARKS_MAX};
    char out[VIA_CHAIN_TEXT_MAX];
    char own[VIA_CHAIN_MARK_SIZE];
    struct via_chain back;

    via_chain_distrust(&chain);
    for (int i = 0; i < VIA_CHAIN_MARKS_MAX; i++) {
        memset(chain.mark[i], 'a' + i, VIA_CHAIN_MARK_SIZE - 1);
        chain.mark[i][VIA_CHAIN_MARK_SIZE - 1] = '\0';
    }
    memset(own, 'z', sizeof(own) - 1);
    own[sizeof(own) - 1] = '\0';
    via_chain_write(&chain, own, out);
    ck_assert_int_eq(via_chain_parse(&back, out), 0);
    ck_assert_int_eq(back.count, VIA_CHAIN_MARKS_MAX);
    ck_assert_str_eq(back.mark[VIA_CHAIN_MARKS_MAX - 1], own);
}
END_TEST

START_TEST(test_merge)
{
    struct via_chain all = chain_of("1 a");
    struct via_chain other = chain_of("2 b c d");

    ck_assert_int_eq(via_chain_merge(&all, &other, 2), 1);
    ck_assert_int_eq(all.hops, 1);
    ck_assert_int_eq(all.count, 3);
    ck_assert_int_eq(via_chain_merge(&all, &other, 2), 0);
    ck_assert_int_eq(via_chain_merge(&all, &other, 3), 1);
}
END_TEST

/* Which marks are unverified is passed on, and a peer that names one verifies it. */
START_TEST(test_unverified)
{
    struct via_chain chain = chain_of("2 a ~b ~ ~c d");
    struct via_chain other = chain_of("1 c");
    char out[VIA_CHAIN_TEXT_MAX];

    ck_assert_int_eq(chain.count, 4);
    ck_assert_int_eq(via_chain_unverified(&chain), 2);
    ck_assert_int_eq(via_chain_has(&chain, "b"), 1);
    ck_assert_int_eq(via_chain_merge(&chain, &other, 16), 0);
    via_chain_write(&chain, "own", out);
    ck_assert_str_eq(out, "3 a ~b c d own");
    via_chain_keep_verified(&chain);
    via_chain_write(&chain, "own", out);
    ck_assert_str_eq(out, "3 a c d own");
    via_chain_distrust(&chain);
    via_chain_write(&chain, "own", out);
    ck_assert_str_eq(out, "3 ~a ~c ~d own");
    via_chain_keep_verified(&chain);
    ck_assert_int_eq(chain.count, 0);
}
END_TEST

/* Unverified marks are dropped first, and never replace verified ones. */
START_TEST(test_unverified_go_first)
{
    struct via_chain chain = chain_of("1 a ~b c d e f g h i j k l m n o p");
    struct via_chain more = chain_of("1 q");

    ck_assert_int_eq(chain.count, VIA_CHAIN_MARKS_MAX);
    ck_assert_int_eq(via_chain_merge(&chain, &more, 1), 1);
    ck_assert_int_eq(via_chain_has(&chain, "a"), 1);
    ck_assert_int_eq(via_chain_has(&chain, "b"), 0);
    more = chain_of("1 ~r");
    ck_assert_int_eq(via_chain_merge(&chain, &more, 1), 0);
    ck_assert_int_eq(via_chain_has(&chain, "a"), 1);
    more = chain_of("1 s");
    ck_assert_int_eq(via_chain_merge(&chain, &more, 1), 1);
    ck_assert_int_eq(via_chain_has(&chain, "a"), 0);
}
END_TEST

/* A mark is its server's and the stream's. */
START_TEST(test_marks)
{
    uint8_t key[VIA_CHAIN_KEY_SIZE] = {1};
    char one[VIA_CHAIN_MARK_SIZE], other[VIA_CHAIN_MARK_SIZE];

    via_chain_mark(key, "live", "s", one);
    ck_assert_uint_eq(strlen(one), 24);
    via_chain_mark(key, "live", "s", other);
    ck_assert_str_eq(one, other);
    via_chain_mark(key, "live", "t", other);
    ck_assert_str_ne(one, other);
    key[31] = 1;
    via_chain_mark(key, "live", "s", other);
    ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(test_signature)
{
    char text[VIA_CHAIN_TEXT_MAX] = "2 a b";
    char forged[VIA_CHAIN_TEXT_MAX];
    struct via_chain chain;

    via_chain_sign(text, "secret", 1000000);
    chain = chain_of(text);
    ck_assert_int_eq(chain.count, 2);
    ck_assert_int_eq(via_chain_is_signed(text, "secret", 1000000), 1);
    ck_assert_int_eq(via_chain_is_signed(text, "secret", 1000000 + VIA_CHAIN_SKEW), 1);
    ck_assert_int_eq(via_chain_is_signed(text, "secret", 1000001 + VIA_CHAIN_SKEW), 0);
    ck_assert_int_eq(via_chain_is_signed(text, "secret", 999999 - VIA_CHAIN_SKEW), 0);
    ck_assert_int_eq(via_chain_is_signed(text, "another", 1000000), 0);
    ck_assert_int_eq(via_chain_is_signed(text, "", 1000000), 0);
    /* Each byte counts. */
    for (size_t i = 0; text[i] != '\0'; i++) {
        memcpy(forged, text, sizeof(text));
        forged[i] = (char)(forged[i] == '1' ? '2' : '1');
        ck_assert_msg(via_chain_is_signed(forged, "secret", 1000000) == 0, "%s", forged);
        memcpy(forged, text, sizeof(text));
        forged[i] = '\0';
        ck_assert_int_eq(via_chain_is_signed(forged, "secret", 1000000), 0);
    }
    ck_assert_int_eq(via_chain_is_signed("2 a b @", "secret", 0), 0);
    ck_assert_int_eq(via_chain_is_signed("2 a b @0:", "secret", 0), 0);
    ck_assert_int_eq(via_chain_is_signed("2 a b @-1:x", "secret", 0), 0);
}
END_TEST

START_TEST(test_check)
{
    struct via_chain chain = chain_of("2 a own");
    const char *why;

    ck_assert_int_eq(via_chain_check(&chain, "own", &why), -1);
    ck_assert_ptr_nonnull(strstr(why, "loop"));
    ck_assert_int_eq(via_chain_check(&chain, "other", &why), 0);
    chain = chain_of("8");
    ck_assert_int_eq(via_chain_check(&chain, "own", &why), 0);
    chain = chain_of("9");
    ck_assert_int_eq(via_chain_check(&chain, "own", &why), -1);
}
END_TEST

Suite *check_via_chain_suite(void)
{
    Suite *suite = suite_create("via_chain");
    TCase *tcase = tcase_create("via_chain");

    tcase_add_test(tcase, test_parse);
    tcase_add_test(tcase, test_malformed);
    tcase_add_test(tcase, test_hostile);
    tcase_add_test(tcase, test_write_adds_itself);
    tcase_add_test(tcase, test_longest_is_never_cut);
    tcase_add_test(tcase, test_merge);
    tcase_add_test(tcase, test_check);
    tcase_add_test(tcase, test_unverified);
    tcase_add_test(tcase, test_unverified_go_first);
    tcase_add_test(tcase, test_marks);
    tcase_add_test(tcase, test_signature);
    suite_add_tcase(suite, tcase);
    return suite;
}
