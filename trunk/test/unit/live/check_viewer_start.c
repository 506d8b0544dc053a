/* Viewers that begin in the past, in every format; what is kept for them, and for how long. */
#include "live_kit.h"

Suite *check_viewer_start_suite(void);

#define KEEP (60 * USEC_PER_SEC)

static struct kit_seen *watch_from(struct kit *kit, const struct mux *mux, int64_t pts)
{
    struct viewer_wish wish = {.start = source_start_pts(pts)};
    struct viewer *viewer = viewer_open_wish(kit->source, mux, &wish, kit->now);

    ck_assert_ptr_nonnull(viewer);
    return kit_adopt(kit, viewer);
}

/* A stream of so many frames, of 40 ms, with rewind. */
static void begin(struct kit *kit, int frames)
{
    kit_open(kit);
    kit->config.rewind = KEEP;
    kit->config.rewind_max_bytes = 64 << 20;
    kit_publish(kit);
    kit_start(kit, 0, frames);
}

/* The first video frame that the viewer got. */
static const struct kit_tag *first_frame(const struct kit_seen *seen)
{
    for (int i = 0; i < seen->count; i++)
        if (seen->tag[i].type == FRAME_VIDEO && !seen->tag[i].is_header)
            return &seen->tag[i];
    ck_abort_msg("no video frame");
    return NULL;
}

static uint32_t first_ms(struct kit *kit, int64_t pts)
{
    struct kit_seen *seen = watch_from(kit, &mux_flv, pts);
    uint32_t ms;

    kit_take(seen);
    ck_assert_int_eq(first_frame(seen)->is_key, 1);
    kit_check_times(seen);
    ms = first_frame(seen)->ms;
    kit_leave(seen);
    return ms;
}

START_TEST(test_flv)
{
    struct kit kit;

    begin(&kit, 251); /* 0 to 10,000 ms */
    ck_assert_uint_eq(first_ms(&kit, 0), 10000);
    ck_assert_uint_eq(first_ms(&kit, 3500), 3000);
    ck_assert_uint_eq(first_ms(&kit, -4000), 6000);
    ck_assert_uint_eq(first_ms(&kit, -60000), 0);
    ck_assert_uint_eq(first_ms(&kit, 14000), 10000);
    ck_assert_int_ge(source_rewind_ms(kit.source), 10000);
    kit_close(&kit);
}
END_TEST

/* A viewer without the parameter gets what it got before. */
START_TEST(test_without_parameter)
{
    struct kit kit;
    struct kit_seen *seen;

    begin(&kit, 251);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_uint_eq(first_frame(seen)->ms, 10000);
    kit_close(&kit);
}
END_TEST

START_TEST(test_far_beyond)
{
    struct kit kit;
    struct kit_seen *seen;

    begin(&kit, 251);
    seen = watch_from(&kit, &mux_flv, 15100);
    kit_take(seen);
    ck_assert_int_eq(seen->is_ended, 1);
    ck_assert_int_eq(viewer_is_far(seen->viewer), 1);
    ck_assert_int_eq(viewer_has_begun(seen->viewer), 0);
    kit_close(&kit);
}
END_TEST

/* Nothing is there yet: the viewer waits for the first keyframe. */
START_TEST(test_fresh_stream)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.rewind = KEEP;
    seen = watch_from(&kit, &mux_flv, 5000);
    kit_publish(&kit);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 0);
    kit_start(&kit, 0, 30);
    kit_take(seen);
    ck_assert_uint_eq(first_frame(seen)->ms, 1000);
    kit_close(&kit);
}
END_TEST

START_TEST(test_audio_alone)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.rewind = KEEP;
    kit_publish(&kit);
    kit_aac_header(&kit, 0, 0x10);
    for (uint32_t ms = 0; ms <= 10000; ms += 25) {
        kit_audio(&kit, ms);
        kit.now += 25 * USEC_PER_MS;
    }
    seen = watch_from(&kit, &mux_flv, 5020);
    kit_take(seen);
    /* After the sequence header: at most a tenth of a second before that. */
    for (int i = 0; i < seen->count; i++)
        if (seen->tag[i].type == FRAME_AUDIO && !seen->tag[i].is_header) {
            ck_assert_uint_ge(seen->tag[i].ms, 4900);
            ck_assert_uint_le(seen->tag[i].ms, 5020);
            break;
        }
    ck_assert_int_gt(seen->count, 190);
    kit_close(&kit);
}
END_TEST

/* ?audioOnly=true of a stream with video. */
START_TEST(test_audio_of_a_stream_with_video)
{
    struct viewer_wish wish = {.only = SOURCE_AUDIO_ONLY, .start = source_start_pts(-5000)};
    struct kit kit;
    struct kit_seen *seen;

    begin(&kit, 251);
    seen = kit_adopt(&kit, viewer_open_wish(kit.source, &mux_flv, &wish, kit.now));
    kit_take(seen);
    ck_assert_int_gt(seen->count, 120);
    for (int i = 0; i < seen->count; i++)
        ck_assert_int_ne(seen->tag[i].type, FRAME_VIDEO);
    ck_assert_uint_le(seen->tag[1].ms, 5100);
    ck_assert_uint_ge(seen->tag[1].ms, 4800);
    kit_close(&kit);
}
END_TEST

/* A format that is made for a viewer without the parameter has no past; one that asks for it gets
 * a ring with the past, and the first viewer keeps its own. */
START_TEST(test_other_formats)
{
    const struct mux *ts = mux_find(".ts");
    struct kit kit;
    struct kit_seen *live, *past, *both;

    begin(&kit, 126);
    live = kit_watch(&kit, ts);
    kit_take_bytes(live);
    past = watch_from(&kit, ts, 1500);
    kit_take_bytes(past);
    ck_assert_uint_gt(live->bytes, 0);
    ck_assert_uint_gt(past->bytes, 5 * live->bytes);
    both = watch_from(&kit, &mux_original, -2000);
    kit_take(both);
    ck_assert_uint_eq(first_frame(both)->ms, 3000);
    kit_run(&kit, 5040, 25);
    kit_take_bytes(live);
    kit_take_bytes(past);
    ck_assert_uint_gt(live->len, 0);
    ck_assert_uint_eq(live->len, past->len);
    kit_close(&kit);
}
END_TEST

/* The timeline and the ring outlive a republish, also without viewers. */
START_TEST(test_republish)
{
    struct kit kit;
    struct kit_seen *waits;

    begin(&kit, 100); /* the last frame is at 3960 ms */
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(source_state(kit.source), SOURCE_INTERRUPTED);
    waits = watch_from(&kit, &mux_flv, 2500);
    kit_take(waits);
    ck_assert_uint_eq(first_frame(waits)->ms, 2000);
    kit_leave(waits);
    kit.now += 5 * USEC_PER_SEC;
    kit_publish(&kit);
    kit_start(&kit, 70000, 50);
    ck_assert_uint_eq(first_ms(&kit, 3500), 3000);
    ck_assert_uint_eq(first_ms(&kit, 4500), 4000 + 10);
    kit.now += USEC_PER_SEC;
    source_unpublish(kit.source, kit.now);
    kit.now += 16 * USEC_PER_SEC;
    source_tick(kit.source, kit.now);
    ck_assert_int_eq(source_state(kit.source), SOURCE_IDLE);
    kit_close(&kit);
}
END_TEST

/* Each viewer begins with the configuration of its place. */
START_TEST(test_changed_configuration)
{
    struct kit kit;
    struct kit_seen *before, *after, *ts;

    begin(&kit, 100);
    kit_avc_header(&kit, 4000, 0x20);
    kit_run(&kit, 4000, 100);
    before = watch_from(&kit, &mux_flv, 1500);
    after = watch_from(&kit, &mux_flv, 5500);
    kit_take(before);
    kit_take(after);
    ck_assert_uint_eq(first_frame(before)->ms, 1000);
    ck_assert_uint_eq(first_frame(after)->ms, 5000);
    for (int i = 0; i < 2; i++) {
        const struct kit_seen *seen = i == 0 ? before : after;

        for (int j = 0; j < seen->count; j++)
            if (seen->tag[j].type == FRAME_VIDEO && seen->tag[j].is_header)
                ck_assert_uint_eq(seen->tag[j].body[16], i == 0 ? 0x1f : 0x20);
    }
    /* Other formats are made of the frames of one configuration. */
    ts = watch_from(&kit, &mux_original, 1500);
    kit_take(ts);
    ck_assert_uint_eq(first_frame(ts)->ms, 4000);
    kit_close(&kit);
}
END_TEST

/* What the ring keeps: rewind seconds, rewind_max_bytes at most, and without rewind a GOP. */
START_TEST(test_what_is_kept)
{
    struct source_stat wide, narrow, bounded;
    struct kit kit;

    kit_open(&kit);
    kit.config.rewind = 10 * USEC_PER_SEC;
    kit.config.rewind_max_bytes = 64 << 20;
    kit_publish(&kit);
    kit_start(&kit, 0, 250000);
    ck_assert_int_ge(source_rewind_ms(kit.source), 10000);
    /* Frames of 50 bytes: a block of 64 KB is 26 s. */
    ck_assert_int_le(source_rewind_ms(kit.source), 10000 + 2 * 30000);
    kit.config.rewind = KEEP * 10;
    source_reconfigure(kit.source, &kit.config);
    kit_run(&kit, 10000000, 25000);
    source_stat(kit.source, &wide);
    ck_assert_int_ge(source_rewind_ms(kit.source), 600 * 1000);
    kit.config.rewind_max_bytes = 5 * 65536;
    source_reconfigure(kit.source, &kit.config);
    kit_run(&kit, 11000000, 2500);
    source_stat(kit.source, &bounded);
    ck_assert_uint_le(bounded.ring_bytes, 5 * 65536);
    ck_assert_uint_lt(bounded.ring_bytes, wide.ring_bytes);
    kit.config.rewind = 0;
    source_reconfigure(kit.source, &kit.config);
    kit_run(&kit, 11100000, 2500);
    source_stat(kit.source, &narrow);
    ck_assert_uint_le(narrow.ring_bytes, 2 * 65536);
    kit_close(&kit);
}
END_TEST

/* A pull asks for all that is kept. */
START_TEST(test_start_of_a_pull)
{
    struct source_start start;
    struct kit kit;

    kit_open(&kit);
    kit_publish(&kit);
    ck_assert_int_eq(source_pull_start(kit.source).kind, SOURCE_START_DEFAULT);
    kit.config.rewind = KEEP;
    source_reconfigure(kit.source, &kit.config);
    start = source_pull_start(kit.source);
    ck_assert_int_eq(start.kind, SOURCE_START_BACK);
    ck_assert_int_eq(start.ms, 60000);
    kit_close(&kit);
}
END_TEST

/* What follows the last frame of the former publication: viewers begin at its keyframe. */
START_TEST(test_continued_publication)
{
    struct kit kit;
    struct kit_seen *seen;

    begin(&kit, 110); /* the last keyframe is at 4000 ms */
    kit.config.keeps_time = 1;
    source_unpublish(kit.source, kit.now);
    kit.now += 3 * USEC_PER_SEC;
    kit_publish(&kit);
    source_continue(kit.source, kit.now);
    kit_video(&kit, 4400, 0);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_uint_eq(first_frame(seen)->ms, 4000);
    ck_assert_uint_eq(seen->tag[seen->count - 1].ms, 4400);
    kit_close(&kit);
}
END_TEST

/* The past of another server comes first: nobody begins before it is complete. */
START_TEST(test_past_of_a_pull)
{
    struct kit kit;
    struct kit_seen *live, *past;

    kit_open(&kit);
    kit.config.rewind = KEEP;
    kit.config.keeps_time = kit.config.sends_past = 1;
    live = kit_watch(&kit, &mux_flv);
    past = watch_from(&kit, &mux_flv, 52000);
    kit_publish(&kit);
    kit_start(&kit, 50000, 101);
    kit_take(live);
    ck_assert_int_eq(live->count, 0);
    source_filled(kit.source);
    kit_take(live);
    kit_take(past);
    ck_assert_uint_eq(first_frame(past)->ms, 52000);
    kit_close(&kit);
}
END_TEST

/* A pull that ended with its last viewer is made again, and sends the same past once more. */
START_TEST(test_past_of_another_pull)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.rewind = KEEP;
    for (int turn = 0; turn < 2; turn++) {
        kit.config.is_worker_pull = turn == 0;
        kit.config.keeps_time = kit.config.sends_past = turn == 1;
        for (int i = 0; i < 2; i++) {
            seen = watch_from(&kit, &mux_flv, 3500);
            kit_publish(&kit);
            kit_start(&kit, 0, 100 + i * 10);
            source_filled(kit.source);
            kit_take(seen);
            ck_assert_uint_eq(first_frame(seen)->ms, 3000);
            ck_assert_uint_eq(seen->tag[seen->count - 1].ms, (uint32_t)(99 + i * 10) * 40 + 10);
            kit_leave(seen);
            source_unpublish(kit.source, kit.now);
        }
    }
    kit_close(&kit);
}
END_TEST

Suite *check_viewer_start_suite(void)
{
    Suite *suite = suite_create("viewer_start");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, test_flv);
    tcase_add_test(tc, test_without_parameter);
    tcase_add_test(tc, test_far_beyond);
    tcase_add_test(tc, test_fresh_stream);
    tcase_add_test(tc, test_audio_alone);
    tcase_add_test(tc, test_audio_of_a_stream_with_video);
    tcase_add_test(tc, test_other_formats);
    tcase_add_test(tc, test_republish);
    tcase_add_test(tc, test_changed_configuration);
    tcase_add_test(tc, test_what_is_kept);
    tcase_add_test(tc, test_start_of_a_pull);
    tcase_add_test(tc, test_continued_publication);
    tcase_add_test(tc, test_past_of_another_pull);
    tcase_add_test(tc, test_past_of_a_pull);
    suite_add_tcase(suite, tc);
    return suite;
}
