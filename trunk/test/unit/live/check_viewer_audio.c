/* Viewers that join where no keyframe is in reach: audio at once, video from the next keyframe on.
 */
#include "live_kit.h"

#include "media/ts.h"
#include "test/unit/formats.h"

Suite *check_viewer_audio_suite(void);

/* A stream whose GOP is longer than the cache. */
static void open_long(struct kit *kit)
{
    kit_open(kit);
    kit->config.gop_cache_max_frames = 20;
    kit_publish(kit);
    kit_start(kit, 0, 25);
}

/* Video frames that are not keyframes, and audio. */
static void run_on(struct kit *kit, uint32_t ts, int frames)
{
    for (int i = 0; i < frames; i++) {
        kit_video(kit, ts + (uint32_t)i * 40, 0);
        kit_audio(kit, ts + (uint32_t)i * 40 + 10);
        kit->now += 40 * USEC_PER_MS;
    }
}

/* Audio only, then a keyframe and everything after it; nothing is missing. */
static void check_audio_first(const struct kit_seen *seen, int headers, int count, int rest)
{
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(seen->count, headers + count + rest);
    for (int i = headers; i < headers + count; i++)
        ck_assert_int_eq(seen->tag[i].type, FRAME_AUDIO);
    ck_assert(seen->tag[headers + count].is_key);
    kit_check_times(seen);
}

START_TEST(test_audio_comes_first_then_the_keyframe)
{
    struct kit kit;
    struct kit_seen *seen;

    open_long(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2); /* at once: what opens the stream */
    ck_assert(!seen->tag[1].is_key);
    for (uint32_t i = 0; i < 8; i++) {
        run_on(&kit, 1000 + i * 40, 1);
        kit_take(seen);
        ck_assert_int_eq(seen->count, 2 + (int)i + 1);
    }
    kit_run(&kit, 1320, 10);
    kit_take(seen);
    check_audio_first(seen, 2, 8, 20);
    kit_close(&kit);
}
END_TEST

/* A viewer that takes everything at once: more audio frames than a batch has spans, over several
 * blocks. */
START_TEST(test_a_slow_viewer_gets_all_audio)
{
    static uint8_t big[40000] = {0x27, 1, 0, 0, 0};
    struct kit kit;
    struct kit_seen *seen;

    open_long(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    for (uint32_t i = 0; i < 30; i++) {
        kit_push(&kit, FRAME_VIDEO, 1000 + i * 40, big, sizeof(big));
        kit_audio(&kit, 1010 + i * 40);
        kit_audio(&kit, 1030 + i * 40);
    }
    kit_run(&kit, 2200, 5);
    kit_take(seen);
    check_audio_first(seen, 2, 60, 10);
    kit_close(&kit);
}
END_TEST

/* Many viewers share a batch from one position: a viewer with audio only must not get it. */
START_TEST(test_a_viewer_of_audio_shares_no_batch)
{
    struct kit kit;
    struct kit_seen *running;
    struct kit_seen *seen;
    struct viewer_batch batch;
    struct viewer_shared_batch shared;

    kit_open(&kit);
    kit.config.gop_cache_max_frames = 20;
    kit_publish(&kit);
    kit_start(&kit, 0, 5);
    running = kit_watch(&kit, &mux_flv);
    kit_take(running);
    run_on(&kit, 200, 20);
    kit_take(running);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    run_on(&kit, 1000, 2);
    ck_assert_int_eq(viewer_next(running->viewer, KIT_BATCH, &batch), VIEWER_BYTES);
    ck_assert_int_eq(viewer_shared_batch_get(running->viewer, &shared), 0);
    viewer_sent(running->viewer);
    ck_assert(!viewer_shared_batch_fits(seen->viewer, &shared));
    ck_assert_int_eq(viewer_next(seen->viewer, KIT_BATCH, &batch), VIEWER_BYTES);
    ck_assert_int_eq(viewer_shared_batch_get(seen->viewer, &shared), -1);
    viewer_sent(seen->viewer);
    kit_close(&kit);
}
END_TEST

/* gop_cache off, and no keyframe for long; with short GOPs the viewer waits for the video. */
START_TEST(test_without_a_cache)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.gop_cache = 0;
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    seen = kit_watch(&kit, &mux_flv);
    run_on(&kit, 400, 60);
    kit_take(seen);
    ck_assert_uint_eq(seen->bytes, 0);
    run_on(&kit, 2800, 10);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2);
    run_on(&kit, 3200, 3);
    kit_run(&kit, 3320, 5);
    kit_take(seen);
    check_audio_first(seen, 2, 3, 10);
    kit_close(&kit);
}
END_TEST

/* A publisher that starts in the middle of a GOP. */
START_TEST(test_publisher_begins_midway)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    run_on(&kit, 0, 2);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2);
    run_on(&kit, 80, 3);
    kit_run(&kit, 200, 5);
    kit_take(seen);
    check_audio_first(seen, 2, 3, 10);
    kit_close(&kit);
}
END_TEST

/* Without audio it waits, and gets the video from its keyframe on. */
START_TEST(test_a_stream_without_audio_waits_for_the_keyframe)
{
    struct kit kit;
    struct kit_seen *seen;
    struct kit_seen *only;

    open_long(&kit);
    only = kit_adopt(&kit, viewer_open_only(kit.source, &mux_flv, SOURCE_VIDEO_ONLY, kit.now));
    seen = kit_watch(&kit, &mux_flv);
    run_on(&kit, 1000, 5);
    kit_take(only);
    ck_assert_uint_eq(only->bytes, 0);
    ck_assert(!only->is_ended);
    kit_run(&kit, 1200, 5);
    kit_take(only);
    ck_assert(only->tag[1].is_key);
    ck_assert_int_eq(only->count, 1 + 5);
    kit_take(seen);
    ck_assert(seen->tag[2].is_key);
    kit_close(&kit);
}
END_TEST

/* A track ends meanwhile: the response ends as for other viewers. */
START_TEST(test_audio_ends_with_its_epoch)
{
    static const uint8_t header[] = {0x90, 'h', 'v', 'c', '1', 1, 2, 3};
    static const uint8_t key[] = {0x93, 'h', 'v', 'c', '1', 0, 0, 0, 1, 0x26};
    struct kit kit;
    struct kit_seen *seen;

    open_long(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    run_on(&kit, 1000, 3);
    kit_push(&kit, FRAME_VIDEO, 1120, header, sizeof(header));
    kit_push(&kit, FRAME_VIDEO, 1120, key, sizeof(key));
    kit_audio(&kit, 1130);
    kit_take(seen);
    ck_assert(seen->is_ended);
    ck_assert_int_eq(seen->count, 2 + 3);
    kit_close(&kit);
}
END_TEST

static int packets_of(const uint8_t *p, size_t len, unsigned pid)
{
    int count = 0;

    for (size_t at = 0; at + TS_PACKET_SIZE <= len; at += TS_PACKET_SIZE)
        count += ((p[at + 1] & 0x1fu) << 8 | p[at + 2]) == pid;
    return count;
}

START_TEST(test_ts)
{
    struct kit kit;
    struct kit_seen *seen;

    open_long(&kit);
    seen = kit_watch(&kit, &mux_ts);
    kit_take_bytes(seen);
    run_on(&kit, 1000, 15);
    kit_take_bytes(seen);
    ck_assert_uint_gt(seen->len, 0);
    ck_assert_int_eq(packets_of(seen->data, seen->len, TS_PID_VIDEO), 0);
    ck_assert_int_gt(packets_of(seen->data, seen->len, TS_PID_AUDIO), 10);
    ck_assert_int_gt(packets_of(seen->data, seen->len, TS_PID_PMT), 0);
    kit_run(&kit, 1600, 1);
    kit_take_bytes(seen);
    ck_assert_int_gt(packets_of(seen->data, seen->len, TS_PID_VIDEO), 0);
    kit_close(&kit);
}
END_TEST

/* Another worker's publisher, whose video frames follow the first audio and are not decodable yet.
 */
START_TEST(test_ts_of_a_relay)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    source_promise(kit.source, 1, 1);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    kit_audio(&kit, 0);
    seen = kit_watch(&kit, &mux_ts);
    run_on(&kit, 10, 1);
    kit_take_bytes(seen);
    for (uint32_t i = 0; i < 3 && seen->len == 0; i++) {
        run_on(&kit, 50 + i * 40, 1);
        kit_take_bytes(seen);
    }
    /* The tables come first. */
    ck_assert_uint_gt(seen->len, TS_PACKET_SIZE);
    ck_assert_int_eq(packets_of(seen->data, TS_PACKET_SIZE, TS_PID_PAT), 1);
    run_on(&kit, 170, 12);
    kit_take_bytes(seen);
    ck_assert_int_gt(packets_of(seen->data, seen->len, TS_PID_AUDIO), 10);
    ck_assert_int_eq(packets_of(seen->data, seen->len, TS_PID_VIDEO), 0);
    kit_run(&kit, 650, 1);
    kit_take_bytes(seen);
    ck_assert_int_gt(packets_of(seen->data, seen->len, TS_PID_VIDEO), 0);
    kit_close(&kit);
}
END_TEST

/* The GOP is kept however old it is, as long as it fits. */
START_TEST(test_a_minute_is_kept)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.gop_cache_max_frames = 1000000;
    kit_publish(&kit);
    kit_start(&kit, 0, 1);
    run_on(&kit, 40, 25 * 60);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 0);
    ck_assert_int_eq(seen->count, 2 + 2 * (1 + 25 * 60));
    kit_close(&kit);
}
END_TEST

static void note_loss(struct source *source, enum source_gop_loss why, void *arg)
{
    int *lost = arg;

    (void)source;
    lost[why]++;
}

/* Once for each publication, with the limit. */
START_TEST(test_what_is_not_kept_is_told)
{
    static uint8_t big[50000] = {0x27, 1, 0, 0, 0};
    int lost[2] = {0, 0};
    struct source_events events = {.on_gop_lost = note_loss, .arg = lost};
    struct kit kit;

    kit_open(&kit);
    source_set_events(kit.source, &events);
    kit.config.gop_cache_max_frames = 40;
    kit_publish(&kit);
    for (uint32_t i = 0; i < 3; i++) {
        kit_start(&kit, i * 2000, 1);
        run_on(&kit, i * 2000 + 40, 15);
    }
    ck_assert_int_eq(lost[SOURCE_GOP_FRAMES], 0);
    run_on(&kit, 4640, 20);
    kit_run(&kit, 6000, 1);
    run_on(&kit, 6040, 40);
    ck_assert_int_eq(lost[SOURCE_GOP_FRAMES], 1);
    ck_assert_int_eq(lost[SOURCE_GOP_BYTES], 0);
    source_unpublish(kit.source, kit.now);
    kit.config.gop_cache_max_bytes = 1 << 20;
    kit_publish(&kit);
    kit_start(&kit, 0, 1);
    for (uint32_t i = 1; i < 30; i++)
        kit_push(&kit, FRAME_VIDEO, i * 40, big, sizeof(big));
    ck_assert_int_eq(lost[SOURCE_GOP_FRAMES], 1);
    ck_assert_int_eq(lost[SOURCE_GOP_BYTES], 1);
    kit_close(&kit);
}
END_TEST

Suite *check_viewer_audio_suite(void)
{
    Suite *suite = suite_create("viewer_audio");
    TCase *tc = tcase_create("audio");

    tcase_add_test(tc, test_audio_comes_first_then_the_keyframe);
    tcase_add_test(tc, test_a_slow_viewer_gets_all_audio);
    tcase_add_test(tc, test_a_viewer_of_audio_shares_no_batch);
    tcase_add_test(tc, test_without_a_cache);
    tcase_add_test(tc, test_publisher_begins_midway);
    tcase_add_test(tc, test_a_stream_without_audio_waits_for_the_keyframe);
    tcase_add_test(tc, test_audio_ends_with_its_epoch);
    tcase_add_test(tc, test_ts);
    tcase_add_test(tc, test_ts_of_a_relay);
    tcase_add_test(tc, test_a_minute_is_kept);
    tcase_add_test(tc, test_what_is_not_kept_is_told);
    suite_add_tcase(suite, tc);
    return suite;
}
