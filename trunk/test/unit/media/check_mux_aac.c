/* The AAC rendition: the published frames with their headers, and nothing else. */
#include "test/unit/formats.h"
#include "test/unit/media/mux_sink.h"

Suite *check_mux_aac_suite(void);

static int push(struct mux_state *state, struct sink *sink, enum frame_type type, const void *body,
                size_t len)
{
    return mux_push(&mux_aac, state, sink, type, body, len);
}

START_TEST(test_adts_before_each_frame)
{
    struct mux_state *state = mux_aac.open();
    struct sink sink = {.units = 0};

    ck_assert_str_eq(mux_aac.content_type, "audio/aac");
    ck_assert(mux_aac.kind == MUX_AUDIO && mux_aac.header == NULL);
    ck_assert(mux_aac.carries(CODEC_AAC) && !mux_aac.carries(CODEC_MP3));
    /* Not before it is known what it is. */
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x01....", 6), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x00\x12\x10", 4), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x01....", 6), 1);
    ck_assert_uint_eq(sink.len, 11);
    ck_assert_mem_eq(sink.data, "\xff\xf1\x50\x80\x01\x7f\xfc....", 11);
    mux_aac.close(state);
}
END_TEST

/* ADTS names the core; SBR and PS are found in the frames. */
START_TEST(test_high_efficiency_by_its_core)
{
    static const char *const headers[] = {
        "af002b8a0800",      /* object type 5 in front: 22050 Hz, heard at 44100, core LC */
        "af00eb8a0800",      /* 29: with parametric stereo */
        "af00139056e5a0",    /* LC at 22050 Hz, followed by the extension */
        "af00139056e5a54880" /* and then PS */
    };
    struct mux_state *state = mux_aac.open();

    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct sink sink = {.units = 0};
        uint8_t header[16];
        size_t len = from_hex(header, sizeof(header), headers[i]);

        ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, header, len), 0);
        ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x01....", 6), 1);
        ck_assert_uint_eq(sink.data[1], 0xf1);
        ck_assert_uint_eq(sink.data[2] >> 6, 1);      /* LC */
        ck_assert_uint_eq(sink.data[2] >> 2 & 15, 7); /* 22050 Hz */
    }
    mux_aac.close(state);
}
END_TEST

START_TEST(test_frames_of_other_codecs_are_left_out)
{
    struct mux_state *state = mux_aac.open();
    struct sink sink = {.units = 0};
    uint8_t *large = calloc(1, 8192);

    push(state, &sink, FRAME_AUDIO, "\xaf\x00\x12\x10", 4);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x01", 2), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf", 1), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "", 0), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\x2f\xff\xfb\x90\x64", 5), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_VIDEO, "\x17\x01\0\0\0....", 9), 0);
    ck_assert_int_eq(push(state, &sink, FRAME_SCRIPT, "\x02", 1), 0);
    large[0] = 0xaf;
    large[1] = 1;
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, large, 2 + 8184), 1);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, large, 2 + 8185), 0);
    /* A configuration that ADTS cannot express, or none. */
    push(state, &sink, FRAME_AUDIO, "\xaf\x00\xf8\xf0\x21", 5);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x01....", 6), 0);
    push(state, &sink, FRAME_AUDIO, "\xaf\x00\x12\x10", 4);
    push(state, &sink, FRAME_AUDIO, "\xaf\x00", 2);
    ck_assert_int_eq(push(state, &sink, FRAME_AUDIO, "\xaf\x01....", 6), 0);
    free(large);
    mux_aac.close(state);
}
END_TEST

Suite *check_mux_aac_suite(void)
{
    Suite *suite = suite_create("mux_aac");
    TCase *tcase = tcase_create("mux_aac");

    tcase_add_test(tcase, test_adts_before_each_frame);
    tcase_add_test(tcase, test_high_efficiency_by_its_core);
    tcase_add_test(tcase, test_frames_of_other_codecs_are_left_out);
    suite_add_tcase(suite, tcase);
    return suite;
}
