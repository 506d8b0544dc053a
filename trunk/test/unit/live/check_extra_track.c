/* Multitrack streams: the lowest track is the main one; other tracks for viewers that ask for them.
 */
#include "live_kit.h"

Suite *check_extra_track_suite(void);

/* One message of one track ("ManyTracks" aside): enhanced, H.264. */
static void push_extra(struct kit *kit, uint32_t ts, uint8_t track, int is_key, const char *text)
{
    uint8_t body[64] = {(uint8_t)(0x80 | (is_key ? 1 : 2) << 4 | 6), 0x01, 'a', 'v', 'c', '1', 0};
    size_t len = strlen(text);

    body[6] = track; /* then 3 bytes of composition time */
    memcpy(body + 10, text, len);
    kit_push(kit, FRAME_VIDEO, ts, body, 10 + len);
}

static void push_side_header(struct kit *kit, uint32_t ts, uint8_t track, const char *text)
{
    uint8_t body[64] = {0x96, 0x00, 'a', 'v', 'c', '1', track};
    size_t len = strlen(text);

    memcpy(body + 7, text, len);
    kit_push(kit, FRAME_VIDEO, ts, body, 7 + len);
}

static int has_text(const struct kit_tag *tag, const char *text)
{
    return memmem(tag->body, tag->len < sizeof(tag->body) ? tag->len : sizeof(tag->body), text,
                  strlen(text)) != NULL;
}

static int count_text(const struct kit_seen *seen, const char *text)
{
    int count = 0;

    for (int i = 0; i < seen->count; i++)
        count += has_text(&seen->tag[i], text);
    return count;
}

/* The main track with a keyframe at 0 and 1000, the other with one at 400 and 1400. */
static void run(struct kit *kit, uint32_t from, int frames)
{
    for (int i = 0; i < frames; i++) {
        kit_video(kit, from + (uint32_t)i * 40, i % 25 == 0);
        push_extra(kit, from + (uint32_t)i * 40, 1, i % 25 == 10, "side");
        kit_audio(kit, from + (uint32_t)i * 40 + 10);
        kit->now += 40 * USEC_PER_MS;
    }
}

static void start(struct kit *kit)
{
    kit_open(kit);
    kit_publish(kit);
    kit_avc_header(kit, 0, 0x1f);
    kit_aac_header(kit, 0, 0x10);
    push_side_header(kit, 0, 1, "one");
    push_side_header(kit, 0, 2, "two");
    run(kit, 0, 40);
}

/* A viewer of these tracks, and its init data. */
static struct kit_seen *view(struct kit *kit, const char *tracks)
{
    struct source_select select;
    struct kit_seen *seen;

    ck_assert_int_eq(source_select_parse(&select, tracks), 0);
    seen =
        kit_adopt(kit, viewer_open_tracks(kit->source, &mux_flv, SOURCE_BOTH, &select, kit->now));
    ck_assert_ptr_nonnull(seen->viewer);
    kit_take(seen);
    return seen;
}

START_TEST(test_all_open_with_all_headers_at_the_main_keyframe)
{
    struct kit kit;
    struct kit_seen *seen;

    start(&kit);
    seen = view(&kit, "all");
    ck_assert(seen->tag[0].is_header && seen->tag[0].type == FRAME_VIDEO);
    ck_assert(seen->tag[1].is_header && seen->tag[1].type == FRAME_AUDIO);
    ck_assert(has_text(&seen->tag[2], "one") && has_text(&seen->tag[3], "two"));
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(seen->tag[i].ms, 0);
    /* Not at the other's keyframe of 1400, although that is later. */
    ck_assert_uint_eq(seen->tag[4].body[0], 0x17);
    ck_assert_uint_eq(seen->tag[4].ms, 1000);
    ck_assert_uint_eq(seen->tag[5].ms, 1000);
    ck_assert(has_text(&seen->tag[5], "side"));
    kit_close(&kit);
}
END_TEST

START_TEST(test_default_is_ordinary)
{
    struct kit kit;
    struct kit_seen *seen, *early;

    kit_open(&kit);
    early = kit_watch(&kit, &mux_flv);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    push_side_header(&kit, 0, 1, "one");
    run(&kit, 0, 40);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(early);
    kit_take(seen);
    ck_assert_uint_eq(early->tag[2].ms, 0);
    ck_assert_uint_eq(seen->tag[2].ms, 1000);
    ck_assert_int_eq(early->count, 2 + 40 * 2);
    ck_assert_int_eq(seen->count, 2 + 15 * 2);
    for (int i = 0; i < early->count; i++)
        ck_assert_uint_eq(early->tag[i].body[0] & 0x80,
                          early->tag[i].type == FRAME_AUDIO ? 0x80 : 0);
    kit_close(&kit);
}
END_TEST

/* The selected video starts at its own keyframe; the only audio track is the default. */
START_TEST(test_chosen)
{
    struct kit kit;
    struct kit_seen *seen;
    int frames = 0;

    start(&kit);
    seen = view(&kit, "1");
    ck_assert(seen->tag[0].is_header && has_text(&seen->tag[0], "one"));
    ck_assert(seen->tag[1].is_header && seen->tag[1].type == FRAME_AUDIO);
    ck_assert(seen->tag[2].is_key && has_text(&seen->tag[2], "side"));
    ck_assert_uint_eq(seen->tag[2].ms, 1400);
    ck_assert_uint_eq(seen->tag[2].body[0], 0x17);
    run(&kit, 1600, 10);
    kit_take(seen);
    for (int i = 2; i < seen->count; i++) {
        frames += seen->tag[i].type == FRAME_VIDEO;
        ck_assert(seen->tag[i].type == FRAME_AUDIO || has_text(&seen->tag[i], "side"));
    }
    ck_assert_int_eq(frames, 5 + 10);
    ck_assert_int_eq(seen->is_ended, 0);
    /* A changed configuration ends it, as with the default track of other codecs than H.264. */
    push_side_header(&kit, 2000, 1, "uno");
    run(&kit, 2000, 20);
    kit_take(seen);
    ck_assert_int_eq(seen->is_ended, 1);
    seen = view(&kit, "v1");
    ck_assert(has_text(&seen->tag[0], "uno"));
    ck_assert_uint_eq(seen->tag[2].ms, 2400);
    kit_close(&kit);
}
END_TEST

/* A missing track means the default one, and creates no rendition. */
START_TEST(test_chosen_and_missing)
{
    struct kit kit;
    struct kit_seen *seen;

    start(&kit);
    seen = view(&kit, "a9,v8");
    ck_assert_int_eq(seen->count, 2 + 15 * 2);
    ck_assert_uint_eq(seen->tag[2].ms, 1000);
    ck_assert_int_eq(count_text(seen, "side"), 0);
    kit_close(&kit);
}
END_TEST

/* A viewer that waits for a track before there is a stream gets it; when the track stops, its
 * viewers end. */
START_TEST(test_chosen_before_and_gone)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    seen = view(&kit, "v1");
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    push_side_header(&kit, 0, 1, "one");
    run(&kit, 0, 40);
    kit_take(seen);
    ck_assert(has_text(&seen->tag[0], "one"));
    ck_assert_uint_eq(seen->tag[2].ms, 400);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    kit_start(&kit, 0, 20);
    kit_take(seen);
    ck_assert_int_eq(seen->is_ended, 0);
    kit_run(&kit, 800, 40);
    kit_take(seen);
    ck_assert_int_eq(seen->is_ended, 1);
    kit_close(&kit);
}
END_TEST

START_TEST(test_select_parse)
{
    static const char *const bad[] = {"",   "x",    "256",   "-1",   "a",      "a1,",  "a1,a2",
                                      "1,", "1,v2", "v1,,a", "all ", "a1 ,v2", "0001x"};
    struct source_select select;

    ck_assert_int_eq(source_select_parse(&select, "a3,v255"), 0);
    ck_assert(select.wants[0] && select.id[0] == 3 && select.wants[1] && select.id[1] == 255);
    ck_assert_int_eq(source_select_parse(&select, "v0"), 0);
    ck_assert(!select.wants[0] && select.wants[1] && select.id[1] == 0);
    ck_assert_int_eq(source_select_parse(&select, "7"), 0);
    ck_assert(select.wants[0] && select.id[0] == 7 && select.wants[1] && select.id[1] == 7);
    ck_assert_int_eq(source_select_parse(&select, "all"), 0);
    ck_assert(select.is_all);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(source_select_parse(&select, bad[i]) == -1, "%s", bad[i]);
        ck_assert(!select.is_all && !select.wants[0] && !select.wants[1]);
    }
}
END_TEST

/* Viewers cannot make renditions without bound. */
START_TEST(test_chosen_bounded)
{
    struct kit kit;
    struct viewer *viewer[64];
    int count = 0;

    kit_open(&kit);
    for (unsigned i = 0; i < 64; i++) {
        struct source_select select = {.wants = {1, 0}, .id = {(uint8_t)i, 0}};

        viewer[i] = viewer_open_tracks(kit.source, &mux_flv, SOURCE_BOTH, &select, kit.now);
        count += viewer[i] != NULL;
    }
    ck_assert_int_eq(count, 16);
    for (unsigned i = 0; i < 64; i++)
        if (viewer[i] != NULL)
            viewer_close(viewer[i]);
    kit_close(&kit);
}
END_TEST

START_TEST(test_header_again_and_another)
{
    struct kit kit;
    struct kit_seen *seen;

    start(&kit);
    seen = view(&kit, "all");
    push_side_header(&kit, 1600, 2, "two");
    kit_take(seen);
    ck_assert_int_eq(count_text(seen, "two"), 1);
    push_side_header(&kit, 1600, 2, "three");
    run(&kit, 1600, 5);
    kit_take(seen);
    ck_assert_int_eq(count_text(seen, "three"), 1);
    ck_assert_int_eq(seen->is_ended, 0);
    kit_leave(seen);
    seen = view(&kit, "all");
    ck_assert_int_eq(count_text(seen, "two"), 0);
    ck_assert(has_text(&seen->tag[3], "three"));
    kit_close(&kit);
}
END_TEST

/* Its clock may lag, be ahead, or jump: its frames never step back nor move the timeline. */
START_TEST(test_odd_clocks)
{
    static const uint32_t odd[] = {0, 1000, 5000000, 0xffffffff, 0x80000000, 1600};
    struct kit kit;
    struct kit_seen *seen;
    uint32_t last = 0;

    start(&kit);
    seen = view(&kit, "all");
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        push_extra(&kit, odd[i], 1, 1, "odd");
    run(&kit, 1600, 10);
    kit_take(seen);
    ck_assert_int_eq(count_text(seen, "odd"), (int)(sizeof(odd) / sizeof(odd[0])));
    for (int i = 4; i < seen->count; i++) {
        if (seen->tag[i].type != FRAME_VIDEO)
            continue;
        ck_assert_uint_ge(seen->tag[i].ms, last);
        last = seen->tag[i].ms;
    }
    ck_assert_uint_eq(last, 1600 + 9 * 40);
    kit_close(&kit);
}
END_TEST

/* A publisher that invents tracks costs a bounded number of headers. */
START_TEST(test_bounded)
{
    struct kit kit;
    struct kit_seen *seen;
    struct source_stat stat;

    start(&kit);
    for (int track = 3; track < 256; track++)
        push_side_header(&kit, 1600, (uint8_t)track, "more");
    seen = view(&kit, "all");
    for (int i = 0; i < 18; i++) /* two of the main tracks, sixteen of others */
        ck_assert(seen->tag[i].is_header && seen->tag[i].ms == 0);
    ck_assert(seen->tag[18].is_key);
    ck_assert_int_eq(count_text(seen, "more"), 14 + 14); /* in front, and where they came */
    source_stat(kit.source, &stat);
    ck_assert_uint_eq(stat.frames_dropped, 253 - 14);
    kit_close(&kit);
}
END_TEST

/* The lowest track leads, from its keyframe on when another one came first. */
START_TEST(test_lowest_track_leads)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_aac_header(&kit, 0, 0x10);
    push_side_header(&kit, 0, 7, "lead");
    for (uint32_t ms = 0; ms < 1000; ms += 40) {
        push_extra(&kit, ms, 7, ms == 0, "seven");
        kit_audio(&kit, ms);
    }
    push_side_header(&kit, 1000, 2, "other");
    for (uint32_t ms = 1000; ms < 2000; ms += 40) {
        push_extra(&kit, ms, 2, ms == 1200, "two");
        push_extra(&kit, ms, 7, 0, "seven");
        kit_audio(&kit, ms);
        kit.now += 40 * USEC_PER_MS;
    }
    seen = view(&kit, "v2");
    ck_assert(has_text(&seen->tag[0], "other"));
    ck_assert_uint_eq(seen->tag[2].ms, 1200);
    ck_assert_uint_eq(seen->tag[2].body[0], 0x17);
    ck_assert_int_eq(count_text(seen, "seven"), 0);
    kit_leave(seen);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert(has_text(&seen->tag[0], "other"));
    ck_assert_int_eq(count_text(seen, "seven"), 0);
    kit_close(&kit);
}
END_TEST

Suite *check_extra_track_suite(void)
{
    Suite *suite = suite_create("extra_track");
    TCase *tc = tcase_create("extra_track");

    tcase_add_test(tc, test_all_open_with_all_headers_at_the_main_keyframe);
    tcase_add_test(tc, test_default_is_ordinary);
    tcase_add_test(tc, test_chosen);
    tcase_add_test(tc, test_chosen_and_missing);
    tcase_add_test(tc, test_chosen_before_and_gone);
    tcase_add_test(tc, test_select_parse);
    tcase_add_test(tc, test_chosen_bounded);
    tcase_add_test(tc, test_header_again_and_another);
    tcase_add_test(tc, test_odd_clocks);
    tcase_add_test(tc, test_bounded);
    tcase_add_test(tc, test_lowest_track_leads);
    suite_add_tcase(suite, tc);
    return suite;
}
