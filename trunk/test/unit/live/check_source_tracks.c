/* Which tracks the FLV header promises: late ones, ones that never come, ones that fall silent. */
#include "live_kit.h"

Suite *check_source_tracks_suite(void);

#define MP3_FRAME_MS 26

static struct viewer *open_flv(struct kit *kit)
{
    struct viewer *viewer = viewer_open(kit->source, &mux_flv, kit->now);

    ck_assert_ptr_nonnull(viewer);
    return viewer;
}

/* Takes what there is with a fresh memory. */
static struct kit_seen *take_anew(struct viewer *viewer, struct kit_seen *seen)
{
    if (seen != NULL)
        kit_seen_free(seen);
    seen = kit_seen_new();
    kit_take(viewer, seen);
    return seen;
}

static int count_of(const struct kit_seen *seen, enum frame_type type)
{
    int count = 0;

    for (int i = 0; i < seen->count; i++)
        count += seen->tag[i].type == type;
    return count;
}

static void close_all(struct kit *kit, struct viewer *viewer, struct kit_seen *seen)
{
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit->source, kit->now);
    kit_close(kit);
}

/* Pictures of 40 ms alone, a keyframe each second. */
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

/* Both sequence headers at once, as most encoders send them, and sound only later. */
START_TEST(test_header_alone_promises_nothing)
{
    struct kit kit;
    struct kit_seen *seen = NULL;
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    viewer = open_flv(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    run_video(&kit, 0, 12);
    seen = take_anew(viewer, seen);
    ck_assert_uint_eq(seen->bytes, 0);
    run_video(&kit, 480, 2);
    seen = take_anew(viewer, seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert_int_eq(count_of(seen, FRAME_AUDIO), 0);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 1 + 14);
    /* The sound comes: players reload, and find its header. */
    kit_audio(&kit, 560);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[1].type == FRAME_AUDIO && seen->tag[1].is_header);
    close_all(&kit, viewer, seen);
}
END_TEST

/* MP3 has no sequence header: its frames are all there is to see. */
START_TEST(test_mp3_is_seen_by_its_frames)
{
    static const uint8_t mp3[] = {0x2f, 0xff, 0xfb, 0x90, 0x64, 0};
    struct kit kit;
    struct kit_seen *seen = NULL;
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    viewer = open_flv(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_video(&kit, 0, 1);
    kit_push(&kit, FRAME_AUDIO, 10, mp3, sizeof(mp3));
    seen = take_anew(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(seen->count, 3);
    viewer_close(viewer);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    viewer = open_flv(&kit);
    for (uint32_t i = 0; i < 30; i++)
        kit_push(&kit, FRAME_AUDIO, i * MP3_FRAME_MS, mp3, sizeof(mp3));
    seen = take_anew(viewer, seen);
    ck_assert_int_eq(seen->flags, 4);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 0);
    close_all(&kit, viewer, seen);
}
END_TEST

START_TEST(test_sound_that_stops_ends_at_a_keyframe)
{
    struct kit kit;
    struct kit_seen *seen = NULL;
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 25);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    run_video(&kit, 1000, 50);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(!seen->is_ended);
    run_video(&kit, 3000, 1);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 1 + 75); /* no picture is lost */
    viewer_close(viewer);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert_int_eq(seen->count, 2);
    ck_assert(seen->tag[1].is_key);
    ck_assert_uint_eq(seen->tag[1].ms, 3000);
    /* It goes on without a new header: the former one is good again. */
    run_video(&kit, 3040, 24);
    kit_audio(&kit, 4000);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[1].type == FRAME_AUDIO && seen->tag[1].is_header);
    ck_assert_uint_eq(seen->tag[1].body[3], 0x10);
    close_all(&kit, viewer, seen);
}
END_TEST

START_TEST(test_picture_that_stops_leaves_the_sound)
{
    struct kit kit;
    struct kit_seen *seen = NULL;
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 25);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    run_audio(&kit, 1000, 400);
    kit_take(viewer, seen);
    ck_assert(!seen->is_ended); /* slides come seldom */
    run_audio(&kit, 9000, 110);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    run_audio(&kit, 11200, 5);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 4);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 0);
    ck_assert_int_eq(count_of(seen, FRAME_AUDIO), 1 + 5);
    /* It is back with a keyframe, not before. */
    kit_video(&kit, 11300, 0);
    run_audio(&kit, 11300, 5);
    kit_take(viewer, seen);
    ck_assert(!seen->is_ended);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 0);
    kit_video(&kit, 11400, 1);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[0].type == FRAME_VIDEO && seen->tag[0].is_header);
    ck_assert(seen->tag[2].is_key);
    ck_assert_int_eq(seen->count, 3);
    close_all(&kit, viewer, seen);
}
END_TEST

START_TEST(test_a_pause_of_both_is_no_silence)
{
    struct kit kit;
    struct kit_seen *seen = NULL;
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 25);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    for (uint32_t i = 1; i < 6; i++) {
        kit.now += 3 * USEC_PER_SEC;
        kit_run(&kit, i * 4000, 25);
        kit_take(viewer, seen);
    }
    ck_assert(!seen->is_ended);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(count_of(seen, FRAME_AUDIO), 1 + 6 * 25);
    close_all(&kit, viewer, seen);
}
END_TEST

/* Relays, as RTMP's players, get the header of a sound that is silent: it is not sent again. */
START_TEST(test_relays_keep_the_silent_header)
{
    struct kit kit;
    struct kit_seen *seen = NULL;
    struct viewer *viewer;
    struct viewer *relay;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 25);
    viewer = open_flv(&kit);
    seen = take_anew(viewer, seen);
    run_video(&kit, 1000, 51);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    relay = viewer_open(kit.source, &mux_relay, kit.now);
    ck_assert_ptr_nonnull(relay);
    run_video(&kit, 3040, 24);
    run_video(&kit, 4000, 1);
    seen = take_anew(relay, seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert(seen->tag[1].type == FRAME_AUDIO && seen->tag[1].is_header);
    ck_assert_uint_eq(seen->tag[1].body[3], 0x10);
    viewer_close(relay);
    close_all(&kit, viewer, seen);
}
END_TEST

/* Who comes while the second track is waited for misses nothing of the first. */
START_TEST(test_relays_that_come_before_the_decision)
{
    struct kit kit;
    struct kit_seen *seen = NULL;
    struct viewer *relay;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    kit_video(&kit, 0, 1);
    relay = viewer_open(kit.source, &mux_relay, kit.now);
    ck_assert_ptr_nonnull(relay);
    kit_video(&kit, 40, 0);
    kit_audio(&kit, 50);
    seen = take_anew(relay, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(seen->count, 2 + 3 + 1); /* and the mark */
    ck_assert(seen->tag[2].is_key);
    close_all(&kit, relay, seen);
}
END_TEST

Suite *check_source_tracks_suite(void)
{
    Suite *suite = suite_create("source_tracks");
    TCase *tc = tcase_create("source_tracks");

    tcase_add_test(tc, test_header_alone_promises_nothing);
    tcase_add_test(tc, test_mp3_is_seen_by_its_frames);
    tcase_add_test(tc, test_sound_that_stops_ends_at_a_keyframe);
    tcase_add_test(tc, test_picture_that_stops_leaves_the_sound);
    tcase_add_test(tc, test_a_pause_of_both_is_no_silence);
    tcase_add_test(tc, test_relays_keep_the_silent_header);
    tcase_add_test(tc, test_relays_that_come_before_the_decision);
    suite_add_tcase(suite, tc);
    return suite;
}
