/* The movie header: its boxes fill each other exactly and say what the tracks are. */
#include "media/mp4_init.h"
#include "test/unit/media/media_test.h"
#include "test/unit/media/mp4_kit.h"

Suite *check_mp4_init_suite(void);

#define CONFIG "config.............."

static const struct mp4_track none = {.codec = CODEC_NONE};

static struct mp4_track video_of(enum codec codec)
{
    return (struct mp4_track){.codec = codec,
                              .timescale = 1000,
                              .width = 1280,
                              .height = 720,
                              .config = (const uint8_t *)CONFIG,
                              .config_len = sizeof(CONFIG)};
}

static struct mp4_track audio_of(enum codec codec, const void *config, size_t len)
{
    return (struct mp4_track){.codec = codec,
                              .timescale = 48000,
                              .sample_rate = 48000,
                              .channels = 2,
                              .config = config,
                              .config_len = len};
}

/* Writes into exactly as much as it needs, and with less; the caller frees it. */
static uint8_t *write_init(const struct mp4_track *video, const struct mp4_track *audio,
                           size_t *len)
{
    size_t cap = mp4_init_size_max(video, audio);
    uint8_t *out = malloc(cap);
    uint8_t *exact;

    *len = mp4_init_write(video, audio, out, cap);
    ck_assert_uint_gt(*len, 0);
    exact = malloc(*len);
    ck_assert_uint_eq(mp4_init_write(video, audio, exact, *len), *len);
    ck_assert_mem_eq(exact, out, *len);
    for (size_t n = 0; n < *len; n += 7)
        ck_assert_uint_eq(mp4_init_write(video, audio, out, n), 0);
    free(out);
    return exact;
}

START_TEST(test_two_tracks)
{
    struct mp4_track video = video_of(CODEC_H264);
    struct mp4_track audio = audio_of(CODEC_AAC, "\x11\x90", 2);
    size_t len, n;
    uint8_t *out = write_init(&video, &audio, &len);
    const uint8_t *moov = mp4_find(out, len, "moov", &n);
    const uint8_t *box;
    size_t size;

    ck_assert_mem_eq(out + 4, "ftyp", 4);
    ck_assert_ptr_nonnull(mp4_find(moov, n, "mvex/trex", &size));
    ck_assert_uint_eq(size, 24);
    box = mp4_find_nth(moov, n, "trak", 0, &size);
    box = mp4_find(box, size, "mdia/minf/stbl/stsd", &size);
    ck_assert_mem_eq(box + 8 + 4, "avc1", 4);
    box = mp4_find(box + 8 + 8 + 78, size - 8 - 8 - 78, "avcC", &size);
    ck_assert_uint_eq(size, sizeof(CONFIG));
    ck_assert_mem_eq(box, CONFIG, size);
    box = mp4_find_nth(moov, n, "trak", 0, &size);
    box = mp4_find(box, size, "tkhd", &size);
    ck_assert_uint_eq(mp4_number(box + 12, 4), MP4_INIT_VIDEO);
    ck_assert_uint_eq(mp4_number(box + 76, 4), 1280 << 16);
    box = mp4_find_nth(moov, n, "trak", 1, &size);
    box = mp4_find(box, size, "mdia/mdhd", &size);
    ck_assert_uint_eq(mp4_number(box + 12, 4), 48000);
    box = mp4_find_nth(moov, n, "trak", 1, &size);
    box = mp4_find(box, size, "mdia/minf/stbl/stsd", &size);
    ck_assert_mem_eq(box + 8 + 4, "mp4a", 4);
    ck_assert_uint_eq(mp4_number(box + 8 + 8 + 16, 2), 2);
    ck_assert_uint_eq(mp4_number(box + 8 + 8 + 24, 4), 48000u << 16);
    box = mp4_find(box + 8 + 8 + 28, size - 8 - 8 - 28, "esds", &size);
    ck_assert_ptr_nonnull(memmem(box, size, "\x05\x80\x80\x80\x02\x11\x90", 7));
    free(out);
}
END_TEST

START_TEST(test_sample_entries)
{
    static const struct {
        enum codec codec;
        const char *entry, *config;
    } rows[] = {{CODEC_HEVC, "hvc1", "hvcC"}, {CODEC_AV1, "av01", "av1C"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mp4_track video = video_of(rows[i].codec);
        size_t len, n;
        uint8_t *out = write_init(&video, &none, &len);
        const uint8_t *moov = mp4_find(out, len, "moov", &n);
        size_t size;

        ck_assert_ptr_null(mp4_find_nth(moov, n, "trak", 1, &size));
        ck_assert_ptr_nonnull(memmem(out, len, rows[i].entry, 4));
        ck_assert_ptr_nonnull(memmem(out, len, rows[i].config, 4));
        free(out);
    }
}
END_TEST

START_TEST(test_opus_in_big_endian)
{
    static const char *const heads[] = {"4f707573486561640102380180bb00000a0000",
                                        "4f707573486561640106380180bb00000000010402000401020305"};
    static const char *const expected[] = {"000201380000bb80000a00", "000601380000bb80000001"
                                                                     "0402000401020305"};

    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        uint8_t config[64], dops[64];
        size_t config_len = from_hex(config, sizeof(config), heads[i]);
        size_t dops_len = from_hex(dops, sizeof(dops), expected[i]);
        struct mp4_track audio = audio_of(CODEC_OPUS, config, config_len);
        size_t len;
        uint8_t *out = write_init(&none, &audio, &len);
        uint8_t *box = memmem(out, len, "dOps", 4);

        ck_assert_ptr_nonnull(box);
        ck_assert_uint_eq(mp4_number(box - 4, 4), 8 + dops_len);
        ck_assert_mem_eq(box + 4, dops, dops_len);
        free(out);
    }
}
END_TEST

START_TEST(test_mp3_and_high_rates)
{
    struct mp4_track audio = audio_of(CODEC_MP3, NULL, 0);
    size_t len;
    uint8_t *out = write_init(&none, &audio, &len);

    ck_assert_ptr_nonnull(memmem(out, len, "\x6b\x15", 2));
    free(out);
    audio = audio_of(CODEC_AAC, "\x10\x10", 2);
    audio.sample_rate = 96000; /* does not fit into 16 bits */
    out = write_init(&none, &audio, &len);
    ck_assert_ptr_nonnull(memmem(out, len, "\0\2\0\x10\0\0\0\0\0\0\0\0", 12));
    free(out);
}
END_TEST

START_TEST(test_without_a_track_nothing)
{
    uint8_t out[4096];

    ck_assert_uint_eq(mp4_init_write(&none, &none, out, sizeof(out)), 0);
}
END_TEST

Suite *check_mp4_init_suite(void)
{
    Suite *suite = suite_create("mp4_init");
    TCase *tcase = tcase_create("mp4_init");

    tcase_add_test(tcase, test_two_tracks);
    tcase_add_test(tcase, test_sample_entries);
    tcase_add_test(tcase, test_opus_in_big_endian);
    tcase_add_test(tcase, test_mp3_and_high_rates);
    tcase_add_test(tcase, test_without_a_track_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
