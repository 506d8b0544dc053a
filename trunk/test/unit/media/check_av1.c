/*
 * AV1's configuration record: as libaom writes it, and sequence headers by hand
 * with all that may stand before the size (timing, decoder model, operating
 * points, the reduced form).
 */
#include "media/av1.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_av1_suite(void);

/* 1280x720, main profile, level 3.1. */
static const char RECORD[] = "81050c000a0b0000002d4cffb3ccaf9004";

EXACT_PARSER(parse_block, struct av1_config, av1_config_parse)

START_TEST(a_record_of_libaom)
{
    uint8_t data[64];
    size_t len = from_hex(data, sizeof(data), RECORD);
    struct av1_config config;

    ck_assert_int_eq(parse_block(&config, data, len), SCAN_DONE);
    ck_assert_uint_eq(config.profile, 0);
    ck_assert_uint_eq(config.level, 5);
    ck_assert_uint_eq(config.tier, 0);
    ck_assert_uint_eq(config.width, 1280);
    ck_assert_uint_eq(config.height, 720);
}
END_TEST

START_TEST(cut_at_every_length)
{
    uint8_t data[64];
    size_t len = from_hex(data, sizeof(data), RECORD);
    struct av1_config config;

    for (size_t n = 0; n < len; n++)
        ck_assert_int_eq(parse_block(&config, data, n), n == 4 ? SCAN_DONE : SCAN_BAD);
    ck_assert_int_eq(parse_block(&config, data, 4), SCAN_DONE);
    ck_assert_uint_eq(config.width, 0);
}
END_TEST

START_TEST(fields_of_the_record)
{
    static const uint8_t data[] = {0x81, 0x5f, 0x80, 0x00};
    struct av1_config config;

    ck_assert_int_eq(parse_block(&config, data, sizeof(data)), SCAN_DONE);
    ck_assert_uint_eq(config.profile, 2);
    ck_assert_uint_eq(config.level, 31);
    ck_assert_uint_eq(config.tier, 1);
}
END_TEST

START_TEST(obus)
{
    static const struct {
        const char *hex;
        enum scan scan;
        uint32_t width;
    } rows[] = {
        {"80050c00", SCAN_BAD, 0},                           /* no marker */
        {"82050c00", SCAN_BAD, 0},                           /* another version */
        {"81050c008a00", SCAN_BAD, 0},                       /* forbidden bit */
        {"81050c000a0c0000002d4cffb3ccaf9004", SCAN_BAD, 0}, /* size beyond the end */
        {"81050c000affffffffffffffff7f", SCAN_BAD, 0},       /* a size of more than 8 bytes */
        {"81050c000affffffffffffff7f", SCAN_BAD, 0},
        {"81050c000a00", SCAN_BAD, 0},    /* an empty sequence header */
        {"81050c002a0161", SCAN_DONE, 0}, /* metadata only */
        {"81050c002a01610a0b0000002d4cffb3ccaf9004", SCAN_DONE, 1280},
        {"81050c000e080b0000002d4cffb3ccaf9004", SCAN_DONE, 1280}, /* with an extension byte */
        {"81050c00080000002d4cffb3ccaf9004", SCAN_DONE, 1280},     /* without a size */
        /* A size in two, three and four bytes. */
        {"81050c000a8b000000002d4cffb3ccaf9004", SCAN_DONE, 1280},
        {"81050c000a8b80000000002d4cffb3ccaf9004", SCAN_DONE, 1280},
        {"81050c000a8b8080000000002d4cffb3ccaf9004", SCAN_DONE, 1280},
        {"81050c000a8b000000002d4cffb3ccaf90", SCAN_BAD, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t data[64];
        size_t len = from_hex(data, sizeof(data), rows[i].hex);
        struct av1_config config;

        ck_assert_msg(parse_block(&config, data, len) == rows[i].scan, "%s", rows[i].hex);
        if (rows[i].scan == SCAN_DONE)
            ck_assert_msg(config.width == rows[i].width, "%s: %u", rows[i].hex, config.width);
    }
}
END_TEST

struct header_form {
    int reduced, timing, equal_interval, decoder_model, display_delay;
    unsigned uvlc_zeros, delay_bits, points, level;
    uint32_t width, height;
    unsigned width_bits, height_bits;
};

static size_t make_record(const struct header_form *f, uint8_t *data, size_t cap)
{
    struct bit_sink sink = {{0}, 0};
    size_t len;

    sink_u(&sink, 0, 3);
    sink_u(&sink, (uint32_t)f->reduced, 1);
    sink_u(&sink, (uint32_t)f->reduced, 1);
    if (f->reduced) {
        sink_u(&sink, f->level, 5);
    } else {
        sink_u(&sink, (uint32_t)f->timing, 1);
        if (f->timing) {
            sink_u(&sink, 0xffffffff, 32);
            sink_u(&sink, 0xffffffff, 32);
            sink_u(&sink, (uint32_t)f->equal_interval, 1);
            if (f->equal_interval) {
                sink_u(&sink, 0, f->uvlc_zeros > 32 ? 32 : f->uvlc_zeros);
                sink_u(&sink, 0, f->uvlc_zeros > 32 ? f->uvlc_zeros - 32 : 0);
                sink_u(&sink, 1, 1);
                sink_u(&sink, 0, f->uvlc_zeros >= 32 ? 0 : f->uvlc_zeros);
            }
            sink_u(&sink, (uint32_t)f->decoder_model, 1);
            if (f->decoder_model) {
                sink_u(&sink, f->delay_bits - 1, 5);
                sink_u(&sink, 0xffffffff, 32);
                sink_u(&sink, 0x3ff, 10);
            }
        }
        sink_u(&sink, (uint32_t)f->display_delay, 1);
        sink_u(&sink, f->points - 1, 5);
        for (unsigned i = 0; i < f->points; i++) {
            sink_u(&sink, 0xfff, 12);
            sink_u(&sink, f->level, 5);
            if (f->level > 7)
                sink_u(&sink, 1, 1);
            if (f->decoder_model) {
                sink_u(&sink, i % 2, 1);
                for (int n = 0; i % 2 && n < 2; n++)
                    sink_u(&sink, 0xffffffff, f->delay_bits);
                sink_u(&sink, 1, i % 2);
            }
            if (f->display_delay) {
                sink_u(&sink, i % 3 == 0, 1);
                sink_u(&sink, 0xf, i % 3 == 0 ? 4 : 0);
            }
        }
    }
    sink_u(&sink, f->width_bits - 1, 4);
    sink_u(&sink, f->height_bits - 1, 4);
    sink_u(&sink, f->width - 1, f->width_bits);
    sink_u(&sink, f->height - 1, f->height_bits);
    sink_u(&sink, 0, 8);
    len = sink_bytes(&sink);
    ck_assert_uint_le(len + 7, cap);
    memcpy(data, "\x81\x05\x0c\x00\x0a", 5);
    data[5] = (uint8_t)(0x80 | (len & 0x7f));
    data[6] = (uint8_t)(len >> 7);
    memcpy(data + 7, sink.data, len);
    return len + 7;
}

START_TEST(sequence_headers_by_hand)
{
    static const struct header_form forms[] = {
        {1, 0, 0, 0, 0, 0, 0, 0, 8, 640, 360, 10, 9},
        {0, 0, 0, 0, 0, 0, 0, 1, 8, 640, 360, 10, 9},
        {0, 0, 0, 0, 1, 0, 0, 32, 7, 65536, 65536, 16, 16},
        {0, 1, 0, 0, 0, 0, 0, 1, 8, 1, 1, 1, 1},
        {0, 1, 1, 0, 0, 0, 0, 1, 8, 1920, 1080, 11, 11},
        {0, 1, 1, 0, 0, 31, 0, 2, 8, 1920, 1080, 11, 11},
        {0, 1, 1, 0, 0, 32, 0, 2, 8, 1920, 1080, 11, 11},
        {0, 1, 1, 0, 0, 50, 0, 2, 8, 1920, 1080, 11, 11},
        {0, 1, 0, 1, 0, 0, 32, 32, 8, 1920, 1080, 16, 16},
        {0, 1, 1, 1, 1, 5, 1, 3, 0, 1920, 1080, 16, 16},
    };

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        uint8_t data[1024];
        size_t len = make_record(&forms[i], data, sizeof(data));
        struct av1_config config;

        ck_assert_msg(parse_block(&config, data, len) == SCAN_DONE, "form %zu", i);
        ck_assert_msg(config.width == forms[i].width && config.height == forms[i].height,
                      "form %zu: %ux%u", i, config.width, config.height);
    }
}
END_TEST

Suite *check_av1_suite(void)
{
    Suite *suite = suite_create("av1");
    TCase *tcase = tcase_create("av1");

    tcase_add_test(tcase, a_record_of_libaom);
    tcase_add_test(tcase, cut_at_every_length);
    tcase_add_test(tcase, fields_of_the_record);
    tcase_add_test(tcase, obus);
    tcase_add_test(tcase, sequence_headers_by_hand);
    suite_add_tcase(suite, tcase);
    return suite;
}
