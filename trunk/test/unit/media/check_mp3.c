/*
 * MPEG audio frame headers: as LAME writes them, every value of the two significant bytes compared
 * with the standard's arithmetic, and reserved values.
 */
#include "media/mp3.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_mp3_suite(void);

static enum scan parse_hex(struct mp3_header *header, const char *hex)
{
    uint8_t data[8];
    size_t len = from_hex(data, sizeof(data), hex);
    uint8_t *copy = exact_copy(data, len);
    enum scan scan = mp3_header_parse(header, copy, len);

    free(copy);
    return scan;
}

START_TEST(headers)
{
    static const struct {
        const char *hex;
        struct mp3_header header;
    } rows[] = {
        {"fffb40c0", {1, 3, 44100, 56000, 1, 1152, 182}},
        {"fffb9064", {1, 3, 44100, 128000, 2, 1152, 417}},
        {"fffb9264", {1, 3, 44100, 128000, 2, 1152, 418}},
        {"fffbe400", {1, 3, 48000, 320000, 2, 1152, 960}},
        {"fff370c0", {2, 3, 22050, 56000, 1, 576, 182}},
        {"ffe318c4", {25, 3, 8000, 8000, 1, 576, 72}},
        {"fffd8404", {1, 2, 48000, 128000, 2, 1152, 384}},
        {"ffff1800", {1, 1, 32000, 32000, 2, 384, 48}},
        {"ffff1a00", {1, 1, 32000, 32000, 2, 384, 52}},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mp3_header header;

        ck_assert_msg(parse_hex(&header, rows[i].hex) == SCAN_DONE, "%s", rows[i].hex);
        ck_assert_msg(header.version == rows[i].header.version, "%s", rows[i].hex);
        ck_assert_uint_eq(header.layer, rows[i].header.layer);
        ck_assert_uint_eq(header.sample_rate, rows[i].header.sample_rate);
        ck_assert_uint_eq(header.bit_rate, rows[i].header.bit_rate);
        ck_assert_uint_eq(header.channels, rows[i].header.channels);
        ck_assert_uint_eq(header.samples, rows[i].header.samples);
        ck_assert_msg(header.frame_len == rows[i].header.frame_len, "%s: %zu", rows[i].hex,
                      header.frame_len);
    }
}
END_TEST

START_TEST(short_input)
{
    struct mp3_header header;

    ck_assert_int_eq(parse_hex(&header, ""), SCAN_MORE);
    ck_assert_int_eq(parse_hex(&header, "ff"), SCAN_MORE);
    ck_assert_int_eq(parse_hex(&header, "fffb"), SCAN_MORE);
    ck_assert_int_eq(parse_hex(&header, "fffb90"), SCAN_MORE);
    ck_assert_int_eq(parse_hex(&header, "fe"), SCAN_BAD);
    ck_assert_int_eq(parse_hex(&header, "ffdf"), SCAN_BAD);
}
END_TEST

START_TEST(every_header)
{
    for (unsigned v = 0; v < 0x200000; v++) {
        uint8_t data[] = {0xff, (uint8_t)(0xe0 | v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        unsigned version = data[1] >> 3 & 3, layer = data[1] >> 1 & 3, rate = data[2] >> 2 & 3;
        unsigned index = data[2] >> 4;
        int good = version != 1 && layer != 0 && rate != 3 && index > 0 && index < 15 &&
                   (data[3] & 3) != 2;
        struct mp3_header header;

        /* Copyright, original and the mode extension are ignored. */
        if (data[3] & 0x3c || data[2] & 1)
            continue;
        if ((mp3_header_parse(&header, data, 4) == SCAN_DONE) != good)
            ck_abort_msg("%06x", v);
        if (!good)
            continue;
        /* A frame plays its samples at its bit rate, to within a slot. */
        double bytes = (double)header.samples * header.bit_rate / 8 / header.sample_rate;
        double slot = header.layer == 1 ? 4 : 1;
        double padded = bytes + (data[2] & 2 ? slot : 0);

        if ((double)header.frame_len > padded || (double)header.frame_len <= padded - slot)
            ck_abort_msg("%06x: %zu, not %f", v, header.frame_len, padded);
    }
}
END_TEST

Suite *check_mp3_suite(void)
{
    Suite *suite = suite_create("mp3");
    TCase *tcase = tcase_create("mp3");

    tcase_add_test(tcase, headers);
    tcase_add_test(tcase, short_input);
    tcase_add_test(tcase, every_header);
    suite_add_tcase(suite, tcase);
    return suite;
}
