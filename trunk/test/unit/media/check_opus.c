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

START_TEST(packets)
{
    static const struct {
        const char *hex;
        uint32_t samples;
    } rows[] = {
        {"", 0},       {"00", 480},      {"08", 960}, {"10", 1920},   {"18", 2880},   {"20", 480},
        {"58", 2880},  {"60", 480},      {"68", 960}, {"70", 480},    {"78", 960},    {"80", 120},
        {"88", 240},   {"90", 480},      {"98", 960}, {"f8", 960},    {"fc", 960},    {"f9", 1920},
        {"f900", 0},   {"f90000", 1920}, {"fa", 0},   {"fa00", 1920}, {"fb", 0},      {"fb00", 0},
        {"fb01", 960}, {"fb06", 5760},   {"fb07", 0}, {"fbc3", 2880}, {"8330", 5760}, {"8331", 0},
        {"833f", 0},   {"1b02", 5760},   {"1b03", 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t data[8];
        size_t len = from_hex(data, sizeof(data), rows[i].hex);
        uint8_t *copy = exact_copy(data, len);

        ck_assert_msg(opus_packet_samples(copy, len) == rows[i].samples, "%s: %u", rows[i].hex,
                      opus_packet_samples(copy, len));
        free(copy);
    }
}
END_TEST

START_TEST(every_first_byte)
{
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            uint8_t data[] = {(uint8_t)first, (uint8_t)second, 0};

            for (size_t len = 1; len <= 3; len++) {
                ck_assert_uint_le(opus_packet_samples(data, len), 5760);
                ck_assert_uint_eq(opus_packet_samples(data, len) % 120, 0);
            }
        }
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
    tcase_add_test(tcase, packets);
    tcase_add_test(tcase, every_first_byte);
    suite_add_tcase(suite, tcase);
    return suite;
}
