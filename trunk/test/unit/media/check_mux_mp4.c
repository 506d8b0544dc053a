/* The MP4 rendition: which frames become fragments, where viewers can begin, and what the header
 * says. */
#include "test/unit/formats.h"
#include "test/unit/media/mp4_kit.h"
#include "test/unit/media/mux_sink.h"

Suite *check_mux_mp4_suite(void);

#define AVCC "\x01\x64\x00\x1f\xff\xe1\x00\x04\x67\x64\x00\x1f\x01\x00\x02\x68\xee"

static const struct mux_track no_track = {.codec = CODEC_NONE};

static const struct mux_track avc = {
    .codec = CODEC_H264, .config = (const uint8_t *)AVCC, .config_len = sizeof(AVCC) - 1};

static const struct mux_track aac = {
    .codec = CODEC_AAC, .config = (const uint8_t *)"\x12\x10", .config_len = 2};

static const struct mux_track mp3 = {.codec = CODEC_MP3};

static struct mux_state *open_with(const struct mux_track *video, const struct mux_track *audio,
                                   struct sink *sink)
{
    const struct mux_tracks tracks = {.video = *video, .audio = *audio};
    struct mux_state *state = mux_mp4.open();

    ck_assert_ptr_nonnull(state);
    memset(sink, 0, sizeof(*sink));
    mux_mp4.header(state, &tracks, take, sink);
    return state;
}

static int push(struct mux_state *state, struct sink *sink, enum frame_type type, uint32_t ms,
                const void *body, size_t len, int *is_sync)
{
    uint8_t *copy = exact_copy(body, len);
    struct frame frame;
    int before = sink->units;

    flv_frame_parse(&frame, type, ms, copy, len);
    *is_sync = mux_mp4.is_sync(state, &frame, ms);
    mux_mp4.frame(state, &frame, ms, take, sink);
    free(copy);
    return sink->units - before;
}

START_TEST(test_the_row)
{
    ck_assert(mux_find(".mp4") == &mux_mp4);
    ck_assert_str_eq(mux_mp4.content_type, "video/mp4");
    ck_assert(!mux_is_in_band(&mux_mp4) && mux_is_container(&mux_mp4));
    ck_assert(mux_mp4.carries(CODEC_AV1) && mux_mp4.carries(CODEC_OPUS));
    ck_assert(!mux_mp4.carries(CODEC_VP8));
}
END_TEST

START_TEST(test_a_frame_is_a_fragment)
{
    struct sink sink;
    struct mux_state *state = open_with(&avc, &aac, &sink);
    struct mp4_seen seen;
    int is_sync;

    ck_assert_int_eq(sink.units, 1);
    ck_assert_mem_eq(sink.data + 4, "ftyp", 4);
    ck_assert_int_eq(
        push(state, &sink, FRAME_VIDEO, 9000, "\x17\1\0\0\x28\0\0\0\2\x65\7", 11, &is_sync), 1);
    ck_assert(is_sync);
    mp4_take_apart(sink.data, sink.len, &seen);
    ck_assert_uint_eq(seen.size, sink.len);
    ck_assert_uint_eq(seen.dts, 9000);
    ck_assert_int_eq(seen.offset, 40);
    ck_assert_uint_eq(seen.flags, 0x02000000);
    ck_assert_uint_eq(seen.len, 6);
    ck_assert_mem_eq(seen.sample, "\0\0\0\2\x65\7", 6);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, 9010, "\xaf\1\x21\x10", 4, &is_sync), 1);
    ck_assert(!is_sync);
    mp4_take_apart(sink.data, sink.len, &seen);
    ck_assert_uint_eq(seen.sequence, 2);
    ck_assert_uint_eq(seen.dts, 9010u * 441 / 10);
    ck_assert_uint_eq(seen.duration, 1024);
    ck_assert_mem_eq(seen.sample, "\x21\x10", 2);
    ck_assert_int_eq(
        push(state, &sink, FRAME_VIDEO, 9040, "\x27\1\0\0\0\0\0\0\2\x41\7", 11, &is_sync), 1);
    ck_assert(!is_sync);
    mp4_take_apart(sink.data, sink.len, &seen);
    ck_assert_uint_eq(seen.flags, 0x01010000);
    mux_mp4.close(state);
}
END_TEST

START_TEST(test_frames_that_are_left_out)
{
    struct sink sink;
    struct mux_state *state = open_with(&avc, &aac, &sink);
    int is_sync;

    /* Headers, scripts, other codecs, nothing. */
    ck_assert_int_eq(
        push(state, &sink, FRAME_VIDEO, 0, "\x17\0\0\0\0" AVCC, 5 + sizeof(AVCC) - 1, &is_sync), 0);
    ck_assert(!is_sync);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, 0, "\xaf\0\x12\x10", 4, &is_sync), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_SCRIPT, 0, "\2", 1, &is_sync), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, 0, "\x2f\xff\xfb\x90\x64", 5, &is_sync), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_VIDEO, 0, "\x91hvc1....", 9, &is_sync), 0);
    for (size_t len = 0; len <= 5; len++)
        ck_assert_int_eq(push(state, &sink, FRAME_VIDEO, 0, "\x17\1\0\0\0", len, &is_sync), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, 0, "\xaf\1", 2, &is_sync), 0);
    mux_mp4.close(state);
}
END_TEST

START_TEST(test_no_header_without_a_known_track)
{
    const struct mux_track promised = {.codec = CODEC_OTHER};
    struct sink sink;
    struct mux_state *state = open_with(&promised, &no_track, &sink);
    int is_sync;

    ck_assert_int_eq(sink.units, 0);
    ck_assert_int_eq(push(state, &sink, FRAME_VIDEO, 0, "\x17\1\0\0\0\0\0\0\2\x65\7", 11, &is_sync),
                     0);
    ck_assert(!is_sync);
    mux_mp4.close(state);
}
END_TEST

START_TEST(test_audio_alone_has_sync_points)
{
    struct sink sink;
    struct mux_state *state = open_with(&no_track, &aac, &sink);
    int count = 0;

    for (uint32_t i = 0; i < 100; i++) {
        int is_sync;

        ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, i * 20, "\xaf\1\x21", 3, &is_sync), 1);
        count += is_sync;
    }
    ck_assert_int_eq(count, 20);
    mux_mp4.close(state);
}
END_TEST

START_TEST(test_mp3_frames_tell_their_rate)
{
    const struct mux_tracks tracks = {.video = no_track, .audio = mp3};
    struct sink sink;
    struct mux_state *state = open_with(&no_track, &mp3, &sink);
    struct mp4_seen seen;
    int is_sync;

    ck_assert_ptr_nonnull(memmem(sink.data, sink.len, "\xac\x44\0\0", 4)); /* 44100 */
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, 0, "\x2f\xff\xfb\x94\x64..", 7, &is_sync), 1);
    mp4_take_apart(sink.data, sink.len, &seen);
    ck_assert_uint_eq(seen.duration, 2160); /* 1152 samples at 48 kHz, in 90 kHz */
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, 0, "\x2f....", 5, &is_sync), 0);
    mux_mp4.header(state, &tracks, take, &sink);
    ck_assert_ptr_nonnull(memmem(sink.data, sink.len, "\xbb\x80\0\0", 4));
    mux_mp4.close(state);
}
END_TEST

START_TEST(test_av1_without_temporal_delimiter)
{
    const struct mux_track av1 = {
        .codec = CODEC_AV1, .config = (const uint8_t *)"\x81\x05\x0c", .config_len = 4};
    struct sink sink;
    struct mux_state *state = open_with(&av1, &no_track, &sink);
    struct mp4_seen seen;
    int is_sync;

    ck_assert_int_eq(push(state, &sink, FRAME_VIDEO, 0,
                          "\x91"
                          "av01\x12\0\x32\1\2",
                          10, &is_sync),
                     1);
    ck_assert(is_sync);
    mp4_take_apart(sink.data, sink.len, &seen);
    ck_assert_uint_eq(seen.len, 3);
    ck_assert_mem_eq(seen.sample, "\x32\1\2", 3);
    mux_mp4.close(state);
}
END_TEST

START_TEST(test_pieces)
{
    struct sink sink;
    struct mux_state *state = open_with(&avc, &aac, &sink);
    enum mux_piece kind;
    int is_sync;

    push(state, &sink, FRAME_VIDEO, 0, "\x17\1\0\0\0\0\0\0\2\x65\7", 11, &is_sync);
    ck_assert_uint_eq(mux_mp4.piece(state, sink.data, sink.len, &kind), sink.len);
    ck_assert_int_eq((int)kind, MUX_PIECE_VIDEO);
    ck_assert_uint_eq(mux_mp4.piece(state, sink.data, sink.len - 1, &kind), 0);
    push(state, &sink, FRAME_AUDIO, 0, "\xaf\1\x21", 3, &is_sync);
    ck_assert_uint_eq(mux_mp4.piece(state, sink.data, sink.len, &kind), sink.len);
    ck_assert_int_eq((int)kind, MUX_PIECE_OTHER);
    mux_mp4.close(state);
}
END_TEST

START_TEST(test_one_keyframe_begins_at_0)
{
    const struct mux_tracks tracks = {.video = avc, .audio = aac};
    struct mux_state *state = mux_key_mp4.open();
    struct sink sink = {.units = 0};
    struct mp4_seen seen;
    struct frame frame;

    ck_assert(mux_find_path("/live/s.key.mp4") == &mux_key_mp4);
    ck_assert(mux_find_path("/live/s.mp4") == &mux_mp4);
    ck_assert(mux_key_mp4.carries(CODEC_HEVC) && !mux_key_mp4.carries(CODEC_AAC));
    mux_key_mp4.header(state, &tracks, take, &sink);
    ck_assert_int_eq(sink.units, 1);
    ck_assert_ptr_null(memmem(sink.data, sink.len, "mp4a", 4));
    flv_frame_parse(&frame, FRAME_AUDIO, 0, (const uint8_t *)"\xaf\1\x21", 3);
    mux_key_mp4.frame(state, &frame, 7000, take, &sink);
    flv_frame_parse(&frame, FRAME_VIDEO, 0, (const uint8_t *)"\x27\1\0\0\0\0\0\0\1\x41", 10);
    ck_assert(!mux_key_mp4.is_sync(state, &frame, 7000));
    mux_key_mp4.frame(state, &frame, 7000, take, &sink);
    ck_assert_int_eq(sink.units, 1);
    for (uint32_t ms = 8000; ms < 10000; ms += 1000) {
        flv_frame_parse(&frame, FRAME_VIDEO, 0, (const uint8_t *)"\x17\1\0\0\x50\0\0\0\1\x65", 10);
        ck_assert(mux_key_mp4.is_sync(state, &frame, ms));
        mux_key_mp4.frame(state, &frame, ms, take, &sink);
        mp4_take_apart(sink.data, sink.len, &seen);
        ck_assert(seen.dts == 0 && seen.offset == 0);
        ck_assert_uint_eq(seen.duration, 40);
    }
    ck_assert_int_eq(sink.units, 3);
    mux_key_mp4.close(state);
}
END_TEST

Suite *check_mux_mp4_suite(void)
{
    Suite *suite = suite_create("mux_mp4");
    TCase *tcase = tcase_create("mux_mp4");

    tcase_add_test(tcase, test_the_row);
    tcase_add_test(tcase, test_a_frame_is_a_fragment);
    tcase_add_test(tcase, test_frames_that_are_left_out);
    tcase_add_test(tcase, test_no_header_without_a_known_track);
    tcase_add_test(tcase, test_audio_alone_has_sync_points);
    tcase_add_test(tcase, test_mp3_frames_tell_their_rate);
    tcase_add_test(tcase, test_av1_without_temporal_delimiter);
    tcase_add_test(tcase, test_pieces);
    tcase_add_test(tcase, test_one_keyframe_begins_at_0);
    suite_add_tcase(suite, tcase);
    return suite;
}
