/*
 * AudioSpecificConfig in every form in use, reserved values, truncated; and ADTS written, read
 * back, and at its maximum frame size.
 */
#include "media/aac.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_aac_suite(void);

EXACT_PARSER(parse_block, struct aac_config, aac_config_parse)

START_TEST(configurations)
{
    static const struct {
        const char *hex;
        uint8_t type, extension;
        uint32_t rate, output;
        uint8_t channels;
        const char *name;
    } rows[] = {
        {"1210", 2, 0, 44100, 44100, 2, "LC"},
        {"1190", 2, 0, 48000, 48000, 2, "LC"},
        {"1208", 2, 0, 44100, 44100, 1, "LC"},
        {"0a10", 1, 0, 44100, 44100, 2, "Main"},
        {"1230", 2, 0, 44100, 44100, 6, "LC"},
        {"1238", 2, 0, 44100, 44100, 8, "LC"},
        {"1200", 2, 0, 44100, 44100, 0, "LC"},       /* a program config element announces it */
        {"121056e500", 2, 0, 44100, 44100, 2, "LC"}, /* ffmpeg: says that there is no SBR */
        {"131056e59d4880", 2, 29, 24000, 48000, 2, "HEv2"},
        {"2b920800", 2, 5, 22050, 44100, 2, "HE"},          /* SBR in front */
        {"eb8a0800", 2, 29, 22050, 44100, 1, "HEv2"},       /* PS in front */
        {"139056e5a0", 2, 5, 22050, 44100, 2, "HE"},        /* SBR after */
        {"138856e5a54880", 2, 29, 22050, 44100, 1, "HEv2"}, /* PS after */
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t data[16];
        size_t len = from_hex(data, sizeof(data), rows[i].hex);
        struct aac_config config;

        ck_assert_msg(parse_block(&config, data, len) == SCAN_DONE, "%s", rows[i].hex);
        ck_assert_msg(config.object_type == rows[i].type, "%s", rows[i].hex);
        ck_assert_msg(config.extension_type == rows[i].extension, "%s: %u", rows[i].hex,
                      config.extension_type);
        ck_assert_msg(config.sample_rate == rows[i].rate, "%s: %u", rows[i].hex,
                      config.sample_rate);
        ck_assert_msg(config.output_rate == rows[i].output, "%s: %u", rows[i].hex,
                      config.output_rate);
        ck_assert_msg(config.channels == rows[i].channels, "%s", rows[i].hex);
        ck_assert_str_eq(aac_profile_name(&config), rows[i].name);
    }
}
END_TEST

START_TEST(a_rate_written_out)
{
    struct bit_sink sink = {{0}, 0};
    struct aac_config config;

    sink_u(&sink, 2, 5);
    sink_u(&sink, 15, 4);
    sink_u(&sink, 12345, 24);
    sink_u(&sink, 2, 4);
    sink_u(&sink, 0, 3);
    ck_assert_int_eq(parse_block(&config, sink.data, sink_bytes(&sink)), SCAN_DONE);
    ck_assert_uint_eq(config.sample_rate, 12345);
    ck_assert_uint_eq(config.sample_rate_index, 15);
    ck_assert_int_eq(parse_block(&config, sink.data, sink_bytes(&sink) - 1), SCAN_BAD);
}
END_TEST

START_TEST(every_rate_and_channel_configuration)
{
    static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050,
                                     16000, 12000, 11025, 8000,  7350,  0,     0};
    static const uint8_t channels[] = {0, 1, 2, 3, 4, 5, 6, 8, 0xff, 3, 4, 7, 8, 24, 8, 0xff};

    for (unsigned rate = 0; rate < 15; rate++) {
        for (unsigned config = 0; config < 16; config++) {
            struct bit_sink sink = {{0}, 0};
            struct aac_config out;
            int good = rates[rate] > 0 && channels[config] != 0xff;

            sink_u(&sink, 2, 5);
            sink_u(&sink, rate, 4);
            sink_u(&sink, config, 4);
            sink_u(&sink, 0, 3);
            ck_assert_int_eq(parse_block(&out, sink.data, 2), good ? SCAN_DONE : SCAN_BAD);
            if (!good)
                continue;
            ck_assert_uint_eq(out.sample_rate, rates[rate]);
            ck_assert_uint_eq(out.channels, channels[config]);
            ck_assert_uint_eq(out.sample_rate_index, rate);
            ck_assert_uint_eq(out.channel_config, config);
        }
    }
}
END_TEST

START_TEST(an_escaped_object_type)
{
    struct bit_sink sink = {{0}, 0};
    struct aac_config config;

    sink_u(&sink, 31, 5); /* 42: xHE-AAC */
    sink_u(&sink, 10, 6);
    sink_u(&sink, 3, 4);
    sink_u(&sink, 2, 4);
    ck_assert_int_eq(parse_block(&config, sink.data, sink_bytes(&sink)), SCAN_DONE);
    ck_assert_uint_eq(config.object_type, 42);
    ck_assert_uint_eq(config.sample_rate, 48000);
    ck_assert_str_eq(aac_profile_name(&config), "Other");
}
END_TEST

START_TEST(bits_between_the_core_and_its_extension)
{
    /* Object types whose configuration has more bits, followed by SBR. */
    static const struct {
        uint8_t type;
        uint32_t core_coder, extension;
        unsigned more; /* bits after extensionFlag */
    } rows[] = {
        {2, 0, 0, 0},  {2, 1, 0, 0},   {2, 0, 1, 1},  {6, 0, 0, 3},
        {17, 0, 1, 4}, {22, 0, 1, 17}, {20, 1, 1, 7},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bit_sink sink = {{0}, 0};
        struct aac_config config;

        sink_u(&sink, rows[i].type, 5);
        sink_u(&sink, 7, 4);
        sink_u(&sink, 2, 4);
        sink_u(&sink, 0, 1);
        sink_u(&sink, rows[i].core_coder, 1);
        sink_u(&sink, 0x3fff, rows[i].core_coder ? 14 : 0);
        sink_u(&sink, rows[i].extension, 1);
        sink_u(&sink, 0, rows[i].more);
        sink_u(&sink, 0x2b7, 11);
        sink_u(&sink, 5, 5);
        sink_u(&sink, 1, 1);
        sink_u(&sink, 4, 4);
        ck_assert_int_eq(parse_block(&config, sink.data, sink_bytes(&sink)), SCAN_DONE);
        ck_assert_msg(config.extension_type == 5, "row %zu", i);
        ck_assert_uint_eq(config.output_rate, 44100);
    }
}
END_TEST

START_TEST(cut_and_reserved)
{
    static const char *const bad[] = {
        "",                                                   /* nothing */
        "12",         "17",   "1780", "2b92", "2b9208", "f9", /* truncated */
        "0210",                                               /* object type 0 */
        "1690",       "1710",                                 /* rates 13 and 14 */
        "1780000010",                                         /* a rate of 0, written out */
        "12c0",       "1278",                                 /* channel configurations 8 and 15 */
        "2b968800",                                           /* SBR at rate 13 */
    };

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint8_t data[16];
        size_t len = from_hex(data, sizeof(data), bad[i]);
        struct aac_config config;

        ck_assert_msg(parse_block(&config, data, len) == SCAN_BAD, "%s", bad[i]);
    }
}
END_TEST

START_TEST(a_cut_extension_is_no_error)
{
    uint8_t data[16];
    size_t len = from_hex(data, sizeof(data), "138856e5a54880");
    struct aac_config config;

    for (size_t n = 2; n <= len; n++) {
        ck_assert_int_eq(parse_block(&config, data, n), SCAN_DONE);
        ck_assert_uint_eq(config.extension_type, n < 5 ? 0 : n < 7 ? 5 : 29);
        ck_assert_uint_eq(config.output_rate, n < 5 ? 22050 : 44100);
    }
}
END_TEST

START_TEST(adts_written)
{
    static const uint8_t expected[] = {0xff, 0xf1, 0x50, 0x80, 0x01, 0xbf, 0xfc};
    uint8_t data[] = {0x12, 0x10}, out[AAC_ADTS_HEADER_SIZE];
    struct aac_config config;

    ck_assert_int_eq(aac_config_parse(&config, data, sizeof(data)), SCAN_DONE);
    ck_assert_int_eq(aac_adts_write(&config, 6, out), 0);
    ck_assert_mem_eq(out, expected, sizeof(expected));
}
END_TEST

START_TEST(configurations_that_adts_cannot_express)
{
    struct aac_config lc = {2, 0, 44100, 4, 44100, 2, 2};
    struct aac_config config;
    uint8_t out[AAC_ADTS_HEADER_SIZE];

    ck_assert_int_eq(aac_adts_write(&lc, AAC_ADTS_FRAME_MAX - 7, out), 0);
    ck_assert_int_eq(aac_adts_write(&lc, AAC_ADTS_FRAME_MAX - 6, out), -1);
    ck_assert_int_eq(aac_adts_write(&lc, SIZE_MAX, out), -1);
    config = lc;
    config.object_type = 5;
    ck_assert_int_eq(aac_adts_write(&config, 1, out), -1);
    config.object_type = 0;
    ck_assert_int_eq(aac_adts_write(&config, 1, out), -1);
    config = lc;
    config.sample_rate_index = 15;
    ck_assert_int_eq(aac_adts_write(&config, 1, out), -1);
    config = lc;
    config.channel_config = 8;
    ck_assert_int_eq(aac_adts_write(&config, 1, out), -1);
}
END_TEST

START_TEST(adts_written_and_read_back)
{
    for (uint8_t type = 1; type <= 4; type++) {
        for (uint8_t rate = 0; rate < 13; rate++) {
            struct aac_config config = {type, 0, 1, rate, 1, 2, (uint8_t)(rate % 8)};
            size_t sizes[] = {0, 1, 255, 256, 2047, 8184};

            for (size_t i = 0; i < COUNT_OF(sizes); i++) {
                uint8_t *frame = calloc(1, 7 + sizes[i]);

                ck_assert_int_eq(aac_adts_write(&config, sizes[i], frame), 0);
                ck_assert_uint_eq(frame[0] << 4 | frame[1] >> 4, 0xfff);
                ck_assert_uint_eq((frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5,
                                  7 + sizes[i]);
                ck_assert_uint_eq(frame[2] >> 6, type - 1);
                ck_assert_uint_eq(frame[2] >> 2 & 15, rate);
                ck_assert_uint_eq((frame[2] & 1) << 2 | frame[3] >> 6, rate % 8);
                free(frame);
            }
        }
    }
}
END_TEST

START_TEST(profile_names)
{
    for (unsigned type = 0; type < 64; type++) {
        struct aac_config config = {(uint8_t)type, 0, 1, 4, 1, 2, 2};

        ck_assert_ptr_nonnull(aac_profile_name(&config));
    }
}
END_TEST

Suite *check_aac_suite(void)
{
    Suite *suite = suite_create("aac");
    TCase *tcase = tcase_create("aac");

    tcase_add_test(tcase, configurations);
    tcase_add_test(tcase, a_rate_written_out);
    tcase_add_test(tcase, every_rate_and_channel_configuration);
    tcase_add_test(tcase, an_escaped_object_type);
    tcase_add_test(tcase, bits_between_the_core_and_its_extension);
    tcase_add_test(tcase, cut_and_reserved);
    tcase_add_test(tcase, a_cut_extension_is_no_error);
    tcase_add_test(tcase, adts_written);
    tcase_add_test(tcase, configurations_that_adts_cannot_express);
    tcase_add_test(tcase, adts_written_and_read_back);
    tcase_add_test(tcase, profile_names);
    suite_add_tcase(suite, tcase);
    return suite;
}
