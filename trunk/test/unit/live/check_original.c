/* The stream for our other servers: as published, and ended with its publisher. */
#include "live_kit.h"

#include "live/source_private.h"

Suite *check_original_suite(void);

static int calls;

static void count_call(struct source *source, void *arg)
{
    (void)source;
    (void)arg;
    calls++;
}

static int headers_of(const struct kit_seen *seen, enum frame_type type)
{
    int count = 0;

    for (int i = 0; i < seen->count; i++)
        count += seen->tag[i].type == type && seen->tag[i].is_header;
    return count;
}

static int is_mark(const struct kit_tag *tag)
{
    return tag->type == FRAME_SCRIPT && tag->len == MUX_LIVE_MARK_SIZE &&
           memcmp(tag->body, MUX_LIVE_MARK, tag->len) == 0;
}

START_TEST(test_headers_as_published)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    seen = kit_watch(&kit, &mux_original);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    kit_take(seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[0].is_header && seen->tag[1].is_header && seen->tag[2].is_key);
    /* A changed configuration: the header itself, at its position, and nothing in-band. */
    kit_avc_header(&kit, 1200, 0x2f);
    kit_run(&kit, 1200, 25);
    kit_take(seen);
    ck_assert_int_eq(headers_of(seen, FRAME_VIDEO), 2);
    for (int i = 0; i < seen->count; i++)
        if (seen->tag[i].is_key)
            ck_assert_uint_eq(seen->tag[i].len, 11);
    /* Another codec ends players' responses, not a relay's. */
    kit_push(&kit, FRAME_AUDIO, 2200, "\x2f\xff\xfb\x90\x64", 5);
    kit_run(&kit, 2210, 25);
    kit_take(seen);
    ck_assert_int_eq(seen->is_ended, 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_late_relay_begins_at_a_keyframe)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 40);
    seen = kit_watch(&kit, &mux_original);
    kit_take(seen);
    /* The mark follows the existing frames. */
    ck_assert_int_eq(seen->count, 2 + 2 * 15 + 1);
    ck_assert(seen->tag[2].is_key && seen->tag[2].ms == 1000);
    ck_assert(is_mark(&seen->tag[seen->count - 1]));
    kit_close(&kit);
}
END_TEST

/* A viewer that joins after a change: the in-band headers that players get were not published. */
START_TEST(test_a_late_server_starts_after_a_change)
{
    struct kit kit;
    struct kit_seen *seen;
    struct kit_seen *player;
    int in_band = 0;
    int keys = 0;

    kit_open(&kit);
    kit_publish(&kit);
    player = kit_watch(&kit, &mux_flv);
    kit_start(&kit, 0, 30);
    kit_avc_header(&kit, 1200, 0x2f);
    kit_run(&kit, 1200, 30);
    kit_take(player);
    for (int i = 0; i < player->count; i++)
        in_band += player->tag[i].is_key && player->tag[i].len > 11;
    ck_assert_int_gt(in_band, 0);
    seen = kit_watch(&kit, &mux_original);
    kit_take(seen);
    ck_assert_int_eq(headers_of(seen, FRAME_VIDEO), 1);
    for (int i = 0; i < seen->count; i++) {
        keys += seen->tag[i].is_key;
        if (seen->tag[i].is_key)
            ck_assert_uint_eq(seen->tag[i].len, 11);
    }
    ck_assert_int_gt(keys, 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_ends_with_its_publisher)
{
    struct kit kit;
    struct kit_seen *relay;
    struct kit_seen *player;
    struct source_events events = {.on_data = count_call};

    kit_open(&kit);
    source_set_events(kit.source, &events);
    relay = kit_watch(&kit, &mux_original);
    player = kit_watch(&kit, &mux_flv);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    kit_take(relay);
    kit_take(player);
    kit_run(&kit, 1200, 5);
    calls = 0;
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(calls, 1);
    kit_take(relay);
    kit_take(player);
    /* The relay has every frame, and then its end; the player waits for the next publisher. */
    ck_assert_int_eq(relay->count, player->count + 1);
    ck_assert_int_eq(relay->is_ended, 1);
    ck_assert_int_eq(player->is_ended, 0);
    kit_close(&kit);
}
END_TEST

START_TEST(test_waits_for_the_next_publisher)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    source_unpublish(kit.source, kit.now);
    seen = kit_watch(&kit, &mux_original);
    kit_take(seen);
    ck_assert(seen->count == 0 && !seen->is_ended);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    kit_take(seen);
    ck_assert(seen->tag[2].is_key && !seen->is_ended);
    kit_close(&kit);
}
END_TEST

/* A server that comes after the next publisher's sequence header, but before its first keyframe,
 * gets the new header: the ring has it before the place where the server begins. */
START_TEST(test_begins_between_a_changed_header_and_its_keyframe)
{
    struct kit kit;
    struct kit_seen *seen;
    struct kit_seen *player;
    int first_key = 0;

    kit_open(&kit);
    kit_publish(&kit);
    player = kit_watch(&kit, &mux_flv);
    kit_start(&kit, 0, 30);
    kit_take(player);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x2f);
    seen = kit_watch(&kit, &mux_original);
    kit_take(seen);
    kit_run(&kit, 0, 30);
    kit_take(seen);
    while (first_key < seen->count && !seen->tag[first_key].is_key)
        first_key++;
    ck_assert_int_lt(first_key, seen->count);
    ck_assert_int_eq(headers_of(seen, FRAME_VIDEO), 1);
    for (int i = 0; i < first_key; i++)
        if (seen->tag[i].type == FRAME_VIDEO)
            ck_assert_uint_eq(seen->tag[i].body[16], 0x2f);
    kit_close(&kit);
}
END_TEST

START_TEST(test_first_and_last_viewer_are_told)
{
    struct kit kit;
    struct source_events events = {.on_viewers = count_call};
    struct kit_seen *seen[2];

    kit_open(&kit);
    source_set_events(kit.source, &events);
    calls = 0;
    seen[0] = kit_watch(&kit, &mux_flv);
    ck_assert_int_eq(calls, 1);
    seen[1] = kit_watch(&kit, &mux_original);
    kit_leave(seen[0]);
    ck_assert_int_eq(calls, 1);
    kit_leave(seen[1]);
    ck_assert_int_eq(calls, 2);
    kit_close(&kit);
}
END_TEST

/* A viewer that waited gets everything from the first keyframe on, although several GOPs arrived at
 * once. */
START_TEST(test_a_waiting_viewer_begins_at_the_first_keyframe)
{
    const struct mux *muxes[] = {&mux_flv, &mux_original};

    for (int round = 0; round < 4; round++) {
        int i = round % 2;
        int turn = round / 2;
        struct kit kit;
        struct kit_seen *seen = NULL;
        struct kit_seen *late;

        kit_open(&kit);
        /* Whether it connects before the publisher or before the publisher's first frame. */
        if (turn == 0)
            seen = kit_watch(&kit, muxes[i]);
        kit_publish(&kit);
        kit.now += 2 * USEC_PER_SEC;
        source_tick(kit.source, kit.now);
        if (turn == 1)
            seen = kit_watch(&kit, muxes[i]);
        kit_start(&kit, 0, 60);
        late = kit_watch(&kit, muxes[i]);
        kit_take(seen);
        kit_take(late);
        ck_assert_int_eq(seen->count, 2 + 2 * 60 + i);
        ck_assert(seen->tag[2].is_key && seen->tag[2].ms == 0);
        /* Later viewers start at the newest keyframe. */
        ck_assert_int_eq(late->count, 2 + 2 * 10 + i * 2);
        ck_assert_uint_eq(late->tag[2].ms, 2000);
        kit_close(&kit);
    }
}
END_TEST

/* The same if the next publisher starts with another configuration, but not if a publisher changes
 * it. */
START_TEST(test_the_beginning_of_a_changed_stream)
{
    for (int turn = 0; turn < 2; turn++) {
        struct kit kit;
        struct kit_seen *seen;
        struct kit_seen *stays;

        kit_open(&kit);
        kit.config.keeps_start = 1;
        stays = kit_watch(&kit, &mux_flv);
        kit_publish(&kit);
        kit_start(&kit, 0, 10);
        kit_take(stays);
        source_unpublish(kit.source, kit.now);
        kit_publish(&kit);
        if (turn == 1)
            kit_start(&kit, 0, 10);
        kit_avc_header(&kit, 400, 0x2f);
        kit_run(&kit, 400, 60);
        seen = kit_watch(&kit, &mux_original);
        viewer_since(seen->viewer, 0);
        kit_take(seen);
        ck_assert_int_eq(seen->count, 2 + 2 * (turn == 0 ? 60 : 10) + 1);
        kit_close(&kit);
    }
}
END_TEST

/* Audio only: also from the first frame on; later viewers begin at the next. */
START_TEST(test_a_waiting_viewer_gets_the_first_audio_frame)
{
    struct kit kit;
    struct kit_seen *seen;
    struct kit_seen *late;

    kit_open(&kit);
    kit.config.has_video = 0;
    kit.config.guess_has_av = 0;
    seen = kit_watch(&kit, &mux_flv);
    kit_publish(&kit);
    kit_aac_header(&kit, 0, 0x10);
    for (uint32_t i = 0; i < 30; i++)
        kit_audio(&kit, i * 23);
    late = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    kit_take(late);
    ck_assert_int_eq(seen->flags, 4);
    ck_assert_int_eq(seen->count, 1 + 30);
    ck_assert_int_eq(late->count, 1);
    kit_close(&kit);
}
END_TEST

/* The first keyframe is held for a second, or until the stream changes under it. */
START_TEST(test_the_publication_start_is_released)
{
    for (int turn = 0; turn < 3; turn++) {
        struct kit kit;
        struct kit_seen *seen;

        kit_open(&kit);
        kit.config.keeps_start = turn > 0;
        kit_publish(&kit);
        kit_start(&kit, 0, 30);
        if (turn == 2) {
            kit.now += USEC_PER_SEC;
            source_tick(kit.source, kit.now);
        }
        seen = kit_watch(&kit, &mux_original);
        viewer_since(seen->viewer, 0);
        kit_take(seen);
        /* Without several workers there can be no viewer that has waited elsewhere. */
        ck_assert_uint_eq(seen->tag[2].ms, turn == 1 ? 0 : 1000);
        kit_close(&kit);
    }
}
END_TEST

/* Between two keyframes, and none is cached: its own viewers wait for the next keyframe there. */
START_TEST(test_a_relay_without_a_keyframe)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.gop_cache = 0;
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    seen = kit_watch(&kit, &mux_original);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2 + 1);
    kit_video(&kit, 1200, 0);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2 + 1 + 1);
    kit_close(&kit);
}
END_TEST

/* Since when it is wanted decides: not later than the first keyframe came. */
START_TEST(test_a_relayed_stream_starts_at_its_beginning_for_early_viewers)
{
    for (int turn = 0; turn < 2; turn++) {
        struct kit kit;
        struct kit_seen *seen;
        usec_t since;

        kit_open(&kit);
        kit.config.keeps_start = 1;
        kit_publish(&kit);
        kit.now += USEC_PER_MS;
        since = kit.now + turn;
        kit_start(&kit, 0, 30);
        seen = kit_watch(&kit, &mux_original);
        viewer_since(seen->viewer, since);
        kit_take(seen);
        ck_assert_uint_eq(seen->tag[2].ms, turn == 0 ? 0 : 1000);
        kit_close(&kit);
    }
}
END_TEST

/* Audio only: one frame is enough to tell; viewers that waited get everything. */
START_TEST(test_other_servers_get_a_stream_of_audio_alone)
{
    static const int frames[] = {1, 100, 44};

    for (int turn = 0; turn < 3; turn++) {
        struct kit kit;
        struct kit_seen *seen;

        kit_open(&kit);
        kit.config.keeps_start = 1;
        kit.config.fast_cache = turn == 2 ? USEC_PER_SEC : 0;
        kit_publish(&kit);
        kit_aac_header(&kit, 0, 0x10);
        for (int i = 0; i < 100; i++)
            kit_audio(&kit, (uint32_t)i * 23);
        kit.now += 2 * USEC_PER_SEC;
        if (turn != 1)
            source_tick(kit.source, kit.now);
        seen = kit_watch(&kit, &mux_original);
        kit_take(seen);
        ck_assert_int_eq(seen->flags, 4);
        ck_assert_int_eq(seen->count, 1 + frames[turn] + 1);
        ck_assert_uint_eq(seen->tag[seen->count - 2].ms, 99 * 23);
        kit_close(&kit);
    }
}
END_TEST

Suite *check_original_suite(void)
{
    Suite *suite = suite_create("original");
    TCase *tcase = tcase_create("original");

    tcase_add_test(tcase, test_headers_as_published);
    tcase_add_test(tcase, test_late_relay_begins_at_a_keyframe);
    tcase_add_test(tcase, test_a_late_server_starts_after_a_change);
    tcase_add_test(tcase, test_ends_with_its_publisher);
    tcase_add_test(tcase, test_waits_for_the_next_publisher);
    tcase_add_test(tcase, test_begins_between_a_changed_header_and_its_keyframe);
    tcase_add_test(tcase, test_first_and_last_viewer_are_told);
    tcase_add_test(tcase, test_a_waiting_viewer_begins_at_the_first_keyframe);
    tcase_add_test(tcase, test_a_waiting_viewer_gets_the_first_audio_frame);
    tcase_add_test(tcase, test_the_beginning_of_a_changed_stream);
    tcase_add_test(tcase, test_the_publication_start_is_released);
    tcase_add_test(tcase, test_a_relay_without_a_keyframe);
    tcase_add_test(tcase, test_a_relayed_stream_starts_at_its_beginning_for_early_viewers);
    tcase_add_test(tcase, test_other_servers_get_a_stream_of_audio_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
