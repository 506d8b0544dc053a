/*
 * H.264's configuration record and SPS: as x264 writes them (sizes, cropping,
 * 4:2:2, interlaced 4:4:4), and by hand what it does not: scaling lists, order
 * count type 1, crops that leave nothing, sizes beyond reason.
 */
#include "media/avc.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_avc_suite(void);

/* 1920x1080, 25 fps, constrained baseline. */
static const char FULL_HD[] =
    "01f40028ffe1001b67f40028919680780227e27011000003000100000300320f1832a0"
    "01000568ce0f1920fff8f800";
/* 322x242, 4:2:2, 30 fps. */
static const char ODD_422[] =
    "017a000dffe10019677a000dbcb40a843c447e0220000003002000000781e28554010004"
    "68ce0fc8fef8f800";
/* 640x360, 4:4:4, interlaced. */
static const char FIELDS_444[] =
    "01f4001effe1001b67f4001e919b28140c7e370110000003001000000303c1f14299"
    "6001000868fba3c44c000440fff8f800";

EXACT_PARSER(parse_block, struct avc_config, avc_config_parse)
EXACT_PARSER(parse_sps, struct avc_sps, avc_sps_parse)

START_TEST(records_of_x264)
{
    static const struct {
        const char *hex;
        uint8_t profile, level;
        uint32_t width, height, ticks, scale;
    } rows[] = {
        {FULL_HD, 244, 40, 1920, 1080, 1, 50},
        {ODD_422, 122, 13, 322, 242, 1, 60},
        {FIELDS_444, 244, 30, 640, 360, 1, 60},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t data[128];
        size_t len = from_hex(data, sizeof(data), rows[i].hex);
        struct avc_config config;
        struct avc_sps sps;

        ck_assert_int_eq(avc_config_parse(&config, data, len), SCAN_DONE);
        ck_assert_uint_eq(config.profile, rows[i].profile);
        ck_assert_uint_eq(config.level, rows[i].level);
        ck_assert_uint_eq(config.nal_length_size, 4);
        ck_assert_uint_eq(config.sps_count, 1);
        ck_assert_uint_eq(config.pps_count, 1);
        ck_assert_uint_eq(config.sps[0].data[0], 0x67);
        ck_assert_uint_eq(config.pps[0].data[0], 0x68);
        ck_assert_int_eq(parse_sps(&sps, config.sps[0].data, config.sps[0].len), SCAN_DONE);
        ck_assert_uint_eq(sps.width, rows[i].width);
        ck_assert_uint_eq(sps.height, rows[i].height);
        ck_assert_uint_eq(sps.profile, rows[i].profile);
        ck_assert_uint_eq(sps.level, rows[i].level);
        ck_assert_uint_eq(sps.num_units_in_tick, rows[i].ticks);
        ck_assert_uint_eq(sps.time_scale, rows[i].scale);
    }
}
END_TEST

START_TEST(records_cut_at_every_length)
{
    uint8_t data[128];
    size_t len = from_hex(data, sizeof(data), FULL_HD);
    size_t needed = len - 4; /* the profile extension is not read */
    struct avc_config config;

    for (size_t n = 0; n <= len; n++)
        ck_assert_int_eq(parse_block(&config, data, n), n < needed ? SCAN_BAD : SCAN_DONE);
}
END_TEST

START_TEST(length_sizes)
{
    uint8_t data[128];
    size_t len = from_hex(data, sizeof(data), FULL_HD);
    struct avc_config config;

    for (uint8_t bits = 0; bits < 4; bits++) {
        data[4] = (uint8_t)(0xfc | bits);
        ck_assert_int_eq(parse_block(&config, data, len), bits == 2 ? SCAN_BAD : SCAN_DONE);
        ck_assert(bits == 2 || config.nal_length_size == bits + 1);
    }
}
END_TEST

START_TEST(other_versions_and_empty_units_are_bad)
{
    uint8_t data[128];
    size_t len = from_hex(data, sizeof(data), FULL_HD);
    struct avc_config config;

    data[0] = 0;
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_BAD);
    data[0] = 2;
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_BAD);
    data[0] = 1;
    data[6] = data[7] = 0;
    ck_assert_int_eq(parse_block(&config, data, len), SCAN_BAD);
}
END_TEST

/* A record of units of unit_len bytes each. */
static size_t make_record(uint8_t *data, unsigned sps, unsigned pps, size_t unit_len,
                          int length_size)
{
    size_t len = 0;

    memcpy(data, "\x01\x64\x00\x1f", 4);
    data[4] = (uint8_t)(0xfc | (length_size - 1));
    data[5] = (uint8_t)(0xe0 | sps);
    len = 6;
    for (unsigned i = 0; i < sps + pps; i++) {
        if (i == sps)
            data[len++] = (uint8_t)pps;
        data[len++] = (uint8_t)(unit_len >> 8);
        data[len++] = (uint8_t)unit_len;
        memset(data + len, (int)i, unit_len);
        len += unit_len;
    }
    if (pps == 0)
        data[len++] = 0;
    return len;
}

START_TEST(the_maximum_count_of_units)
{
    static uint8_t data[4096];
    size_t len = make_record(data, 31, 255, 2, 4);
    struct avc_config config;

    ck_assert_int_eq(parse_block(&config, data, len), SCAN_DONE);
    ck_assert_uint_eq(config.sps_count, 31);
    ck_assert_uint_eq(config.pps_count, 255);
    ck_assert_int_eq(parse_block(&config, data, len - 1), SCAN_BAD);
}
END_TEST

START_TEST(units_in_band)
{
    for (int size = 1; size <= 4; size++) {
        uint8_t data[64], out[64], expected[64];
        size_t len = make_record(data, 1, 2, 3, size), n = 0;
        struct avc_config config;

        if (size == 3)
            continue;
        ck_assert_int_eq(avc_config_parse(&config, data, len), SCAN_DONE);
        memset(out, 0xee, sizeof(out));
        for (uint8_t i = 0; i < 3; i++) {
            memset(expected + n, 0, (size_t)size);
            n += (size_t)size;
            expected[n - 1] = 3;
            memset(expected + n, i, 3);
            n += 3;
        }
        ck_assert_uint_eq(avc_config_nals_size(&config), n);
        avc_config_nals_write(&config, out);
        ck_assert_mem_eq(out, expected, n);
        ck_assert_uint_eq(out[n], 0xee);
    }
}
END_TEST

START_TEST(a_unit_that_its_length_field_cannot_hold)
{
    for (size_t unit = 255; unit <= 256; unit++) {
        for (int size = 1; size <= 2; size++) {
            uint8_t data[1024], out[1024];
            size_t len = make_record(data, 1, 1, unit, size);
            size_t expected = size == 1 && unit == 256 ? 0 : 2 * (unit + (size_t)size);
            struct avc_config config;

            ck_assert_int_eq(avc_config_parse(&config, data, len), SCAN_DONE);
            ck_assert_uint_eq(avc_config_nals_size(&config), expected);
            if (expected == 0)
                continue;
            avc_config_nals_write(&config, out);
            ck_assert_uint_eq((size_t)(size == 1 ? out[0] : out[0] << 8 | out[1]), unit);
        }
    }
}
END_TEST

START_TEST(no_units_at_all)
{
    uint8_t data[16];
    size_t len = make_record(data, 0, 0, 0, 4);
    struct avc_config config;

    ck_assert_int_eq(parse_block(&config, data, len), SCAN_DONE);
    ck_assert_uint_eq(avc_config_nals_size(&config), 0);
}
END_TEST

START_TEST(sps_cut_at_every_length)
{
    static const char *const records[] = {FULL_HD, ODD_422, FIELDS_444};

    for (size_t i = 0; i < COUNT_OF(records); i++) {
        uint8_t data[128];
        size_t len = from_hex(data, sizeof(data), records[i]), done = 0;
        struct avc_config config;
        struct avc_sps sps;

        ck_assert_int_eq(avc_config_parse(&config, data, len), SCAN_DONE);
        for (size_t n = 0; n < config.sps[0].len; n++) {
            enum scan scan = parse_sps(&sps, config.sps[0].data, n);

            /* Once the size is known, a truncated VUI does no harm, and gives no rate. */
            ck_assert(done == 0 || scan == SCAN_DONE);
            done += scan == SCAN_DONE;
            ck_assert(scan == SCAN_DONE || sps.width == 0);
            ck_assert(sps.time_scale == 0 || sps.num_units_in_tick == 1);
        }
        ck_assert_uint_lt(done, config.sps[0].len - 8);
    }
}
END_TEST

struct sps_form {
    uint8_t profile;
    uint32_t id, chroma_format, poc_type, poc_cycle;
    int scaling, fields_only, crop;
    uint32_t mbs_x, mbs_y, crops[4];
    uint32_t vui, ticks;
};

static void sink_scaling(struct bit_sink *sink, uint32_t chroma_format)
{
    int lists = chroma_format == 3 ? 12 : 8;

    sink_u(sink, 1, 1);
    for (int i = 0; i < lists; i++) {
        int size = i < 6 ? 16 : 64;

        /* One list absent, one that ends at once, one that wraps below zero, others full. */
        sink_u(sink, i != 1, 1);
        if (i == 1)
            continue;
        if (i == 2) {
            sink_se(sink, -8);
            continue;
        }
        for (int n = 0; n < size; n++)
            sink_se(sink, i == 3 && n == 0 ? -128 : n % 3 - 1 + (n == 0));
    }
}

/* A VUI with all that may stand before the timing. */
static void sink_vui(struct bit_sink *sink, uint32_t ticks, uint32_t scale)
{
    sink_u(sink, 1, 1);
    sink_u(sink, 255, 8); /* an extended sample aspect ratio */
    sink_u(sink, 0x00040003, 32);
    sink_u(sink, 3, 2); /* overscan */
    sink_u(sink, 1, 1); /* video signal type */
    sink_u(sink, 5, 3);
    sink_u(sink, 0, 1);
    sink_u(sink, 1, 1); /* colour description */
    sink_u(sink, 0x010101, 24);
    sink_u(sink, 1, 1); /* chroma location */
    sink_ue(sink, 2);
    sink_ue(sink, 5);
    sink_u(sink, 1, 1);
    sink_u(sink, ticks, 32);
    sink_u(sink, scale, 32);
    sink_u(sink, 1, 1);
}

static size_t make_sps(const struct sps_form *form, uint8_t *nal, size_t cap)
{
    struct bit_sink sink = {{0}, 0};

    sink_u(&sink, 0x67, 8);
    sink_u(&sink, form->profile, 8);
    sink_u(&sink, 0, 8);
    sink_u(&sink, 31, 8);
    sink_ue(&sink, form->id);
    if (form->profile == 100 || form->profile == 244) {
        sink_ue(&sink, form->chroma_format);
        if (form->chroma_format == 3)
            sink_u(&sink, 0, 1);
        sink_ue(&sink, 0);
        sink_ue(&sink, 0);
        sink_u(&sink, 0, 1);
        if (form->scaling)
            sink_scaling(&sink, form->chroma_format);
        else
            sink_u(&sink, 0, 1);
    }
    sink_ue(&sink, 4);
    sink_ue(&sink, form->poc_type);
    if (form->poc_type == 0)
        sink_ue(&sink, 4);
    if (form->poc_type == 1) {
        sink_u(&sink, 1, 1);
        sink_se(&sink, -3);
        sink_se(&sink, 3);
        sink_ue(&sink, form->poc_cycle);
        for (uint32_t i = 0; i < form->poc_cycle && i < 255; i++)
            sink_se(&sink, -(int32_t)i);
    }
    sink_ue(&sink, 4);
    sink_u(&sink, 0, 1);
    sink_ue(&sink, form->mbs_x - 1);
    sink_ue(&sink, form->mbs_y - 1);
    sink_u(&sink, !form->fields_only, 1);
    if (form->fields_only)
        sink_u(&sink, 1, 1);
    sink_u(&sink, 1, 1);
    sink_u(&sink, (uint32_t)form->crop, 1);
    for (int i = 0; form->crop && i < 4; i++)
        sink_ue(&sink, form->crops[i]);
    sink_u(&sink, form->vui, 1);
    if (form->vui)
        sink_vui(&sink, form->ticks, 90000);
    sink_u(&sink, 1, 1);
    return sink_nal(&sink, nal, cap);
}

START_TEST(sps_by_hand)
{
    static const struct {
        struct sps_form form;
        uint32_t width, height; /* 0: bad */
    } rows[] = {
        {{77, 0, 1, 0, 0, 0, 0, 0, 40, 30, {0}, 0, 0}, 640, 480},
        {{77, 31, 1, 2, 0, 0, 0, 0, 40, 30, {0}, 0, 0}, 640, 480},
        {{77, 32, 1, 2, 0, 0, 0, 0, 40, 30, {0}, 0, 0}, 0, 0},
        {{77, 0, 1, 3, 0, 0, 0, 0, 40, 30, {0}, 0, 0}, 0, 0},
        {{77, 0, 1, 1, 255, 0, 0, 0, 40, 30, {0}, 0, 0}, 640, 480},
        {{77, 0, 1, 1, 256, 0, 0, 0, 40, 30, {0}, 0, 0}, 0, 0},
        {{77, 0, 1, 1, 0xfffffffe, 0, 0, 0, 40, 30, {0}, 0, 0}, 0, 0},
        {{100, 0, 1, 0, 0, 1, 0, 0, 40, 30, {0}, 0, 0}, 640, 480},
        {{244, 0, 3, 0, 0, 1, 0, 0, 40, 30, {0}, 0, 0}, 640, 480},
        {{100, 0, 4, 0, 0, 0, 0, 0, 40, 30, {0}, 0, 0}, 0, 0},
        /* Crop units by chroma format; monochrome and 4:4:4 count single pixels. */
        {{100, 0, 0, 0, 0, 0, 0, 1, 40, 30, {1, 2, 3, 4}, 0, 0}, 637, 473},
        {{100, 0, 1, 0, 0, 0, 0, 1, 40, 30, {1, 2, 3, 4}, 0, 0}, 634, 466},
        {{100, 0, 2, 0, 0, 0, 0, 1, 40, 30, {1, 2, 3, 4}, 0, 0}, 634, 473},
        {{244, 0, 3, 0, 0, 0, 0, 1, 40, 30, {1, 2, 3, 4}, 0, 0}, 637, 473},
        {{77, 0, 1, 0, 0, 0, 1, 0, 40, 15, {0}, 0, 0}, 640, 480},
        {{77, 0, 1, 0, 0, 0, 1, 1, 120, 34, {0, 0, 0, 2}, 0, 0}, 1920, 1080},
        /* Nothing left, or less; the largest side and one macroblock more. */
        {{77, 0, 1, 0, 0, 0, 0, 1, 1, 1, {0, 7, 0, 7}, 0, 0}, 2, 2},
        {{77, 0, 1, 0, 0, 0, 0, 1, 1, 1, {0, 8, 0, 0}, 0, 0}, 0, 0},
        {{77, 0, 1, 0, 0, 0, 0, 1, 1, 1, {0, 0, 4, 4}, 0, 0}, 0, 0},
        {{77, 0, 1, 0, 0, 0, 0, 1, 1, 1, {0xfffffffe, 0xfffffffe, 0, 0}, 0, 0}, 0, 0},
        {{77, 0, 1, 0, 0, 0, 0, 1, 1, 1, {0, 0, 0x80000000, 0x80000000}, 0, 0}, 0, 0},
        {{77, 0, 1, 0, 0, 0, 0, 0, 4096, 1, {0}, 0, 0}, 65536, 16},
        {{77, 0, 1, 0, 0, 0, 0, 0, 4097, 1, {0}, 0, 0}, 0, 0},
        {{77, 0, 1, 0, 0, 0, 0, 0, 1, 4097, {0}, 0, 0}, 0, 0},
        {{77, 0, 1, 0, 0, 0, 0, 0, 0xffffffff, 1, {0}, 0, 0}, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t nal[1024];
        size_t len = make_sps(&rows[i].form, nal, sizeof(nal));
        struct avc_sps sps;
        enum scan scan = parse_sps(&sps, nal, len);

        ck_assert_msg(scan == (rows[i].width ? SCAN_DONE : SCAN_BAD), "row %zu", i);
        ck_assert_msg(sps.width == rows[i].width && sps.height == rows[i].height, "row %zu: %ux%u",
                      i, sps.width, sps.height);
        ck_assert_uint_eq(sps.time_scale, 0);
    }
}
END_TEST

START_TEST(timing_after_all_optional_fields)
{
    static const uint32_t ticks[] = {1800, 0, 0xffffffff};

    for (size_t i = 0; i < COUNT_OF(ticks); i++) {
        struct sps_form form = {77, 0, 1, 0, 0, 0, 0, 0, 40, 30, {0}, 1, ticks[i]};
        uint8_t nal[256];
        size_t len = make_sps(&form, nal, sizeof(nal));
        struct avc_sps sps;

        ck_assert_int_eq(parse_sps(&sps, nal, len), SCAN_DONE);
        ck_assert_uint_eq(sps.width, 640);
        ck_assert_uint_eq(sps.num_units_in_tick, ticks[i]);
        ck_assert_uint_eq(sps.time_scale, ticks[i] > 0 ? 90000 : 0);
    }
}
END_TEST

START_TEST(other_units_are_no_sps)
{
    uint8_t data[128];
    size_t len = from_hex(data, sizeof(data), FULL_HD);
    struct avc_config config;
    struct avc_sps sps;

    ck_assert_int_eq(avc_config_parse(&config, data, len), SCAN_DONE);
    ck_assert_int_eq(parse_sps(&sps, config.pps[0].data, config.pps[0].len), SCAN_BAD);
    data[8] = 0xe7; /* forbidden_zero_bit */
    ck_assert_int_eq(parse_sps(&sps, config.sps[0].data, config.sps[0].len), SCAN_BAD);
    data[8] = 0x27; /* another nal_ref_idc */
    ck_assert_int_eq(parse_sps(&sps, config.sps[0].data, config.sps[0].len), SCAN_DONE);
}
END_TEST

START_TEST(profile_names)
{
    ck_assert_str_eq(avc_profile_name(66, 0xc0), "Baseline");
    ck_assert_str_eq(avc_profile_name(77, 0x40), "Main");
    ck_assert_str_eq(avc_profile_name(100, 0), "High");
    for (unsigned i = 0; i < 256; i++)
        ck_assert_ptr_nonnull(avc_profile_name((uint8_t)i, 0));
    ck_assert_str_eq(avc_profile_name(0, 0), "Other");
    ck_assert_str_eq(avc_profile_name(110, 0), "High(10)");
    ck_assert_str_eq(avc_profile_name(110, 0x10), "High(10+Intra)");
    ck_assert_str_eq(avc_profile_name(122, 0x10), "High(422+Intra)");
    ck_assert_str_eq(avc_profile_name(244, 0), "High(444+Predictive)");
    ck_assert_str_eq(avc_profile_name(244, 0x10), "High(444+Intra)");
}
END_TEST

Suite *check_avc_suite(void)
{
    Suite *suite = suite_create("avc");
    TCase *tcase = tcase_create("avc");

    tcase_add_test(tcase, records_of_x264);
    tcase_add_test(tcase, records_cut_at_every_length);
    tcase_add_test(tcase, length_sizes);
    tcase_add_test(tcase, other_versions_and_empty_units_are_bad);
    tcase_add_test(tcase, the_maximum_count_of_units);
    tcase_add_test(tcase, units_in_band);
    tcase_add_test(tcase, a_unit_that_its_length_field_cannot_hold);
    tcase_add_test(tcase, no_units_at_all);
    tcase_add_test(tcase, sps_cut_at_every_length);
    tcase_add_test(tcase, sps_by_hand);
    tcase_add_test(tcase, timing_after_all_optional_fields);
    tcase_add_test(tcase, other_units_are_no_sps);
    tcase_add_test(tcase, profile_names);
    suite_add_tcase(suite, tcase);
    return suite;
}
