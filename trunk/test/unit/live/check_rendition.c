/* A rendition by itself: what opens it, its replay, its bound on dropped memory. */
#include "live_kit.h"

#include "live/rendition.h"
#include "live/source_private.h"

Suite *check_rendition_suite(void);

static struct blob *body_of(const void *data, size_t len)
{
    struct blob *blob = blob_new(data, len);

    ck_assert_ptr_nonnull(blob);
    return blob;
}

START_TEST(test_blob_counts)
{
    struct blob *blob = body_of("abc", 3);

    ck_assert_ptr_eq(blob_ref(blob), blob);
    blob_unref(blob);
    ck_assert_mem_eq(blob->data, "abc", 3);
    blob_unref(blob);
    blob_unref(NULL);
}
END_TEST

START_TEST(test_opening_is_header_meta_video_audio_at_zero)
{
    struct kit kit;
    struct kit_seen *seen;
    struct rendition rendition;
    struct rendition_opening opening = {.has_audio = 1, .has_video = 1};
    struct blob *meta = body_of("\x02\x00\x0aonMetaData\x05", 14);
    struct blob *video = body_of("\x17\x00\x00\x00\x00\x01", 6);
    struct blob *audio = body_of("\xaf\x00\x12\x10", 4);

    kit_open(&kit);
    ck_assert_int_eq(rendition_init(&rendition, kit.source, &mux_flv), 0);
    opening.meta = meta;
    opening.header[JITTER_VIDEO] = video;
    opening.header[JITTER_AUDIO] = audio;
    rendition_open_with(&rendition, &opening);
    seen = kit_adopt(&kit, NULL);
    kit_parse(seen, rendition.preamble->data, rendition.preamble->len);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(seen->count, 3);
    ck_assert_int_eq(seen->tag[0].type, FRAME_SCRIPT);
    ck_assert_int_eq(seen->tag[1].type, FRAME_VIDEO);
    ck_assert_int_eq(seen->tag[2].type, FRAME_AUDIO);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(seen->tag[i].ms, 0);
    /* A header for a track that is not announced would make a player wait for it. */
    opening.has_audio = 0;
    rendition_open_with(&rendition, &opening);
    seen = kit_adopt(&kit, NULL);
    kit_parse(seen, rendition.preamble->data, rendition.preamble->len);
    ck_assert_int_eq(seen->flags, 1);
    ck_assert_int_eq(seen->count, 2);
    rendition_fini(&rendition);
    blob_unref(meta);
    blob_unref(video);
    blob_unref(audio);
    kit_close(&kit);
}
END_TEST

START_TEST(test_replay_copies_the_newest_group)
{
    struct kit kit;
    struct rendition copy;
    struct rendition *native;
    uint64_t group;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 40);
    native = &kit.source->native;
    group = native->ring.end - native->ring.start;
    ck_assert_int_eq(rendition_init(&copy, kit.source, &mux_flv), 0);
    rendition_replay(&copy, native, kit.now);
    ck_assert_uint_eq(copy.ring.end, group);
    ck_assert_uint_eq(copy.ring.start, 0);
    ck_assert_mem_eq(copy.ring.head->data,
                     native->ring.start_block->data +
                         (native->ring.start - native->ring.start_block->offset),
                     group);
    rendition_fini(&copy);
    kit_close(&kit);
}
END_TEST

START_TEST(test_cut_puts_the_edge_at_the_end)
{
    struct kit kit;
    struct rendition *native;
    uint64_t end;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 5);
    native = &kit.source->native;
    end = native->ring.end;
    rendition_cut(native);
    ck_assert_uint_eq(native->epoch_offset, end);
    kit_run(&kit, 200, 1);
    ck_assert_uint_eq(native->ring.head->offset, end);
    kit_close(&kit);
}
END_TEST

Suite *check_rendition_suite(void)
{
    Suite *suite = suite_create("rendition");
    TCase *tc = tcase_create("rendition");

    tcase_add_test(tc, test_blob_counts);
    tcase_add_test(tc, test_opening_is_header_meta_video_audio_at_zero);
    tcase_add_test(tc, test_replay_copies_the_newest_group);
    tcase_add_test(tc, test_cut_puts_the_edge_at_the_end);
    suite_add_tcase(suite, tc);
    return suite;
}
