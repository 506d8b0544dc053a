/* UTF-8 from other programs: which is valid, which is visible. */
#include "base/utf8.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_utf8_suite(void);

/* Bytes in a block of exactly their size. */
static size_t next(const char *bytes, uint32_t *code)
{
    size_t len = strlen(bytes);
    uint8_t *copy = malloc(len);
    size_t n;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    n = utf8_next(copy, len, code);
    free(copy);
    return n;
}

START_TEST(test_valid)
{
    uint32_t code;

    ck_assert_uint_eq(next("a", &code), 1);
    ck_assert_uint_eq(code, 'a');
    ck_assert_uint_eq(next("\xc3\xa4", &code), 2);
    ck_assert_uint_eq(code, 0xe4);
    ck_assert_uint_eq(next("\xe2\x82\xac?", &code), 3);
    ck_assert_uint_eq(code, 0x20ac);
    ck_assert_uint_eq(next("\xf4\x8f\xbf\xbf", &code), 4);
    ck_assert_uint_eq(code, 0x10ffff);
}
END_TEST

START_TEST(test_invalid)
{
    static const char *const bytes[] = {"\x80",
                                        "\x9b",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc3",
                                        "\xc3(",
                                        "\xe0\x80\x80",
                                        "\xe0\x9f\xbf",
                                        "\xe2\x82",
                                        "\xed\xa0\x80",
                                        "\xf0\x80\x80\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "\xfe"};
    uint32_t code;

    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
        ck_assert_msg(next(bytes[i], &code) == 0, "bytes %zu", i);
}
END_TEST

START_TEST(test_hidden)
{
    static const uint32_t codes[] = {0,      0x1b,   0x7f,   0x80,   0x85,   0x9b,    0x9f,
                                     0xad,   0x61c,  0x200b, 0x200e, 0x200f, 0x2028,  0x202a,
                                     0x202e, 0x2066, 0x2069, 0xfeff, 0xfffe, 0x1ffff, 0xe0041};
    static const uint32_t seen[] = {' ', '~', 0xa0, 0xe4, 0x5d0, 0x627, 0x4e2d, 0x1f600, 0xfffd};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        ck_assert_msg(utf8_is_hidden(codes[i]), "U+%04X", codes[i]);
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        ck_assert_msg(!utf8_is_hidden(seen[i]), "U+%04X", seen[i]);
}
END_TEST

START_TEST(test_make_plain)
{
    char text[] = "a\xc2\x9b"
                  "31m\xe2\x80\xae\xc3\xa4\xff\xe4\xb8\xad\xe2\x82";
    size_t len = utf8_make_plain(text, sizeof(text) - 1);

    ck_assert_uint_eq(len, strlen("a?31m?\xc3\xa4?\xe4\xb8\xad??"));
    ck_assert_mem_eq(text, "a?31m?\xc3\xa4?\xe4\xb8\xad??", len);
    ck_assert_uint_eq(utf8_make_plain(text, 0), 0);
}
END_TEST

Suite *check_utf8_suite(void)
{
    Suite *suite = suite_create("utf8");
    TCase *tc = tcase_create("utf8");

    tcase_add_test(tc, test_valid);
    tcase_add_test(tc, test_invalid);
    tcase_add_test(tc, test_hidden);
    tcase_add_test(tc, test_make_plain);
    suite_add_tcase(suite, tc);
    return suite;
}
