/* Times of samples: decoding times that only rise and never by more than two durations, and
 * presentation times that are the publisher's. */
#include "media/mp4_clock.h"

#include <check.h>

Suite *check_mp4_clock_suite(void);

/* The next picture, and what must hold of each. */
static struct mp4_times video(struct mp4_clock *clock, uint32_t ms, int32_t cts)
{
    struct mp4_clock former = *clock;
    struct mp4_times out;

    mp4_clock_video(clock, ms, cts, &out);
    ck_assert_int_eq((int64_t)out.dts + out.offset, (int64_t)ms + cts);
    ck_assert_uint_gt(out.duration, 0);
    if (former.has_last) {
        ck_assert_int_gt((int64_t)out.dts, former.dts);
        ck_assert_int_le((int64_t)out.dts - former.dts, 2 * (int64_t)former.duration);
    }
    return out;
}

static struct mp4_times audio(struct mp4_clock *clock, uint32_t ms)
{
    struct mp4_times out;

    mp4_clock_audio(clock, ms, 44100, 1024, &out);
    ck_assert_uint_eq(out.duration, 1024);
    return out;
}

START_TEST(test_a_picture_lasts_as_long_as_the_one_before)
{
    struct mp4_clock clock = {0};

    ck_assert_uint_eq(video(&clock, 5000, 0).duration, 40);
    ck_assert_uint_eq(video(&clock, 5033, 0).duration, 33);
    ck_assert_uint_eq(video(&clock, 5067, 0).duration, 34);
    ck_assert_uint_eq(video(&clock, 5100, 80).dts, 5100);
    ck_assert_int_eq(video(&clock, 5133, 80).offset, 80);
    ck_assert_int_eq(video(&clock, 5167, -20).offset, -20);
    /* At almost the same time: half of the former one. */
    ck_assert_uint_eq(video(&clock, 5168, 0).duration, 18);
}
END_TEST

START_TEST(test_decoding_times_lag_after_a_gap)
{
    struct mp4_clock clock = {0};
    struct mp4_times at;

    video(&clock, 0, 0);
    at = video(&clock, 40, 0);
    ck_assert_uint_eq(at.dts, 40);
    at = video(&clock, 540, 0);
    ck_assert_uint_eq(at.dts, 120);
    ck_assert_int_eq(at.offset, 420);
    ck_assert_uint_eq(at.duration, 500);
    at = video(&clock, 580, 0);
    ck_assert_uint_eq(at.dts, 580);
    /* A picture in 12 s. */
    for (uint32_t ms = 12000; ms <= 120000; ms += 12000)
        at = video(&clock, ms, 0);
    ck_assert_uint_eq(at.dts, 120000);
    ck_assert_uint_eq(at.duration, 12000);
}
END_TEST

START_TEST(test_times_that_stand_or_step_back)
{
    struct mp4_clock clock = {0};

    video(&clock, 1000, 0);
    ck_assert_uint_eq(video(&clock, 1000, 0).dts, 1001);
    ck_assert_uint_eq(video(&clock, 990, 0).dts, 1002);
    ck_assert_int_eq(video(&clock, 990, 40).offset, 27);
}
END_TEST

START_TEST(test_another_timeline)
{
    struct mp4_clock clock = {0};
    struct mp4_times out;

    mp4_clock_video(&clock, 0x7fffffff, 0, &out);
    mp4_clock_video(&clock, 0, 0, &out);
    ck_assert_uint_eq(out.dts, 0);
    ck_assert_int_eq(out.offset, 0);
    mp4_clock_video(&clock, 3600000, 0, &out);
    ck_assert_uint_eq(out.dts, 3600000);
    mp4_clock_video(&clock, 0xffffffff, INT32_MAX, &out);
    ck_assert_uint_eq(out.dts, 0xffffffff);
    ck_assert_int_eq(out.offset, INT32_MAX);
}
END_TEST

/* Frames whose times are cut to milliseconds, or off by some, follow each other exactly. */
START_TEST(test_audio_is_exact)
{
    struct mp4_clock clock = {0};

    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t ms = 7000 + (uint32_t)((uint64_t)i * 1024 * 1000 / 44100) + i % 3;
        struct mp4_times at = audio(&clock, ms);

        ck_assert_uint_eq(at.dts, 7 * 44100 + (uint64_t)i * 1024);
        ck_assert_int_eq(at.offset, 0);
    }
}
END_TEST

/* A clock that is not the nominal one: times stay the publisher's. */
START_TEST(test_audio_that_drifts)
{
    struct mp4_clock clock = {0};
    int64_t former = -1;

    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t ms = (uint32_t)((uint64_t)i * 1024 * 1000 / 44000);
        struct mp4_times at = audio(&clock, ms);
        int64_t real = (int64_t)ms * 441 / 10;

        ck_assert_int_gt((int64_t)at.dts, former);
        ck_assert_int_lt(real - (int64_t)at.dts - at.offset, 500);
        ck_assert_int_gt(real - (int64_t)at.dts - at.offset, -500);
        former = (int64_t)at.dts;
    }
}
END_TEST

START_TEST(test_a_gap_in_audio)
{
    struct mp4_clock clock = {0};
    int64_t dts;

    audio(&clock, 0);
    dts = clock.dts;
    for (uint32_t i = 0; i < 100; i++) {
        struct mp4_times at = audio(&clock, 600 + (uint32_t)((uint64_t)i * 1024 * 1000 / 44100));

        ck_assert_int_le((int64_t)at.dts - dts, 2 * 1024);
        ck_assert_int_eq((int64_t)at.dts + at.offset, 26460 + (int64_t)i * 1024);
        dts = (int64_t)at.dts;
    }
    ck_assert_int_eq(dts, 26460 + 99 * 1024);
}
END_TEST

Suite *check_mp4_clock_suite(void)
{
    Suite *suite = suite_create("mp4_clock");
    TCase *tcase = tcase_create("mp4_clock");

    tcase_add_test(tcase, test_a_picture_lasts_as_long_as_the_one_before);
    tcase_add_test(tcase, test_decoding_times_lag_after_a_gap);
    tcase_add_test(tcase, test_times_that_stand_or_step_back);
    tcase_add_test(tcase, test_another_timeline);
    tcase_add_test(tcase, test_audio_is_exact);
    tcase_add_test(tcase, test_audio_that_drifts);
    tcase_add_test(tcase, test_a_gap_in_audio);
    suite_add_tcase(suite, tcase);
    return suite;
}
