/* The memory budget: the kernel's files, levels while usage rises and falls, trimming. */
#include "base/memory.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_memory_suite(void);

#define MIB ((uint64_t)1024 * 1024)

START_TEST(statm)
{
    ck_assert_uint_eq(memory_parse_statm("100 50 20 1 0 30 0\n"), 30);
    ck_assert_uint_eq(memory_parse_statm("100 50 50 1 0 30 0\n"), 0);
    ck_assert_uint_eq(memory_parse_statm("100 50 60 1 0 30 0\n"), 0);
    ck_assert_uint_eq(memory_parse_statm("100 50"), 0);
    ck_assert_uint_eq(memory_parse_statm(""), 0);
    ck_assert_uint_gt(memory_used(), 0);
}
END_TEST

START_TEST(group_limits)
{
    ck_assert_uint_eq(memory_parse_limit("536870912\n"), 536870912);
    ck_assert_uint_eq(memory_parse_limit("0"), 0);
    ck_assert_uint_eq(memory_parse_limit("max\n"), UINT64_MAX);
    ck_assert_uint_eq(memory_parse_limit(""), UINT64_MAX);
    ck_assert_uint_eq(memory_parse_limit("-1\n"), UINT64_MAX);
    ck_assert_uint_eq(memory_parse_limit("12 k\n"), UINT64_MAX);
    ck_assert_uint_eq(memory_parse_limit("99999999999999999999999\n"), UINT64_MAX);
}
END_TEST

START_TEST(levels)
{
    struct memory memory;

    memory_init(&memory, 1000);
    ck_assert_int_eq(memory_note(&memory, 899, 0), MEMORY_EASY);
    ck_assert_int_eq(memory_note(&memory, 450, 450), MEMORY_SHORT);
    ck_assert_int_eq(memory_note(&memory, 450, 549), MEMORY_SHORT);
    ck_assert_int_eq(memory_note(&memory, 500, 500), MEMORY_OVER);
    /* Down again: not at once where it rose. */
    ck_assert_int_eq(memory_note(&memory, 899, 0), MEMORY_SHORT);
    ck_assert_int_eq(memory_note(&memory, 850, 0), MEMORY_SHORT);
    ck_assert_int_eq(memory_note(&memory, 849, 0), MEMORY_EASY);
    ck_assert_int_eq(memory_note(&memory, 850, 0), MEMORY_EASY);
}
END_TEST

START_TEST(a_limit_is_derived)
{
    struct memory memory;

    memory_init(&memory, 0);
    ck_assert_uint_gt(memory.limit, memory_used());
    ck_assert_uint_lt(memory.limit, UINT64_MAX);
    memory_init(&memory, 5);
    ck_assert_uint_eq(memory.limit, 5);
}
END_TEST

/* The C library's own heap, where a sanitizer has put another one in its place. */
extern void *__libc_malloc(size_t size);
extern void __libc_free(void *p);

/* 64 MB in blocks of 64 KB, of which one at the end is still in use. */
START_TEST(freed_memory_returns_to_the_system)
{
    enum { BLOCKS = 1024, BLOCK = 64 * 1024 };
    static void *block[BLOCKS];
    struct memory memory;
    usec_t now = 3600 * USEC_PER_SEC;
    uint64_t before;

    memory_init(&memory, 0);
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = __libc_malloc(BLOCK);
        ck_assert_ptr_nonnull(block[i]);
        memset(block[i], 1, BLOCK);
    }
    for (int i = 0; i < BLOCKS - 1; i++)
        __libc_free(block[i]);
    before = memory_used();
    (void)memory_note(&memory, before, 0);
    ck_assert_int_eq(memory_trim(&memory, now, 1), 1);
    ck_assert_uint_lt(memory_used(), before - 48 * MIB);
    /* Not again at once. */
    ck_assert_int_eq(memory_trim(&memory, now + USEC_PER_SEC - 1, 1), 0);
    __libc_free(block[BLOCKS - 1]);
}
END_TEST

/* While there is work to do, it waits. */
START_TEST(not_while_busy)
{
    struct memory memory;
    usec_t now = 3600 * USEC_PER_SEC;

    memory_init(&memory, 0);
    (void)memory_trim(&memory, now, 0);
    memory.trimmed_at = 0;
    /* All the processor's time since the last call was this process's: it ran, and no time passed.
     */
    ck_assert_int_eq(memory_trim(&memory, now, 0), 0);
    ck_assert_int_eq(memory.trimmed_at, 0);
    ck_assert_int_eq(memory_trim_at(&memory), 10 * USEC_PER_SEC);
    (void)memory_trim(&memory, now + 3600 * USEC_PER_SEC, 0);
    ck_assert_int_eq(memory.trimmed_at, now + 3600 * USEC_PER_SEC);
}
END_TEST

Suite *check_memory_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *tc = tcase_create("memory");

    tcase_add_test(tc, statm);
    tcase_add_test(tc, group_limits);
    tcase_add_test(tc, levels);
    tcase_add_test(tc, a_limit_is_derived);
    tcase_add_test(tc, freed_memory_returns_to_the_system);
    tcase_add_test(tc, not_while_busy);
    suite_add_tcase(suite, tc);
    return suite;
}
