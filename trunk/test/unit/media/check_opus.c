/*
 * Opus' identification header, in mono, stereo and surround as libopusenc
 * writes them, cut and hostile; and the duration of packets of every kind.
 */
#include "media/opus.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_opus_suite(void);

static const char MONO[] = "4f707573486561640101380180bb0000000000";
static const char SURROUND[] = "4f707573486561640106380180bb00000000010402000401020305";

EXACT_PARSER(parse_block, struct opus_config, opus_config_parse)

START_TEST(headers)
{
    uint8_t data[64];
    size_t len = from_hex(data, sizeof(data), MONO);
    struct opus_config config;

    ck_assert_int_eq(parse_block(&config, data, len), SCAN_DONE);
    ck_assert_uint_eq(config.channels, 1);
    ck_assert_uint_eq(config.pre_skip, 312);
    ck_assert_uint_eq(config.sample_rate, 48000);
    len = from_hex(data, sizeof(data), SURROUND);
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_DONE);
    ck_assert_uint_eq(config.channels, 6);
}
END_TEST

START_TEST(cut_at_every_length)
{
    static const char *const headers_hex[] = {MONO, SURROUND};

    for (size_t i = 0; i < COUNT_OF(headers_hex); i++) {
        uint8_t data[64];
        size_t len = from_hex(data, sizeof(data), headers_hex[i]);
        struct opus_config config;

        for (size_t n = 0; n < len; n++)
            ck_assert_int_eq(parse_block(&config, data, n), SCAN_BAD);
        ck_assert_int_eq(parse_block(&config, data, len + 1), SCAN_DONE);
    }
}
END_TEST

START_TEST(hostile_headers)
{
    static const struct {
        size_t at;
        uint8_t byte;
        enum scan scan;
    } rows[] = {
        {0, 'o', SCAN_BAD},   {8, 0x0f, SCAN_DONE}, {8, 0x10, SCAN_BAD}, {9, 0, SCAN_BAD},
        {9, 255, SCAN_BAD},   {18, 0, SCAN_BAD}, /* six channels without a mapping */
        {18, 255, SCAN_DONE}, {19, 0, SCAN_BAD},    {20, 5, SCAN_BAD},   {20, 4, SCAN_DONE},
        {21, 6, SCAN_BAD},    {21, 255, SCAN_DONE}, {26, 6, SCAN_BAD},   {19, 255, SCAN_BAD},
        {19, 253, SCAN_DONE},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t data[64];
        size_t len = from_hex(data, sizeof(data), SURROUND);
        struct opus_config config;

        data[rows[i].at] = rows[i].byte;
        ck_assert_msg(parse_block(&config, data, len) == rows[i].scan, "row %zu", i);
    }
}
END_TEST

/* The table of RFC 6716, 3.1: configurations from SILK of 10 ms to CELT of 20 ms. */
START_TEST(durations_of_packets)
{
    static const struct {
        uint8_t packet[2];
        size_t len;
        uint32_t samples;
    } rows[] = {
        {{0 << 3}, 1, 480},          {{1 << 3}, 1, 960},
        {{2 << 3}, 1, 1920},         {{11 << 3}, 1, 2880},
        {{12 << 3}, 1, 480},         {{15 << 3}, 1, 960},
        {{16 << 3}, 1, 120},         {{31 << 3}, 1, 960},
        {{31 << 3 | 1}, 1, 1920},    {{31 << 3 | 2}, 1, 1920},
        {{31 << 3 | 3, 6}, 2, 5760}, {{31 << 3 | 3, 0xc1}, 2, 960},
        {{31 << 3 | 3, 7}, 2, 0},    {{31 << 3 | 3}, 1, 0},
        {{31 << 3 | 3, 0}, 2, 0},    {{0}, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t *copy = exact_copy(rows[i].packet, rows[i].len);

        ck_assert_msg(opus_packet_samples(copy, rows[i].len) == rows[i].samples, "row %zu", i);
        free(copy);
    }
}
END_TEST

Suite *check_opus_suite(void)
{
    Suite *suite = suite_create("opus");
    TCase *tcase = tcase_create("opus");

    tcase_add_test(tcase, headers);
    tcase_add_test(tcase, cut_at_every_length);
    tcase_add_test(tcase, hostile_headers);
    tcase_add_test(tcase, durations_of_packets);
    suite_add_tcase(suite, tcase);
    return suite;
}
