/* What a movie header says about a track: of each codec, and of what is missing or malformed. */
#include "media/mp4_track.h"
#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_mp4_track_suite(void);

static const struct {
    enum codec codec;
    const char *hex;
    uint32_t timescale, width, height, sample_rate;
    uint8_t channels;
} rows[] = {
    {CODEC_H264,
     "017a000dffe10019677a000dbcb40a843c447e0220000003002000000781e28554010004"
     "68ce0fc8fef8f800",
     1000, 322, 242, 0, 0},
    {CODEC_HEVC,
     "01016000000090000000000078f000fcfdf8f800001303a00001001c40010c02ffff0160000003009000000300"
     "0003007800009594aca048a100010031420102016000000300900000030000030078"
     "0000a003c8801107112659594aca94985e02d0100000030010000003019080a2000100064401c073c189",
     1000, 1922, 1082, 0, 0},
    {CODEC_AV1, "81050c000a0b0000002d4cffb3ccaf9004", 1000, 1280, 720, 0, 0},
    {CODEC_AV1, "81050c00", 1000, 0, 0, 0, 0},
    {CODEC_AAC, "1210", 44100, 0, 0, 44100, 2},
    {CODEC_AAC, "1190", 48000, 0, 0, 48000, 2},
    {CODEC_OPUS, "4f707573486561640101380180bb0000000000", 48000, 0, 0, 48000, 1},
    {CODEC_MP3, NULL, 90000, 0, 0, 44100, 2},
};

/* Describes the first n bytes of a row's configuration. */
static int describe(struct mp4_track *out, size_t row, size_t n)
{
    uint8_t data[256];
    size_t len = rows[row].hex != NULL ? from_hex(data, sizeof(data), rows[row].hex) : 0;
    uint8_t *copy = exact_copy(data, n < len ? n : len);
    struct mux_track track = {.codec = rows[row].codec,
                              .config = rows[row].hex != NULL ? copy : NULL,
                              .config_len = n < len ? n : len};
    int result = mp4_track_describe(out, &track);

    free(copy);
    return result;
}

START_TEST(test_each_codec)
{
    struct mp4_track track;

    ck_assert_int_eq(describe(&track, (size_t)_i, 256), 0);
    ck_assert_int_eq((int)track.codec, (int)rows[_i].codec);
    ck_assert_uint_eq(track.timescale, rows[_i].timescale);
    ck_assert_uint_eq(track.width, rows[_i].width);
    if (rows[_i].height > 0)
        ck_assert_uint_eq(track.height, rows[_i].height);
    ck_assert_uint_eq(track.sample_rate, rows[_i].sample_rate);
    ck_assert_uint_eq(track.channels, rows[_i].channels);
    ck_assert(mp4_track_carries(track.codec));
}
END_TEST

START_TEST(test_truncated_configurations)
{
    struct mp4_track track;

    if (rows[_i].hex == NULL)
        return;
    ck_assert_int_eq(describe(&track, (size_t)_i, 1), -1);
    ck_assert_int_eq((int)track.codec, CODEC_NONE);
    for (size_t n = 0; n < strlen(rows[_i].hex) / 2; n++)
        (void)describe(&track, (size_t)_i, n);
}
END_TEST

START_TEST(test_no_track)
{
    static const enum codec codecs[] = {CODEC_NONE, CODEC_OTHER, CODEC_VP9, CODEC_AC3};
    struct mux_track track = {.codec = CODEC_H264};
    struct mp4_track out;

    /* Announced, but its sequence header has not come. */
    ck_assert_int_eq(mp4_track_describe(&out, &track), -1);
    ck_assert_int_eq((int)out.codec, CODEC_NONE);
    track.config = (const uint8_t *)"\x12\x10";
    track.config_len = 2;
    for (size_t i = 0; i < COUNT_OF(codecs); i++) {
        track.codec = codecs[i];
        ck_assert_int_eq(mp4_track_describe(&out, &track), -1);
        ck_assert(!mp4_track_carries(codecs[i]));
    }
}
END_TEST

Suite *check_mp4_track_suite(void)
{
    Suite *suite = suite_create("mp4_track");
    TCase *tcase = tcase_create("mp4_track");

    tcase_add_loop_test(tcase, test_each_codec, 0, COUNT_OF(rows));
    tcase_add_loop_test(tcase, test_truncated_configurations, 0, COUNT_OF(rows));
    tcase_add_test(tcase, test_no_track);
    suite_add_tcase(suite, tcase);
    return suite;
}
