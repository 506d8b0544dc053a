/*
 * The growable buffer: its maximum, moving to the front before growing, and a
 * long run of random appends and consumes against a plain model.
 */
#include "base/buf.h"

#include <check.h>
#include <string.h>

Suite *check_buf_suite(void);

START_TEST(a_new_buffer_is_empty_and_has_no_memory)
{
    struct buf buf;

    buf_init(&buf, 10);
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.len, 0);
    buf_fini(&buf);
}
END_TEST

START_TEST(append_and_consume)
{
    struct buf buf;

    buf_init(&buf, 100);
    ck_assert_int_eq(buf_append(&buf, "hello ", 6), 0);
    ck_assert_int_eq(buf_append(&buf, "world", 5), 0);
    ck_assert_int_eq(buf_append(&buf, NULL, 0), 0);
    ck_assert_uint_eq(buf.len, 11);
    ck_assert_mem_eq(buf_data(&buf), "hello world", 11);
    buf_consume(&buf, 6);
    ck_assert_uint_eq(buf.len, 5);
    ck_assert_mem_eq(buf_data(&buf), "world", 5);
    buf_consume(&buf, 5);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_uint_eq(buf.start, 0);
    buf_fini(&buf);
}
END_TEST

START_TEST(maximum_holds_to_the_byte)
{
    static const size_t limits[] = {1, 2, 255, 256, 257, 1000, 4096};
    uint8_t block[5000] = {0};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        size_t max = limits[i];
        struct buf buf;

        buf_init(&buf, max);
        ck_assert_int_eq(buf_append(&buf, block, max + 1), -1);
        ck_assert_uint_eq(buf.len, 0);
        ck_assert_int_eq(buf_append(&buf, block, max), 0);
        ck_assert_int_eq(buf_append(&buf, block, 1), -1);
        ck_assert_uint_eq(buf.len, max);
        ck_assert_uint_le(buf.cap, max > 256 ? max : 256);
        buf_consume(&buf, 1);
        ck_assert_int_eq(buf_append(&buf, block, 1), 0);
        ck_assert_int_eq(buf_append(&buf, block, 1), -1);
        buf_fini(&buf);
    }
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
    struct buf buf;

    buf_init(&buf, 1000);
    ck_assert_int_eq(buf_append(&buf, "abc", 3), 0);
    ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX));
    ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX - 2));
    ck_assert_ptr_null(buf_reserve(&buf, 998));
    ck_assert_ptr_nonnull(buf_reserve(&buf, 997));
    ck_assert_mem_eq(buf_data(&buf), "abc", 3);
    buf_fini(&buf);
}
END_TEST

START_TEST(reserve_counts_nothing_until_commit)
{
    struct buf buf;
    uint8_t *room;

    buf_init(&buf, 1000);
    room = buf_reserve(&buf, 100);
    ck_assert_ptr_nonnull(room);
    ck_assert_uint_eq(buf.len, 0);
    memcpy(room, "abc", 3);
    buf_commit(&buf, 3);
    ck_assert_uint_eq(buf.len, 3);
    ck_assert_mem_eq(buf_data(&buf), "abc", 3);
    ck_assert_ptr_eq(buf_reserve(&buf, 50), buf_data(&buf) + 3);
    buf_fini(&buf);
}
END_TEST

/* Room for 0 bytes is a valid pointer: a caller may pass it to memcpy with length 0. */
START_TEST(reserving_zero_bytes_returns_a_pointer)
{
    struct buf buf;

    buf_init(&buf, 4);
    ck_assert_ptr_nonnull(buf_reserve(&buf, 0));
    ck_assert_int_eq(buf_append(&buf, "abcd", 4), 0);
    ck_assert_ptr_nonnull(buf_reserve(&buf, 0));
    buf_fini(&buf);
}
END_TEST

START_TEST(moves_to_the_front_before_it_grows)
{
    struct buf buf;
    uint8_t block[200];
    size_t cap;

    memset(block, 7, sizeof(block));
    buf_init(&buf, 100000);
    ck_assert_int_eq(buf_append(&buf, block, 200), 0);
    cap = buf.cap;
    for (int i = 0; i < 1000; i++) {
        buf_consume(&buf, 150);
        ck_assert_int_eq(buf_append(&buf, block, 150), 0);
    }
    ck_assert_uint_eq(buf.cap, cap);
    ck_assert_uint_eq(buf.len, 200);
    buf_fini(&buf);
}
END_TEST

START_TEST(printf_appends)
{
    struct buf buf;

    buf_init(&buf, 100);
    ck_assert_int_eq(buf_printf(&buf, "%x\r\n", 255), 0);
    ck_assert_int_eq(buf_printf(&buf, "%s", ""), 0);
    ck_assert_int_eq(buf_printf(&buf, "%d", -1), 0);
    ck_assert_uint_eq(buf.len, 6);
    ck_assert_mem_eq(buf_data(&buf), "ff\r\n-1", 6);
    buf_fini(&buf);
}
END_TEST

START_TEST(printf_beyond_the_maximum_appends_nothing)
{
    struct buf buf;

    buf_init(&buf, 8);
    ck_assert_int_eq(buf_printf(&buf, "%s", "1234567"), 0);
    ck_assert_int_eq(buf_printf(&buf, "%s", "89"), -1);
    ck_assert_uint_eq(buf.len, 7);
    ck_assert_mem_eq(buf_data(&buf), "1234567", 7);
    buf_fini(&buf);
}
END_TEST

START_TEST(a_buffer_can_be_used_after_reset)
{
    struct buf buf;

    buf_init(&buf, 1000);
    ck_assert_int_eq(buf_append(&buf, "abc", 3), 0);
    buf_reset(&buf);
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.cap, 0);
    ck_assert_int_eq(buf_append(&buf, "de", 2), 0);
    ck_assert_mem_eq(buf_data(&buf), "de", 2);
    buf_fini(&buf);
    buf_fini(&buf);
}
END_TEST

/* Bytes are numbered as they go in and must come out in the same order. */
START_TEST(random_use_against_a_model)
{
    struct buf buf;
    uint8_t block[300];
    uint8_t in = 0, out = 0;
    size_t held = 0;
    uint32_t seed = 12345;

    buf_init(&buf, 2000);
    for (int round = 0; round < 20000; round++) {
        size_t n;

        seed = seed * 1664525u + 1013904223u;
        n = (seed >> 8) % sizeof(block);
        if (seed >> 31) {
            for (size_t i = 0; i < n; i++)
                block[i] = (uint8_t)(in + i);
            if (held + n > 2000) {
                ck_assert_int_eq(buf_append(&buf, block, n), -1);
                continue;
            }
            ck_assert_int_eq(buf_append(&buf, block, n), 0);
            in = (uint8_t)(in + n);
            held += n;
        } else {
            n = n < held ? n : held;
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(buf_data(&buf)[i], (uint8_t)(out + i));
            buf_consume(&buf, n);
            out = (uint8_t)(out + n);
            held -= n;
        }
        ck_assert_uint_eq(buf.len, held);
    }
    buf_fini(&buf);
}
END_TEST

Suite *check_buf_suite(void)
{
    Suite *suite = suite_create("buf");
    TCase *tcase = tcase_create("buf");

    tcase_add_test(tcase, a_new_buffer_is_empty_and_has_no_memory);
    tcase_add_test(tcase, append_and_consume);
    tcase_add_test(tcase, maximum_holds_to_the_byte);
    tcase_add_test(tcase, absurd_sizes_are_refused);
    tcase_add_test(tcase, reserve_counts_nothing_until_commit);
    tcase_add_test(tcase, reserving_zero_bytes_returns_a_pointer);
    tcase_add_test(tcase, moves_to_the_front_before_it_grows);
    tcase_add_test(tcase, printf_appends);
    tcase_add_test(tcase, printf_beyond_the_maximum_appends_nothing);
    tcase_add_test(tcase, a_buffer_can_be_used_after_reset);
    tcase_add_test(tcase, random_use_against_a_model);
    suite_add_tcase(suite, tcase);
    return suite;
}
