/* The tracks that the FLV header announces: late ones, missing ones, and ones that stop. */
#include "live_kit.h"

Suite *check_source_tracks_suite(void);

#define MP3_FRAME_MS 26

static int count_of(const struct kit_seen *seen, enum frame_type type)
{
    int count = 0;

    for (int i = 0; i < seen->count; i++)
        count += seen->tag[i].type == type;
    return count;
}

/* Video frames of 40 ms alone, a keyframe each second. */
static void run_video(struct kit *kit, uint32_t ts, int frames)
{
    for (int i = 0; i < frames; i++) {
        uint32_t at = ts + (uint32_t)i * 40;

        kit_video(kit, at, at % 1000 == 0);
        kit->now += 40 * USEC_PER_MS;
    }
}

static void run_audio(struct kit *kit, uint32_t ts, int frames)
{
    for (int i = 0; i < frames; i++) {
        kit_audio(kit, ts + (uint32_t)i * 20);
        kit->now += 20 * USEC_PER_MS;
    }
}

/* Both sequence headers at once, as most encoders send them, and audio only later. */
START_TEST(test_header_alone_promises_nothing)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    run_video(&kit, 0, 12);
    kit_take(seen);
    ck_assert_uint_eq(seen->bytes, 0);
    run_video(&kit, 480, 2);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert_int_eq(count_of(seen, FRAME_AUDIO), 0);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 1 + 14);
    /* The audio starts: players reload, and find its header. */
    kit_audio(&kit, 560);
    kit_take(seen);
    ck_assert(seen->is_ended);
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[1].type == FRAME_AUDIO && seen->tag[1].is_header);
    kit_close(&kit);
}
END_TEST

/* MP3 has no sequence header: only its frames show the track. */
START_TEST(test_mp3_is_seen_by_its_frames)
{
    static const uint8_t mp3[] = {0x2f, 0xff, 0xfb, 0x90, 0x64, 0};
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_avc_header(&kit, 0, 0x1f);
    kit_video(&kit, 0, 1);
    kit_push(&kit, FRAME_AUDIO, 10, mp3, sizeof(mp3));
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(seen->count, 3);
    kit_leave(seen);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    seen = kit_watch(&kit, &mux_flv);
    for (uint32_t i = 0; i < 30; i++)
        kit_push(&kit, FRAME_AUDIO, i * MP3_FRAME_MS, mp3, sizeof(mp3));
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 4);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_audio_that_stops_ends_at_a_keyframe)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 25);

    run_video(&kit, 1000, 50);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(!seen->is_ended);
    run_video(&kit, 3000, 1);
    kit_take(seen);
    ck_assert(seen->is_ended);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 1 + 75); /* no frame is lost */
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert_int_eq(seen->count, 2);
    ck_assert(seen->tag[1].is_key);
    ck_assert_uint_eq(seen->tag[1].ms, 3000);
    /* It continues without a new header: the former one is valid again. */
    run_video(&kit, 3040, 24);
    kit_audio(&kit, 4000);
    kit_take(seen);
    ck_assert(seen->is_ended);
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[1].type == FRAME_AUDIO && seen->tag[1].is_header);
    ck_assert_uint_eq(seen->tag[1].body[3], 0x10);
    kit_close(&kit);
}
END_TEST

START_TEST(test_video_that_stops_leaves_the_audio)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 25);

    run_audio(&kit, 1000, 1400);
    kit_take(seen);
    ck_assert(!seen->is_ended); /* slides are rare */
    run_audio(&kit, 29000, 110);
    kit_take(seen);
    ck_assert(seen->is_ended);
    seen = kit_reload(&kit, seen);
    run_audio(&kit, 31200, 5);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 4);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 0);
    ck_assert_int_eq(count_of(seen, FRAME_AUDIO), 1 + 5);
    /* It is back with a keyframe, not before. */
    kit_video(&kit, 31300, 0);
    run_audio(&kit, 31300, 5);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 0);
    kit_video(&kit, 31400, 1);
    kit_take(seen);
    ck_assert(seen->is_ended);
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[0].type == FRAME_VIDEO && seen->tag[0].is_header);
    ck_assert(seen->tag[2].is_key);
    ck_assert_int_eq(seen->count, 3);
    kit_close(&kit);
}
END_TEST

START_TEST(test_a_pause_of_both_is_no_silence)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 25);

    for (uint32_t i = 1; i < 6; i++) {
        kit.now += 3 * USEC_PER_SEC;
        kit_run(&kit, i * 4000, 25);
        kit_take(seen);
    }
    ck_assert(!seen->is_ended);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(count_of(seen, FRAME_AUDIO), 1 + 6 * 25);
    kit_close(&kit);
}
END_TEST

/* Relays, as RTMP's players, get the header of an audio track without frames: it is not sent again.
 */
START_TEST(test_relays_keep_the_silent_header)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 25);

    run_video(&kit, 1000, 51);
    kit_take(seen);
    ck_assert(seen->is_ended);
    seen = kit_watch(&kit, &mux_original);
    run_video(&kit, 3040, 24);
    run_video(&kit, 4000, 1);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert(seen->tag[1].type == FRAME_AUDIO && seen->tag[1].is_header);
    ck_assert_uint_eq(seen->tag[1].body[3], 0x10);
    kit_close(&kit);
}
END_TEST

/* A viewer that joins while the source waits for the second track misses nothing of the first. */
START_TEST(test_relays_that_come_before_the_decision)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    kit_video(&kit, 0, 1);
    seen = kit_watch(&kit, &mux_original);
    kit_video(&kit, 40, 0);
    kit_audio(&kit, 50);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(seen->count, 2 + 3 + 1); /* and the mark */
    ck_assert(seen->tag[2].is_key);
    kit_close(&kit);
}
END_TEST

Suite *check_source_tracks_suite(void)
{
    Suite *suite = suite_create("source_tracks");
    TCase *tc = tcase_create("source_tracks");

    tcase_add_test(tc, test_header_alone_promises_nothing);
    tcase_add_test(tc, test_mp3_is_seen_by_its_frames);
    tcase_add_test(tc, test_audio_that_stops_ends_at_a_keyframe);
    tcase_add_test(tc, test_video_that_stops_leaves_the_audio);
    tcase_add_test(tc, test_a_pause_of_both_is_no_silence);
    tcase_add_test(tc, test_relays_keep_the_silent_header);
    tcase_add_test(tc, test_relays_that_come_before_the_decision);
    suite_add_tcase(suite, tc);
    return suite;
}
