/* When audio waits for video, and for how long. */
#include "app/stream/fanout_audio.h"

#include <check.h>

Suite *check_fanout_audio_suite(void);

#define MS USEC_PER_MS

static struct fanout_audio audio;

static void setup(void)
{
    audio = (struct fanout_audio){.is_on = 1};
    fanout_audio_set(&audio, 40);
    fanout_audio_note_video(&audio, 1000 * MS);
}

START_TEST(waits_for_the_next_video_frame)
{
    ck_assert(fanout_audio_waits(&audio, 1010 * MS));
    ck_assert(fanout_audio_waits(&audio, 1033 * MS));
    ck_assert(!fanout_audio_is_due(&audio, 1039 * MS));
    fanout_audio_note_video(&audio, 1040 * MS);
    fanout_audio_sent(&audio);
    ck_assert(!fanout_audio_is_due(&audio, 1060 * MS));
    /* The next one has a wait of its own. */
    ck_assert(fanout_audio_waits(&audio, 1056 * MS));
    ck_assert(!fanout_audio_is_due(&audio, 1095 * MS));
    ck_assert(fanout_audio_is_due(&audio, 1096 * MS));
}
END_TEST

START_TEST(waits_one_frame_at_most)
{
    ck_assert(fanout_audio_waits(&audio, 1020 * MS));
    ck_assert(fanout_audio_waits(&audio, 1059 * MS));
    ck_assert(!fanout_audio_waits(&audio, 1060 * MS));
    ck_assert(fanout_audio_is_due(&audio, 1060 * MS));
    fanout_audio_set(&audio, 16);
    fanout_audio_sent(&audio);
    fanout_audio_note_video(&audio, 1060 * MS);
    ck_assert(fanout_audio_waits(&audio, 1062 * MS));
    ck_assert(fanout_audio_is_due(&audio, 1078 * MS));
    /* Slow video: not longer than the limit. */
    fanout_audio_set(&audio, 500);
    fanout_audio_sent(&audio);
    fanout_audio_note_video(&audio, 1080 * MS);
    ck_assert(fanout_audio_waits(&audio, 1080 * MS));
    ck_assert(fanout_audio_is_due(&audio, 1080 * MS + FANOUT_AUDIO_WAIT));
}
END_TEST

START_TEST(does_not_wait_for_late_video)
{
    ck_assert(fanout_audio_waits(&audio, 1080 * MS));
    fanout_audio_sent(&audio);
    ck_assert(!fanout_audio_waits(&audio, 1081 * MS));
    ck_assert(!fanout_audio_waits(&audio, 9000 * MS));
    ck_assert(!fanout_audio_is_due(&audio, 9000 * MS));
    fanout_audio_note_video(&audio, 9001 * MS);
    ck_assert(fanout_audio_waits(&audio, 9002 * MS));
}
END_TEST

START_TEST(does_not_wait_without_video_or_when_off)
{
    struct fanout_audio alone = {.is_on = 1};

    ck_assert(!fanout_audio_waits(&alone, 1000 * MS));
    fanout_audio_set(&alone, 40);
    ck_assert(!fanout_audio_waits(&alone, 1000 * MS));
    /* One video frame, of a length that is not known. */
    fanout_audio_note_video(&alone, 1000 * MS);
    fanout_audio_set(&alone, 0);
    ck_assert(!fanout_audio_waits(&alone, 1001 * MS));
    audio.is_on = 0;
    ck_assert(!fanout_audio_waits(&audio, 1010 * MS));
}
END_TEST

Suite *check_fanout_audio_suite(void)
{
    Suite *suite = suite_create("fanout_audio");
    TCase *tc = tcase_create("audio");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, waits_for_the_next_video_frame);
    tcase_add_test(tc, waits_one_frame_at_most);
    tcase_add_test(tc, does_not_wait_for_late_video);
    tcase_add_test(tc, does_not_wait_without_video_or_when_off);
    suite_add_tcase(suite, tc);
    return suite;
}
