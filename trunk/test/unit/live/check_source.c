/* The source's rules for FLV viewers: how a stream opens, and what it holds. */
#include "live_kit.h"

Suite *check_source_suite(void);

START_TEST(test_second_publisher_is_refused)
{
    struct kit kit;

    kit_open(&kit);
    kit_publish(&kit);
    ck_assert_int_eq(source_publish(kit.source, &kit.config, kit.now), -1);
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(kit.gone, 1); /* without viewers it does not wait */
    ck_assert_int_eq(source_publish(kit.source, &kit.config, kit.now), 0);
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(kit.published, 2);
    kit_close(&kit);
}
END_TEST

START_TEST(test_opens_at_keyframe_with_preamble_at_zero)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 500, 40);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[0].is_header && seen->tag[0].type == FRAME_VIDEO);
    ck_assert(seen->tag[1].is_header && seen->tag[1].type == FRAME_AUDIO);
    ck_assert_uint_eq(seen->tag[0].ms, 0);
    ck_assert_uint_eq(seen->tag[1].ms, 0);
    /* The second keyframe, at frame 25, is the last one. */
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 1000);
    ck_assert_int_eq(seen->count, 2 + 30);
    kit_check_times(seen);
    kit_close(&kit);
}
END_TEST

START_TEST(test_metadata_comes_first_at_zero)
{
    static const char meta[] = "\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x08"
                               "duration\x00\x40\x45\x00\x00\x00\x00\x00\x00\x00\x00\x09";
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_push(&kit, FRAME_SCRIPT, 0, meta, sizeof(meta) - 1);
    kit_start(&kit, 0, 10);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->tag[0].type, FRAME_SCRIPT);
    ck_assert_uint_eq(seen->tag[0].ms, 0);
    ck_assert_ptr_null(memmem(seen->tag[0].body, seen->tag[0].len, "duration", 8));
    ck_assert_ptr_nonnull(memmem(seen->tag[0].body, seen->tag[0].len, "Millrace", 8));
    kit_close(&kit);
}
END_TEST

START_TEST(test_waiting_viewer_gets_the_stream_from_its_first_frame)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_uint_eq(seen->bytes, 0);
    kit_publish(&kit);
    kit_start(&kit, 9000, 5);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2 + 10);
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_audio_alone_is_announced_after_half_a_second)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_aac_header(&kit, 0, 0x10);
    seen = kit_watch(&kit, &mux_flv);
    for (uint32_t ts = 0; ts < 480; ts += 20)
        kit_audio(&kit, ts);
    kit_take(seen);
    ck_assert_uint_eq(seen->bytes, 0);
    kit_audio(&kit, 500);
    kit_audio(&kit, 520);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 4);
    ck_assert(seen->tag[0].is_header);
    kit_leave(seen);
    /* A viewer that joins now begins at once. */
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 1);
    kit_audio(&kit, 540);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2);
    kit_close(&kit);
}
END_TEST

START_TEST(test_quiet_publisher_is_decided_by_the_clock)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_avc_header(&kit, 0, 0x1f);
    kit_video(&kit, 0, 1);
    kit_take(seen);
    ck_assert_uint_eq(seen->bytes, 0);
    source_tick(kit.source, kit.now + USEC_PER_SEC);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert_int_eq(seen->count, 2);
    kit_close(&kit);
}
END_TEST

START_TEST(test_same_header_again_is_not_sent)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 10);

    kit_start(&kit, 400, 10);
    kit_take(seen);
    for (int i = 2; i < seen->count; i++)
        ck_assert(!seen->tag[i].is_header);
    ck_assert(!seen->is_ended);
    kit_close(&kit);
}
END_TEST

START_TEST(test_guess_off_takes_the_configuration)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.guess_has_av = 0;
    kit.config.has_audio = 0;
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 1);
    for (int i = 0; i < seen->count; i++)
        ck_assert_int_ne(seen->tag[i].type, FRAME_AUDIO);
    kit_close(&kit);
}
END_TEST

START_TEST(test_denied_track_passes_when_not_dropped)
{
    struct kit kit;
    struct kit_seen *seen;
    int audio = 0;

    kit_open(&kit);
    kit.config.guess_has_av = 0;
    kit.config.has_audio = 0;
    kit.config.drop_if_not_match = 0;
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 1);
    for (int i = 0; i < seen->count; i++)
        audio += seen->tag[i].type == FRAME_AUDIO;
    ck_assert_int_eq(audio, 1 + 10); /* and its sequence header */
    kit_close(&kit);
}
END_TEST

START_TEST(test_empty_frames_are_dropped)
{
    struct kit kit;
    struct source_stat stat;

    kit_open(&kit);
    kit_publish(&kit);
    kit_push(&kit, FRAME_VIDEO, 0, "", 0);
    kit_push(&kit, FRAME_AUDIO, 0, "", 0);
    source_stat(kit.source, &stat);
    ck_assert_uint_eq(stat.frames_dropped, 2);
    kit_close(&kit);
}
END_TEST

START_TEST(test_end_of_sequence_is_sent_before_the_next_frame)
{
    static const uint8_t end[] = {0x17, 2, 0, 0, 0};
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    seen = kit_watch(&kit, &mux_flv);
    /* The audio is ahead when the encoder announces that its video ends, and another continues. */
    kit_audio(&kit, 1250);
    kit_push(&kit, FRAME_VIDEO, 1290, end, sizeof(end));
    kit_video(&kit, 1200, 1);
    kit_take(seen);
    kit_check_times(seen);
    ck_assert_uint_eq(seen->tag[seen->count - 1].ms, 1200);
    kit_close(&kit);
}
END_TEST

/* A lagging viewer continues at the newest keyframe, and loses what it has not received. */
START_TEST(test_shrink_keeps_the_newest_group)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 30);
    static uint8_t large[100000] = {0x17, 1};
    struct source_stat stat;
    int before = seen->count;
    size_t dropped;

    for (uint32_t i = 0; i < 20; i++)
        kit_push(&kit, FRAME_VIDEO, 2000 + i * 40, large, sizeof(large));
    source_stat(kit.source, &stat);
    ck_assert_uint_gt(stat.ring_bytes, 20 * sizeof(large));
    dropped = source_shrink(kit.source);
    ck_assert_uint_gt(dropped, 15 * sizeof(large));
    source_stat(kit.source, &stat);
    ck_assert_uint_lt(stat.ring_bytes, 5 * sizeof(large));
    kit_take(seen);
    ck_assert_int_eq(seen->count, before + 1);
    ck_assert_int_eq(seen->tag[seen->count - 1].is_key, 1);
    ck_assert_uint_eq(viewer_skips(seen->viewer), 1);
    kit_close(&kit);
}
END_TEST

Suite *check_source_suite(void)
{
    Suite *suite = suite_create("source");
    TCase *tc = tcase_create("source");

    tcase_add_test(tc, test_second_publisher_is_refused);
    tcase_add_test(tc, test_opens_at_keyframe_with_preamble_at_zero);
    tcase_add_test(tc, test_metadata_comes_first_at_zero);
    tcase_add_test(tc, test_waiting_viewer_gets_the_stream_from_its_first_frame);
    tcase_add_test(tc, test_audio_alone_is_announced_after_half_a_second);
    tcase_add_test(tc, test_quiet_publisher_is_decided_by_the_clock);
    tcase_add_test(tc, test_same_header_again_is_not_sent);
    tcase_add_test(tc, test_guess_off_takes_the_configuration);
    tcase_add_test(tc, test_denied_track_passes_when_not_dropped);
    tcase_add_test(tc, test_empty_frames_are_dropped);
    tcase_add_test(tc, test_end_of_sequence_is_sent_before_the_next_frame);
    tcase_add_test(tc, test_shrink_keeps_the_newest_group);
    suite_add_tcase(suite, tc);
    return suite;
}
