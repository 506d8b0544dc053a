/* The manifest of LAS: every field of the standard's table, in one and in several rungs. */
#include "live/las_manifest.h"

#include "media/frame.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_las_manifest_suite(void);

static struct las_representation rung_of(uint16_t width, uint16_t height, uint32_t kbps)
{
    return (struct las_representation){.facts = {.is_decided = 1,
                                                 .codec = {CODEC_AAC, CODEC_H264},
                                                 .width = width,
                                                 .height = height,
                                                 .frame_rate = 25,
                                                 .profile = 0x64,
                                                 .level = 0x1f,
                                                 .aac_type = 2,
                                                 .gop_ms = 2000,
                                                 .kbps = kbps},
                                       .url = "http://h/live/s.flv",
                                       .host = "h",
                                       .quality = "720"};
}

static const char *write_of(const struct las_representation *rungs, int count)
{
    static char text[LAS_MANIFEST_MAX + 1];
    struct buf out;

    buf_init(&out, LAS_MANIFEST_MAX);
    ck_assert_int_eq(las_manifest_write(rungs, count, &out), 0);
    memcpy(text, buf_data(&out), out.len);
    text[out.len] = '\0';
    buf_fini(&out);
    return text;
}

START_TEST(has_all_fields)
{
    struct las_representation rungs[2] = {rung_of(1280, 720, 2560), rung_of(640, 360, 820)};

    rungs[1].is_default = 1;
    rungs[1].quality = "360";
    rungs[1].facts.gop_ms = 4000;
    ck_assert_str_eq(
        write_of(rungs, 2),
        "{\"version\":\"1.0.0\",\"adaptationSet\":[{\"id\":1,\"duration\":4000,\"representation\":["
        "{\"id\":1,\"codec\":\"avc1.64001f,mp4a.40.2\",\"url\":\"http://h/live/s.flv\","
        "\"backupUrl\":[],\"host\":\"h\",\"maxBitrate\":2560,\"width\":1280,\"height\":720,"
        "\"frameRate\":25,\"qualityType\":\"HIGH\",\"qualityTypeName\":\"720\",\"hidden\":false,"
        "\"disabledFromAdaptive\":false,\"defaultSelected\":false},"
        "{\"id\":2,\"codec\":\"avc1.64001f,mp4a.40.2\",\"url\":\"http://h/live/s.flv\","
        "\"backupUrl\":[],\"host\":\"h\",\"maxBitrate\":820,\"width\":640,\"height\":360,"
        "\"frameRate\":25,\"qualityType\":\"SMOOTH\",\"qualityTypeName\":\"360\",\"hidden\":false,"
        "\"disabledFromAdaptive\":false,\"defaultSelected\":true}]}]}\n");
}
END_TEST

START_TEST(names_codecs_and_sizes)
{
    static const struct {
        uint16_t width, height;
        const char *type;
    } sizes[] = {{0, 0, "SMOOTH"},    {640, 360, "SMOOTH"},  {960, 540, "STANDARD"},
                 {720, 1280, "HIGH"}, {1920, 1080, "SUPER"}, {3840, 2160, "BLUE_RAY"}};
    struct las_representation rung = rung_of(0, 0, 1);
    char want[64];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct las_representation other = rung_of(sizes[i].width, sizes[i].height, 1);

        (void)snprintf(want, sizeof(want), "\"qualityType\":\"%s\"", sizes[i].type);
        ck_assert_ptr_nonnull(strstr(write_of(&other, 1), want));
    }
    rung.facts.codec[1] = CODEC_NONE;
    rung.facts.aac_type = 5;
    rung.facts.gop_ms = 0;
    ck_assert_ptr_nonnull(strstr(write_of(&rung, 1), "\"codec\":\"mp4a.40.5\""));
    ck_assert_ptr_nonnull(strstr(write_of(&rung, 1), "\"duration\":2000"));
    rung.facts.codec[1] = CODEC_HEVC;
    rung.facts.profile = 1;
    rung.facts.level = 93;
    rung.facts.codec[0] = CODEC_OPUS;
    ck_assert_ptr_nonnull(strstr(write_of(&rung, 1), "\"codec\":\"hvc1.1.6.L93.B0,opus\""));
    rung.facts.codec[0] = CODEC_NONE;
    ck_assert_ptr_nonnull(strstr(write_of(&rung, 1), "\"codec\":\"hvc1.1.6.L93.B0\""));
}
END_TEST

START_TEST(escapes_texts)
{
    struct las_representation rung = rung_of(0, 0, 1);

    rung.quality = "a\"b\\c\nd";
    ck_assert_ptr_nonnull(strstr(write_of(&rung, 1), "\"a\\u0022b\\u005cc\\u000ad\""));
}
END_TEST

START_TEST(fits_or_fails)
{
    struct las_representation rung = rung_of(0, 0, 1);
    struct buf out;

    buf_init(&out, 100);
    ck_assert_int_eq(las_manifest_write(&rung, 1, &out), -1);
    buf_fini(&out);
}
END_TEST

Suite *check_las_manifest_suite(void)
{
    Suite *suite = suite_create("las_manifest");
    TCase *tc = tcase_create("las_manifest");

    tcase_add_test(tc, has_all_fields);
    tcase_add_test(tc, names_codecs_and_sizes);
    tcase_add_test(tc, escapes_texts);
    tcase_add_test(tc, fits_or_fails);
    suite_add_tcase(suite, tc);
    return suite;
}
