/*
 * Every allocation of a stream's life fails once, one after the other: nothing breaks, and the
 * viewers' streams are intact.
 */
#include "live_kit.h"

#include "live/source_private.h"
#include "test/unit/formats.h"
#include "test/unit/no_memory.h"

Suite *check_no_memory_suite(void);

#define FORMATS 5

static const struct mux *const formats[FORMATS] = {&mux_flv, &mux_original, &mux_ts, &mux_mp3,
                                                   &mux_aac};

/* Check allocates for each assertion, so results are stored here while allocations fail. */
static int broken_batches;

/* A viewer's bytes of a format that is FLV: the file header once, then whole tags. */
static int batch_is_whole(const struct viewer_batch *batch)
{
    for (int i = 0; i < batch->count; i++) {
        const uint8_t *p = batch->span[i].iov_base;
        size_t len = batch->span[i].iov_len;
        struct flv_tag tag;
        enum scan scan;
        size_t used;

        if (len >= FLV_HEADER_SIZE && memcmp(p, "FLV", 3) == 0) {
            p += FLV_HEADER_SIZE;
            len -= FLV_HEADER_SIZE;
        }
        while ((scan = flv_tag_read(p, len, &tag, &used)) == SCAN_DONE) {
            if (tag.type != FRAME_AUDIO && tag.type != FRAME_VIDEO && tag.type != FRAME_SCRIPT)
                return 0;
            p += used;
            len -= used;
        }
        if (scan != SCAN_MORE)
            return 0;
    }
    return 1;
}

static void take_all(struct viewer *viewer, const struct mux *mux)
{
    struct viewer_batch batch;

    while (viewer_next(viewer, KIT_BATCH, &batch) == VIEWER_BYTES) {
        if ((mux == &mux_flv || mux == &mux_original) && !batch_is_whole(&batch))
            broken_batches++;
        viewer_sent(viewer);
    }
}

struct crowd {
    struct viewer *viewer[FORMATS];
};

static void crowd_come(struct crowd *crowd, struct kit *kit)
{
    for (int i = 0; i < FORMATS; i++)
        crowd->viewer[i] = viewer_open(kit->source, formats[i], kit->now);
}

static void crowd_take(struct crowd *crowd)
{
    for (int i = 0; i < FORMATS; i++)
        if (crowd->viewer[i] != NULL)
            take_all(crowd->viewer[i], formats[i]);
}

static void crowd_leave(struct crowd *crowd)
{
    for (int i = 0; i < FORMATS; i++)
        if (crowd->viewer[i] != NULL)
            viewer_close(crowd->viewer[i]);
}

static void push_meta(struct kit *kit)
{
    static const uint8_t meta[] = "\x02\x00\x0aonMetaData\x03\x00\x05width\x00\x40\x94\x00\x00\x00"
                                  "\x00\x00\x00\x00\x00\x09";

    kit_push(kit, FRAME_SCRIPT, 0, meta, sizeof(meta) - 1);
}

/* A second video track: multitrack, one track, HEVC's sequence start, track 1. */
static void push_extra(struct kit *kit)
{
    static const uint8_t extra[] = {0x96, 0x00, 'h', 'v', 'c', '1', 1, 1, 2, 3, 4};

    kit_push(kit, FRAME_VIDEO, 0, extra, sizeof(extra));
}

static void live(struct kit *kit)
{
    struct crowd early = {{NULL}};
    struct crowd late = {{NULL}};

    crowd_come(&early, kit);
    if (source_publish(kit->source, &kit->config, kit->now) == 0) {
        push_meta(kit);
        kit_start(kit, 0, 30);
        push_extra(kit);
        crowd_take(&early);
        crowd_come(&late, kit);
        crowd_take(&late);
        kit_avc_header(kit, 1200, 0x20);
        kit_aac_header(kit, 1200, 0x11);
        kit_run(kit, 1200, 30);
        crowd_take(&early);
        crowd_take(&late);
        source_keep(kit->source, &mux_mp3);
        source_unpublish(kit->source, kit->now);
    }
    crowd_leave(&early);
    crowd_leave(&late);
}

static void live_once(int mix_correct, int nth)
{
    struct kit kit = {.now = USEC_PER_SEC,
                      .config = {.gop_cache = 1,
                                 .gop_cache_max_frames = 2500,
                                 .gop_cache_max_bytes = 16 << 20,
                                 .queue_length = 30 * USEC_PER_SEC,
                                 .time_jitter = TIME_JITTER_FULL,
                                 .mix_correct = mix_correct,
                                 .has_audio = 1,
                                 .has_video = 1,
                                 .guess_has_av = 1,
                                 .fast_cache = USEC_PER_SEC,
                                 .republish_wait = 15 * USEC_PER_SEC}};

    no_memory_at(nth);
    kit.hub = hub_new(8, 8);
    if (kit.hub == NULL)
        return;
    kit.source = hub_get(kit.hub, KIT_KEY, &kit.config);
    if (kit.source != NULL)
        live(&kit);
    hub_tick(kit.hub, kit.now);
    hub_free(kit.hub);
}

static void sweep(int mix_correct)
{
    int nth = 0;

    broken_batches = 0;
    do
        live_once(mix_correct, ++nth);
    while (no_memory_over() > 0);
    ck_assert_int_eq(broken_batches, 0);
    /* The hub, the source and its table, each format's rendition and viewers, headers, frames. */
    ck_assert_int_gt(nth, 50);
}

START_TEST(any_allocation_may_fail)
{
    sweep(0);
}
END_TEST

START_TEST(any_allocation_may_fail_in_the_queue_of_mix_correct)
{
    sweep(1);
}
END_TEST

START_TEST(a_lost_sequence_header_is_told)
{
    struct kit kit;

    kit_open(&kit);
    kit_publish(&kit);
    no_memory();
    kit_avc_header(&kit, 0, 0x1f);
    ck_assert_int_gt(no_memory_over(), 0);
    ck_assert_int_eq(source_has_lost_header(kit.source), 1);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    kit_start(&kit, 0, 2);
    ck_assert_int_eq(source_has_lost_header(kit.source), 0);
    kit_close(&kit);
}
END_TEST

/* A viewer of TS that could be opened gets the next keyframe, whatever failed. */
START_TEST(a_rendition_without_memory_gets_the_header_again)
{
    static const uint8_t key[] = {0, 0, 0, 1, 0x65, 0xaa};
    int has_failed = 1;

    for (int nth = 1; has_failed; nth++) {
        struct kit_seen *seen;
        struct viewer *viewer;
        struct kit kit;

        kit_open(&kit);
        kit_publish(&kit);
        kit_start(&kit, 0, 30);
        no_memory_at(nth);
        viewer = viewer_open(kit.source, &mux_ts, kit.now);
        has_failed = no_memory_over() > 0;
        if (viewer != NULL) {
            seen = kit_adopt(&kit, viewer);
            kit_take_bytes(seen);
            kit_run(&kit, 1200, 25);
            kit_take_bytes(seen);
            ck_assert_ptr_nonnull(memmem(seen->data, seen->len, key, sizeof(key)));
        }
        kit_close(&kit);
    }
}
END_TEST

Suite *check_no_memory_suite(void)
{
    Suite *suite = suite_create("no_memory");
    TCase *tc = tcase_create("no_memory");

    tcase_add_test(tc, any_allocation_may_fail);
    tcase_add_test(tc, any_allocation_may_fail_in_the_queue_of_mix_correct);
    tcase_add_test(tc, a_lost_sequence_header_is_told);
    tcase_add_test(tc, a_rendition_without_memory_gets_the_header_again);
    suite_add_tcase(suite, tc);
    return suite;
}
