/*
 * HEVC's configuration record and SPS: as x265 writes them, and by hand what it
 * does not (sub-layers, windows that leave nothing, as many units as are kept).
 */
#include "media/hevc.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_hevc_suite(void);

/* 1922x1082, 4:2:0, main profile, level 4. */
static const char RECORD[] =
    "01016000000090000000000078f000fcfdf8f800001303a00001001c40010c02ffff016000000300900000030000"
    "03007800009594aca048a1000100314201020160000003009000000300000300780000a003c88011071126595"
    "94aca94985e02d0100000030010000003019080a2000100064401c073c189";

EXACT_PARSER(parse_block, struct hevc_config, hevc_config_parse)
EXACT_PARSER(parse_sps, struct hevc_sps, hevc_sps_parse)

START_TEST(a_record_of_x265)
{
    uint8_t data[256];
    size_t len = from_hex(data, sizeof(data), RECORD);
    struct hevc_config config;
    struct hevc_sps sps;

    ck_assert_int_eq(hevc_config_parse(&config, data, len), SCAN_DONE);
    ck_assert_uint_eq(config.profile, 1);
    ck_assert_uint_eq(config.level, 120);
    ck_assert_uint_eq(config.nal_length_size, 4);
    ck_assert_uint_eq(config.nal_count, 3);
    ck_assert_uint_eq(config.nals[0].type, 32);
    ck_assert_uint_eq(config.nals[1].type, 33);
    ck_assert_uint_eq(config.nals[2].type, 34);
    ck_assert_uint_eq(config.nals[2].len, 6);
    ck_assert_int_eq(parse_sps(&sps, config.nals[1].data, config.nals[1].len), SCAN_DONE);
    ck_assert_uint_eq(sps.width, 1922);
    ck_assert_uint_eq(sps.height, 1082);
    ck_assert_int_eq(parse_sps(&sps, config.nals[0].data, config.nals[0].len), SCAN_BAD);
    ck_assert_int_eq(parse_sps(&sps, config.nals[2].data, config.nals[2].len), SCAN_BAD);
}
END_TEST

START_TEST(records_cut_at_every_length)
{
    uint8_t data[256];
    size_t len = from_hex(data, sizeof(data), RECORD);
    struct hevc_config config;

    for (size_t n = 0; n < len; n++)
        ck_assert_int_eq(parse_block(&config, data, n), SCAN_BAD);
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_DONE);
    data[len] = 0xff; /* trailing bytes are ignored */
    ck_assert_int_eq(parse_block(&config, data, len + 1), SCAN_DONE);
}
END_TEST

START_TEST(versions_and_length_sizes)
{
    uint8_t data[256];
    size_t len = from_hex(data, sizeof(data), RECORD);
    struct hevc_config config;

    for (uint8_t version = 0; version < 4; version++) {
        data[0] = version;
        ck_assert_int_eq(parse_block(&config, data, len), version <= 1 ? SCAN_DONE : SCAN_BAD);
    }
    data[0] = 1;
    for (uint8_t bits = 0; bits < 4; bits++) {
        data[21] = (uint8_t)((data[21] & 0xfc) | bits);
        ck_assert_int_eq(parse_block(&config, data, len), bits == 2 ? SCAN_BAD : SCAN_DONE);
        ck_assert(bits == 2 || config.nal_length_size == bits + 1);
    }
}
END_TEST

START_TEST(as_many_units_as_are_kept)
{
    for (unsigned count = HEVC_NALS_MAX; count <= HEVC_NALS_MAX + 1; count++) {
        uint8_t data[512];
        size_t len = from_hex(data, sizeof(data), RECORD);
        struct hevc_config config;

        /* Two arrays, of one unit and of all others. */
        len = 22;
        data[len++] = 2;
        memcpy(data + len, "\xa0\x00\x01\x00\x01x", 6);
        len += 6;
        memcpy(data + len, "\xa1\x00", 2);
        data[len + 2] = (uint8_t)(count - 1);
        len += 3;
        for (unsigned i = 1; i < count; i++) {
            memcpy(data + len, "\x00\x01y", 3);
            len += 3;
        }
        ck_assert_int_eq(parse_block(&config, data, len),
                         count == HEVC_NALS_MAX ? SCAN_DONE : SCAN_BAD);
    }
}
END_TEST

START_TEST(hostile_records)
{
    uint8_t data[256];
    size_t len = from_hex(data, sizeof(data), RECORD);
    struct hevc_config config;

    data[24] = 0xff; /* 65281 units */
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_BAD);
    data[24] = 0;
    data[26] = data[27] = 0; /* an empty unit */
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_BAD);
    data[26] = data[27] = 0xff; /* a unit beyond the end */
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_BAD);
    memset(data + 22, 0xff, sizeof(data) - 22);
    ck_assert_int_eq(parse_block(&config, data, sizeof(data)), SCAN_BAD);
    data[22] = 0; /* no arrays: parameter sets in band */
    ck_assert_int_eq(parse_block(&config, data, 23), SCAN_DONE);
    ck_assert_uint_eq(config.nal_count, 0);
}
END_TEST

struct sps_form {
    uint32_t sub_layers, id, chroma_format, width, height;
    int window;
    uint32_t windows[4];
    uint32_t depths[2]; /* beyond 8 bits */
};

static size_t make_sps(const struct sps_form *form, uint8_t *nal, size_t cap)
{
    struct bit_sink sink = {{0}, 0};

    sink_u(&sink, 33 << 9 | 1, 16);
    sink_u(&sink, 0, 4);
    sink_u(&sink, form->sub_layers, 3);
    sink_u(&sink, 1, 1);
    for (int i = 0; i < 12; i++)
        sink_u(&sink, i == 0 ? 1 : 0, 8);
    for (uint32_t i = 0; i < form->sub_layers; i++)
        sink_u(&sink, i & 3, 2);
    if (form->sub_layers > 0)
        sink_u(&sink, 0, 2 * (8 - form->sub_layers));
    for (uint32_t i = 0; i < form->sub_layers; i++) {
        for (int n = 0; i & 2 && n < 11; n++)
            sink_u(&sink, 0x5a, 8);
        if (i & 1)
            sink_u(&sink, 93, 8);
    }
    sink_ue(&sink, form->id);
    sink_ue(&sink, form->chroma_format);
    if (form->chroma_format == 3)
        sink_u(&sink, 0, 1);
    sink_ue(&sink, form->width);
    sink_ue(&sink, form->height);
    sink_u(&sink, (uint32_t)form->window, 1);
    for (int i = 0; form->window && i < 4; i++)
        sink_ue(&sink, form->windows[i]);
    sink_ue(&sink, form->depths[0]);
    sink_ue(&sink, form->depths[1]);
    sink_u(&sink, 1, 1);
    return sink_nal(&sink, nal, cap);
}

START_TEST(sps_by_hand)
{
    static const struct {
        struct sps_form form;
        uint32_t width, height; /* 0: bad */
    } rows[] = {
        {{0, 0, 1, 640, 360, 0, {0}, {0}}, 640, 360},
        {{3, 0, 1, 640, 360, 0, {0}, {0}}, 640, 360},
        {{6, 15, 1, 640, 360, 0, {0}, {0}}, 640, 360},
        {{7, 0, 1, 640, 360, 0, {0}, {0}}, 0, 0},
        {{0, 16, 1, 640, 360, 0, {0}, {0}}, 0, 0},
        {{0, 0, 4, 640, 360, 0, {0}, {0}}, 0, 0},
        {{0, 0, 0, 640, 360, 1, {1, 2, 3, 4}, {0}}, 637, 353},
        {{0, 0, 1, 640, 360, 1, {1, 2, 3, 4}, {0}}, 634, 346},
        {{0, 0, 2, 640, 360, 1, {1, 2, 3, 4}, {0}}, 634, 353},
        {{0, 0, 3, 640, 360, 1, {1, 2, 3, 4}, {0}}, 637, 353},
        {{0, 0, 3, 8, 8, 1, {0, 7, 7, 0}, {0}}, 1, 1},
        {{0, 0, 3, 8, 8, 1, {0, 8, 0, 0}, {0}}, 0, 0},
        {{0, 0, 1, 8, 8, 1, {0, 0, 2, 2}, {0}}, 0, 0},
        {{0, 0, 1, 8, 8, 1, {0xfffffffe, 0xfffffffe, 0, 0}, {0}}, 0, 0},
        {{0, 0, 1, 8, 8, 1, {0, 0, 0x80000000, 0x80000000}, {0}}, 0, 0},
        {{0, 0, 1, 65536, 65536, 0, {0}, {0}}, 65536, 65536},
        {{0, 0, 1, 65537, 8, 0, {0}, {0}}, 0, 0},
        {{0, 0, 1, 8, 65537, 0, {0}, {0}}, 0, 0},
        {{0, 0, 1, 0, 8, 0, {0}, {0}}, 0, 0},
        {{0, 0, 1, 8, 0, 0, {0}, {0}}, 0, 0},
        {{0, 0, 1, 8, 8, 0, {0}, {2, 7}}, 8, 8},
        {{0, 0, 1, 8, 8, 0, {0}, {8, 0}}, 0, 0},
        {{0, 0, 1, 8, 8, 0, {0}, {0, 0xfffffffe}}, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t nal[256];
        size_t len = make_sps(&rows[i].form, nal, sizeof(nal));
        struct hevc_sps sps;
        enum scan scan = parse_sps(&sps, nal, len);

        ck_assert_msg(scan == (rows[i].width ? SCAN_DONE : SCAN_BAD), "row %zu", i);
        ck_assert_msg(sps.width == rows[i].width && sps.height == rows[i].height, "row %zu: %ux%u",
                      i, sps.width, sps.height);
        ck_assert_msg(scan != SCAN_DONE ||
                          (sps.bit_depth_luma == 8 + rows[i].form.depths[0] &&
                           sps.bit_depth_chroma == 8 + rows[i].form.depths[1] &&
                           sps.chroma_format == rows[i].form.chroma_format &&
                           sps.sub_layers == rows[i].form.sub_layers + 1 && sps.is_nested),
                      "row %zu", i);
        /* The last byte may hold no more than the stop bit. */
        for (size_t n = 0; n + 1 < len; n++)
            ck_assert_int_eq(parse_sps(&sps, nal, n), SCAN_BAD);
    }
}
END_TEST

START_TEST(profile_names)
{
    ck_assert_str_eq(hevc_profile_name(1), "Main");
    ck_assert_str_eq(hevc_profile_name(2), "Main10");
    ck_assert_str_eq(hevc_profile_name(3), "Main Still Picture");
    ck_assert_str_eq(hevc_profile_name(4), "Rext");
    ck_assert_str_eq(hevc_profile_name(0), "Other");
    ck_assert_str_eq(hevc_profile_name(255), "Other");
}
END_TEST

Suite *check_hevc_suite(void)
{
    Suite *suite = suite_create("hevc");
    TCase *tcase = tcase_create("hevc");

    tcase_add_test(tcase, a_record_of_x265);
    tcase_add_test(tcase, records_cut_at_every_length);
    tcase_add_test(tcase, versions_and_length_sizes);
    tcase_add_test(tcase, as_many_units_as_are_kept);
    tcase_add_test(tcase, hostile_records);
    tcase_add_test(tcase, sps_by_hand);
    tcase_add_test(tcase, profile_names);
    suite_add_tcase(suite, tcase);
    return suite;
}
