/* Regions of one memory file, and another program that opens it. */
#include "base/shared_map.h"
#include "base/shared_memory.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

Suite *check_shared_memory_suite(void);

/* What a program has that was executed with this descriptor. */
static struct shared_memory *opened(const struct shared_memory *memory)
{
    return shared_memory_open(dup(shared_memory_fd(memory)));
}

START_TEST(test_regions_are_found_again)
{
    struct shared_memory *memory = shared_memory_new();
    struct shared_memory *other;
    size_t small = 5;
    size_t large = 100000;
    char *a, *b, *c;

    ck_assert_ptr_nonnull(memory);
    a = shared_memory_map(memory, 1, &small);
    b = shared_memory_map(memory, 2, &large);
    memcpy(a, "abcd", 5);
    memcpy(b + large - 5, "efgh", 5);
    other = opened(memory);
    ck_assert_ptr_nonnull(other);
    ck_assert_int_eq(shared_memory_is_opened(memory), 0);
    ck_assert_int_eq(shared_memory_is_opened(other), 1);
    small = 1;
    c = shared_memory_map(other, 1, &small);
    ck_assert_uint_eq(small, 5);
    ck_assert_str_eq(c, "abcd");
    munmap(c, small);
    ck_assert_int_eq(shared_memory_is_complete(other), 0);
    large = 1;
    c = shared_memory_map(other, 2, &large);
    ck_assert_uint_eq(large, 100000);
    ck_assert_str_eq(c + large - 5, "efgh");
    c[0] = 'x'; /* both see it */
    ck_assert_int_eq(b[0], 'x');
    ck_assert_int_eq(shared_memory_is_complete(other), 1);
    munmap(c, large);
    munmap(a, small);
    munmap(b, large);
    shared_memory_free(other);
    shared_memory_free(memory);
}
END_TEST

START_TEST(test_another_kind)
{
    struct shared_memory *memory = shared_memory_new();
    size_t bytes = 8;
    void *a = shared_memory_map(memory, 1, &bytes);
    struct shared_memory *other = opened(memory);

    ck_assert_ptr_null(shared_memory_map(other, 2, &bytes));
    munmap(shared_memory_map(other, 1, &bytes), bytes);
    ck_assert_ptr_null(shared_memory_map(other, 1, &bytes)); /* there are no more */
    munmap(a, 8);
    shared_memory_free(other);
    shared_memory_free(memory);
}
END_TEST

START_TEST(test_full)
{
    struct shared_memory *memory = shared_memory_new();
    void *region[SHARED_MEMORY_REGIONS_MAX];
    size_t bytes = 1;

    for (int i = 0; i < SHARED_MEMORY_REGIONS_MAX; i++) {
        region[i] = shared_memory_map(memory, 0, &bytes);
        ck_assert_ptr_nonnull(region[i]);
    }
    ck_assert_ptr_null(shared_memory_map(memory, 0, &bytes));
    for (int i = 0; i < SHARED_MEMORY_REGIONS_MAX; i++)
        munmap(region[i], 1);
    shared_memory_free(memory);
}
END_TEST

/* Descriptors that are no such file, and a head that points out of the file. */
START_TEST(test_hostile)
{
    struct shared_memory *memory = shared_memory_new();
    int fd = memfd_create("other", 0);
    size_t bytes = 4096;
    uint64_t far = UINT64_MAX - 100;
    void *region = shared_memory_map(memory, 7, &bytes);

    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
    ck_assert_ptr_null(shared_memory_open(fd));
    ck_assert_ptr_null(shared_memory_open(-1));
    ck_assert_ptr_null(shared_memory_open(memfd_create("empty", 0)));
    /* The region's place and its length, after its kind. */
    for (off_t at = 32; at <= 40; at += 8) {
        uint64_t was;

        ck_assert_int_eq(pread(shared_memory_fd(memory), &was, sizeof(was), at), sizeof(was));
        ck_assert_int_eq(pwrite(shared_memory_fd(memory), &far, sizeof(far), at), sizeof(far));
        ck_assert_ptr_null(opened(memory));
        ck_assert_int_eq(pwrite(shared_memory_fd(memory), &was, sizeof(was), at), sizeof(was));
    }
    munmap(region, 4096);
    shared_memory_free(memory);
}
END_TEST

/* A table keeps its entries and its size, whatever the other program asks for. */
START_TEST(test_table)
{
    struct shared_memory *memory = shared_memory_new();
    struct shared_map *map = shared_map_new(memory, 3, 8);
    struct shared_memory *other = opened(memory);
    struct shared_map *again;

    shared_map_lock(map);
    ck_assert_ptr_nonnull(shared_map_add(map, "one"));
    shared_map_unlock(map);
    ck_assert_ptr_null(shared_map_new(other, 3, 16)); /* other values */
    again = shared_map_new(other, 1000, 8);
    ck_assert_ptr_nonnull(again);
    shared_map_lock(again);
    ck_assert_ptr_nonnull(shared_map_find(again, "one"));
    ck_assert_ptr_nonnull(shared_map_add(again, "two"));
    ck_assert_ptr_nonnull(shared_map_add(again, "three"));
    ck_assert_ptr_null(shared_map_add(again, "four"));
    shared_map_unlock(again);
    ck_assert_uint_eq(shared_map_count(map), 3);
    shared_map_free(again);
    shared_map_free(map);
    shared_memory_free(other);
    shared_memory_free(memory);
}
END_TEST

Suite *check_shared_memory_suite(void)
{
    Suite *suite = suite_create("shared_memory");
    TCase *tc = tcase_create("shared_memory");

    tcase_add_test(tc, test_regions_are_found_again);
    tcase_add_test(tc, test_another_kind);
    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_hostile);
    tcase_add_test(tc, test_table);
    suite_add_tcase(suite, tc);
    return suite;
}
