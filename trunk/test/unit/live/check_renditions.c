/* The renditions of a source: which formats can carry a stream, a single track, audio that is kept.
 */
#include "live_kit.h"

#include "live/source_private.h"
#include "test/unit/formats.h"

Suite *check_renditions_suite(void);

/* kit_audio() as ADTS. */
#define ADTS_LEN 10

START_TEST(test_fit)
{
    struct kit kit;

    kit_open(&kit);
    ck_assert_int_eq(source_fit(kit.source, &mux_flv, SOURCE_BOTH), SOURCE_FITS);
    ck_assert_int_eq(source_fit(kit.source, &mux_ts, SOURCE_BOTH), SOURCE_FIT_UNKNOWN);
    kit_publish(&kit);
    ck_assert_int_eq(source_fit(kit.source, &mux_mp3, SOURCE_BOTH), SOURCE_FIT_UNKNOWN);
    kit_aac_header(&kit, 0, 0x10);
    kit_audio(&kit, 0);
    /* That there is audio is known at once; whether there will be video is not. */
    ck_assert_int_eq(source_fit(kit.source, &mux_mp3, SOURCE_BOTH), SOURCE_UNFIT);
    ck_assert_int_eq(source_fit(kit.source, &mux_aac, SOURCE_BOTH), SOURCE_FITS);
    ck_assert_int_eq(source_fit(kit.source, &mux_ts, SOURCE_VIDEO_ONLY), SOURCE_FIT_UNKNOWN);
    kit_audio(&kit, 600);
    /* The header is decided; a viewer that waits for video does so a little longer. */
    ck_assert_int_eq(source_fit(kit.source, &mux_ts, SOURCE_VIDEO_ONLY), SOURCE_FIT_UNKNOWN);
    kit_audio(&kit, 5000);
    ck_assert_int_eq(source_fit(kit.source, &mux_ts, SOURCE_VIDEO_ONLY), SOURCE_UNFIT);
    ck_assert_int_eq(source_fit(kit.source, &mux_flv, SOURCE_VIDEO_ONLY), SOURCE_UNFIT);
    ck_assert_int_eq(source_fit(kit.source, &mux_ts, SOURCE_AUDIO_ONLY), SOURCE_FITS);
    ck_assert_int_eq(source_fit(kit.source, &mux_ts, SOURCE_BOTH), SOURCE_FITS);
    kit_close(&kit);
}
END_TEST

START_TEST(test_unfit_viewers_end_before_they_begin)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    seen = kit_watch(&kit, &mux_mp3);
    kit_publish(&kit);
    kit_take_bytes(seen);
    ck_assert(!seen->is_ended);
    kit_start(&kit, 0, 3);
    kit_take_bytes(seen);
    ck_assert(seen->is_ended && !viewer_has_begun(seen->viewer));
    ck_assert_uint_eq(seen->len, 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_a_waiting_viewer_gets_every_audio_frame)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    seen = kit_watch(&kit, &mux_aac);
    kit_publish(&kit);
    kit_aac_header(&kit, 0, 0x10);
    for (uint32_t i = 0; i < 300; i++)
        kit_audio(&kit, i * 23);
    kit_take_bytes(seen);
    ck_assert_uint_eq(seen->len, 300 * ADTS_LEN);
    /* A viewer that joins now starts at the next keyframe. */
    kit_leave(seen);
    seen = kit_watch(&kit, &mux_aac);
    kit_take_bytes(seen);
    ck_assert_uint_eq(seen->len, 0);
    kit_audio(&kit, 300 * 23);
    kit_take_bytes(seen);
    ck_assert_uint_eq(seen->len, ADTS_LEN);
    kit_close(&kit);
}
END_TEST

START_TEST(test_audio_is_kept_without_viewers)
{
    struct kit kit;
    struct kit_seen *seen;
    struct source_stat stat;

    kit_open(&kit);
    kit.config.fast_cache = 5 * USEC_PER_SEC;
    kit_publish(&kit);
    source_keep(kit.source, &mux_aac);
    source_keep(kit.source, &mux_mp3);
    kit_aac_header(&kit, 0, 0x10);
    for (uint32_t i = 0; i < 1000; i++) {
        kit_audio(&kit, i * 25);
        kit.now += 25 * USEC_PER_MS;
    }
    for (int i = 0; i < 2; i++) {
        seen = kit_watch(&kit, &mux_aac);
        kit_take_bytes(seen);
        ck_assert_uint_ge(seen->len, 200 * ADTS_LEN);
        ck_assert_uint_le(seen->len, 200 * ADTS_LEN + 2048);
        ck_assert_mem_eq(seen->data, "\xff\xf1", 2);
        kit_leave(seen);
    }
    /* Kept without viewers, bounded, and freed with the stream. */
    ck_assert_ptr_nonnull(kit.source->others);
    source_stat(kit.source, &stat);
    ck_assert_uint_lt(stat.ring_bytes, 128 * 1024);
    kit.config.republish_wait = 0;
    source_unpublish(kit.source, kit.now);
    ck_assert_ptr_null(kit.source->others);
    kit_close(&kit);
}
END_TEST

START_TEST(test_kept_audio_of_an_earlier_publisher_is_not_sent)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.fast_cache = 5 * USEC_PER_SEC;
    kit_publish(&kit);
    source_keep(kit.source, &mux_aac);
    kit_aac_header(&kit, 0, 0x10);
    kit_audio(&kit, 0);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    source_keep(kit.source, &mux_aac);
    kit_aac_header(&kit, 0, 0x10);
    kit_audio(&kit, 0);
    seen = kit_watch(&kit, &mux_aac);
    kit_take_bytes(seen);
    ck_assert_uint_eq(seen->len, ADTS_LEN);
    kit_close(&kit);
}
END_TEST

static struct kit_seen *watch_only(struct kit *kit, enum source_only only)
{
    return kit_adopt(kit, viewer_open_only(kit->source, &mux_flv, only, kit->now));
}

START_TEST(test_one_track_of_flv)
{
    struct kit kit;
    struct kit_seen *seen[2];

    kit_open(&kit);
    seen[0] = watch_only(&kit, SOURCE_AUDIO_ONLY);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    seen[1] = watch_only(&kit, SOURCE_VIDEO_ONLY);
    for (int i = 0; i < 2; i++)
        kit_take(seen[i]);
    kit_run(&kit, 1200, 3);
    for (int i = 0; i < 2; i++) {
        kit_take(seen[i]);
        ck_assert_int_eq(seen[i]->flags, i == 0 ? 4 : 1);
        ck_assert(seen[i]->tag[0].is_header);
        for (int t = 0; t < seen[i]->count; t++)
            ck_assert_int_eq(seen[i]->tag[t].type, i == 0 ? FRAME_AUDIO : FRAME_VIDEO);
    }
    ck_assert(seen[1]->tag[1].is_key);
    ck_assert_int_eq(seen[1]->count, 1 + 5 + 3);
    /* Changed video comes in-band here, too. */
    kit_avc_header(&kit, 1320, 0x28);
    kit_video(&kit, 1320, 1);
    kit_take(seen[1]);
    ck_assert_int_eq(seen[1]->count, 1 + 5 + 3 + 1);
    ck_assert_uint_gt(seen[1]->tag[9].len, 11);
    kit_close(&kit);
}
END_TEST

START_TEST(test_ts_stays_where_flv_ends)
{
    struct kit kit;
    struct kit_seen *ts;
    struct kit_seen *plain;

    kit_open(&kit);
    ts = kit_watch(&kit, &mux_ts);
    plain = kit_watch(&kit, &mux_flv);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    for (uint32_t i = 0; i < 20; i++)
        kit_video(&kit, i * 40, i == 0);
    kit_take_bytes(ts);
    kit_take_bytes(plain);
    ck_assert_uint_gt(ts->len, 20 * 188);
    ck_assert_uint_eq(ts->len % 188, 0);
    ck_assert_mem_eq(ts->data, "\x47\x40\x00", 3);
    kit_aac_header(&kit, 800, 0x10);
    kit_audio(&kit, 800);
    kit_video(&kit, 800, 1);
    kit_take_bytes(ts);
    kit_take_bytes(plain);
    ck_assert(plain->is_ended && !ts->is_ended);
    ck_assert_mem_eq(ts->data, "\x47\x40\x00", 3);
    /* PMT: the version has risen, and there is a second stream. */
    ck_assert_uint_eq(ts->data[188 + 5 + 5] >> 1 & 31, 1);
    ck_assert_uint_eq(ts->data[188 + 5 + 2], 23);
    /* But it ends with the stream. */
    source_unpublish(kit.source, kit.now);
    source_tick(kit.source, kit.now + 60 * USEC_PER_SEC);
    kit_take_bytes(ts);
    ck_assert(ts->is_ended);
    kit_close(&kit);
}
END_TEST

START_TEST(test_lost_ts_viewer_gets_the_bridge)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.queue_length = USEC_PER_SEC;
    seen = kit_watch(&kit, &mux_ts);
    kit_publish(&kit);
    kit_start(&kit, 0, 5);
    kit_take_bytes(seen);
    kit_run(&kit, 200, 2000);
    kit_take_bytes(seen);
    ck_assert_int_eq(viewer_skips(seen->viewer), 1);
    ck_assert_uint_eq(seen->len % 188, 0);
    for (int i = 0; i < 4; i++)
        ck_assert_mem_eq(seen->data + i * 188 + 4, "\xb7\x80", 2);
    ck_assert_mem_eq(seen->data + 4 * 188, "\x47\x40\x00", 3);
    kit_close(&kit);
}
END_TEST

START_TEST(test_ts_ends_where_timestamps_restart)
{
    struct kit kit;
    struct kit_seen *seen;
    uint32_t ts = 0x7fffffffu - 3600000 - 500;

    kit_open(&kit);
    kit.config.time_jitter = TIME_JITTER_ZERO; /* so that the test may jump ahead */
    kit_publish(&kit);
    kit_start(&kit, 0, 25);
    seen = kit_watch(&kit, &mux_ts);
    kit_take_bytes(seen);
    ck_assert_uint_gt(seen->len, 0);
    kit_run(&kit, ts, 25);
    kit_take_bytes(seen);
    ck_assert(!seen->is_ended);
    kit_run(&kit, ts + 1000, 25);
    kit_take_bytes(seen);
    ck_assert(seen->is_ended);
    kit_leave(seen);
    /* The next viewer starts at the keyframe of the new timeline, whose PTS is only the delay. */
    seen = kit_watch(&kit, &mux_ts);
    kit_take_bytes(seen);
    ck_assert_mem_eq(seen->data, "\x47\x40\x00", 3);
    ck_assert_mem_eq(seen->data + 376, "\x47\x41\x00", 3);
    ck_assert_mem_eq(memmem(seen->data + 376, 188, "\0\0\1\xe0", 4) + 9, "\x21\x00\x01\x8c\xa1", 5);
    kit_close(&kit);
}
END_TEST

Suite *check_renditions_suite(void)
{
    Suite *suite = suite_create("renditions");
    TCase *tcase = tcase_create("renditions");

    tcase_add_test(tcase, test_fit);
    tcase_add_test(tcase, test_unfit_viewers_end_before_they_begin);
    tcase_add_test(tcase, test_a_waiting_viewer_gets_every_audio_frame);
    tcase_add_test(tcase, test_audio_is_kept_without_viewers);
    tcase_add_test(tcase, test_kept_audio_of_an_earlier_publisher_is_not_sent);
    tcase_add_test(tcase, test_one_track_of_flv);
    tcase_add_test(tcase, test_ts_stays_where_flv_ends);
    tcase_add_test(tcase, test_lost_ts_viewer_gets_the_bridge);
    tcase_add_test(tcase, test_ts_ends_where_timestamps_restart);
    suite_add_tcase(suite, tcase);
    return suite;
}
