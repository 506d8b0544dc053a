/* One timeline: restarts, jumps, wraps, steps back, audio and video together. */
#include "live/jitter.h"

#include <check.h>

Suite *check_jitter_suite(void);

static usec_t now_us;

/* A frame `later` ms after the previous one. */
static int64_t at(struct jitter *j, enum jitter_track track, uint32_t ts, int later)
{
    now_us += later * USEC_PER_MS;
    return jitter_apply(j, track, ts, now_us);
}

static struct jitter fresh(enum time_jitter mode)
{
    struct jitter j = {.repairs = 0};

    now_us = USEC_PER_SEC;
    jitter_reset(&j, mode, 0);
    return j;
}

START_TEST(test_begins_at_zero)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    ck_assert_int_eq(at(&j, JITTER_VIDEO, 123456, 0), 0);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 123466, 0), 10);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 123496, 40), 40);
}
END_TEST

START_TEST(test_earlier_second_track_is_held_at_zero)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    ck_assert_int_eq(at(&j, JITTER_VIDEO, 1000, 0), 0);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 980, 0), 0);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 1003, 23), 3);
}
END_TEST

START_TEST(test_new_publisher_follows_by_one_frame)
{
    struct jitter j = fresh(TIME_JITTER_FULL);
    int64_t last = 0;

    for (uint32_t t = 0; t <= 4000; t += 40)
        last = at(&j, JITTER_VIDEO, t, 40);
    ck_assert_int_eq(last, 4000);
    jitter_publish(&j);
    now_us += 9 * USEC_PER_SEC;
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 777000, 0), 4040);
    /* Audio by the same offset. */
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 777011, 0), 4051);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 777040, 40), 4080);
}
END_TEST

/* Another process continues with the same timestamps. */
START_TEST(test_it_goes_on_elsewhere)
{
    struct jitter here = fresh(TIME_JITTER_FULL);
    struct jitter there = fresh(TIME_JITTER_FULL);
    struct source_time time;

    jitter_save(&here, &time);
    jitter_resume(&there, &time, 0);
    ck_assert_int_eq(there.has_begun, 0);
    for (uint32_t i = 0; i < 20; i++) {
        at(&here, JITTER_VIDEO, 9000 + i * 33, 33);
        at(&here, JITTER_AUDIO, 9000 + i * 33 + 5, 0);
    }
    jitter_publish(&here);
    jitter_save(&here, &time);
    ck_assert_int_eq(time.last, 19 * 33 + 5);
    jitter_resume(&there, &time, 0);
    for (uint32_t i = 0; i < 20; i++) {
        int64_t ms = at(&here, JITTER_AUDIO, 123456 + i * 21, 0);

        ck_assert_int_eq(at(&there, JITTER_AUDIO, 123456 + i * 21, 0), ms);
        ck_assert_int_gt(ms, time.last);
        /* Later than the audio with which it came: held at the position of the video. */
        ms = at(&here, JITTER_VIDEO, 123400 + i * 21, 0);
        ck_assert_int_eq(at(&there, JITTER_VIDEO, 123400 + i * 21, 0), ms);
    }
    /* As published is as published. */
    there = fresh(TIME_JITTER_OFF);
    jitter_resume(&there, &time, 0);
    ck_assert_int_eq(at(&there, JITTER_AUDIO, 5, 0), 5);
}
END_TEST

/* A relay's times belong to a timeline: they are kept if it continues, and only then. */
START_TEST(test_a_relay_keeps_its_times)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    j.keeps = 1;
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5000000, 0), 5000000);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 5000010, 10), 5000010);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5000040, 30), 5000040);
    /* A moment later, not as long after it as a frame lasts. */
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5000100, 40), 5000100);
    /* What would be a leap, or a step back, follows by a frame. */
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5002000, 40), 5000140);
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 100, 40), 5000180);
    /* And then continues next to the other timeline. */
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 200, 40), 5000280);
    /* A jump that is not longer than the elapsed time is not a jump. */
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5001700, 1300), 5001700);
}
END_TEST

/* After an interruption the other track may be ahead of the one that comes first. */
START_TEST(test_a_relay_resumes)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    j.keeps = 1;
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 7000, 0), 7000);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 7400, 40), 7400);
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 7023, 40), 7023);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 7440, 40), 7440);
    /* A step back on its own track is another timeline, and so is one of more than a second. */
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 7010, 40), 7463);
    jitter_publish(&j);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 6200, 40), 7503);
}
END_TEST

/* A timeline that would soon be at its end begins at 0. */
START_TEST(test_a_relay_far_from_zero)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    j.keeps = 1;
    ck_assert_int_eq(at(&j, JITTER_VIDEO, (1u << 30) - 1, 0), (1 << 30) - 1);
    j = fresh(TIME_JITTER_FULL);
    j.keeps = 1;
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 1u << 30, 0), 0);
}
END_TEST

START_TEST(test_jump_forward_is_taken_out_of_both)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    for (uint32_t t = 0; t <= 1000; t += 40) {
        at(&j, JITTER_VIDEO, t, 20);
        at(&j, JITTER_AUDIO, t + 5, 20);
    }
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 3601040, 20), 1045);
    /* Audio from before its own jump is still on the old clock. */
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 1045, 20), 1045);
    /* Its jump keeps the offset of the video: 5 ms after it, as published. */
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 3601085, 20), 1090);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 3601080, 20), 1085);
}
END_TEST

START_TEST(test_jump_back_goes_on)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    for (uint32_t t = 0; t <= 8000; t += 40)
        at(&j, JITTER_VIDEO, t, 40);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 0, 40), 8040);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 40, 40), 8080);
}
END_TEST

START_TEST(test_small_step_back_is_held)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    at(&j, JITTER_VIDEO, 0, 0);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 100, 40), 100);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 60, 40), 100);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 140, 40), 140);
}
END_TEST

START_TEST(test_time_that_really_passed_is_no_jump)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    at(&j, JITTER_VIDEO, 0, 0);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 20000, 20000), 20000);
}
END_TEST

START_TEST(test_wraps_at_32_bits)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    ck_assert_int_eq(at(&j, JITTER_VIDEO, 0xffffffd8u, 0), 0);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 0xffffffe0u, 0), 8);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 0, 40), 40);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 8, 0), 48);
}
END_TEST

START_TEST(test_zero_only_shifts)
{
    struct jitter j = fresh(TIME_JITTER_ZERO);

    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5000, 0), 0);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5100, 40), 100);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5060, 40), 60);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 3605000, 40), 3600000);
}
END_TEST

START_TEST(test_off_leaves_alone)
{
    struct jitter j = fresh(TIME_JITTER_OFF);

    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5000, 0), 5000);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 1, 0), 1);
}
END_TEST

START_TEST(test_mixed_is_monotonic_over_both)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    j.is_mixed = 1;
    at(&j, JITTER_VIDEO, 0, 0);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 80, 40), 80);
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 60, 0), 80);
}
END_TEST

/* Data messages keep the publisher's position in time, and do not move the timeline. */
START_TEST(test_data_goes_along)
{
    struct jitter j = fresh(TIME_JITTER_FULL);

    ck_assert_int_eq(jitter_data(&j, 5000), 0); /* before the first frame */
    ck_assert_int_eq(at(&j, JITTER_AUDIO, 5000, 0), 0);
    ck_assert_int_eq(jitter_data(&j, 5010), 10);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 5020, 20), 20);
    ck_assert_int_eq(jitter_data(&j, 5033), 33);
    ck_assert_int_eq(jitter_data(&j, 5001), 1);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 7060, 2040), 2060);
    ck_assert_int_eq(jitter_data(&j, 0), 2060);
    ck_assert_int_eq(jitter_data(&j, 900000), 2060);
    ck_assert_int_eq(at(&j, JITTER_VIDEO, 7100, 40), 2100);
    j.mode = TIME_JITTER_OFF;
    ck_assert_int_eq(jitter_data(&j, 900000), 900000);
}
END_TEST

/* ---- the rungs of a ladder ---- */

static struct jitter rungs[3];
static int is_live[3];
static size_t looks;

/* The other rungs, as a server would list them. */
static size_t look(void *arg, struct source_peer out[SOURCE_PEERS_MAX])
{
    size_t count = 0;

    looks++;
    for (int i = 0; i < 3; i++) {
        if (&rungs[i] == arg)
            continue;
        jitter_save(&rungs[i], &out[count].time);
        out[count].is_live = is_live[i];
        out[count].is_before = &rungs[i] < (struct jitter *)arg;
        out[count++].is_watched = 1;
    }
    return count;
}

static void ladder(void)
{
    for (int i = 0; i < 3; i++) {
        rungs[i] = fresh(TIME_JITTER_FULL);
        rungs[i].peers.look = look;
        rungs[i].peers.arg = &rungs[i];
        is_live[i] = 0;
    }
    looks = 0;
}

static int64_t rung(int i, uint32_t ts, int later)
{
    is_live[i] = 1;
    return at(&rungs[i], JITTER_VIDEO, ts, later);
}

static void rung_ends(int i)
{
    jitter_publish(&rungs[i]);
    is_live[i] = 0;
}

START_TEST(test_rungs_share_the_offset_of_the_first)
{
    ladder();
    ck_assert_int_eq(rung(0, 70000, 0), 0);
    /* A moment later, and by another first frame. */
    ck_assert_int_eq(rung(1, 70040, 12), 40);
    ck_assert_int_eq(at(&rungs[1], JITTER_AUDIO, 70010, 0), 10);
    /* Three seconds late. */
    for (uint32_t t = 70040; t < 73000; t += 40)
        rung(0, t, 40);
    ck_assert_int_eq(rung(2, 73000, 0), 3000);
    ck_assert_int_eq(rung(0, 73000, 0), 3000);
    /* After a second frames ask nobody. */
    for (uint32_t t = 73040; t < 74040; t += 40)
        rung(2, t, 40);
    looks = 0;
    ck_assert_int_eq(rung(2, 74040, 40), 4040);
    ck_assert_uint_eq(looks, 0);
}
END_TEST

/* At different processes, neither has seen the other's first frame. */
START_TEST(test_rungs_that_begin_at_the_same_moment)
{
    ladder();
    rungs[0].peers.look = rungs[1].peers.look = NULL;
    ck_assert_int_eq(rung(0, 5000, 0), 0);
    ck_assert_int_eq(rung(1, 5040, 0), 0);
    ck_assert_int_eq(at(&rungs[1], JITTER_AUDIO, 5050, 0), 10);
    rungs[0].peers.look = rungs[1].peers.look = look;
    ck_assert_int_eq(rung(0, 5040, 40), 40);
    ck_assert_int_eq(rung(1, 5080, 0), 80);
    ck_assert_int_eq(at(&rungs[1], JITTER_AUDIO, 5073, 0), 73);
}
END_TEST

START_TEST(test_a_rung_returns_to_the_ladder)
{
    ladder();
    for (uint32_t t = 0; t <= 10000; t += 40) {
        rung(0, t, 40);
        if (t <= 4000)
            ck_assert_int_eq(rung(1, t, 0), t);
        if (t == 4000)
            rung_ends(1);
    }
    /* The same encoder: the time without it is skipped. */
    ck_assert_int_eq(rung(1, 10040, 40), 10040);
    rung_ends(1);
    /* Another encoder's clock says nothing: it begins after what the others have. */
    ck_assert_int_eq(rung(1, 900000, 40), 10080);
    ck_assert_int_eq(rung(1, 900040, 40), 10120);
}
END_TEST

START_TEST(test_all_rungs_return_with_another_clock)
{
    ladder();
    for (uint32_t t = 0; t <= 8000; t += 40)
        for (int i = 0; i < 3; i++)
            rung(i, 5000 + t + (uint32_t)i * 10, i == 0 ? 40 : 0);
    for (int i = 0; i < 3; i++)
        rung_ends(i);
    now_us += 7 * USEC_PER_SEC;
    /* After the last frame of all, by one frame, without the silence. */
    ck_assert_int_eq(rung(1, 0, 0), 8020 + 40);
    ck_assert_int_eq(rung(0, 0, 10), 8060);
    ck_assert_int_eq(rung(2, 40, 30), 8100);
    /* A jump of the encoder's clock is one for all. */
    ck_assert_int_eq(rung(1, 500000, 40), 8100);
    ck_assert_int_eq(rung(0, 500000, 0), 8100);
    ck_assert_int_eq(rung(2, 500040, 40), 8140);
}
END_TEST

/* The others are at the end of 31-bit time: a rung that has begun again does not follow them, and
 * they follow it when their time comes. */
START_TEST(test_rungs_begin_again_together)
{
    const uint32_t end = 0x80000000u - 3600 * 1000;

    ladder();
    rungs[0].keeps = rungs[1].keeps = 1;
    rungs[0].last = rungs[1].last = end - 40;
    rungs[0].has_begun = rungs[1].has_begun = 1;
    rungs[0].last_at = rungs[1].last_at = now_us;
    ck_assert_int_eq(rung(0, end, 40), end);
    ck_assert_int_eq(rung(1, end, 0), end);
    for (int i = 0; i < 2; i++) {
        rungs[i].keeps = 0;
        jitter_reset(&rungs[i], TIME_JITTER_FULL, 0);
        ck_assert_int_eq(rung(i, end + 40 * (uint32_t)i, 0), i * 40);
    }
}
END_TEST

Suite *check_jitter_suite(void)
{
    Suite *suite = suite_create("jitter");
    TCase *tc = tcase_create("jitter");

    tcase_add_test(tc, test_begins_at_zero);
    tcase_add_test(tc, test_earlier_second_track_is_held_at_zero);
    tcase_add_test(tc, test_new_publisher_follows_by_one_frame);
    tcase_add_test(tc, test_it_goes_on_elsewhere);
    tcase_add_test(tc, test_a_relay_keeps_its_times);
    tcase_add_test(tc, test_a_relay_resumes);
    tcase_add_test(tc, test_a_relay_far_from_zero);
    tcase_add_test(tc, test_jump_forward_is_taken_out_of_both);
    tcase_add_test(tc, test_jump_back_goes_on);
    tcase_add_test(tc, test_small_step_back_is_held);
    tcase_add_test(tc, test_time_that_really_passed_is_no_jump);
    tcase_add_test(tc, test_wraps_at_32_bits);
    tcase_add_test(tc, test_zero_only_shifts);
    tcase_add_test(tc, test_off_leaves_alone);
    tcase_add_test(tc, test_mixed_is_monotonic_over_both);
    tcase_add_test(tc, test_data_goes_along);
    tcase_add_test(tc, test_rungs_share_the_offset_of_the_first);
    tcase_add_test(tc, test_rungs_that_begin_at_the_same_moment);
    tcase_add_test(tc, test_a_rung_returns_to_the_ladder);
    tcase_add_test(tc, test_all_rungs_return_with_another_clock);
    tcase_add_test(tc, test_rungs_begin_again_together);
    suite_add_tcase(suite, tc);
    return suite;
}
