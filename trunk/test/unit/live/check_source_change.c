/* Changes while a stream is watched: headers, codecs, tracks, the publisher, the time. */
#include "live_kit.h"

Suite *check_source_change_suite(void);

START_TEST(test_changed_avc_header_goes_in_band)
{
    static const uint8_t nals[] = {0, 0, 0,    4,    0x67, 0x64, 0, 0x28, 0,    0,
                                   0, 2, 0x68, 0x28, 0,    0,    0, 2,    0x65, 0xaa};
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 10);
    int at = seen->count;

    kit_avc_header(&kit, 400, 0x28);
    kit_run(&kit, 400, 30);
    kit_take(seen);
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
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert(seen->tag[0].is_header);
    ck_assert_uint_eq(seen->tag[0].body[16], 0x28);
    kit_close(&kit);
}
END_TEST

START_TEST(test_preamble_follows_at_the_keyframe_not_before)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    kit_avc_header(&kit, 400, 0x28);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    /* The group held is of the old configuration. */
    ck_assert_uint_eq(seen->tag[0].body[16], 0x1f);
    kit_close(&kit);
}
END_TEST

START_TEST(test_changed_asc_goes_into_the_ring)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 10);
    int at = seen->count;

    kit_aac_header(&kit, 400, 0x08);
    kit_audio(&kit, 410);
    kit_take(seen);
    ck_assert_int_eq(seen->count, at + 2);
    ck_assert(seen->tag[at].is_header && seen->tag[at].type == FRAME_AUDIO);
    ck_assert(!seen->tag[at + 1].is_header);
    ck_assert(!seen->is_ended);
    kit_close(&kit);
}
END_TEST

START_TEST(test_another_codec_ends_cleanly)
{
    static const uint8_t header[] = {0x90, 'h', 'v', 'c', '1', 1, 2, 3};
    static const uint8_t key[] = {0x93, 'h', 'v', 'c', '1', 0, 0, 0, 1, 0x26};
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 10);
    int at = seen->count;

    kit_audio(&kit, 405);
    kit_push(&kit, FRAME_VIDEO, 410, header, sizeof(header));
    kit_push(&kit, FRAME_VIDEO, 410, key, sizeof(key));
    kit_take(seen);
    ck_assert(seen->is_ended);
    /* What came before the change is still delivered. */
    ck_assert_int_eq(seen->count, at + 1);
    seen = kit_reload(&kit, seen);
    ck_assert_mem_eq(seen->tag[0].body, header, sizeof(header));
    kit_close(&kit);
}
END_TEST

START_TEST(test_republish_goes_on_by_one_frame)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 30);
    int at;

    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(kit.gone, 0);
    kit.now += 5 * USEC_PER_SEC;
    source_tick(kit.source, kit.now);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    at = seen->count;
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    ck_assert(seen->tag[at].is_key);
    /* Audio ended at 1170: one video frame's duration later. */
    ck_assert_uint_eq(seen->tag[at].ms, 1170 + 40);
    ck_assert_uint_eq(seen->tag[at + 1].ms, 1170 + 50);
    kit_check_times(seen);
    kit_close(&kit);
}
END_TEST

START_TEST(test_end_of_republish_wait_ends_cleanly)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 30);

    source_unpublish(kit.source, kit.now);
    source_tick(kit.source, kit.now + 15 * USEC_PER_SEC - 1);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    source_tick(kit.source, kit.now + 15 * USEC_PER_SEC);
    kit_take(seen);
    ck_assert(seen->is_ended);
    ck_assert_int_eq(kit.gone, 1);
    kit_leave(seen);
    hub_tick(kit.hub, kit.now);
    ck_assert_uint_eq(hub_count(kit.hub), 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_track_that_appears_ends_cleanly)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    for (uint32_t i = 0; i < 30; i++)
        kit_video(&kit, i * 40, i % 25 == 0);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 1);
    kit_aac_header(&kit, 1200, 0x10);
    kit_audio(&kit, 1200);
    kit_take(seen);
    ck_assert(seen->is_ended);
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 5);
    kit_close(&kit);
}
END_TEST

START_TEST(test_track_that_goes_ends_cleanly)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 30);

    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    for (uint32_t i = 0; i < 50; i++)
        kit_video(&kit, i * 40, i % 25 == 0);
    kit_take(seen);
    ck_assert(seen->is_ended);
    kit_check_times(seen);
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 1);
    kit_close(&kit);
}
END_TEST

START_TEST(test_nobody_crosses_signed_time)
{
    struct kit kit;
    struct kit_seen *seen;
    uint32_t ts = 0;

    kit_open(&kit);
    kit.config.time_jitter = TIME_JITTER_ZERO; /* so that the test may jump ahead */
    kit_publish(&kit);
    kit_start(&kit, 0, 25);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ts = 0x7fffffffu - 3600000 - 500;
    kit_run(&kit, ts, 25);
    kit_run(&kit, ts + 1000, 25);
    kit_take(seen);
    ck_assert(seen->is_ended);
    for (int i = 0; i < seen->count; i++)
        ck_assert_uint_lt(seen->tag[i].ms, 0x7fffffffu - 3600000 + 1000);
    seen = kit_reload(&kit, seen);
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 0);
    kit_close(&kit);
}
END_TEST

Suite *check_source_change_suite(void)
{
    Suite *suite = suite_create("source_change");
    TCase *tc = tcase_create("source_change");

    tcase_add_test(tc, test_changed_avc_header_goes_in_band);
    tcase_add_test(tc, test_preamble_follows_at_the_keyframe_not_before);
    tcase_add_test(tc, test_changed_asc_goes_into_the_ring);
    tcase_add_test(tc, test_another_codec_ends_cleanly);
    tcase_add_test(tc, test_republish_goes_on_by_one_frame);
    tcase_add_test(tc, test_end_of_republish_wait_ends_cleanly);
    tcase_add_test(tc, test_track_that_appears_ends_cleanly);
    tcase_add_test(tc, test_track_that_goes_ends_cleanly);
    tcase_add_test(tc, test_nobody_crosses_signed_time);
    suite_add_tcase(suite, tc);
    return suite;
}
