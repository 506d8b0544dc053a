/* A rendition by itself: its sync points, its replay, its limit on dropped memory. */
#include "live_kit.h"

#include "live/rendition.h"
#include "live/renditions.h"
#include "test/unit/no_memory.h"

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
    struct init_data init = {.has_audio = 1, .has_video = 1};
    struct blob *meta = body_of("\x02\x00\x0aonMetaData\x05", 14);
    struct blob *video = body_of("\x17\x00\x00\x00\x00\x01", 6);
    struct blob *audio = body_of("\xaf\x00\x12\x10", 4);

    kit_open(&kit);
    ck_assert_int_eq(rendition_init(&rendition, kit.source, &mux_flv), 0);
    init.meta = meta;
    init.header[JITTER_VIDEO] = video;
    init.header[JITTER_AUDIO] = audio;
    rendition_set_init_data(&rendition, &init);
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
    init.has_audio = 0;
    rendition_set_init_data(&rendition, &init);
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
    group = native->ring.end - native->ring.sync;
    ck_assert_int_eq(rendition_init(&copy, kit.source, &mux_flv), 0);
    rendition_fill_frames(&copy, native, kit.now);
    ck_assert_uint_eq(copy.ring.end, group);
    ck_assert_uint_eq(copy.ring.sync, 0);
    ck_assert_mem_eq(copy.ring.head->data,
                     native->ring.sync_block->data +
                         (native->ring.sync - native->ring.sync_block->offset),
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

/* A body of len bytes that begins with `head` and continues with zeros. */
static struct blob *long_body(const void *head, size_t head_len, size_t len)
{
    uint8_t *data = calloc(1, len);
    struct blob *blob;

    ck_assert_ptr_nonnull(data);
    memcpy(data, head, head_len);
    blob = body_of(data, len);
    free(data);
    return blob;
}

/* Every part as long as it may be: the preamble holds them all, each whole. */
START_TEST(test_opening_holds_the_largest_parts)
{
    static const uint8_t extra_head[] = {0x90, 'h', 'v', 'c', '1'};
    struct kit kit;
    struct kit_seen *seen;
    struct rendition rendition;
    struct init_data init = {.has_audio = 1, .has_video = 1};
    struct extra_track extra[EXTRA_TRACKS_MAX];
    struct blob *meta = long_body("\x02\x00\x0aonMetaData\x05", 14, SOURCE_META_MAX);
    struct blob *video = long_body("\x17\x00", 2, SOURCE_HEADER_MAX);
    struct blob *audio = long_body("\xaf\x00", 2, SOURCE_HEADER_MAX);

    kit_open(&kit);
    memset(extra, 0, sizeof(extra));
    for (int i = 0; i < EXTRA_TRACKS_MAX; i++) {
        extra[i].next = i > 0 ? &extra[i - 1] : NULL;
        extra[i].which = JITTER_VIDEO;
        extra[i].original = long_body(extra_head, sizeof(extra_head), EXTRA_TRACK_HEADER_MAX);
    }
    ck_assert_int_eq(rendition_init(&rendition, kit.source, &mux_flv), 0);
    init.meta = meta;
    init.header[JITTER_VIDEO] = video;
    init.header[JITTER_AUDIO] = audio;
    init.extra_tracks = &extra[EXTRA_TRACKS_MAX - 1];
    rendition_set_init_data(&rendition, &init);
    ck_assert_ptr_nonnull(rendition.preamble);
    seen = kit_adopt(&kit, NULL);
    kit_parse(seen, rendition.preamble->data, rendition.preamble->len);
    ck_assert_int_eq(seen->count, 3 + EXTRA_TRACKS_MAX);
    ck_assert_uint_eq(seen->tag[0].len, SOURCE_META_MAX);
    ck_assert_uint_eq(seen->tag[2 + EXTRA_TRACKS_MAX].len, EXTRA_TRACK_HEADER_MAX);
    rendition_fini(&rendition);
    for (int i = 0; i < EXTRA_TRACKS_MAX; i++)
        blob_unref(extra[i].original);
    blob_unref(meta);
    blob_unref(video);
    blob_unref(audio);
    kit_close(&kit);
}
END_TEST

/* A muxer that cuts bodies as RTMP does at its smallest chunk size, with the longest headers. */
static void chunked_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                          mux_emit emit, void *arg)
{
    static uint8_t head[18 + 8];

    (void)state;
    (void)timestamp;
    for (size_t at = 0; at < frame->len; at += 128) {
        struct iovec iov[2] = {{head, at == 0 ? 18 : 7}, {(void *)(frame->data + at), 128}};

        emit(arg, iov, 2);
    }
}

static const struct mux chunked_mux = {.name = "chunked", .unit = 1, .frame = chunked_frame};

START_TEST(test_opening_holds_the_largest_parts_in_chunks)
{
    const size_t per_part = 18 - 7;
    struct kit kit;
    struct rendition rendition;
    struct init_data init = {.has_audio = 1, .has_video = 1};
    struct blob *meta = long_body("\x02\x00\x0aonMetaData\x05", 14, SOURCE_META_MAX);
    struct blob *header = long_body("\x17\x00", 2, SOURCE_HEADER_MAX);
    size_t len = SOURCE_META_MAX + 2 * SOURCE_HEADER_MAX;

    kit_open(&kit);
    ck_assert_int_eq(rendition_init(&rendition, kit.source, &chunked_mux), 0);
    init.meta = meta;
    init.header[JITTER_VIDEO] = header;
    init.header[JITTER_AUDIO] = header;
    rendition_set_init_data(&rendition, &init);
    ck_assert_ptr_nonnull(rendition.preamble);
    ck_assert_uint_eq(rendition.preamble->len, len + len / 128 * 7 + 3 * per_part);
    rendition_fini(&rendition);
    blob_unref(meta);
    blob_unref(header);
    kit_close(&kit);
}
END_TEST

/* Whichever allocation fails, the preamble is the old one or the new one, byte for byte. */
START_TEST(test_opening_is_all_or_nothing)
{
    struct kit kit;
    struct rendition rendition;
    struct init_data init = {.has_audio = 1, .has_video = 1};
    struct blob *old = body_of("\x17\x00\x00\x00\x00\x01", 6);
    struct blob *new = long_body("\x17\x00\x00\x00\x00\x02", 6, 10000);
    struct blob *audio = body_of("\xaf\x00\x12\x10", 4);
    int failures = 0;

    kit_open(&kit);
    ck_assert_int_eq(rendition_init(&rendition, kit.source, &mux_flv), 0);
    init.header[JITTER_AUDIO] = audio;
    for (int nth = 1, has_failed = 1; has_failed; nth++) {
        struct blob *before;

        init.header[JITTER_VIDEO] = old;
        rendition_set_init_data(&rendition, &init);
        before = blob_ref(rendition.preamble);
        init.header[JITTER_VIDEO] = new;
        no_memory_at(nth);
        rendition_set_init_data(&rendition, &init);
        has_failed = no_memory_over();
        failures += has_failed;
        if (has_failed)
            ck_assert_ptr_eq(rendition.preamble, before);
        else
            ck_assert_uint_eq(rendition.preamble->len, before->len - old->len + new->len);
        blob_unref(before);
    }
    ck_assert_int_ge(failures, 3);
    rendition_fini(&rendition);
    blob_unref(old);
    blob_unref(new);
    blob_unref(audio);
    kit_close(&kit);
}
END_TEST

Suite *check_rendition_suite(void)
{
    Suite *suite = suite_create("rendition");
    TCase *tc = tcase_create("rendition");

    tcase_add_test(tc, test_blob_counts);
    tcase_add_test(tc, test_opening_is_header_meta_video_audio_at_zero);
    tcase_add_test(tc, test_opening_holds_the_largest_parts);
    tcase_add_test(tc, test_opening_holds_the_largest_parts_in_chunks);
    tcase_add_test(tc, test_opening_is_all_or_nothing);
    tcase_add_test(tc, test_replay_copies_the_newest_group);
    tcase_add_test(tc, test_cut_puts_the_edge_at_the_end);
    suite_add_tcase(suite, tc);
    return suite;
}
