/*
 * Bounded strings: copies that report truncation, whole numbers and nothing else, and the distance
 * used for "did you mean".
 */
#include "base/str.h"

#include <check.h>
#include <string.h>

Suite *check_str_suite(void);

/* Every capacity around the length; no write beyond the end. */
START_TEST(copy_at_every_capacity)
{
    for (size_t cap = 1; cap < 10; cap++) {
        char dst[16];
        int cut;

        memset(dst, '#', sizeof(dst));
        cut = str_copy(dst, cap, "stream");
        ck_assert_int_eq(cut, cap > 6 ? 0 : -1);
        ck_assert_uint_eq(strlen(dst), cap > 6 ? 6 : cap - 1);
        ck_assert_int_eq(strncmp(dst, "stream", strlen(dst)), 0);
        ck_assert_int_eq(dst[cap], '#');
    }
}
END_TEST

START_TEST(copy_n_needs_no_terminator)
{
    static const char src[4] = {'a', 'b', 'c', 'd'};
    char dst[5];

    ck_assert_int_eq(str_copy_n(dst, sizeof(dst), src, 4), 0);
    ck_assert_str_eq(dst, "abcd");
    ck_assert_int_eq(str_copy_n(dst, sizeof(dst), src, 0), 0);
    ck_assert_str_eq(dst, "");
    ck_assert_int_eq(str_copy_n(dst, 4, src, 4), -1);
    ck_assert_str_eq(dst, "abc");
    ck_assert_int_eq(str_copy_n(dst, 1, src, 4), -1);
    ck_assert_str_eq(dst, "");
}
END_TEST

START_TEST(format_says_when_it_cuts)
{
    char dst[8];

    ck_assert_int_eq(str_format(dst, sizeof(dst), "%s/%d", "live", 12), 0);
    ck_assert_str_eq(dst, "live/12");
    ck_assert_int_eq(str_format(dst, sizeof(dst), "%s/%d", "live", 123), -1);
    ck_assert_str_eq(dst, "live/12");
    ck_assert_int_eq(str_format(dst, 1, "%s", ""), 0);
    ck_assert_int_eq(str_format(dst, 1, "%s", "x"), -1);
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"0", 0},
                {"-0", 0},
                {"007", 7},
                {"-1", -1},
                {"1935", 1935},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t out = 42;

        ck_assert_int_eq(str_to_i64(rows[i].text, INT64_MIN, INT64_MAX, &out), 0);
        ck_assert_int_eq(out, rows[i].value);
    }
}
END_TEST

START_TEST(no_numbers)
{
    static const char *const rows[] = {"",
                                       " ",
                                       "-",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "0x10",
                                       "1.5",
                                       "1e3",
                                       "--1",
                                       "12a",
                                       "a12",
                                       "\t1",
                                       "1\n",
                                       "- 1",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "99999999999999999999999999"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t out = 42;

        ck_assert_msg(str_to_i64(rows[i], INT64_MIN, INT64_MAX, &out) == -1, "\"%s\"", rows[i]);
        ck_assert_int_eq(out, 42);
    }
}
END_TEST

START_TEST(number_ranges)
{
    int64_t out = 42;

    ck_assert_int_eq(str_to_i64("0", 1, 65535, &out), -1);
    ck_assert_int_eq(str_to_i64("65536", 1, 65535, &out), -1);
    ck_assert_int_eq(out, 42);
    ck_assert_int_eq(str_to_i64("1", 1, 65535, &out), 0);
    ck_assert_int_eq(str_to_i64("65535", 1, 65535, &out), 0);
    ck_assert_int_eq(out, 65535);
}
END_TEST

START_TEST(hex_digits)
{
    static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

    for (int c = 0; c < 256; c++) {
        const char *at = c == 0 ? NULL : strchr(digits, c);
        int value = at != NULL ? (int)(at - digits) : -1;

        if (value < 0 && c != 0 && strchr(upper, c) != NULL)
            value = (int)(strchr(upper, c) - upper);
        ck_assert_int_eq(str_hex_digit((char)c), value);
    }
}
END_TEST

START_TEST(equality_and_ends)
{
    ck_assert_int_ne(str_ieq("Host", "hOST"), 0);
    ck_assert_int_eq(str_ieq("host", "hosts"), 0);
    ck_assert_int_eq(str_ieq("hosts", "host"), 0);
    ck_assert_int_ne(str_ieq("", ""), 0);
    ck_assert_int_ne(str_starts("rtmp://h", "rtmp://"), 0);
    ck_assert_int_eq(str_starts("rtmp:/", "rtmp://"), 0);
    ck_assert_int_ne(str_starts("x", ""), 0);
    ck_assert_int_ne(str_ends("a.flv", ".flv"), 0);
    ck_assert_int_eq(str_ends("flv", ".flv"), 0);
    ck_assert_int_eq(str_ends("a.flv ", ".flv"), 0);
    ck_assert_int_ne(str_ends("a", ""), 0);
}
END_TEST

START_TEST(distances)
{
    static const struct {
        const char *a, *b;
        int distance;
    } rows[] = {{"", "", 0},
                {"", "abc", 3},
                {"listen", "listen", 0},
                {"lisen", "listen", 1},
                {"listten", "listen", 1},
                {"lixten", "listen", 1},
                {"kitten", "sitting", 3},
                {"abcdef", "ghijkl", 6},
                {"ab", "ba", 2}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(str_distance(rows[i].a, rows[i].b), rows[i].distance);
        ck_assert_int_eq(str_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}
END_TEST

START_TEST(distance_of_what_is_too_long)
{
    char longest[65], over[66];

    memset(longest, 'a', 64);
    longest[64] = '\0';
    memset(over, 'a', 65);
    over[65] = '\0';
    ck_assert_int_eq(str_distance(longest, longest), 0);
    ck_assert_int_eq(str_distance(longest, ""), 64);
    ck_assert_int_eq(str_distance(over, over), 64);
    ck_assert_int_eq(str_distance("a", over), 64);
}
END_TEST

Suite *check_str_suite(void)
{
    Suite *suite = suite_create("str");
    TCase *tcase = tcase_create("str");

    tcase_add_test(tcase, copy_at_every_capacity);
    tcase_add_test(tcase, copy_n_needs_no_terminator);
    tcase_add_test(tcase, format_says_when_it_cuts);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, no_numbers);
    tcase_add_test(tcase, number_ranges);
    tcase_add_test(tcase, hex_digits);
    tcase_add_test(tcase, equality_and_ends);
    tcase_add_test(tcase, distances);
    tcase_add_test(tcase, distance_of_what_is_too_long);
    suite_add_tcase(suite, tcase);
    return suite;
}
