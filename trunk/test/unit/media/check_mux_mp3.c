/* The MP3 rendition: the published frames after the ID3 tag, and nothing else. */
#include "test/unit/formats.h"
#include "test/unit/media/mux_sink.h"

Suite *check_mux_mp3_suite(void);

static int push(struct mux_state *state, struct sink *sink, enum frame_type type, const void *body,
                size_t len)
{
    return mux_push(&mux_mp3, state, sink, type, body, len);
}

START_TEST(test_frames_as_they_came)
{
    struct mux_state *state = mux_mp3.open();
    struct sink sink = {.units = 0};

    ck_assert_str_eq(mux_mp3.content_type, "audio/mpeg");
    ck_assert(mux_mp3.kind == MUX_AUDIO);
    ck_assert(mux_mp3.carries(CODEC_MP3) && !mux_mp3.carries(CODEC_AAC));
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\x2f\xff\xfb\x90\x64..", 7), 1);
    ck_assert_uint_eq(sink.len, 6);
    ck_assert_mem_eq(sink.data, "\xff\xfb\x90\x64..", 6);
    mux_mp3.close(state);
}
END_TEST

START_TEST(test_frames_of_other_codecs_are_left_out)
{
    static const uint8_t body[] = {0x2f, 0xff, 0xfb, 0x90, 0x64};
    struct mux_state *state = mux_mp3.open();
    struct sink sink = {.units = 0};

    for (size_t len = 0; len < sizeof(body); len++)
        ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, body, len), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\x2fnothing", 8), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x01\xff\xfb\x90\x64", 6), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_VIDEO, "\x17\x01\0\0\0....", 9), 0);
    mux_mp3.close(state);
}
END_TEST

START_TEST(test_an_id3_tag_comes_first)
{
    const struct mux_tracks tracks = {.audio.is_announced = 1};
    struct sink sink = {.units = 0};

    mux_mp3.header(NULL, &tracks, take, &sink);
    ck_assert_mem_eq(sink.data, "ID3\x04\0\0\0\0\0", 9);
    ck_assert_uint_eq(sink.len, 10u + sink.data[9]);
    ck_assert_mem_eq(sink.data + 10, "TSSE\0\0\0", 7);
    ck_assert_uint_eq(sink.len, 20u + sink.data[17]);
    ck_assert_mem_eq(sink.data + 18, "\0\0\3Millrace", 11);
}
END_TEST

Suite *check_mux_mp3_suite(void)
{
    Suite *suite = suite_create("mux_mp3");
    TCase *tcase = tcase_create("mux_mp3");

    tcase_add_test(tcase, test_frames_as_they_came);
    tcase_add_test(tcase, test_frames_of_other_codecs_are_left_out);
    tcase_add_test(tcase, test_an_id3_tag_comes_first);
    suite_add_tcase(suite, tcase);
    return suite;
}
