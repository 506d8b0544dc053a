/* mix_correct: frames in the order of their timestamps, each once, and a limit on waiting frames.
 */
#include "live_kit.h"

#include <stdio.h>

Suite *check_source_mix_suite(void);

struct mix {
    struct kit kit;
    struct kit_seen *seen;
};

static void mix_open(struct mix *mix, int is_on)
{
    kit_open(&mix->kit);
    mix->kit.config.mix_correct = is_on;
    mix->kit.config.time_jitter = TIME_JITTER_OFF;
    kit_publish(&mix->kit);
    mix->seen = kit_watch(&mix->kit, &mux_flv);
}

/* The frames so far, as letters and times: "K0 A10 V40 ". */
static const char *mix_text(struct mix *mix)
{
    static char text[8192];
    size_t at = 0;

    kit_take(mix->seen);
    text[0] = '\0';
    for (int i = 0; i < mix->seen->count; i++) {
        const struct kit_tag *tag = &mix->seen->tag[i];
        char letter = tag->type == FRAME_AUDIO ? 'A' : 'V';

        if (tag->is_header || tag->type == FRAME_SCRIPT)
            continue;
        if (tag->is_key && tag->type == FRAME_VIDEO)
            letter = 'K';
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%c%u ", letter, tag->ms);
        ck_assert_uint_lt(at, sizeof(text));
    }
    return text;
}

/* Three audio frames before each video frame, as an encoder sends them that muxes in bursts. */
static void mix_bursts(struct kit *kit, uint32_t from, int count)
{
    for (int i = 0; i < count; i++) {
        uint32_t ts = from + (uint32_t)i * 40;

        kit_audio(kit, ts + 5);
        kit_audio(kit, ts + 15);
        kit_audio(kit, ts + 25);
        kit_video(kit, ts, 0);
    }
}

START_TEST(test_without_mix_correct_the_order_is_kept)
{
    struct mix mix;

    mix_open(&mix, 0);
    kit_avc_header(&mix.kit, 0, 1);
    kit_aac_header(&mix.kit, 0, 1);
    kit_video(&mix.kit, 0, 1);
    mix_bursts(&mix.kit, 40, 2);
    ck_assert_str_eq(mix_text(&mix), "K0 A45 A55 A65 V40 A85 A95 A105 V80 ");
    kit_close(&mix.kit);
}
END_TEST

START_TEST(test_earliest_first)
{
    struct mix mix;

    mix_open(&mix, 1);
    kit_avc_header(&mix.kit, 0, 1);
    kit_aac_header(&mix.kit, 0, 1);
    kit_video(&mix.kit, 0, 1);
    mix_bursts(&mix.kit, 40, 2);
    /* The last audio frames wait: an earlier video frame may still come. */
    ck_assert_str_eq(mix_text(&mix), "K0 V40 A45 A55 A65 V80 ");
    kit_video(&mix.kit, 120, 0);
    ck_assert_str_eq(mix_text(&mix), "K0 V40 A45 A55 A65 V80 A85 A95 A105 ");
    source_unpublish(mix.kit.source, mix.kit.now);
    ck_assert_str_eq(mix_text(&mix), "K0 V40 A45 A55 A65 V80 A85 A95 A105 V120 ");
    kit_close(&mix.kit);
}
END_TEST

START_TEST(test_one_track_waits_for_a_few)
{
    struct mix mix;
    struct source_stat stat;

    mix_open(&mix, 1);
    kit_aac_header(&mix.kit, 0, 1);
    for (uint32_t i = 0; i < 100; i++) {
        kit_audio(&mix.kit, i * 23);
        mix.kit.now += 23 * USEC_PER_MS;
        kit_take(mix.seen);
    }
    ck_assert_uint_eq(mix.seen->tag[mix.seen->count - 1].ms, 89 * 23);
    source_unpublish(mix.kit.source, mix.kit.now);
    kit_take(mix.seen);
    ck_assert_uint_eq(mix.seen->tag[mix.seen->count - 1].ms, 99 * 23);
    source_stat(mix.kit.source, &stat);
    ck_assert_uint_eq(stat.frames_dropped, 0);
    kit_close(&mix.kit);
}
END_TEST

START_TEST(test_large_frames_do_not_wait)
{
    struct mix mix;
    size_t len = 900 * 1024;
    uint8_t *body = calloc(1, len);

    ck_assert_ptr_nonnull(body);
    mix_open(&mix, 1);
    kit_avc_header(&mix.kit, 0, 1);
    kit_aac_header(&mix.kit, 0, 1);
    kit_video(&mix.kit, 0, 1);
    kit_audio(&mix.kit, 10);
    body[0] = 0x27;
    body[1] = 1;
    for (uint32_t i = 1; i <= 3; i++)
        kit_push(&mix.kit, FRAME_VIDEO, i * 40, body, len);
    ck_assert_str_eq(mix_text(&mix), "K0 A10 V40 V80 ");
    kit_close(&mix.kit);
    free(body);
}
END_TEST

START_TEST(test_wrap_and_jump)
{
    struct mix mix;

    mix_open(&mix, 1);
    kit_avc_header(&mix.kit, 0xffffffd8, 1);
    kit_aac_header(&mix.kit, 0xffffffd8, 1);
    kit_video(&mix.kit, 0xffffffd8, 1); /* -40 */
    kit_audio(&mix.kit, 5);
    kit_video(&mix.kit, 0, 0);
    kit_video(&mix.kit, 40, 0);
    ck_assert_str_eq(mix_text(&mix), "K4294967256 V0 A5 ");
    /* A jump of an hour says nothing about the order. */
    kit_audio(&mix.kit, 3600000);
    kit_video(&mix.kit, 80, 0);
    kit_audio(&mix.kit, 3600023);
    kit_video(&mix.kit, 3600000, 0);
    source_unpublish(mix.kit.source, mix.kit.now);
    ck_assert_str_eq(mix_text(&mix), "K4294967256 V0 A5 V40 A3600000 V80 V3600000 A3600023 ");
    kit_close(&mix.kit);
}
END_TEST

/* Frames in any order: each track keeps its own order, and nothing is lost. */
START_TEST(test_nothing_is_lost)
{
    struct mix mix;
    uint32_t time[2] = {0, 0};
    uint32_t next[2] = {0, 0};
    uint32_t dice = 1;

    mix_open(&mix, 1);
    kit_avc_header(&mix.kit, 0, 1);
    kit_aac_header(&mix.kit, 0, 1);
    kit_video(&mix.kit, 0, 1);
    for (int i = 0; i < 1000; i++) {
        int is_video;

        dice = dice * 1664525 + 1013904223;
        is_video = dice >> 31;
        time[is_video] += 1 + (dice >> 20) % 60;
        if (is_video)
            kit_video(&mix.kit, time[1], 0);
        else
            kit_audio(&mix.kit, time[0]);
        kit_take(mix.seen);
    }
    source_unpublish(mix.kit.source, mix.kit.now);
    kit_take(mix.seen);
    ck_assert_int_eq(mix.seen->count, 2 + 1 + 1000);
    for (int i = 3; i < mix.seen->count; i++) {
        int is_video = mix.seen->tag[i].type == FRAME_VIDEO;

        ck_assert_uint_ge(mix.seen->tag[i].ms, next[is_video]);
        next[is_video] = mix.seen->tag[i].ms + 1;
    }
    kit_close(&mix.kit);
}
END_TEST

Suite *check_source_mix_suite(void)
{
    Suite *suite = suite_create("source_mix");
    TCase *tc = tcase_create("mix");

    tcase_add_test(tc, test_without_mix_correct_the_order_is_kept);
    tcase_add_test(tc, test_earliest_first);
    tcase_add_test(tc, test_one_track_waits_for_a_few);
    tcase_add_test(tc, test_large_frames_do_not_wait);
    tcase_add_test(tc, test_wrap_and_jump);
    tcase_add_test(tc, test_nothing_is_lost);
    suite_add_tcase(suite, tc);
    return suite;
}
