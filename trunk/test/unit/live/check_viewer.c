/* A viewer's way through the ring: identical bytes for all, slow viewers, late ones, other formats.
 */
#include "live_kit.h"

/* A recording gets what every viewer gets, from the publication's start, and counts as none. */
START_TEST(test_uncounted)
{
    struct kit kit;
    struct kit_seen *seen;
    struct source_stat stat;
    struct viewer *viewer;
    struct viewer_batch batch;
    size_t len = 0, bytes = 0;

    kit_open(&kit);
    kit_publish(&kit);
    viewer = viewer_open_uncounted(kit.source, &mux_flv, 0);
    ck_assert_ptr_nonnull(viewer);
    ck_assert_ptr_null(viewer_init_data(viewer, &len));
    kit_start(&kit, 0, 10);
    ck_assert(source_is_waited_for(kit.source));
    kit_run(&kit, 400, 10);
    while (viewer_next(viewer, KIT_BATCH, &batch) == VIEWER_BYTES) {
        bytes += batch.len;
        viewer_sent(viewer);
    }
    ck_assert(!source_is_waited_for(kit.source));
    ck_assert(!source_has_timeline(kit.source));
    source_stat(kit.source, &stat);
    ck_assert_uint_eq(stat.viewers, 0);
    ck_assert_uint_eq(stat.bytes_out, 0);
    /* The same bytes as a viewer that came first. */
    seen = kit_watch(&kit, &mux_flv);
    viewer_since(seen->viewer, 0);
    kit_take(seen);
    ck_assert_uint_eq(bytes, seen->bytes);
    ck_assert(source_has_timeline(kit.source));
    ck_assert_mem_eq(viewer_init_data(viewer, &len), "FLV", 3);
    ck_assert_uint_gt(len, FLV_HEADER_SIZE);
    viewer_close(viewer);
    source_stat(kit.source, &stat);
    ck_assert_uint_eq(stat.viewers, 1);
    kit_close(&kit);
}
END_TEST

Suite *check_viewer_suite(void);

/* An in-band format of one byte a frame: H and h are headers, K a keyframe, V, A and M the rest. */
static struct mux_state *letters_open(void)
{
    return calloc(1, 1);
}

static void letters_close(struct mux_state *state)
{
    free(state);
}

static void letters_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                          mux_emit emit, void *arg)
{
    char letter = 'M';
    struct iovec iov = {&letter, 1};

    (void)state;
    (void)timestamp;
    if (frame->type == FRAME_VIDEO)
        letter = frame->is_header ? 'H' : frame->is_key ? 'K' : 'V';
    else if (frame->type == FRAME_AUDIO)
        letter = frame->is_header ? 'h' : 'A';
    emit(arg, &iov, 1);
}

static const struct mux letters = {.name = "letters",
                                   .unit = 1,
                                   .kind = MUX_AS_PUBLISHED,
                                   .open = letters_open,
                                   .close = letters_close,
                                   .frame = letters_frame};

START_TEST(test_late_format_is_filled_from_the_ring)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 27);
    seen = kit_watch(&kit, &letters);
    ck_assert_str_eq(kit_take_text(seen), "HhKAVA");
    kit_video(&kit, 1080, 0);
    ck_assert_str_eq(kit_take_text(seen), "V");
    kit_close(&kit);
}
END_TEST

START_TEST(test_in_band_format_stays_and_gets_headers)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 2);
    seen = kit_watch(&kit, &letters);
    kit_take_bytes(seen);
    source_unpublish(kit.source, kit.now);
    source_tick(kit.source, kit.now + USEC_PER_SEC);
    ck_assert_str_eq(kit_take_text(seen), "");
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x28);
    kit_aac_header(&kit, 0, 0x10);
    kit_video(&kit, 0, 1);
    ck_assert_str_eq(kit_take_text(seen), "HhK");
    ck_assert_int_eq(seen->is_ended, 0);
    ck_assert_int_eq(viewer_is_cut(seen->viewer), 0);
    /* After republish_wait it ends like all others. */
    source_unpublish(kit.source, kit.now);
    source_tick(kit.source, kit.now + 60 * USEC_PER_SEC);
    ck_assert_int_eq(viewer_is_cut(seen->viewer), 1);
    ck_assert_str_eq(kit_take_text(seen), "");
    ck_assert_int_eq(seen->is_ended, 1);
    kit_close(&kit);
}
END_TEST

START_TEST(test_all_viewers_get_the_same_bytes)
{
    struct kit kit;
    struct kit_seen *seen[3];

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    for (int i = 0; i < 3; i++) {
        seen[i] = kit_watch(&kit, &mux_flv);
        kit_take(seen[i]);
    }
    for (int round = 0; round < 20; round++) {
        kit_run(&kit, 400 + (uint32_t)round * 400, 10);
        kit_take(seen[0]);
        if (round % 3 == 0)
            kit_take(seen[1]);
    }
    for (int i = 0; i < 3; i++)
        kit_take(seen[i]);
    for (int i = 1; i < 3; i++) {
        ck_assert_uint_eq(seen[i]->bytes, seen[0]->bytes);
        ck_assert_mem_eq(seen[i]->tag, seen[0]->tag, sizeof(seen[0]->tag));
    }
    kit_close(&kit);
}
END_TEST

START_TEST(test_slow_viewer_jumps_to_a_keyframe)
{
    static uint8_t big[40000] = {0x27, 1, 0, 0, 0};
    struct kit kit;
    struct kit_seen *seen;
    int at;
    int last_key = 0;

    kit_open(&kit);
    kit.config.queue_length = 5 * USEC_PER_SEC;
    kit_publish(&kit);
    kit_start(&kit, 0, 5);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    at = seen->count;
    for (uint32_t i = 0; i < 500; i++) {
        big[0] = i % 50 == 0 ? 0x17 : 0x27;
        if (i % 50 == 0)
            last_key = (int)i;
        kit_push(&kit, FRAME_VIDEO, 200 + i * 40, big, sizeof(big));
        kit_audio(&kit, 210 + i * 40);
        kit.now += 40 * USEC_PER_MS;
    }
    kit_take(seen);
    ck_assert_uint_eq(viewer_skips(seen->viewer), 1);
    ck_assert_int_gt(seen->count, at);
    /* After the gap it continues with the newest keyframe. */
    while (seen->tag[at].ms < 1000)
        at++;
    ck_assert(seen->tag[at].is_key);
    ck_assert_uint_eq(seen->tag[at].ms, 200 + (uint32_t)last_key * 40);
    kit_close(&kit);
}
END_TEST

START_TEST(test_open_batch_keeps_its_bytes)
{
    static uint8_t big[60000] = {0x27, 1, 0, 0, 0};
    struct kit kit;
    struct kit_seen *seen;
    struct viewer_batch batch;
    uint8_t *copy;

    kit_open(&kit);
    kit.config.gop_cache_max_bytes = 1 << 20;
    kit_publish(&kit);
    kit_start(&kit, 0, 5);
    seen = kit_watch(&kit, &mux_flv);
    ck_assert_int_eq(viewer_next(seen->viewer, KIT_BATCH, &batch), VIEWER_BYTES);
    copy = malloc(batch.span[1].iov_len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, batch.span[1].iov_base, batch.span[1].iov_len);
    for (uint32_t i = 0; i < 100; i++) {
        kit_push(&kit, FRAME_VIDEO, 200 + i * 40, big, sizeof(big));
        kit.now += 40 * USEC_PER_MS;
    }
    ck_assert_mem_eq(copy, batch.span[1].iov_base, batch.span[1].iov_len);
    viewer_sent(seen->viewer);
    free(copy);
    /* There was no keyframe since: it waits for the next one, with audio. */
    ck_assert_int_eq(viewer_next(seen->viewer, KIT_BATCH, &batch), VIEWER_WAIT);
    kit_video(&kit, 4980, 0);
    ck_assert_int_eq(viewer_next(seen->viewer, KIT_BATCH, &batch), VIEWER_WAIT);
    kit_audio(&kit, 4990);
    kit_video(&kit, 5000, 1);
    ck_assert_int_eq(viewer_next(seen->viewer, KIT_BATCH, &batch), VIEWER_BYTES);
    ck_assert_uint_eq(((const uint8_t *)batch.span[0].iov_base)[0], FRAME_AUDIO);
    viewer_sent(seen->viewer);
    ck_assert_int_eq(viewer_next(seen->viewer, KIT_BATCH, &batch), VIEWER_BYTES);
    ck_assert_uint_eq(((const uint8_t *)batch.span[0].iov_base)[0], FRAME_VIDEO);
    viewer_sent(seen->viewer);
    kit_close(&kit);
}
END_TEST

START_TEST(test_slow_viewers_share_a_bound)
{
    static uint8_t big[50000] = {0x27, 1, 0, 0, 0};
    struct kit kit;
    struct source_stat stat;
    struct viewer *viewer[40];
    struct viewer_batch batch;

    kit_open(&kit);
    kit.config.queue_length = 2 * USEC_PER_SEC;
    kit_publish(&kit);
    kit_start(&kit, 0, 5);
    /* Each holds a batch from another place. */
    for (uint32_t i = 0; i < 40; i++) {
        big[0] = 0x17;
        kit_push(&kit, FRAME_VIDEO, 200 + i * 40, big, sizeof(big));
        viewer[i] = viewer_open(kit.source, &mux_flv, kit.now);
        ck_assert_int_eq(viewer_next(viewer[i], KIT_BATCH, &batch), VIEWER_BYTES);
        kit.now += 500 * USEC_PER_MS;
    }
    source_stat(kit.source, &stat);
    ck_assert_uint_lt(stat.ring_bytes, 8 << 20);
    for (int i = 0; i < 40; i++)
        viewer_close(viewer[i]);
    source_stat(kit.source, &stat);
    ck_assert_uint_lt(stat.ring_bytes, 1 << 20);
    kit_close(&kit);
}
END_TEST

START_TEST(test_without_gop_cache_begins_at_the_next_keyframe)
{
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit.config.gop_cache = 0;
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_uint_eq(seen->bytes, 0);
    kit_run(&kit, 400, 3);
    kit_take(seen);
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 400);
    kit_close(&kit);
}
END_TEST

START_TEST(test_resume_goes_on_at_the_newest_keyframe)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 10);
    int at = seen->count;

    kit_run(&kit, 400, 60);
    viewer_skip(seen->viewer);
    kit_take(seen);
    ck_assert(seen->tag[at].is_key);
    ck_assert_uint_eq(seen->tag[at].ms, 400 + 50 * 40);
    kit_close(&kit);
}
END_TEST

Suite *check_viewer_suite(void)
{
    Suite *suite = suite_create("viewer");
    TCase *tc = tcase_create("viewer");

    tcase_add_test(tc, test_late_format_is_filled_from_the_ring);
    tcase_add_test(tc, test_in_band_format_stays_and_gets_headers);
    tcase_add_test(tc, test_all_viewers_get_the_same_bytes);
    tcase_add_test(tc, test_slow_viewer_jumps_to_a_keyframe);
    tcase_add_test(tc, test_open_batch_keeps_its_bytes);
    tcase_add_test(tc, test_slow_viewers_share_a_bound);
    tcase_add_test(tc, test_without_gop_cache_begins_at_the_next_keyframe);
    tcase_add_test(tc, test_resume_goes_on_at_the_newest_keyframe);
    tcase_add_test(tc, test_uncounted);
    suite_add_tcase(suite, tc);
    return suite;
}
