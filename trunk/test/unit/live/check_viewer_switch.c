/* Viewers that move to another stream of the same programme: nothing twice, nothing missing. */
#include "live/source_private.h"
#include "live/viewer_switch.h"
#include "live_kit.h"

Suite *check_viewer_switch_suite(void);

#define GOP 25 /* frames of 40 ms */

/* Two rungs: [0] is where the viewer is, [1] where it is moved to. */
struct rungs {
    struct kit kit[2];
    uint32_t audio_early[2]; /* audio is sent this much before the video of its time, ms */
    int audio_none;
    int audio_differs; /* each rung has an audio header of its own */
    struct kit_seen *seen;
};

/* The frame of this index at one rung, with its audio. The last byte tells the rung. */
static void push(struct rungs *rungs, int which, int i)
{
    struct kit *kit = &rungs->kit[which];
    uint32_t ms = (uint32_t)i * 40;
    uint8_t video[] = {i % GOP == 0 ? 0x17 : 0x27,
                       1,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       2,
                       i % GOP == 0 ? 0x65 : 0x41,
                       (uint8_t)which};
    uint8_t audio[] = {0xaf, 1, 0x21, (uint8_t)which};

    kit_push(kit, FRAME_VIDEO, ms, video, sizeof(video));
    if (!rungs->audio_none)
        kit_push(kit, FRAME_AUDIO, ms + 10 + rungs->audio_early[which], audio, sizeof(audio));
    kit->now += 40 * USEC_PER_MS;
}

static void run(struct rungs *rungs, int which, int from, int until)
{
    for (int i = from; i < until; i++) {
        push(rungs, which, i);
        if (which == 0)
            kit_take(rungs->seen);
    }
}

/* Both at the same pace. */
static void run_both(struct rungs *rungs, int from, int until)
{
    for (int i = from; i < until; i++) {
        push(rungs, 1, i);
        push(rungs, 0, i);
        kit_take(rungs->seen);
    }
}

static void prepare(struct rungs *rungs, int which)
{
    rungs->kit[which].config.guess_has_av = !rungs->audio_none;
    rungs->kit[which].config.has_audio = !rungs->audio_none;
    kit_publish(&rungs->kit[which]);
    kit_avc_header(&rungs->kit[which], 0, (uint8_t)(0x20 + which));
    if (!rungs->audio_none)
        kit_aac_header(&rungs->kit[which], 0, (uint8_t)(0x10 + which * rungs->audio_differs));
}

/* Both published with so many frames; the viewer has what the first one has. */
static void begin(struct rungs *rungs, int frames)
{
    for (int i = 0; i < 2; i++) {
        kit_open(&rungs->kit[i]);
        prepare(rungs, i);
        for (int k = 0; k < frames; k++)
            push(rungs, i, k);
    }
    rungs->seen = kit_watch(&rungs->kit[0], &mux_flv);
    kit_take(rungs->seen);
}

/* The viewer's kit may be the other one's now. */
static void end(struct rungs *rungs)
{
    if (rungs->seen->viewer != NULL)
        kit_leave(rungs->seen);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(rungs->kit[i].source->stat.viewers, 0);
    kit_close(&rungs->kit[0]);
    kit_close(&rungs->kit[1]);
}

static void move(struct rungs *rungs, enum viewer_switch_way way)
{
    ck_assert_int_eq(viewer_switch_begin(rungs->seen->viewer, rungs->kit[1].source, way), 0);
    ck_assert_int_eq(viewer_switch_is_pending(rungs->seen->viewer), 1);
}

static int is_there(const struct rungs *rungs)
{
    return viewer_source(rungs->seen->viewer) == rungs->kit[1].source &&
           !viewer_switch_is_pending(rungs->seen->viewer);
}

static int rung_of(const struct kit_tag *tag)
{
    return tag->body[tag->len - 1];
}

/* Every frame of the track from its first to `last` was received once, in order; returns the time
 * of the first one from the other rung, or -1. */
static int64_t check_track(const struct kit_seen *seen, enum frame_type type, uint32_t last)
{
    int64_t next = -1, first = -1;

    for (int i = 0; i < seen->count; i++) {
        const struct kit_tag *tag = &seen->tag[i];

        if (tag->type != type || tag->is_header)
            continue;
        if (next >= 0)
            ck_assert_int_eq(tag->ms, next);
        next = tag->ms + 40;
        if (rung_of(tag) == 1 && first < 0)
            first = tag->ms;
        else
            ck_assert_int_eq(rung_of(tag), first >= 0);
    }
    ck_assert_int_eq(next - 40, last);
    return first;
}

static int headers(const struct kit_seen *seen, enum frame_type type)
{
    int count = 0;

    for (int i = 0; i < seen->count; i++)
        count += seen->tag[i].type == type && seen->tag[i].is_header;
    return count;
}

START_TEST(test_smooth)
{
    struct rungs rungs = {.audio_early = {0, 0}};
    const struct kit_tag *key = NULL;

    begin(&rungs, 10);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run_both(&rungs, 10, GOP);
    ck_assert_uint_eq(rungs.kit[0].source->stat.viewers, 1);
    ck_assert_uint_eq(rungs.kit[1].source->stat.viewers, 1);
    ck_assert_int_eq(is_there(&rungs), 0);
    run_both(&rungs, GOP, 3 * GOP);
    ck_assert_int_eq(is_there(&rungs), 1);
    ck_assert_uint_eq(rungs.kit[0].source->stat.viewers, 0);
    ck_assert_uint_eq(rungs.kit[1].source->stat.viewers, 1);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (3 * GOP - 1) * 40), GOP * 40);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_AUDIO, (3 * GOP - 1) * 40 + 10), GOP * 40 + 10);
    /* H.264 parameter sets are in-band: a second header stops players. The audio's is the same. */
    ck_assert_int_eq(headers(rungs.seen, FRAME_VIDEO), 1);
    ck_assert_int_eq(headers(rungs.seen, FRAME_AUDIO), 1);
    for (int i = 0; i < rungs.seen->count && key == NULL; i++) {
        const struct kit_tag *tag = &rungs.seen->tag[i];

        if (tag->is_key && rung_of(tag) == 1 && tag->type == FRAME_VIDEO)
            key = tag;
    }
    ck_assert_ptr_nonnull(key);
    ck_assert_uint_gt(key->len, 11);
    end(&rungs);
}
END_TEST

/* Each encoder interleaves audio with video in its own way. */
START_TEST(test_audio_order)
{
    static const uint32_t early[][2] = {{0, 120}, {120, 0}, {200, 200}, {0, 400}, {400, 0}};

    for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
        struct rungs rungs = {.audio_early = {early[i][0], early[i][1]}};
        uint32_t from = early[i][0] > early[i][1] ? early[i][0] : early[i][1];
        uint32_t last = 0;

        begin(&rungs, 15);
        move(&rungs, VIEWER_SWITCH_SMOOTH);
        run_both(&rungs, 15, 3 * GOP);
        ck_assert_int_eq(is_there(&rungs), 1);
        ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (3 * GOP - 1) * 40), GOP * 40);
        (void)from;
        for (int k = 0; k < rungs.seen->count; k++) {
            const struct kit_tag *tag = &rungs.seen->tag[k];

            if (tag->type != FRAME_AUDIO || tag->is_header)
                continue;
            if (last != 0)
                ck_assert_uint_eq(tag->ms, last + 40);
            last = tag->ms;
        }
        ck_assert_uint_eq(last, (3 * GOP - 1) * 40 + 10 + early[i][1]);
        end(&rungs);
    }
}
END_TEST

/* The other rung's keyframe comes up to 300 ms later: the viewer waits for it. */
START_TEST(test_late_rung)
{
    struct rungs rungs = {.audio_early = {0, 0}};

    begin(&rungs, 10);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run_both(&rungs, 10, GOP);
    run(&rungs, 0, GOP, GOP + 5);
    run(&rungs, 1, GOP, GOP + 5);
    run_both(&rungs, GOP + 5, 2 * GOP);
    ck_assert_int_eq(is_there(&rungs), 1);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (2 * GOP - 1) * 40), GOP * 40);
    end(&rungs);
}
END_TEST

/* It comes too late: the viewer gets its own, and moves at the next one. */
START_TEST(test_too_late_rung)
{
    struct rungs rungs = {.audio_early = {0, 0}};

    begin(&rungs, 10);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run_both(&rungs, 10, GOP);
    run(&rungs, 0, GOP, GOP + 10);
    run(&rungs, 1, GOP, GOP + 10);
    run_both(&rungs, GOP + 10, 3 * GOP);
    ck_assert_int_eq(is_there(&rungs), 1);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (3 * GOP - 1) * 40), 2 * GOP * 40);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_AUDIO, (3 * GOP - 1) * 40 + 10),
                     2 * GOP * 40 + 10);
    end(&rungs);
}
END_TEST

/* A viewer that lags gets audio alone, and the newest keyframe of the other rung as soon as
 * that has its parameter sets in-band. */
START_TEST(test_haste)
{
    struct rungs rungs = {.audio_early = {0, 0}};
    int64_t video = -1;

    begin(&rungs, 10);
    for (int i = 10; i < 20; i++) {
        push(&rungs, 1, i);
        push(&rungs, 0, i);
    }
    move(&rungs, VIEWER_SWITCH_HASTE);
    run_both(&rungs, 20, 2 * GOP);
    ck_assert_int_eq(is_there(&rungs), 1);
    for (int i = 0; i < rungs.seen->count; i++) {
        const struct kit_tag *tag = &rungs.seen->tag[i];

        if (tag->type != FRAME_VIDEO || tag->is_header)
            continue;
        if (rung_of(tag) == 1 && video < 1000)
            ck_assert_int_eq(video, 9 * 40);
        video = tag->ms;
    }
    ck_assert_int_eq(video, (2 * GOP - 1) * 40);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_AUDIO, (2 * GOP - 1) * 40 + 10), GOP * 40 + 10);
    end(&rungs);
}
END_TEST

/* The keyframe is there already: the rest of the old rung is left out. */
START_TEST(test_haste_at_once)
{
    struct rungs rungs = {.audio_early = {0, 0}};
    int old = 0;

    begin(&rungs, 10);
    source_repeat_sets(rungs.kit[1].source);
    for (int i = 10; i < GOP + 5; i++) {
        push(&rungs, 1, i);
        push(&rungs, 0, i);
    }
    move(&rungs, VIEWER_SWITCH_HASTE);
    kit_take(rungs.seen);
    ck_assert_ptr_eq(viewer_source(rungs.seen->viewer), rungs.kit[1].source);
    run_both(&rungs, GOP + 5, GOP + 10);
    ck_assert_int_eq(is_there(&rungs), 1);
    for (int i = 0; i < rungs.seen->count; i++)
        old += rungs.seen->tag[i].type == FRAME_VIDEO && !rungs.seen->tag[i].is_header &&
               rung_of(&rungs.seen->tag[i]) == 0;
    ck_assert_int_eq(old, 10);
    kit_check_times(rungs.seen);
    end(&rungs);
}
END_TEST

START_TEST(test_given_up)
{
    struct rungs rungs = {.audio_early = {0, 0}};

    begin(&rungs, 10);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run_both(&rungs, 10, 15);
    viewer_switch_cancel(rungs.seen->viewer);
    ck_assert_uint_eq(rungs.kit[1].source->stat.viewers, 0);
    run_both(&rungs, 15, 2 * GOP);
    ck_assert_int_eq(viewer_switch_is_pending(rungs.seen->viewer), 0);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (2 * GOP - 1) * 40), -1);
    end(&rungs);
}
END_TEST

/* Without the video that was left out, the viewer waits for its own rung's next keyframe. */
START_TEST(test_haste_given_up)
{
    struct rungs rungs = {.audio_early = {0, 0}};
    int frames = 0;

    begin(&rungs, 10);
    move(&rungs, VIEWER_SWITCH_HASTE);
    run_both(&rungs, 10, 15);
    viewer_switch_cancel(rungs.seen->viewer);
    run_both(&rungs, 15, 2 * GOP);
    for (int i = 0; i < rungs.seen->count; i++) {
        const struct kit_tag *tag = &rungs.seen->tag[i];

        if (tag->type != FRAME_VIDEO || tag->is_header)
            continue;
        frames++;
        if (frames == 11)
            ck_assert_int_eq(tag->is_key, 1);
    }
    ck_assert_int_eq(frames, 10 + GOP);
    ck_assert_int_eq(viewer_switch_is_pending(rungs.seen->viewer), 0);
    end(&rungs);
}
END_TEST

/* The other rung is not published yet; then it is, with the time of the first one. */
START_TEST(test_absent_rung)
{
    struct rungs rungs = {.audio_early = {0, 0}};

    begin(&rungs, 10);
    source_unpublish(rungs.kit[1].source, rungs.kit[1].now);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run(&rungs, 0, 10, GOP + 5);
    ck_assert_int_eq(viewer_switch_is_pending(rungs.seen->viewer), 1);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (GOP + 4) * 40), -1);
    source_end_wait(rungs.kit[1].source);
    source_tick(rungs.kit[1].source, rungs.kit[1].now);
    rungs.kit[1].config.time_jitter = TIME_JITTER_OFF;
    prepare(&rungs, 1);
    run_both(&rungs, GOP + 5, 4 * GOP);
    ck_assert_int_eq(is_there(&rungs), 1);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (4 * GOP - 1) * 40), 3 * GOP * 40);
    end(&rungs);
}
END_TEST

static void announce_hevc(struct kit *kit)
{
    uint8_t body[] = {0x1c, 0, 0, 0, 0, 1, 1, 0x60};

    kit_push(kit, FRAME_VIDEO, 0, body, sizeof(body));
}

START_TEST(test_unfit_rung)
{
    struct rungs rungs = {.audio_early = {0, 0}};

    begin(&rungs, 10);
    ck_assert_int_eq(viewer_switch_fits(rungs.kit[0].source, rungs.kit[1].source), 1);
    source_unpublish(rungs.kit[1].source, rungs.kit[1].now);
    kit_publish(&rungs.kit[1]);
    announce_hevc(&rungs.kit[1]);
    for (int i = 0; i < 20; i++) {
        uint8_t body[] = {i == 0 ? 0x1c : 0x2c, 1, 0, 0, 0, 0, 0, 0, 2, i == 0 ? 0x26 : 2, 1};

        kit_push(&rungs.kit[1], FRAME_VIDEO, (uint32_t)i * 40, body, sizeof(body));
    }
    ck_assert_int_eq(viewer_switch_fits(rungs.kit[0].source, rungs.kit[1].source), 0);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run(&rungs, 0, 10, 2 * GOP);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (2 * GOP - 1) * 40), -1);
    end(&rungs);
}
END_TEST

/* A viewer that leaves at any moment leaves nothing. */
START_TEST(test_leaves)
{
    for (int frames = 11; frames < 2 * GOP; frames++) {
        struct rungs rungs = {.audio_early = {0, 200}};

        begin(&rungs, 10);
        move(&rungs, frames % 2 == 0 ? VIEWER_SWITCH_SMOOTH : VIEWER_SWITCH_HASTE);
        run_both(&rungs, 10, frames);
        end(&rungs);
    }
}
END_TEST

/* A third rung is wanted instead; the old stream may end after the viewer has left it. */
START_TEST(test_replaced)
{
    struct rungs rungs = {.audio_early = {0, 0}};
    struct kit third;

    begin(&rungs, 10);
    kit_open(&third);
    ck_assert_int_eq(viewer_switch_begin(rungs.seen->viewer, third.source, VIEWER_SWITCH_SMOOTH),
                     0);
    run_both(&rungs, 10, 15);
    ck_assert_uint_eq(third.source->stat.viewers, 1);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    ck_assert_uint_eq(third.source->stat.viewers, 0);
    run_both(&rungs, 15, GOP + 5);
    ck_assert_int_eq(is_there(&rungs), 1);
    source_unpublish(rungs.kit[0].source, rungs.kit[0].now);
    source_end_wait(rungs.kit[0].source);
    for (int i = GOP + 5; i < 2 * GOP; i++)
        push(&rungs, 1, i);
    kit_take(rungs.seen);
    ck_assert_int_eq(rungs.seen->is_ended, 0);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (2 * GOP - 1) * 40), GOP * 40);
    kit_close(&third);
    end(&rungs);
}
END_TEST

START_TEST(test_old_stream_ends)
{
    for (int way = 0; way < 2; way++) {
        struct rungs rungs = {.audio_early = {0, 0}};

        begin(&rungs, 10);
        move(&rungs, way == 0 ? VIEWER_SWITCH_SMOOTH : VIEWER_SWITCH_HASTE);
        run_both(&rungs, 10, 15);
        source_unpublish(rungs.kit[0].source, rungs.kit[0].now);
        source_end_wait(rungs.kit[0].source);
        kit_take(rungs.seen);
        ck_assert_int_eq(rungs.seen->is_ended, 1);
        end(&rungs);
    }
}
END_TEST

START_TEST(test_without_audio)
{
    struct rungs rungs = {.audio_none = 1};

    begin(&rungs, 10);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run_both(&rungs, 10, 5 * GOP);
    ck_assert_int_eq(is_there(&rungs), 1);
    ck_assert_int_eq(check_track(rungs.seen, FRAME_VIDEO, (5 * GOP - 1) * 40), GOP * 40);
    end(&rungs);
}
END_TEST

/* A viewer of this format that has begun or not. */
static void check_refused(struct rungs *rungs, const struct mux *mux)
{
    struct viewer *viewer = viewer_open(rungs->kit[0].source, mux, rungs->kit[0].now);

    ck_assert_ptr_nonnull(viewer);
    ck_assert_int_eq(viewer_switch_begin(viewer, rungs->kit[1].source, VIEWER_SWITCH_SMOOTH), -1);
    viewer_close(viewer);
}

/* A new audio header comes at the keyframe, before the first frame that needs it. */
START_TEST(test_other_audio)
{
    struct rungs rungs = {.audio_differs = 1};
    int at = -1;

    begin(&rungs, 10);
    move(&rungs, VIEWER_SWITCH_SMOOTH);
    run_both(&rungs, 10, 2 * GOP);
    ck_assert_int_eq(headers(rungs.seen, FRAME_AUDIO), 2);
    for (int i = 0; i < rungs.seen->count; i++) {
        const struct kit_tag *tag = &rungs.seen->tag[i];

        if (tag->type != FRAME_AUDIO)
            continue;
        if (tag->is_header && tag->ms == GOP * 40)
            at = i;
        else if (!tag->is_header)
            ck_assert_int_eq(rung_of(tag), at >= 0);
    }
    ck_assert_int_ge(at, 0);
    end(&rungs);
}
END_TEST

/* Keyframes of a publisher that has sent no header, or of another codec, stay as they are. */
START_TEST(test_no_sets)
{
    uint8_t hevc[] = {0x1c, 1, 0, 0, 0, 0, 0, 0, 2, 0x26, 1};
    struct kit_seen *seen;
    struct kit kit;

    kit_open(&kit);
    kit_publish(&kit);
    seen = kit_watch(&kit, &mux_flv);
    source_repeat_sets(kit.source);
    kit_run(&kit, 0, 30);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    announce_hevc(&kit);
    source_repeat_sets(kit.source);
    for (int i = 0; i < 30; i++) {
        kit_push(&kit, FRAME_VIDEO, (uint32_t)i * 40, hevc, sizeof(hevc));
        kit.now += 40 * USEC_PER_MS;
    }
    kit_take(seen);
    for (int i = 0; i < seen->count; i++)
        if (seen->tag[i].type == FRAME_VIDEO && !seen->tag[i].is_header)
            ck_assert_uint_eq(seen->tag[i].len, 11);
    kit_close(&kit);
}
END_TEST

START_TEST(test_refused)
{
    struct rungs rungs = {.audio_early = {0, 0}};

    begin(&rungs, 10);
    ck_assert_int_eq(
        viewer_switch_begin(rungs.seen->viewer, rungs.kit[0].source, VIEWER_SWITCH_SMOOTH), -1);
    check_refused(&rungs, &mux_ts);
    check_refused(&rungs, &mux_flv);
    end(&rungs);
}
END_TEST

Suite *check_viewer_switch_suite(void)
{
    Suite *suite = suite_create("viewer_switch");
    TCase *test = tcase_create("viewer_switch");

    tcase_add_test(test, test_smooth);
    tcase_add_test(test, test_audio_order);
    tcase_add_test(test, test_late_rung);
    tcase_add_test(test, test_too_late_rung);
    tcase_add_test(test, test_haste);
    tcase_add_test(test, test_haste_at_once);
    tcase_add_test(test, test_given_up);
    tcase_add_test(test, test_haste_given_up);
    tcase_add_test(test, test_absent_rung);
    tcase_add_test(test, test_unfit_rung);
    tcase_add_test(test, test_leaves);
    tcase_add_test(test, test_replaced);
    tcase_add_test(test, test_old_stream_ends);
    tcase_add_test(test, test_without_audio);
    tcase_add_test(test, test_other_audio);
    tcase_add_test(test, test_no_sets);
    tcase_add_test(test, test_refused);
    suite_add_tcase(suite, test);
    return suite;
}
