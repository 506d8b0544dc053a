/* The source's rules for FLV viewers: how a stream opens, goes on, changes and ends. */
#include "live_kit.h"

Suite *check_source_suite(void);

static struct viewer *open_flv(struct kit *kit)
{
    struct viewer *viewer = viewer_open(kit->source, &mux_flv, kit->now);

    ck_assert_ptr_nonnull(viewer);
    return viewer;
}

static void check_monotonic(const struct kit_seen *seen)
{
    uint32_t last[32] = {0};

    for (int i = 0; i < seen->count; i++) {
        if (seen->tag[i].is_header || seen->tag[i].type == FRAME_SCRIPT)
            continue;
        ck_assert_uint_ge(seen->tag[i].ms, last[seen->tag[i].type]);
        last[seen->tag[i].type] = seen->tag[i].ms;
    }
}

START_TEST(test_second_publisher_is_refused)
{
    struct kit kit;

    kit_open(&kit);
    kit_publish(&kit);
    ck_assert_int_eq(source_publish(kit.source, &kit.config, kit.now), -1);
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(kit.gone, 1); /* nobody watched: it does not wait */
    ck_assert_int_eq(source_publish(kit.source, &kit.config, kit.now), 0);
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(kit.published, 2);
    kit_close(&kit);
}
END_TEST

START_TEST(test_opens_at_keyframe_with_preamble_at_zero)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 500, 40);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[0].is_header && seen->tag[0].type == FRAME_VIDEO);
    ck_assert(seen->tag[1].is_header && seen->tag[1].type == FRAME_AUDIO);
    ck_assert_uint_eq(seen->tag[0].ms, 0);
    ck_assert_uint_eq(seen->tag[1].ms, 0);
    /* The second keyframe, at picture 25, is the last one. */
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 1000);
    ck_assert_int_eq(seen->count, 2 + 30);
    check_monotonic(seen);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_metadata_comes_first_at_zero)
{
    static const char meta[] = "\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x08"
                               "duration\x00\x40\x45\x00\x00\x00\x00\x00\x00\x00\x00\x09";
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_push(&kit, FRAME_SCRIPT, 0, meta, sizeof(meta) - 1);
    kit_start(&kit, 0, 10);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->tag[0].type, FRAME_SCRIPT);
    ck_assert_uint_eq(seen->tag[0].ms, 0);
    ck_assert_ptr_null(memmem(seen->tag[0].body, seen->tag[0].len, "duration", 8));
    ck_assert_ptr_nonnull(memmem(seen->tag[0].body, seen->tag[0].len, "Millrace", 8));
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_waiting_viewer_gets_the_stream_from_its_first_frame)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    ck_assert_uint_eq(seen->bytes, 0);
    kit_publish(&kit);
    kit_start(&kit, 9000, 5);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->count, 2 + 10);
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 0);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_audio_alone_is_announced_after_half_a_second)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_aac_header(&kit, 0, 0x10);
    viewer = open_flv(&kit);
    for (uint32_t ts = 0; ts < 480; ts += 20)
        kit_audio(&kit, ts);
    kit_take(viewer, seen);
    ck_assert_uint_eq(seen->bytes, 0);
    kit_audio(&kit, 500);
    kit_audio(&kit, 520);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 4);
    ck_assert(seen->tag[0].is_header);
    viewer_close(viewer);
    /* Whoever comes now begins at once. */
    viewer = open_flv(&kit);
    kit_seen_free(seen);
    seen = kit_seen_new();
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->count, 1);
    kit_audio(&kit, 540);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->count, 2);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_quiet_publisher_is_decided_by_the_clock)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    viewer = open_flv(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_video(&kit, 0, 1);
    kit_take(viewer, seen);
    ck_assert_uint_eq(seen->bytes, 0);
    source_tick(kit.source, kit.now + USEC_PER_SEC);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert_int_eq(seen->count, 2);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_same_header_again_is_not_sent)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    kit_start(&kit, 400, 10);
    kit_take(viewer, seen);
    for (int i = 2; i < seen->count; i++)
        ck_assert(!seen->tag[i].is_header);
    ck_assert(!seen->is_ended);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_changed_avc_header_goes_in_band)
{
    static const uint8_t nals[] = {0, 0, 0,    4,    0x67, 0x64, 0, 0x28, 0,    0,
                                   0, 2, 0x68, 0x28, 0,    0,    0, 2,    0x65, 0xaa};
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;
    struct viewer *later;
    int at;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    at = seen->count;
    kit_avc_header(&kit, 400, 0x28);
    kit_run(&kit, 400, 30);
    kit_take(viewer, seen);
    ck_assert(!seen->is_ended);
    ck_assert(seen->tag[at].is_key);
    for (int i = at; i < seen->count; i++) {
        ck_assert(!seen->tag[i].is_header);
        if (!seen->tag[i].is_key)
            continue;
        /* The later ones too: players would put the sets they began with before them. */
        ck_assert_uint_eq(seen->tag[i].len, 5 + sizeof(nals));
        ck_assert_mem_eq(seen->tag[i].body + 5, nals, sizeof(nals));
    }
    /* Later viewers get the new preamble. */
    later = open_flv(&kit);
    kit_seen_free(seen);
    seen = kit_seen_new();
    kit_take(later, seen);
    ck_assert(seen->tag[0].is_header);
    ck_assert_uint_eq(seen->tag[0].body[16], 0x28);
    viewer_close(later);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_preamble_follows_at_the_keyframe_not_before)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    kit_avc_header(&kit, 400, 0x28);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    /* The group held is of the old configuration. */
    ck_assert_uint_eq(seen->tag[0].body[16], 0x1f);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_changed_asc_goes_into_the_ring)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;
    int at;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    at = seen->count;
    kit_aac_header(&kit, 400, 0x08);
    kit_audio(&kit, 410);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->count, at + 2);
    ck_assert(seen->tag[at].is_header && seen->tag[at].type == FRAME_AUDIO);
    ck_assert(!seen->tag[at + 1].is_header);
    ck_assert(!seen->is_ended);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_another_codec_ends_cleanly)
{
    static const uint8_t header[] = {0x90, 'h', 'v', 'c', '1', 1, 2, 3};
    static const uint8_t key[] = {0x93, 'h', 'v', 'c', '1', 0, 0, 0, 1, 0x26};
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;
    int at;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    at = seen->count;
    kit_audio(&kit, 405);
    kit_push(&kit, FRAME_VIDEO, 410, header, sizeof(header));
    kit_push(&kit, FRAME_VIDEO, 410, key, sizeof(key));
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    /* What came before the change is still delivered. */
    ck_assert_int_eq(seen->count, at + 1);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    kit_seen_free(seen);
    seen = kit_seen_new();
    kit_take(viewer, seen);
    ck_assert_mem_eq(seen->tag[0].body, header, sizeof(header));
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_republish_goes_on_by_one_frame)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;
    int at;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(kit.gone, 0);
    kit.now += 5 * USEC_PER_SEC;
    source_tick(kit.source, kit.now);
    kit_take(viewer, seen);
    ck_assert(!seen->is_ended);
    at = seen->count;
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    kit_take(viewer, seen);
    ck_assert(!seen->is_ended);
    ck_assert(seen->tag[at].is_key);
    /* Sound ended at 1170: one picture's duration later. */
    ck_assert_uint_eq(seen->tag[at].ms, 1170 + 40);
    ck_assert_uint_eq(seen->tag[at + 1].ms, 1170 + 50);
    check_monotonic(seen);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_end_of_republish_wait_ends_cleanly)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    source_unpublish(kit.source, kit.now);
    source_tick(kit.source, kit.now + 15 * USEC_PER_SEC - 1);
    kit_take(viewer, seen);
    ck_assert(!seen->is_ended);
    source_tick(kit.source, kit.now + 15 * USEC_PER_SEC);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    ck_assert_int_eq(kit.gone, 1);
    viewer_close(viewer);
    kit_seen_free(seen);
    hub_tick(kit.hub, kit.now);
    ck_assert_uint_eq(hub_count(kit.hub), 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_track_that_appears_ends_cleanly)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    for (uint32_t i = 0; i < 30; i++)
        kit_video(&kit, i * 40, i % 25 == 0);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 1);
    kit_aac_header(&kit, 1200, 0x10);
    kit_audio(&kit, 1200);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    kit_seen_free(seen);
    seen = kit_seen_new();
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_track_that_goes_ends_cleanly)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    for (uint32_t i = 0; i < 50; i++)
        kit_video(&kit, i * 40, i % 25 == 0);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    check_monotonic(seen);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    kit_seen_free(seen);
    seen = kit_seen_new();
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 1);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_nobody_crosses_signed_time)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;
    uint32_t ts = 0;

    kit_open(&kit);
    kit.config.time_jitter = TIME_JITTER_ZERO; /* so that the test may jump ahead */
    kit_publish(&kit);
    kit_start(&kit, 0, 25);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    ts = 0x7fffffffu - 3600000 - 500;
    kit_run(&kit, ts, 25);
    kit_run(&kit, ts + 1000, 25);
    kit_take(viewer, seen);
    ck_assert(seen->is_ended);
    for (int i = 0; i < seen->count; i++)
        ck_assert_uint_lt(seen->tag[i].ms, 0x7fffffffu - 3600000 + 1000);
    viewer_close(viewer);
    viewer = open_flv(&kit);
    kit_seen_free(seen);
    seen = kit_seen_new();
    kit_take(viewer, seen);
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 0);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_guess_off_takes_the_configuration)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit.config.guess_has_av = 0;
    kit.config.has_audio = 0;
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 1);
    for (int i = 0; i < seen->count; i++)
        ck_assert_int_ne(seen->tag[i].type, FRAME_AUDIO);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_denied_track_passes_when_not_dropped)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;
    int audio = 0;

    kit_open(&kit);
    kit.config.guess_has_av = 0;
    kit.config.has_audio = 0;
    kit.config.drop_if_not_match = 0;
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    viewer = open_flv(&kit);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 1);
    for (int i = 0; i < seen->count; i++)
        audio += seen->tag[i].type == FRAME_AUDIO;
    ck_assert_int_eq(audio, 1 + 10); /* and its sequence header */
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
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
    source_unpublish(kit.source, kit.now);
    kit_close(&kit);
}
END_TEST

START_TEST(test_end_of_sequence_stays_behind_the_next_picture)
{
    static const uint8_t end[] = {0x17, 2, 0, 0, 0};
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    viewer = open_flv(&kit);
    /* The sound is ahead when the encoder says that its picture ends, and another goes on. */
    kit_audio(&kit, 1250);
    kit_push(&kit, FRAME_VIDEO, 1290, end, sizeof(end));
    kit_video(&kit, 1200, 1);
    kit_take(viewer, seen);
    check_monotonic(seen);
    ck_assert_uint_eq(seen->tag[seen->count - 1].ms, 1200);
    viewer_close(viewer);
    kit_seen_free(seen);
    source_unpublish(kit.source, kit.now);
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
    tcase_add_test(tc, test_changed_avc_header_goes_in_band);
    tcase_add_test(tc, test_preamble_follows_at_the_keyframe_not_before);
    tcase_add_test(tc, test_changed_asc_goes_into_the_ring);
    tcase_add_test(tc, test_another_codec_ends_cleanly);
    tcase_add_test(tc, test_republish_goes_on_by_one_frame);
    tcase_add_test(tc, test_end_of_republish_wait_ends_cleanly);
    tcase_add_test(tc, test_track_that_appears_ends_cleanly);
    tcase_add_test(tc, test_track_that_goes_ends_cleanly);
    tcase_add_test(tc, test_nobody_crosses_signed_time);
    tcase_add_test(tc, test_guess_off_takes_the_configuration);
    tcase_add_test(tc, test_denied_track_passes_when_not_dropped);
    tcase_add_test(tc, test_empty_frames_are_dropped);
    tcase_add_test(tc, test_end_of_sequence_stays_behind_the_next_picture);
    suite_add_tcase(suite, tc);
    return suite;
}
