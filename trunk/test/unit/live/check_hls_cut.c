/* Where a transport stream is cut: keyframes, durations, what interrupts it. */
#include "media/ts_read.h"
#include "test/unit/live/hls_kit.h"

#include <stdlib.h>

Suite *check_hls_cut_suite(void);

/* The durations of all segments in tenths of seconds, in order. */
static void check_durations(const struct hls_kit *kit, const int *wanted, int count)
{
    const struct hls_segment *segment = kit->window.first;

    for (int i = 0; i < count; i++, segment = segment->next) {
        ck_assert_ptr_nonnull(segment);
        ck_assert_int_eq((int)(segment->ticks / 9000), wanted[i]);
        ck_assert_uint_eq(segment->number, 10 + (unsigned)i);
    }
    ck_assert_ptr_null(segment);
    ck_assert_int_eq(kit->segments, count);
}

/* Each begins with the tables, and its first frame is a keyframe. */
static void check_starts(const struct hls_kit *kit)
{
    for (const struct hls_segment *s = kit->window.first; s != NULL; s = s->next) {
        const uint8_t *p = buf_data(&s->first->data);
        struct ts_packet packet;

        ck_assert_uint_eq(s->bytes % TS_PACKET_SIZE, 0);
        ck_assert_int_eq(ts_read_packet(&packet, p), 0);
        ck_assert_uint_eq(packet.pid, TS_PID_PAT);
        ck_assert_int_eq(ts_read_packet(&packet, p + TS_PACKET_SIZE), 0);
        ck_assert_uint_eq(packet.pid, TS_PID_PMT);
        ck_assert_int_eq(ts_read_packet(&packet, p + 2 * TS_PACKET_SIZE), 0);
        ck_assert(packet.has_time && packet.is_random_access);
    }
}

START_TEST(test_keyframes)
{
    static const int durations[] = {10, 10, 10, 30, 30};
    struct hls_kit kit;

    hls_kit_open(&kit, 3 * USEC_PER_SEC, 60 * USEC_PER_SEC);
    /* What precedes the first keyframe belongs to no segment. */
    hls_kit_frame(&kit, TS_PID_AUDIO, 900, 1);
    hls_kit_frame(&kit, TS_PID_VIDEO, 900, 0);
    ck_assert_ptr_null(kit.cut.open);
    hls_kit_video(&kit, 1000, 10500, 1000);
    check_durations(&kit, durations, 5);
    check_starts(&kit);
    ck_assert_uint_eq(kit.window.target, 3);
    ck_assert_uint_eq(kit.cut.forced, 0);
    /* The wall clock of a segment follows from the durations before it. */
    ck_assert_int_eq(kit.window.last->date - kit.window.first->date, 6 * USEC_PER_SEC);
    hls_kit_close(&kit);
}
END_TEST

/* No byte is lost or sent twice: the segments are the stream. */
START_TEST(test_bytes)
{
    struct hls_kit kit;
    uint64_t packets = 0, sync = 0;

    hls_kit_open(&kit, USEC_PER_SEC, 60 * USEC_PER_SEC);
    hls_kit_video(&kit, 0, 5000, 1000);
    hls_kit_break(&kit);
    for (const struct hls_segment *s = kit.window.first; s != NULL; s = s->next) {
        for (size_t at = 0; at < s->bytes; at += TS_PACKET_SIZE) {
            struct ts_packet packet;

            ck_assert_int_eq(ts_read_packet(&packet, buf_data(&s->first->data) + at), 0);
            packets++;
            sync += packet.has_time;
        }
    }
    ck_assert_uint_eq(sync, 50);
    /* 50 frames of two packets, and the tables of 5 keyframes and 10 times in between. */
    ck_assert_uint_eq(packets, 50 * 2 + 15 * 2);
    ck_assert_uint_eq(kit.segments, 5);
    hls_kit_close(&kit);
}
END_TEST

/* A GOP that does not fit after another one makes the segment shorter. */
START_TEST(test_target)
{
    static const int durations[] = {20, 20, 20, 20, 20};
    struct hls_kit kit;

    hls_kit_open(&kit, 3 * USEC_PER_SEC, 60 * USEC_PER_SEC);
    hls_kit_video(&kit, 0, 10500, 2000);
    check_durations(&kit, durations, 5);
    ck_assert_uint_eq(kit.window.target, 3);
    hls_kit_close(&kit);
}
END_TEST

/* The first GOP decides the target duration; a longer one is cut between keyframes. */
START_TEST(test_long_gop)
{
    struct hls_kit kit;

    hls_kit_open(&kit, USEC_PER_SEC, 60 * USEC_PER_SEC);
    hls_kit_video(&kit, 0, 4000, 4000);
    ck_assert_int_eq(kit.segments, 0);
    hls_kit_video(&kit, 4000, 16000, 12000);
    ck_assert_uint_eq(kit.window.target, 4);
    hls_kit_video(&kit, 16000, 17000, 1000);
    ck_assert_uint_eq(kit.window.target, 4);
    ck_assert_uint_gt(kit.cut.forced, 1);
    for (const struct hls_segment *s = kit.window.first; s != NULL; s = s->next)
        ck_assert_uint_le(s->ticks, hls_window_ticks_max(&kit.window));
    hls_kit_close(&kit);
}
END_TEST

START_TEST(test_audio_only)
{
    static const int durations[] = {9, 9, 9, 30, 30};
    struct hls_kit kit;

    hls_kit_open(&kit, 3 * USEC_PER_SEC, 60 * USEC_PER_SEC);
    kit.program = (struct ts_program){
        .pcr_pid = TS_PID_AUDIO, .count = 1, .stream = {{TS_TYPE_ADTS, TS_PID_AUDIO}}};
    for (int64_t ms = 0; ms < 9000; ms += 100)
        hls_kit_frame(&kit, TS_PID_AUDIO, ms, 1);
    check_durations(&kit, durations, 5);
    ck_assert_uint_eq(kit.cut.forced, 0);
    hls_kit_close(&kit);
}
END_TEST

/* A publication that ends, and the next one. */
START_TEST(test_break)
{
    static const int durations[] = {10, 5, 10};
    struct hls_kit kit;

    hls_kit_open(&kit, USEC_PER_SEC, 60 * USEC_PER_SEC);
    hls_kit_video(&kit, 0, 1500, 1000);
    hls_kit_break(&kit);
    hls_kit_break(&kit);
    ck_assert_int_eq(kit.segments, 2);
    hls_kit_frame(&kit, TS_PID_VIDEO, 700, 0);
    hls_kit_video(&kit, 800, 1900, 1000);
    check_durations(&kit, durations, 3);
    check_starts(&kit);
    ck_assert(!kit.window.first->is_discontinuous && !kit.window.first->next->is_discontinuous);
    ck_assert(kit.window.last->is_discontinuous);
    hls_kit_video(&kit, 1900, 3000, 1000);
    ck_assert(!kit.window.last->is_discontinuous);
    hls_kit_close(&kit);
}
END_TEST

/* Another codec, and a clock that jumps, forward and back. */
START_TEST(test_changes)
{
    static const int64_t jumps[] = {90 * 60000, 1000};
    struct hls_kit kit;

    hls_kit_open(&kit, 2 * USEC_PER_SEC, 600 * USEC_PER_SEC);
    hls_kit_video(&kit, 0, 6100, 1000);
    kit.program.stream[0].type = TS_TYPE_HEVC;
    kit.program.version = 1;
    /* Not before the next keyframe, and then at once. */
    ck_assert_int_eq(ts_writer_begin(&kit.writer, 0), 0);
    ts_write_tables(&kit.writer, &kit.program);
    hls_kit_feed(&kit);
    hls_kit_frame(&kit, TS_PID_VIDEO, 6200, 0);
    kit.segments = 0;
    hls_kit_video(&kit, 6300, 8400, 1000);
    ck_assert_int_eq(kit.segments, 2);
    ck_assert(kit.window.last->is_discontinuous);
    for (size_t i = 0; i < 2; i++) {
        kit.segments = 0;
        hls_kit_video(&kit, jumps[i], jumps[i] + 3100, 1000);
        ck_assert_int_eq(kit.segments, 2);
        ck_assert(kit.window.last->is_discontinuous);
        ck_assert_uint_eq(kit.window.last->ticks, 2 * HLS_TICKS_PER_SEC);
    }
    check_starts(&kit);
    hls_kit_close(&kit);
}
END_TEST

/* The 33 bits of the clock wrap every 26 hours. */
START_TEST(test_wrap)
{
    struct hls_kit kit;
    int64_t wrap = ((int64_t)1 << 33) / 90;

    hls_kit_open(&kit, 2 * USEC_PER_SEC, 600 * USEC_PER_SEC);
    hls_kit_video(&kit, wrap - 5000, wrap + 5100, 1000);
    for (const struct hls_segment *s = kit.window.first; s != NULL; s = s->next)
        ck_assert(!s->is_discontinuous && s->ticks <= 2 * HLS_TICKS_PER_SEC + 100);
    ck_assert_uint_ge((unsigned)kit.segments, 5);
    hls_kit_close(&kit);
}
END_TEST

/* A segment over the limit of bytes is lost, and the next one says so. */
START_TEST(test_too_long)
{
    struct hls_kit kit;

    hls_kit_open(&kit, 2 * USEC_PER_SEC, 60 * USEC_PER_SEC);
    hls_cut_fini(&kit.cut);
    kit.window.limits.bytes_max = 8000;
    hls_cut_init(&kit.cut, &kit.window, 0);
    hls_kit_video(&kit, 0, 10000, 10000);
    ck_assert_uint_eq(kit.cut.lost, 1);
    hls_kit_video(&kit, 10000, 11100, 500);
    ck_assert_uint_eq(kit.cut.lost, 1);
    ck_assert_ptr_nonnull(kit.window.last);
    ck_assert(kit.window.last->is_discontinuous);
    hls_kit_close(&kit);
}
END_TEST

START_TEST(test_garbage)
{
    struct hls_clock clock = {0, 0};
    uint8_t junk[64 * TS_PACKET_SIZE];
    struct hls_kit kit;

    hls_kit_open(&kit, USEC_PER_SEC, 60 * USEC_PER_SEC);
    hls_kit_video(&kit, 0, 1500, 1000);
    for (unsigned seed = 1; seed < 200; seed++) {
        for (size_t i = 0; i < sizeof(junk); i++)
            junk[i] = (uint8_t)(seed * 2654435761u >> (i % 24) ^ i * seed);
        for (size_t i = 0; i < sizeof(junk); i += TS_PACKET_SIZE) {
            junk[i] = 0x47;
            junk[i + 1] = (uint8_t)(junk[i + 1] & 0x50);
            junk[i + 2] = (uint8_t)(i / TS_PACKET_SIZE % 3);
        }
        hls_cut_feed(&kit.cut, junk, sizeof(junk), &clock);
    }
    junk[0] = 0;
    hls_cut_feed(&kit.cut, junk, TS_PACKET_SIZE, &clock);
    ck_assert(!kit.cut.is_open);
    hls_kit_video(&kit, 0, 2100, 1000);
    ck_assert(kit.window.last->ticks == HLS_TICKS_PER_SEC);
    hls_kit_close(&kit);
}
END_TEST

Suite *check_hls_cut_suite(void)
{
    Suite *suite = suite_create("hls_cut");
    TCase *tcase = tcase_create("hls_cut");

    tcase_add_test(tcase, test_keyframes);
    tcase_add_test(tcase, test_bytes);
    tcase_add_test(tcase, test_target);
    tcase_add_test(tcase, test_long_gop);
    tcase_add_test(tcase, test_audio_only);
    tcase_add_test(tcase, test_break);
    tcase_add_test(tcase, test_changes);
    tcase_add_test(tcase, test_wrap);
    tcase_add_test(tcase, test_too_long);
    tcase_add_test(tcase, test_garbage);
    suite_add_tcase(suite, tcase);
    return suite;
}
