/* Numbers in the kernel's text files. */
#include "base/proc_text.h"
#include "base/str.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

Suite *check_proc_text_suite(void);

START_TEST(numbers_of_a_line)
{
    static const char text[] = "cpu  1 2 3\ncpu0 4 5 6\nTCP: inuse 7 orphan 0 tw 8\n"
                               "  lo: 9 10\nMemTotal:       11 kB\nlast 12";
    uint64_t n[4];

    ck_assert_int_eq(proc_text_numbers(text, "cpu ", n, 4), 3);
    ck_assert(n[0] == 1 && n[1] == 2 && n[2] == 3 && n[3] == 0);
    ck_assert_int_eq(proc_text_numbers(text, "cpu ", n, 2), 2);
    ck_assert_int_eq(proc_text_numbers(text, "TCP:", n, 3), 3);
    ck_assert(n[0] == 7 && n[1] == 0 && n[2] == 8);
    ck_assert_int_eq(proc_text_numbers(text, "lo:", n, 2), 2);
    ck_assert(n[0] == 9 && n[1] == 10);
    ck_assert_int_eq(proc_text_numbers(text, "MemTotal:", n, 1), 1);
    ck_assert_uint_eq(n[0], 11);
    ck_assert_int_eq(proc_text_numbers(text, "last", n, 4), 1);
    ck_assert_uint_eq(n[0], 12);
    ck_assert_int_eq(proc_text_numbers(text, "none", n, 2), 0);
    ck_assert_uint_eq(n[0], 0);
    ck_assert_int_eq(proc_text_numbers("", "cpu ", n, 1), 0);
}
END_TEST

START_TEST(a_file)
{
    char text[64];

    ck_assert_uint_eq(proc_text_read("/proc/none", text, sizeof(text)), 0);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(proc_text_read("/proc/meminfo", text, sizeof(text)), sizeof(text) - 1);
    ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
}
END_TEST

START_TEST(own_stat)
{
    struct proc_text_stat stat;
    char text[PROC_TEXT_STAT_SIZE];

    ck_assert_uint_gt(proc_text_read("/proc/self/stat", text, sizeof(text)), 0);
    ck_assert_int_eq(proc_text_stat_parse(text, &stat), 0);
    ck_assert_int_eq(stat.value[0], getpid());
    ck_assert_int_eq(stat.value[proc_text_stat_index("ppid")], getppid());
    ck_assert_int_eq(stat.state, 'R');
    ck_assert_int_gt(stat.value[proc_text_stat_index("rss")], 0);
}
END_TEST

START_TEST(a_name_that_looks_like_fields)
{
    char text[PROC_TEXT_STAT_SIZE] = "42 (a) R 1 (b) S 7 -1";
    struct proc_text_stat stat;

    for (int i = 0; i < 40; i++)
        (void)str_copy(text + strlen(text), sizeof(text) - strlen(text), " 18446744073709551615");
    ck_assert_int_eq(proc_text_stat_parse(text, &stat), 0);
    ck_assert_str_eq(stat.comm, "a) R 1 (b");
    ck_assert_int_eq(stat.state, 'S');
    ck_assert_int_eq(stat.value[1], 7);
    ck_assert_int_eq(stat.value[2], -1);
    ck_assert_int_eq(stat.value[3], INT64_MAX);
    ck_assert_str_eq(proc_text_stat_name(1), "ppid");
}
END_TEST

START_TEST(malformed)
{
    static const char *const texts[] = {"",      "42",      "42 (a",      "42 (a)",
                                        "42 a)", "42 (a) ", "42 (a) R 1", ")42 (a R 1 2"};
    struct proc_text_stat stat;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_int_eq(proc_text_stat_parse(texts[i], &stat), -1);
}
END_TEST

Suite *check_proc_text_suite(void)
{
    Suite *suite = suite_create("proc_text");
    TCase *tc = tcase_create("proc_text");

    tcase_add_test(tc, numbers_of_a_line);
    tcase_add_test(tc, a_file);
    tcase_add_test(tc, own_stat);
    tcase_add_test(tc, a_name_that_looks_like_fields);
    tcase_add_test(tc, malformed);
    suite_add_tcase(suite, tc);
    return suite;
}
