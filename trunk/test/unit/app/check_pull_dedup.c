/* Known and new frames of a stream, across a change of origins. */
#include "app/cluster/pull_dedup.h"

#include "media/flv.h"

#include <check.h>
#include <string.h>

Suite *check_pull_dedup_suite(void);

static struct pull_dedup *past;
static usec_t now;

static void setup(void)
{
    past = pull_dedup_new();
    ck_assert_ptr_nonnull(past);
    now = 0;
}

static void teardown(void)
{
    pull_dedup_free(past);
}

/* Frame number n: every tenth is a keyframe, every third is audio. */
static struct frame frame_number(int n)
{
    static uint8_t data[200];
    struct frame frame;
    int is_audio = n % 3 == 1;

    memset(data, n / 251, sizeof(data));
    memcpy(data, is_audio ? "\xaf\x01" : n % 10 == 0 ? "\x17\x01" : "\x27\x01", 2);
    data[150] = (uint8_t)(n % 251);
    flv_frame_parse(&frame, is_audio ? FRAME_AUDIO : FRAME_VIDEO, (uint32_t)n * 40, data, 151);
    return frame;
}

static struct frame header(void)
{
    static const uint8_t data[] = "\x17\x00\x00\x00\x00header";
    struct frame frame;

    flv_frame_parse(&frame, FRAME_VIDEO, 0, data, sizeof(data));
    ck_assert_int_eq(frame.is_header, 1);
    return frame;
}

static void given(int from, int to)
{
    for (int n = from; n < to; n++) {
        struct frame frame = frame_number(n);

        pull_dedup_note(past, &frame);
    }
}

static int holds(int n)
{
    struct frame frame = frame_number(n);

    return pull_dedup_hold(past, &frame, now);
}

/* The number of held frames; checks their numbers from `first` on, after the headers. */
static int held(int headers, int first)
{
    struct frame frame;
    size_t at = 0;
    int count = 0;

    while (pull_dedup_take(past, &at, &frame)) {
        if (count >= headers) {
            struct frame want = frame_number(first + count - headers);

            ck_assert_uint_eq(frame.timestamp, want.timestamp);
            ck_assert_int_eq(frame.type, want.type);
            ck_assert_uint_eq(frame.len, want.len);
            ck_assert_mem_eq(frame.data, want.data, want.len);
        }
        count++;
    }
    return count;
}

START_TEST(nothing_is_known_at_first)
{
    struct frame frame = header();

    pull_dedup_begin(past);
    ck_assert_int_eq(pull_dedup_hold(past, &frame, now), 0);
    ck_assert_int_eq(holds(0), 0);
    ck_assert_int_eq(held(0, 0), 0);
}
END_TEST

START_TEST(repeated_frames_are_held_until_new_ones_come)
{
    struct frame frame = header();

    given(0, 35);
    /* The next origin begins with its last group, and has no more; nor has the one after it. */
    for (int turn = 0; turn < 3; turn++) {
        pull_dedup_begin(past);
        ck_assert_int_eq(pull_dedup_hold(past, &frame, now), 1);
        for (int n = 30; n < 35; n++)
            ck_assert_int_eq(holds(n), 1);
        ck_assert_int_eq(held(1, 30), 6);
    }
    ck_assert_int_eq(pull_dedup_is_exact(past), 0);
    /* What follows the last frame needs nothing of what viewers have, but the headers. */
    ck_assert_int_eq(holds(35), 0);
    ck_assert_int_eq(pull_dedup_is_exact(past), 1);
    ck_assert_int_eq(held(1, 30), 1);
    ck_assert_int_eq(holds(30), 0);
}
END_TEST

START_TEST(a_new_gop_is_passed_on_at_once)
{
    given(0, 35);
    pull_dedup_begin(past);
    ck_assert_int_eq(holds(40), 0);
    ck_assert_int_eq(pull_dedup_is_exact(past), 0);
    ck_assert_int_eq(held(0, 0), 0);
}
END_TEST

START_TEST(a_repeated_gop_is_not_sent_twice)
{
    struct frame frame = header();

    given(0, 40);
    pull_dedup_begin(past);
    ck_assert_int_eq(pull_dedup_hold(past, &frame, now), 1);
    for (int n = 30; n < 40; n++)
        ck_assert_int_eq(holds(n), 1);
    /* A keyframe: all that a viewer has had is of no use to him, but for the headers. */
    ck_assert_int_eq(holds(60), 0);
    ck_assert_int_eq(held(1, 30), 1);
}
END_TEST

START_TEST(another_order_is_another_stream)
{
    given(0, 35);
    pull_dedup_begin(past);
    ck_assert_int_eq(holds(30), 1);
    ck_assert_int_eq(holds(32), 0);
    ck_assert_int_eq(pull_dedup_is_exact(past), 0);
    ck_assert_int_eq(held(0, 30), 1);
}
END_TEST

/* An origin that lags but continues: its frames are known, and arrive in real time. */
START_TEST(a_publisher_that_lags_is_alive)
{
    int n = 30;

    given(0, 100);
    pull_dedup_begin(past);
    for (; n < 35; n++)
        ck_assert_int_eq(holds(n), 1);
    for (; n < 38; n++) {
        now += 40 * USEC_PER_MS;
        ck_assert_int_eq(holds(n), 1);
    }
    now += 40 * USEC_PER_MS;
    ck_assert_int_eq(holds(n), 0);
    ck_assert_int_eq(held(0, 30), 8);
}
END_TEST

/* The same in batches of a third of a second, as a server with many viewers sends. */
START_TEST(a_publisher_that_lags_is_alive_in_batches)
{
    int n = 30;

    given(0, 100);
    pull_dedup_begin(past);
    for (; n < 50; n++)
        ck_assert_int_eq(holds(n), 1);
    for (int batch = 0; batch < 3; batch++) {
        now += 320 * USEC_PER_MS;
        for (int i = 0; i < 8; i++)
            ck_assert_int_eq(holds(n++), 1);
    }
    now += 320 * USEC_PER_MS;
    ck_assert_int_eq(holds(n), 0);
}
END_TEST

/* A slow network brings the past in pieces, which grow; so does a busy machine, with holes. */
START_TEST(a_burst_in_pieces_counts_as_one)
{
    int n = 30;

    given(0, 500);
    pull_dedup_begin(past);
    for (int piece = 4; piece <= 64; piece *= 2) {
        for (int i = 0; i < piece; i++)
            ck_assert_int_eq(holds(n++), 1);
        now += 100 * USEC_PER_MS;
    }
    for (int piece = 0; piece < 10; piece++) {
        now += (piece % 2 == 0 ? 400 : 15) * USEC_PER_MS;
        for (int i = 0; i < 16; i++)
            ck_assert_int_eq(holds(n++), 1);
    }
}
END_TEST

START_TEST(old_fingerprints_are_forgotten)
{
    given(0, 1100);
    pull_dedup_begin(past);
    ck_assert_int_eq(holds(70), 0);
    pull_dedup_begin(past);
    for (int n = 80; n < 1100; n++)
        ck_assert_int_eq(holds(n), 1);
    ck_assert_int_eq(held(0, 80), 1020);
    ck_assert_int_eq(holds(1100), 0);
}
END_TEST

START_TEST(no_more_is_held_than_there_is_room_for)
{
    static uint8_t big[1024 * 1024];
    struct frame frame;
    int count = 0;

    memcpy(big, "\x27\x01", 2);
    flv_frame_parse(&frame, FRAME_VIDEO, 0, big, sizeof(big));
    for (int i = 0; i < 10; i++)
        pull_dedup_note(past, &frame);
    given(0, 10);
    pull_dedup_begin(past);
    /* Sequence headers do not show the position in a stream, and there may be many of them. */
    big[1] = 0;
    flv_frame_parse(&frame, FRAME_VIDEO, 0, big, sizeof(big));
    while (count < 20 && pull_dedup_hold(past, &frame, now))
        count++;
    ck_assert_int_eq(count, 7);
    ck_assert_int_eq(held(20, 0), 7);
}
END_TEST

START_TEST(short_frames)
{
    static const uint8_t byte = 0xaf;
    struct frame frame;

    flv_frame_parse(&frame, FRAME_AUDIO, 0, &byte, 0);
    pull_dedup_note(past, &frame);
    flv_frame_parse(&frame, FRAME_AUDIO, 0, &byte, 1);
    pull_dedup_note(past, &frame);
    pull_dedup_begin(past);
    (void)pull_dedup_hold(past, &frame, now);
    pull_dedup_begin(past);
    flv_frame_parse(&frame, FRAME_SCRIPT, 0, &byte, 1);
    pull_dedup_note(past, &frame);
}
END_TEST

Suite *check_pull_dedup_suite(void)
{
    Suite *suite = suite_create("pull_dedup");
    TCase *tcase = tcase_create("pull_dedup");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nothing_is_known_at_first);
    tcase_add_test(tcase, repeated_frames_are_held_until_new_ones_come);
    tcase_add_test(tcase, a_new_gop_is_passed_on_at_once);
    tcase_add_test(tcase, a_repeated_gop_is_not_sent_twice);
    tcase_add_test(tcase, another_order_is_another_stream);
    tcase_add_test(tcase, a_publisher_that_lags_is_alive);
    tcase_add_test(tcase, a_publisher_that_lags_is_alive_in_batches);
    tcase_add_test(tcase, a_burst_in_pieces_counts_as_one);
    tcase_add_test(tcase, old_fingerprints_are_forgotten);
    tcase_add_test(tcase, no_more_is_held_than_there_is_room_for);
    tcase_add_test(tcase, short_frames);
    suite_add_tcase(suite, tcase);
    return suite;
}
