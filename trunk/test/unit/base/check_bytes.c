/*
 * Wire fields: every width at its extremes, in both byte orders, and readers
 * and writers that run over their end at every length.
 */
#include "base/bytes.h"

#include <check.h>

Suite *check_bytes_suite(void);

static const uint8_t ramp[16] = {0x81, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0xff};

START_TEST(fields_are_big_endian)
{
    struct bytes b = bytes_of(ramp, sizeof(ramp));

    ck_assert_uint_eq(bytes_u8(&b), 0x81);
    ck_assert_uint_eq(bytes_u16(&b), 0x0203);
    ck_assert_uint_eq(bytes_u24(&b), 0x040506);
    ck_assert_uint_eq(bytes_u32(&b), 0x0708090a);
    ck_assert_uint_eq(bytes_left(&b), 6);
    ck_assert_int_eq(b.bad, 0);

    b = bytes_of(ramp, sizeof(ramp));
    ck_assert_uint_eq(bytes_u64(&b), 0x8102030405060708u);
    ck_assert_uint_eq(bytes_be(&b, 5), 0x090a0b0c0du);
    ck_assert_uint_eq(bytes_be(&b, 0), 0);
    ck_assert_int_eq(b.bad, 0);
}
END_TEST

START_TEST(stream_id_is_little_endian)
{
    struct bytes b = bytes_of(ramp, 4);

    ck_assert_uint_eq(bytes_u32le(&b), 0x04030281u);
}
END_TEST

START_TEST(extremes)
{
    static const uint8_t ones[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct bytes b = bytes_of(ones, 8);

    ck_assert_uint_eq(bytes_u64(&b), UINT64_MAX);
    b = bytes_of(ones, 8);
    ck_assert_uint_eq(bytes_u32(&b), UINT32_MAX);
    ck_assert_uint_eq(bytes_u24(&b), 0xffffff);
    ck_assert_uint_eq(bytes_u8(&b), 0xff);
}
END_TEST

/* A field that does not fit is 0, consumes everything and marks the reader as bad. */
START_TEST(reading_over_the_end)
{
    for (size_t len = 0; len < 8; len++) {
        struct bytes b = bytes_of(ramp, len);

        ck_assert_uint_eq(bytes_be(&b, len + 1), 0);
        ck_assert_int_eq(b.bad, 1);
        ck_assert_uint_eq(bytes_left(&b), 0);
        ck_assert_uint_eq(bytes_u8(&b), 0);
        ck_assert_ptr_null(bytes_take(&b, 0));
        ck_assert_int_eq(b.bad, 1);
    }
}
END_TEST

START_TEST(a_header_cut_at_every_length)
{
    for (size_t len = 0; len <= 11; len++) {
        struct bytes b = bytes_of(ramp, len);

        bytes_u8(&b);
        bytes_u24(&b);
        bytes_u24(&b);
        bytes_u32(&b);
        ck_assert_int_eq(b.bad, len < 11);
    }
}
END_TEST

START_TEST(take_gives_the_place)
{
    struct bytes b = bytes_of(ramp, sizeof(ramp));

    ck_assert_ptr_eq(bytes_take(&b, 10), ramp);
    ck_assert_ptr_eq(bytes_take(&b, 0), ramp + 10);
    ck_assert_ptr_eq(bytes_take(&b, 6), ramp + 10);
    ck_assert_ptr_null(bytes_take(&b, 1));

    b = bytes_of(ramp, sizeof(ramp));
    ck_assert_ptr_null(bytes_take(&b, SIZE_MAX));
    ck_assert_int_eq(b.bad, 1);
}
END_TEST

START_TEST(reading_from_null_with_length_zero)
{
    struct bytes b = bytes_of("", 0);

    ck_assert_uint_eq(bytes_u32le(&b), 0);
    ck_assert_int_eq(b.bad, 1);
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
    uint8_t wire[64];
    struct bytes_out o = bytes_out_of(wire, sizeof(wire));
    struct bytes b;

    bytes_put_u8(&o, 0xfe);
    bytes_put_u16(&o, 0xfedc);
    bytes_put_u24(&o, 0xfedcba);
    bytes_put_u32(&o, 0xfedcba98);
    bytes_put_u32le(&o, 0xfedcba98);
    bytes_put_be(&o, 0xfedcba9876543210u, 8);
    bytes_put(&o, "xyz", 3);
    bytes_put(&o, NULL, 0);
    ck_assert_int_eq(o.bad, 0);
    ck_assert_ptr_eq(o.p, wire + 25);

    b = bytes_of(wire, 25);
    ck_assert_uint_eq(bytes_u8(&b), 0xfe);
    ck_assert_uint_eq(bytes_u16(&b), 0xfedc);
    ck_assert_uint_eq(bytes_u24(&b), 0xfedcba);
    ck_assert_uint_eq(bytes_u32(&b), 0xfedcba98);
    ck_assert_uint_eq(b.p[0], 0x98);
    ck_assert_uint_eq(bytes_u32le(&b), 0xfedcba98);
    ck_assert_uint_eq(bytes_u64(&b), 0xfedcba9876543210u);
    ck_assert_mem_eq(bytes_take(&b, 3), "xyz", 3);
    ck_assert_int_eq(b.bad, 0);
}
END_TEST

/* The high bytes of a value wider than its field are left out. */
START_TEST(u24_takes_the_low_bytes)
{
    uint8_t wire[3];
    struct bytes_out o = bytes_out_of(wire, sizeof(wire));

    bytes_put_u24(&o, 0xff010203);
    ck_assert_mem_eq(wire, "\x01\x02\x03", 3);
}
END_TEST

/* A field that does not fit writes nothing, not even its part that would. */
START_TEST(writing_over_the_end)
{
    for (size_t cap = 0; cap < 4; cap++) {
        uint8_t wire[8];
        struct bytes_out o = bytes_out_of(wire, cap);

        memset(wire, 0xee, sizeof(wire));
        bytes_put_u32(&o, 0x01020304);
        ck_assert_int_eq(o.bad, 1);
        bytes_put_u8(&o, 1);
        bytes_put(&o, "ab", 2);
        ck_assert_ptr_null(bytes_room(&o, 0));
        for (size_t i = 0; i < sizeof(wire); i++)
            ck_assert_uint_eq(wire[i], 0xee);
    }
}
END_TEST

START_TEST(reserving_more_than_there_is_memory)
{
    uint8_t wire[4];
    struct bytes_out o = bytes_out_of(wire, sizeof(wire));

    ck_assert_ptr_eq(bytes_room(&o, 4), wire);
    ck_assert_ptr_nonnull(bytes_room(&o, 0));
    ck_assert_ptr_null(bytes_room(&o, SIZE_MAX));
    ck_assert_int_eq(o.bad, 1);
}
END_TEST

Suite *check_bytes_suite(void)
{
    Suite *suite = suite_create("bytes");
    TCase *tcase = tcase_create("bytes");

    tcase_add_test(tcase, fields_are_big_endian);
    tcase_add_test(tcase, stream_id_is_little_endian);
    tcase_add_test(tcase, extremes);
    tcase_add_test(tcase, reading_over_the_end);
    tcase_add_test(tcase, a_header_cut_at_every_length);
    tcase_add_test(tcase, take_gives_the_place);
    tcase_add_test(tcase, reading_from_null_with_length_zero);
    tcase_add_test(tcase, what_is_written_is_read_back);
    tcase_add_test(tcase, u24_takes_the_low_bytes);
    tcase_add_test(tcase, writing_over_the_end);
    tcase_add_test(tcase, reserving_more_than_there_is_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}
