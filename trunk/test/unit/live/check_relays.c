/* What other servers of ours get of a stream: as it was published, ended with its publisher. */
#include "live_kit.h"

#include "live/source_private.h"

Suite *check_relays_suite(void);

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

START_TEST(test_headers_as_published)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    viewer = viewer_open(kit.source, &mux_relay, kit.now);
    ck_assert_ptr_nonnull(viewer);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[0].is_header && seen->tag[1].is_header && seen->tag[2].is_key);
    /* A changed configuration: the header itself, where it came, and nothing in-band. */
    kit_avc_header(&kit, 1200, 0x2f);
    kit_run(&kit, 1200, 25);
    kit_take(viewer, seen);
    ck_assert_int_eq(headers_of(seen, FRAME_VIDEO), 2);
    for (int i = 0; i < seen->count; i++)
        if (seen->tag[i].is_key)
            ck_assert_uint_eq(seen->tag[i].len, 11);
    /* Another codec ends players' responses, not a relay's. */
    kit_push(&kit, FRAME_AUDIO, 2200, "\x2f\xff\xfb\x90\x64", 5);
    kit_run(&kit, 2210, 25);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->is_ended, 0);
    viewer_close(viewer);
    kit_seen_free(seen);
    kit_close(&kit);
}
END_TEST

START_TEST(test_late_relay_begins_at_a_keyframe)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 40);
    viewer = viewer_open(kit.source, &mux_relay, kit.now);
    kit_take(viewer, seen);
    ck_assert_int_eq(seen->count, 2 + 2 * 15);
    ck_assert(seen->tag[2].is_key && seen->tag[2].ms == 1000);
    viewer_close(viewer);
    kit_seen_free(seen);
    kit_close(&kit);
}
END_TEST

START_TEST(test_ends_with_its_publisher)
{
    struct kit kit;
    struct kit_seen *relay = kit_seen_new();
    struct kit_seen *player = kit_seen_new();
    struct source_events events = {.on_data = count_call};
    struct viewer *viewer[2];

    kit_open(&kit);
    source_set_events(kit.source, &events);
    viewer[0] = viewer_open(kit.source, &mux_relay, kit.now);
    viewer[1] = viewer_open(kit.source, &mux_flv, kit.now);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    kit_take(viewer[0], relay);
    kit_take(viewer[1], player);
    kit_run(&kit, 1200, 5);
    calls = 0;
    source_unpublish(kit.source, kit.now);
    ck_assert_int_eq(calls, 1);
    kit_take(viewer[0], relay);
    kit_take(viewer[1], player);
    /* The relay has every frame, and then its end; the player waits for the next publisher. */
    ck_assert_int_eq(relay->count, player->count);
    ck_assert_int_eq(relay->is_ended, 1);
    ck_assert_int_eq(player->is_ended, 0);
    viewer_close(viewer[0]);
    viewer_close(viewer[1]);
    kit_seen_free(relay);
    kit_seen_free(player);
    kit_close(&kit);
}
END_TEST

START_TEST(test_waits_for_the_next_publisher)
{
    struct kit kit;
    struct kit_seen *seen = kit_seen_new();
    struct viewer *viewer;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    source_unpublish(kit.source, kit.now);
    viewer = viewer_open(kit.source, &mux_relay, kit.now);
    kit_take(viewer, seen);
    ck_assert(seen->count == 0 && !seen->is_ended);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    kit_take(viewer, seen);
    ck_assert(seen->tag[2].is_key && !seen->is_ended);
    viewer_close(viewer);
    kit_seen_free(seen);
    kit_close(&kit);
}
END_TEST

START_TEST(test_first_and_last_viewer_are_told)
{
    struct kit kit;
    struct source_events events = {.on_viewers = count_call};
    struct viewer *viewer[2];

    kit_open(&kit);
    source_set_events(kit.source, &events);
    calls = 0;
    viewer[0] = viewer_open(kit.source, &mux_flv, kit.now);
    ck_assert_int_eq(calls, 1);
    viewer[1] = viewer_open(kit.source, &mux_relay, kit.now);
    viewer_close(viewer[0]);
    ck_assert_int_eq(calls, 1);
    viewer_close(viewer[1]);
    ck_assert_int_eq(calls, 2);
    kit_close(&kit);
}
END_TEST

Suite *check_relays_suite(void)
{
    Suite *suite = suite_create("relays");
    TCase *tcase = tcase_create("relays");

    tcase_add_test(tcase, test_headers_as_published);
    tcase_add_test(tcase, test_late_relay_begins_at_a_keyframe);
    tcase_add_test(tcase, test_ends_with_its_publisher);
    tcase_add_test(tcase, test_waits_for_the_next_publisher);
    tcase_add_test(tcase, test_first_and_last_viewer_are_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
