/*
 * MP4 viewers: they begin with a header that describes their tracks, get whole fragments from a
 * keyframe on, and their responses end where the header cannot follow the stream.
 */
#include "live_kit.h"
#include "test/unit/formats.h"
#include "test/unit/media/mp4_kit.h"

Suite *check_source_fixed_suite(void);

struct got {
    int headers, video, audio;
    size_t header_len;
    struct mp4_seen first, last;
};

/* Takes what is available: movie headers, and fragments by track. */
static struct got take(struct kit_seen *seen)
{
    struct got got = {.headers = 0};
    size_t at = 0;

    kit_take_bytes(seen);
    while (at < seen->len) {
        const uint8_t *p = seen->data + at;

        if (memcmp(p + 4, "ftyp", 4) == 0 || memcmp(p + 4, "moov", 4) == 0) {
            got.headers += p[4] == 'm';
            got.header_len += (size_t)mp4_number(p, 4);
            at += (size_t)mp4_number(p, 4);
            continue;
        }
        mp4_take_apart(p, seen->len - at, &got.last);
        if (got.video + got.audio == 0)
            got.first = got.last;
        got.video += got.last.track == 1;
        got.audio += got.last.track == 2;
        at += got.last.size;
    }
    return got;
}

static struct kit_seen *begin(struct kit *kit, int frames)
{
    kit_open(kit);
    kit_publish(kit);
    kit_start(kit, 0, frames);
    return kit_watch(kit, &mux_mp4);
}

START_TEST(test_a_viewer_begins_at_the_keyframe)
{
    struct kit kit;
    struct kit_seen *seen = begin(&kit, 30), *second;
    struct got got = take(seen), other;

    ck_assert_int_eq(got.headers, 1);
    ck_assert_int_eq(got.video, 5); /* from 1000 ms on */
    ck_assert_uint_eq(got.first.dts, 1000);
    ck_assert_uint_eq(got.first.flags, 0x02000000);
    ck_assert_int_eq(got.audio, 5);
    kit_run(&kit, 1200, 10);
    got = take(seen);
    ck_assert(got.headers == 0 && got.video == 10 && got.audio == 10);
    /* All viewers share the fragments. */
    second = kit_watch(&kit, &mux_mp4);
    other = take(second);
    ck_assert_uint_eq(other.last.sequence, got.last.sequence);
    ck_assert(!seen->is_ended && !second->is_ended);
    kit_close(&kit);
}
END_TEST

START_TEST(test_changed_parameter_sets_go_in_band)
{
    struct kit kit;
    struct kit_seen *seen = begin(&kit, 10);
    struct got got = take(seen);
    size_t header_len = got.header_len;

    kit_avc_header(&kit, 400, 0x28);
    kit_run(&kit, 400, 10);
    got = take(seen);
    ck_assert(!seen->is_ended);
    ck_assert(got.headers == 0 && got.video == 10);
    ck_assert_uint_eq(got.first.dts, 400);
    /* SPS and PPS precede the picture. */
    ck_assert_uint_eq(got.first.len, 8 + 6 + 6);
    ck_assert_uint_eq(got.first.sample[4], 0x67);
    seen = kit_watch(&kit, &mux_mp4);
    got = take(seen);
    ck_assert_uint_eq(got.header_len, header_len);
    ck_assert_ptr_nonnull(memmem(seen->data, header_len, "\x67\x64\0\x28", 4));
    kit_close(&kit);
}
END_TEST

START_TEST(test_a_changed_asc_ends_the_response)
{
    struct kit kit;
    struct kit_seen *seen = begin(&kit, 10);
    struct kit_seen *muted;
    struct got got = take(seen);

    muted = kit_adopt(&kit, viewer_open_only(kit.source, &mux_mp4, SOURCE_VIDEO_ONLY, kit.now));
    got = take(muted);
    ck_assert(got.headers == 1 && got.video == 10 && got.audio == 0);
    kit_aac_header(&kit, 400, 0x08);
    kit_audio(&kit, 410);
    got = take(seen);
    ck_assert(seen->is_ended);
    ck_assert_int_eq(got.audio, 0);
    /* Without audio, it concerns nobody. */
    (void)take(muted);
    ck_assert(!muted->is_ended);
    /* A new viewer begins at the next keyframe. */
    seen = kit_watch(&kit, &mux_mp4);
    got = take(seen);
    ck_assert_int_eq(got.headers, 0);
    kit_run(&kit, 440, 5);
    got = take(seen);
    ck_assert(got.headers == 1 && got.video == 5);
    ck_assert_ptr_nonnull(memmem(seen->data, got.header_len, "\x05\x80\x80\x80\x02\x12\x08", 7));
    kit_close(&kit);
}
END_TEST

START_TEST(test_the_same_asc_again_changes_nothing)
{
    struct kit kit;
    struct kit_seen *seen = begin(&kit, 10);

    (void)take(seen);
    kit_aac_header(&kit, 400, 0x10);
    kit_audio(&kit, 410);
    (void)take(seen);
    ck_assert(!seen->is_ended);
    kit_close(&kit);
}
END_TEST

/* A track that the configuration announces and that comes after the viewers. */
START_TEST(test_an_announced_track_that_comes_late)
{
    struct kit kit;
    struct kit_seen *seen;
    struct got got;

    kit_open(&kit);
    kit.config.guess_has_av = 0;
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_video(&kit, 0, 1);
    seen = kit_watch(&kit, &mux_mp4);
    got = take(seen);
    ck_assert(got.headers == 1 && got.video == 1);
    ck_assert_ptr_null(memmem(seen->data, got.header_len, "mp4a", 4));
    kit_aac_header(&kit, 10, 0x10);
    kit_audio(&kit, 10);
    (void)take(seen);
    ck_assert(seen->is_ended);
    kit_video(&kit, 40, 1);
    seen = kit_watch(&kit, &mux_mp4);
    got = take(seen);
    ck_assert_int_eq(got.headers, 1);
    ck_assert_ptr_nonnull(memmem(seen->data, got.header_len, "mp4a", 4));
    kit_close(&kit);
}
END_TEST

START_TEST(test_one_frame)
{
    struct kit kit;
    struct kit_seen *seen, *second;
    struct got got;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    seen = kit_watch(&kit, &mux_key_mp4);
    second = kit_watch(&kit, &mux_key_mp4);
    got = take(seen);
    ck_assert(got.headers == 1 && got.video == 1 && got.audio == 0);
    ck_assert(got.first.sample[4] == 0x65);
    ck_assert(seen->is_ended);
    /* Newer pictures do not follow the one that a viewer gets. */
    kit_run(&kit, 1200, 60);
    got = take(second);
    ck_assert(got.headers == 1 && got.video == 1);
    ck_assert(second->is_ended);
    kit_close(&kit);
}
END_TEST

START_TEST(test_a_keyframe_is_waited_for)
{
    struct kit kit;
    struct kit_seen *seen;
    struct got got;

    kit_open(&kit);
    seen = kit_watch(&kit, &mux_key_mp4);
    got = take(seen);
    ck_assert(got.headers == 0 && !seen->is_ended);
    kit_publish(&kit);
    kit_start(&kit, 0, 30);
    got = take(seen);
    ck_assert(got.headers == 1 && got.video == 1);
    ck_assert(seen->is_ended);
    kit_close(&kit);
}
END_TEST

static void push_mp3(struct kit *kit, uint32_t from, int frames)
{
    static const uint8_t body[] = {0x2f, 0xff, 0xfb, 0x94, 0x64, 0, 0};

    for (uint32_t ms = from; frames > 0; frames--, ms += 24) {
        kit_push(kit, FRAME_AUDIO, ms, body, sizeof(body));
        kit->now += 24 * USEC_PER_MS;
    }
}

START_TEST(test_audio_alone)
{
    struct kit kit;
    struct kit_seen *seen;
    struct got got;

    kit_open(&kit);
    kit_publish(&kit);
    push_mp3(&kit, 0, 40);
    seen = kit_watch(&kit, &mux_mp4);
    got = take(seen);
    ck_assert_int_eq(got.headers, 0);
    push_mp3(&kit, 960, 4);
    got = take(seen);
    ck_assert(got.headers == 1 && got.audio == 4 && got.video == 0);
    /* The frames have told the rate. */
    ck_assert_ptr_nonnull(memmem(seen->data, got.header_len, "\xbb\x80\0\0", 4));
    kit_close(&kit);
}
END_TEST

Suite *check_source_fixed_suite(void)
{
    Suite *suite = suite_create("source_fixed");
    TCase *tc = tcase_create("source_fixed");

    tcase_add_test(tc, test_a_viewer_begins_at_the_keyframe);
    tcase_add_test(tc, test_changed_parameter_sets_go_in_band);
    tcase_add_test(tc, test_a_changed_asc_ends_the_response);
    tcase_add_test(tc, test_the_same_asc_again_changes_nothing);
    tcase_add_test(tc, test_an_announced_track_that_comes_late);
    tcase_add_test(tc, test_audio_alone);
    tcase_add_test(tc, test_one_frame);
    tcase_add_test(tc, test_a_keyframe_is_waited_for);
    suite_add_tcase(suite, tc);
    return suite;
}
