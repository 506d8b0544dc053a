/*
 * The bit reader: widths, Exp-Golomb codes at their limits, emulation
 * prevention bytes wherever they can stand, and running over the end.
 */
#include "media/bits.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_bits_suite(void);

START_TEST(reads_every_width_at_every_offset)
{
    static const uint8_t data[] = {0x9a, 0x5c, 0x01, 0xfe, 0x80, 0x7f, 0x33, 0xcc, 0xf0};

    for (unsigned offset = 0; offset <= 32; offset++) {
        for (unsigned n = 0; n <= 32; n++) {
            struct bits b;
            uint32_t expected = 0;

            for (unsigned i = 0; i < n; i++)
                expected = expected << 1 | (data[(offset + i) / 8] >> (7 - (offset + i) % 8) & 1);
            bits_init(&b, data, sizeof(data));
            bits_skip(&b, offset);
            ck_assert_uint_eq(bits_u(&b, n), expected);
            ck_assert_int_eq(b.bad, 0);
            ck_assert_uint_eq(bits_left(&b), sizeof(data) * 8 - offset - n);
        }
    }
}
END_TEST

START_TEST(reading_past_the_end_is_bad_and_zero)
{
    static const uint8_t data[] = {0xff, 0xff};
    struct bits b;

    bits_init(&b, data, sizeof(data));
    ck_assert_uint_eq(bits_u(&b, 16), 0xffff);
    ck_assert_int_eq(b.bad, 0);
    ck_assert_uint_eq(bits_u(&b, 1), 0);
    ck_assert_int_eq(b.bad, 1);
    ck_assert_uint_eq(bits_u(&b, 8), 0);
    ck_assert_uint_eq(bits_ue(&b), 0);
    ck_assert_int_eq(bits_se(&b), 0);
    ck_assert_uint_eq(bits_left(&b), 0);

    bits_init(&b, data, sizeof(data));
    ck_assert_uint_eq(bits_u(&b, 17), 0);
    ck_assert_int_eq(b.bad, 1);

    bits_init(&b, data, sizeof(data));
    bits_skip(&b, 4000000000u);
    ck_assert_int_eq(b.bad, 1);

    bits_init(&b, NULL, 0);
    ck_assert_uint_eq(bits_left(&b), 0);
    ck_assert_uint_eq(bits_u(&b, 0), 0);
    ck_assert_int_eq(b.bad, 0);
    ck_assert_uint_eq(bits_u(&b, 1), 0);
    ck_assert_int_eq(b.bad, 1);
}
END_TEST

START_TEST(exp_golomb)
{
    static const uint32_t values[] = {0,   1,   2,   3,     7,          8,
                                      254, 255, 256, 65535, 0x7ffffffe, 0xfffffffe};
    static const int32_t signs[] = {0, 1, -1, 2, -2, 100, -100, 0x3fffffff, -0x3fffffff};
    struct bit_sink sink = {{0}, 0};
    struct bits b;

    for (size_t i = 0; i < COUNT_OF(values); i++)
        sink_ue(&sink, values[i]);
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        sink_se(&sink, signs[i]);
    bits_init(&b, sink.data, sink_bytes(&sink));
    for (size_t i = 0; i < COUNT_OF(values); i++)
        ck_assert_uint_eq(bits_ue(&b), values[i]);
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        ck_assert_int_eq(bits_se(&b), signs[i]);
    ck_assert_int_eq(b.bad, 0);
}
END_TEST

START_TEST(a_code_of_more_than_32_bits_is_bad)
{
    static const uint8_t zeros[16] = {0};
    struct bit_sink sink = {{0}, 0};
    struct bits b;

    sink_u(&sink, 0, 32);
    sink_u(&sink, 1, 1);
    sink_u(&sink, 0xffffffff, 32);
    bits_init(&b, sink.data, sink_bytes(&sink));
    ck_assert_uint_eq(bits_ue(&b), 0);
    ck_assert_int_eq(b.bad, 1);

    bits_init(&b, zeros, sizeof(zeros));
    ck_assert_int_eq(bits_se(&b), 0);
    ck_assert_int_eq(b.bad, 1);
}
END_TEST

START_TEST(emulation_prevention)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"00000301", "000001"},
        {"0000030000030000", "000000000000"},
        {"00000303", "000003"},
        {"000003", "0000"},
        {"0003000003", "00030000"},
        {"01000003", "010000"},
        {"0000000300", "00000000"},
        {"000004", "000004"},
        {"0000030300000301", "00000300 0001"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t in[16];
        size_t len = from_hex(in, sizeof(in), rows[i].in);
        struct bits b;

        bits_init_nal(&b, in, len);
        for (const char *c = rows[i].out; *c != '\0'; c++) {
            if (*c != ' ')
                ck_assert_uint_eq(bits_u(&b, 4), hex_digit(*c));
        }
        ck_assert_int_eq(b.bad, 0);
        bits_u(&b, 1);
        ck_assert_int_eq(b.bad, 1);
    }
}
END_TEST

START_TEST(plain_bytes_keep_their_threes)
{
    static const uint8_t data[] = {0, 0, 3, 1};
    struct bits b;

    bits_init(&b, data, sizeof(data));
    ck_assert_uint_eq(bits_u(&b, 32), 0x000301);
    ck_assert_int_eq(b.bad, 0);
}
END_TEST

START_TEST(what_is_escaped_reads_back)
{
    for (uint32_t seed = 0; seed < 500; seed++) {
        struct bit_sink sink = {{0}, 0};
        uint8_t nal[64];
        size_t len;
        struct bits b;

        /* Few bits set, so that runs of zero bytes are common. */
        for (uint32_t i = 0; i < 16; i++)
            sink_u(&sink, (seed * 2654435761u >> i) % 5 == 0 ? seed >> (i % 8) & 3 : 0, 8);
        sink_u(&sink, 0x80, 8);
        len = sink_nal(&sink, nal, sizeof(nal));
        bits_init_nal(&b, nal, len);
        for (size_t i = 0; i < sink_bytes(&sink); i++)
            ck_assert_uint_eq(bits_u(&b, 8), sink.data[i]);
        ck_assert_int_eq(b.bad, 0);
        ck_assert_uint_eq(bits_left(&b), 0);
    }
}
END_TEST

Suite *check_bits_suite(void)
{
    Suite *suite = suite_create("bits");
    TCase *tcase = tcase_create("bits");

    tcase_add_test(tcase, reads_every_width_at_every_offset);
    tcase_add_test(tcase, reading_past_the_end_is_bad_and_zero);
    tcase_add_test(tcase, exp_golomb);
    tcase_add_test(tcase, a_code_of_more_than_32_bits_is_bad);
    tcase_add_test(tcase, emulation_prevention);
    tcase_add_test(tcase, plain_bytes_keep_their_threes);
    tcase_add_test(tcase, what_is_escaped_reads_back);
    suite_add_tcase(suite, tcase);
    return suite;
}
