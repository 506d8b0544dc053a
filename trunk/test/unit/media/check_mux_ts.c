/* The TS rendition: every unit is read back with ts_check.h, which asserts the invariants. */
#include "test/unit/formats.h"
#include "test/unit/media/mux_ts_kit.h"

#include <check.h>

Suite *check_mux_ts_suite(void);

START_TEST(test_the_row_describes_the_format)
{
    ck_assert_str_eq(mux_ts.extension, ".ts");
    ck_assert_str_eq(mux_ts.content_type, "video/mp2t");
    ck_assert_uint_eq(mux_ts.unit, 188);
    ck_assert(mux_ts.kind == MUX_CONTAINER);
    ck_assert(mux_ts.carries(CODEC_HEVC) && mux_ts.carries(CODEC_MP3));
    ck_assert(!mux_ts.carries(CODEC_OPUS) && !mux_ts.carries(CODEC_OTHER));
    ck_assert(!mux_ts.carries(CODEC_NONE));
}
END_TEST

START_TEST(test_a_keyframe_is_a_delimiter_parameter_sets_and_slices)
{
    static const uint8_t expected[] = {0, 0, 0, 1, 9,    0xf0, 0, 0, 0, 1, 0x67, 0, 31, 1,
                                       0, 0, 0, 1, 0x68, 0xee, 0, 0, 0, 1, 0x65, 7, 8};
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    ck_assert_int_eq(video(&kit, 0, 1), 1);
    ck_assert_uint_eq(payload_len(&kit), sizeof(expected));
    ck_assert_mem_eq(payload(&kit), expected, sizeof(expected));
    ck_assert(kit.check.is_random_access && kit.check.has_pcr);
    ck_assert_uint_eq(kit.check.tables, 1);
    ck_assert_uint_eq(kit.check.dts - kit.check.pcr, 200 * 90);
    ck_assert_int_eq(video(&kit, 40, 0), 1);
    ck_assert_uint_eq(payload_len(&kit), 6 + 7);
    ck_assert(!kit.check.is_random_access);
    ck_assert_uint_eq(kit.check.tables, 1);
    kit_close(&kit);
}
END_TEST

START_TEST(test_own_sets_and_delimiter_are_not_doubled)
{
    static const uint8_t body[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 2, 9, 0xe0, 0, 0, 0, 2,    0x67, 5,
                                   0,    0, 0, 0, 0, 0, 0, 2, 6, 1, 0,    0, 0, 2, 0x65, 9};
    static const uint8_t expected[] = {0, 0,    0, 1, 9, 0xf0, 0, 0, 0, 1, 0x68, 0xee, 0, 0,    0,
                                       1, 0x67, 5, 0, 0, 0,    1, 6, 1, 0, 0,    0,    1, 0x65, 9};
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0, body, sizeof(body)), 1);
    ck_assert_uint_eq(payload_len(&kit), sizeof(expected));
    ck_assert_mem_eq(payload(&kit), expected, sizeof(expected));
    kit_close(&kit);
}
END_TEST

START_TEST(test_lengths_of_1_2_and_4)
{
    for (uint8_t size = 1; size <= 4; size++) {
        uint8_t body[16] = {0x27, 1, 0, 0, 0};
        struct kit kit;

        if (size == 3)
            continue;
        kit_open(&kit);
        avc_header(&kit, size);
        body[5 + size - 1] = 2;
        body[5 + size] = 0x41;
        ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0, body, 5u + size + 2), 1);
        ck_assert_uint_eq(payload_len(&kit), 12);
        ck_assert_mem_eq(payload(&kit) + 6, "\0\0\0\1\x41\0", 6);
        kit_close(&kit);
    }
}
END_TEST

START_TEST(test_a_truncated_frame_is_written_or_dropped)
{
    uint8_t body[] = {0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 7, 0, 0, 0, 3, 0x41, 8, 9};
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    for (size_t len = 0; len <= sizeof(body); len++) {
        int expected = len >= 11;

        ck_assert_int_eq(push(&kit, FRAME_VIDEO, (uint32_t)len, body, len), expected);
        if (expected)
            ck_assert_uint_eq(payload_len(&kit), len == sizeof(body) ? 6 + 6 + 7 : 6 + 6);
    }
    kit_close(&kit);
}
END_TEST

START_TEST(test_nothing_without_a_header)
{
    struct kit kit;

    kit_open(&kit);
    ck_assert_int_eq(video(&kit, 0, 1), 0);
    ck_assert_int_eq(audio(&kit, 0), 0);
    ck_assert_int_eq(push(&kit, FRAME_SCRIPT, 0, "\x02", 1), 0);
    ck_assert_int_eq(push(&kit, FRAME_AUDIO, 0, "\x2fnothing", 8), 0);
    ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0, "\x91hvc1....", 9), 0);
    ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0,
                          "\x90"
                          "av01....",
                          9),
                     0);
    avc_header(&kit, 4);
    ck_assert_int_eq(video(&kit, 0, 1), 1);
    /* A broken header discards what was known. */
    ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0, "\x17\0\0\0\0\1", 6), 0);
    ck_assert_int_eq(video(&kit, 40, 1), 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_audio_alone_has_tables_within_100_ms)
{
    struct kit kit;
    uint32_t tables_at = 0;
    size_t tables = 0;

    kit_open(&kit);
    asc(&kit);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t ms = (uint32_t)(i * 1024.0 / 44.1);
        struct frame frame;
        int starts;

        flv_frame_parse(&frame, FRAME_AUDIO, ms, (const uint8_t *)"\xaf\x01....", 6);
        starts = mux_ts.is_sync(kit.state, &frame, ms);
        ck_assert_int_eq(audio(&kit, ms), 1);
        ck_assert_uint_eq(payload_len(&kit), 7 + 4);
        ck_assert_mem_eq(payload(&kit), "\xff\xf1\x50\x80\x01\x7f\xfc....", 11);
        ck_assert_int_eq(starts, kit.check.tables > tables);
        if (kit.check.tables > tables) {
            ck_assert_uint_le(ms - tables_at, 100);
            tables_at = ms;
            tables = kit.check.tables;
        }
    }
    ck_assert_uint_gt(tables_at, 999 * 23 - 100);
    ck_assert_mem_eq(kit.check.program, "\x0f\xe1\x01\xf0\x00", 5);
    ck_assert_uint_eq(kit.check.pcr_pid, 0x101);
    kit_close(&kit);
}
END_TEST

START_TEST(test_tables_of_a_long_group)
{
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    asc(&kit);
    for (uint32_t ms = 0; ms < 10000; ms += 20) {
        if (ms % 40 == 0)
            ck_assert_int_eq(video(&kit, ms, ms == 0), 1);
        ck_assert_int_eq(audio(&kit, ms + 5), 1);
    }
    ck_assert_uint_ge(kit.check.tables, 10000 / 500);
    ck_assert_uint_le(kit.check.tables, 10000 / 400 + 2);
    ck_assert_uint_eq(kit.check.program_len, 10);
    /* The audio came after the first tables. */
    ck_assert_int_eq(kit.check.version, 1);
    kit_close(&kit);
}
END_TEST

static void tell(struct kit *kit, enum codec audio, enum codec video)
{
    const struct mux_tracks tracks = {.audio.codec = audio, .video.codec = video};

    mux_ts.header(kit->state, &tracks, NULL, NULL);
}

START_TEST(test_announced_tracks_are_in_the_first_tables)
{
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    asc(&kit);
    tell(&kit, CODEC_AAC, CODEC_H264);
    ck_assert_int_eq(audio(&kit, 0), 1);
    ck_assert_uint_eq(kit.check.pcr_pid, 0x100);
    ck_assert_int_eq(video(&kit, 10, 1), 1);
    ck_assert_int_eq(kit.check.version, 0);
    ck_assert_mem_eq(kit.check.program, "\x1b\xe1\x00\xf0\x00\x0f\xe1\x01\xf0\x00", 10);
    /* Announcing it again changes nothing; its removal takes effect at once. */
    tell(&kit, CODEC_AAC, CODEC_H264);
    video(&kit, 50, 0);
    ck_assert_int_eq(kit.check.version, 0);
    tell(&kit, CODEC_NONE, CODEC_H264);
    video(&kit, 90, 0);
    ck_assert_int_eq(kit.check.version, 1);
    ck_assert_uint_eq(kit.check.program_len, 5);
    kit_close(&kit);
}
END_TEST

START_TEST(test_promised_tracks_have_the_usual_codecs)
{
    struct kit kit;

    kit_open(&kit);
    tell(&kit, CODEC_OTHER, CODEC_OTHER);
    asc(&kit);
    ck_assert_int_eq(audio(&kit, 0), 1);
    ck_assert_mem_eq(kit.check.program, "\x1b\xe1\x00\xf0\x00\x0f\xe1\x01\xf0\x00", 10);
    /* A clock on a track without frames would not be a clock. */
    ck_assert_uint_eq(kit.check.pcr_pid, 0x101);
    kit_close(&kit);
}
END_TEST

START_TEST(test_versions_wrap)
{
    struct kit kit;

    kit_open(&kit);
    asc(&kit);
    for (uint32_t i = 0; i < 70; i++) {
        if (i & 1)
            push(&kit, FRAME_AUDIO, i * 20, "\x2f\xff\xfb\x90\x64....", 9);
        else
            audio(&kit, i * 20);
        ck_assert_int_eq(kit.check.version, (int)(i & 31));
    }
    push(&kit, FRAME_AUDIO, 2000, "\x2f\xff\xf3\x90\x64....", 9);
    ck_assert_uint_eq(kit.check.program[0], 4);
    kit_close(&kit);
}
END_TEST

START_TEST(test_wrap_of_33_bits_and_of_32)
{
    /* 2^33 ticks and 2^32 ms; the clock must continue over both, which ts_check verifies. */
    static const uint32_t at[] = {95443717, 0};
    struct kit kit;

    for (size_t i = 0; i < COUNT_OF(at); i++) {
        kit_open(&kit);
        avc_header(&kit, 4);
        for (uint32_t step = 0; step < 100; step++)
            ck_assert_int_eq(video(&kit, at[i] - 2000 + step * 40, step % 25 == 0), 1);
        ck_assert(!kit.check.is_jump);
        ck_assert_uint_lt(kit.check.pcr, 3000 * 90);
        kit_close(&kit);
    }
}
END_TEST

START_TEST(test_gaps_are_filled_and_jumps_are_signalled)
{
    struct kit kit;
    size_t tables;

    kit_open(&kit);
    avc_header(&kit, 4);
    video(&kit, 0, 1);
    tables = kit.check.tables;
    video(&kit, 5000, 0); /* ts_check requires the clocks in between */
    ck_assert_uint_ge(kit.check.tables - tables, 10);
    ck_assert(!kit.check.is_jump);
    tables = kit.check.tables;
    video(&kit, 10001, 0);
    ck_assert(kit.check.is_jump);
    ck_assert_uint_eq(kit.check.tables, tables + 1);
    video(&kit, 0, 1);
    ck_assert(kit.check.is_jump && kit.check.has_pcr);
    video(&kit, 40, 0);
    ck_assert(!kit.check.is_jump);
    kit_close(&kit);
}
END_TEST

/* The output that fills gaps stays in proportion to the frames. */
START_TEST(test_gaps_without_end)
{
    struct kit kit;

    kit_open(&kit);
    asc(&kit);
    for (uint32_t i = 0; i < 1000; i++)
        audio(&kit, i * 4900);
    ck_assert_uint_lt(kit.check.packets, 1000 * 15);
    kit_close(&kit);
}
END_TEST

/* A camera with one frame a second has all of its clocks for ever, and no jump. */
START_TEST(test_one_frame_a_second_has_every_clock)
{
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    for (uint32_t i = 0; i < 100; i++) {
        video(&kit, i * 1000, i % 10 == 0);
        ck_assert(!kit.check.is_jump);
    }
    ck_assert_uint_ge(kit.check.clocks, 99 * 10);
    kit_close(&kit);
}
END_TEST

START_TEST(test_decoding_times_always_rise)
{
    uint8_t body[] = {0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 7};
    uint64_t last = 0;
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    for (int i = 0; i < 200; i++) {
        int32_t cts = (i % 5 - 2) * 40;

        body[2] = (uint8_t)(cts >> 16);
        body[3] = (uint8_t)(cts >> 8);
        body[4] = (uint8_t)cts;
        ck_assert_int_eq(push(&kit, FRAME_VIDEO, 1000 + (uint32_t)i / 2 * 40, body, sizeof(body)),
                         1);
        ck_assert(i == 0 || kit.check.dts > last);
        ck_assert_uint_ge(kit.check.dts, kit.check.pcr);
        last = kit.check.dts;
    }
    kit_close(&kit);
}
END_TEST

START_TEST(test_shown_at_dts_and_composition_time)
{
    uint8_t body[] = {0x27, 1, 0, 0, 80, 0, 0, 0, 2, 0x41, 7};
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    push(&kit, FRAME_VIDEO, 1000, body, sizeof(body));
    ck_assert_uint_eq(kit.check.dts, 1200 * 90);
    ck_assert_uint_eq(kit.check.pts, 1280 * 90);
    kit_close(&kit);
}
END_TEST

START_TEST(test_a_large_frame_is_one_unit)
{
    size_t len = 200000;
    uint8_t *body = calloc(1, len);
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    body[0] = 0x17;
    body[1] = 1;
    body[6] = (uint8_t)((len - 9) >> 16);
    body[7] = (uint8_t)((len - 9) >> 8);
    body[8] = (uint8_t)(len - 9);
    body[9] = 0x65;
    ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0, body, len), 1);
    ck_assert_uint_eq(payload_len(&kit), 6 + 8 + 6 + 4 + len - 9);
    free(body);
    kit_close(&kit);
}
END_TEST

START_TEST(test_bridge)
{
    uint8_t bridge[MUX_BRIDGE_MAX];
    struct kit kit;

    kit_open(&kit);
    avc_header(&kit, 4);
    video(&kit, 0, 1);
    ck_assert_uint_eq(mux_ts.bridge(kit.state, bridge, sizeof(bridge)), 3 * 188);
    /* The next unit continues its counters. */
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(bridge[i * 188 + 3], 0x20);
    ck_assert_uint_eq(mux_ts.bridge(kit.state, bridge, 200), 188);
    kit_close(&kit);
}
END_TEST

START_TEST(test_the_main_track_of_a_multitrack)
{
    /* One track with any id: other tracks do not reach it. */
    static const uint8_t header[] = {0x96, 0x00, 'a', 'v', 'c',  '1', 1, 1, 0x64, 0,   31,
                                     0xff, 0xe1, 0,   2,   0x67, 1,   1, 0, 1,    0x68};
    static const uint8_t key[] = {0x96, 0x03, 'a', 'v', 'c', '1', 1, 0, 0, 0, 2, 0x65, 7};
    struct kit kit;

    kit_open(&kit);
    ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0, header, sizeof(header)), 0);
    ck_assert_int_eq(push(&kit, FRAME_VIDEO, 0, key, sizeof(key)), 1);
    ck_assert_uint_eq(payload_len(&kit), 6 + 6 + 5 + 6);
    kit_close(&kit);
}
END_TEST

Suite *check_mux_ts_suite(void)
{
    Suite *suite = suite_create("mux_ts");
    TCase *tcase = tcase_create("mux_ts");

    tcase_add_test(tcase, test_the_row_describes_the_format);
    tcase_add_test(tcase, test_a_keyframe_is_a_delimiter_parameter_sets_and_slices);
    tcase_add_test(tcase, test_own_sets_and_delimiter_are_not_doubled);
    tcase_add_test(tcase, test_lengths_of_1_2_and_4);
    tcase_add_test(tcase, test_a_truncated_frame_is_written_or_dropped);
    tcase_add_test(tcase, test_nothing_without_a_header);
    tcase_add_test(tcase, test_audio_alone_has_tables_within_100_ms);
    tcase_add_test(tcase, test_tables_of_a_long_group);
    tcase_add_test(tcase, test_announced_tracks_are_in_the_first_tables);
    tcase_add_test(tcase, test_promised_tracks_have_the_usual_codecs);
    tcase_add_test(tcase, test_versions_wrap);
    tcase_add_test(tcase, test_wrap_of_33_bits_and_of_32);
    tcase_add_test(tcase, test_gaps_are_filled_and_jumps_are_signalled);
    tcase_add_test(tcase, test_gaps_without_end);
    tcase_add_test(tcase, test_one_frame_a_second_has_every_clock);
    tcase_add_test(tcase, test_decoding_times_always_rise);
    tcase_add_test(tcase, test_shown_at_dts_and_composition_time);
    tcase_add_test(tcase, test_a_large_frame_is_one_unit);
    tcase_add_test(tcase, test_bridge);
    tcase_add_test(tcase, test_the_main_track_of_a_multitrack);
    suite_add_tcase(suite, tcase);
    return suite;
}
