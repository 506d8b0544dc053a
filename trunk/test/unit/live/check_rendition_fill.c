/* Renditions that read the past in steps: what comes meanwhile, what ends it, what is dropped. */
#include "live_kit.h"

#include <limits.h>

Suite *check_rendition_fill_suite(void);

#define BODY 4000

/* Video frames of 40 ms of about 4,000 bytes each, which carry their number; a keyframe each 25. */
static void run(struct kit *kit, int from, int until)
{
    static uint8_t body[BODY] = {0x17, 1, 0, 0, 0, 0, 0, (BODY - 9) >> 8, (BODY - 9) & 255};

    for (int i = from; i < until; i++) {
        body[0] = i % 25 == 0 ? 0x17 : 0x27;
        body[9] = i % 25 == 0 ? 0x65 : 0x41;
        body[20] = (uint8_t)(i >> 8);
        body[21] = (uint8_t)i;
        kit_push(kit, FRAME_VIDEO, (uint32_t)i * 40, body, sizeof(body));
        kit->now += 40 * USEC_PER_MS;
    }
}

/* A stream of 400 frames, which is more than one step. */
static void begin(struct kit *kit)
{
    kit_open(kit);
    kit->config.rewind = 60 * USEC_PER_SEC;
    kit->config.rewind_max_bytes = 64 << 20;
    kit->config.guess_has_av = 0;
    kit->config.has_audio = 0;
    kit_publish(kit);
    kit_avc_header(kit, 0, 0x1f);
    run(kit, 0, 400);
}

static struct kit_seen *watch(struct kit *kit, const struct mux *mux, int64_t pts)
{
    /* FLV without audio: a rendition of its own. */
    struct viewer_wish wish = {.only = mux == &mux_flv ? SOURCE_VIDEO_ONLY : SOURCE_BOTH,
                               .start = source_start_pts(pts)};
    struct viewer *viewer = viewer_open_wish(kit->source, mux, &wish, kit->now);

    ck_assert_ptr_nonnull(viewer);
    return kit_adopt(kit, viewer);
}

/* The viewer got each frame from one number to another, once, in order. */
static void check_frames(const struct kit_seen *seen, int from, int until)
{
    for (int i = 0; i < seen->count; i++) {
        const struct kit_tag *tag = &seen->tag[i];

        if (tag->type != FRAME_VIDEO || tag->is_header)
            continue;
        ck_assert_int_eq(tag->body[20] << 8 | tag->body[21], from);
        ck_assert_uint_eq(tag->ms, (uint32_t)from * 40);
        from++;
    }
    ck_assert_int_eq(from, until);
}

static void prepare(struct kit_seen *seen)
{
    int steps = 0;

    while (viewer_prepare(seen->viewer))
        ck_assert_int_lt(++steps, 100);
    ck_assert_int_gt(steps, 0);
}

START_TEST(test_steps)
{
    struct kit kit;
    struct kit_seen *past, *live;

    begin(&kit);
    past = watch(&kit, &mux_original, INT_MIN);
    live = kit_watch(&kit, &mux_original);
    kit_take(past);
    kit_take(live);
    ck_assert_int_eq(past->count, 0);
    ck_assert_int_eq(live->count, 0);
    /* Frames that come meanwhile are neither lost nor before their time. */
    ck_assert_int_eq(viewer_prepare(past->viewer), 1);
    run(&kit, 400, 405);
    prepare(past);
    run(&kit, 405, 420);
    kit_take(past);
    kit_take(live);
    check_frames(past, 0, 420);
    check_frames(live, 400, 420);
    kit_close(&kit);
}
END_TEST

/* Nobody calls viewer_prepare(): frames finish it. */
START_TEST(test_frames_make_steps)
{
    struct kit kit;
    struct kit_seen *past;

    begin(&kit);
    past = watch(&kit, &mux_original, INT_MIN);
    run(&kit, 400, 450);
    kit_take(past);
    check_frames(past, 0, 450);
    kit_close(&kit);
}
END_TEST

/* A viewer's own format, without gop_cache: it begins after it came. */
START_TEST(test_without_gop_cache)
{
    struct kit kit;
    struct kit_seen *past, *live;

    begin(&kit);
    kit.config.gop_cache = 0;
    source_reconfigure(kit.source, &kit.config);
    past = watch(&kit, &mux_original, INT_MIN);
    live = kit_watch(&kit, &mux_original);
    prepare(past);
    kit_take(past);
    kit_take(live);
    check_frames(past, 0, 400);
    run(&kit, 400, 430);
    kit_take(live);
    check_frames(live, 400, 430);
    kit_close(&kit);
}
END_TEST

/* Another configuration: what the muxer knows is of no use for the past any more. */
START_TEST(test_change)
{
    struct kit kit;
    struct kit_seen *past;

    begin(&kit);
    past = watch(&kit, &mux_original, 40);
    ck_assert_int_eq(viewer_prepare(past->viewer), 1);
    kit_avc_header(&kit, 400 * 40, 0x20);
    ck_assert_int_eq(viewer_prepare(past->viewer), 0);
    run(&kit, 400, 430);
    kit_take(past);
    check_frames(past, 375, 430);
    kit_close(&kit);
}
END_TEST

/* The oldest part of the ring goes while it is read: the past begins after the gap. */
START_TEST(test_dropped_past)
{
    struct kit kit;
    struct kit_seen *past;

    begin(&kit);
    past = watch(&kit, &mux_original, INT_MIN);
    kit.config.rewind_max_bytes = 1 << 20;
    kit.config.gop_cache_max_bytes = 1 << 20;
    source_reconfigure(kit.source, &kit.config);
    run(&kit, 400, 401);
    while (viewer_prepare(past->viewer))
        ;
    kit_take(past);
    for (int i = 0; i < past->count; i++)
        if (past->tag[i].type == FRAME_VIDEO && !past->tag[i].is_header) {
            int first = past->tag[i].body[20] << 8 | past->tag[i].body[21];

            ck_assert_int_eq(past->tag[i].is_key, 1);
            ck_assert_int_gt(first, 100);
            check_frames(past, first, 401);
            kit_close(&kit);
            return;
        }
    ck_abort_msg("no frame");
}
END_TEST

START_TEST(test_held_publication_start)
{
    struct kit kit;
    struct kit_seen *waits, *past;

    begin(&kit);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    waits = kit_watch(&kit, &mux_flv);
    run(&kit, 400, 410);
    /* The publication start, and not the beginning of the past. */
    past = watch(&kit, &mux_original, INT_MIN);
    prepare(past);
    kit_take(waits);
    kit_leave(past);
    check_frames(waits, 400, 410);
    kit_close(&kit);
}
END_TEST

/* The viewer leaves, the publisher too, and the source ends in the middle of it. */
START_TEST(test_ends)
{
    struct kit kit;
    struct kit_seen *one, *two, *ts;

    begin(&kit);
    one = watch(&kit, &mux_original, INT_MIN);
    kit_leave(one);
    two = watch(&kit, &mux_flv, INT_MIN);
    source_unpublish(kit.source, kit.now);
    prepare(two);
    kit_publish(&kit);
    run(&kit, 400, 405);
    kit_take(two);
    check_frames(two, 0, 405);
    kit_leave(two);
    ts = watch(&kit, mux_find(".ts"), INT_MIN);
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(viewer_prepare(ts->viewer), 1);
    kit_publish(&kit);
    prepare(ts);
    two = watch(&kit, &mux_original, INT_MIN);
    ck_assert_int_eq(viewer_prepare(two->viewer), 1);
    kit_close(&kit);
}
END_TEST

/* Rings that nobody needs any more are freed in steps: a format's after its viewers, FLV's after
 * the publisher. */
START_TEST(test_discard)
{
    struct kit kit;
    struct kit_seen *past;
    int steps = 0;

    begin(&kit);
    run(&kit, 400, 1200);
    past = watch(&kit, &mux_flv, INT_MIN);
    prepare(past);
    ck_assert_int_eq(hub_discard(kit.hub), 0);
    kit_leave(past);
    while (hub_discard(kit.hub))
        steps++;
    ck_assert_int_gt(steps, 1);
    kit.config.republish_wait = 0;
    source_reconfigure(kit.source, &kit.config);
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(source_state(kit.source), SOURCE_IDLE);
    for (steps = 0; hub_find(kit.hub, KIT_KEY) != NULL; steps++)
        hub_tick(kit.hub, kit.now);
    ck_assert_int_gt(steps, 1);
    kit_close(&kit);
}
END_TEST

Suite *check_rendition_fill_suite(void)
{
    Suite *suite = suite_create("rendition_fill");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, test_steps);
    tcase_add_test(tc, test_frames_make_steps);
    tcase_add_test(tc, test_without_gop_cache);
    tcase_add_test(tc, test_change);
    tcase_add_test(tc, test_dropped_past);
    tcase_add_test(tc, test_held_publication_start);
    tcase_add_test(tc, test_ends);
    tcase_add_test(tc, test_discard);
    suite_add_tcase(suite, tc);
    return suite;
}
