/*
 * The names of codecs: each codec has its own, and invalid values get a name too rather than a
 * stray pointer.
 */
#include "media/frame.h"

#include <check.h>
#include <string.h>

Suite *check_frame_suite(void);

START_TEST(names_that_clients_compare)
{
    ck_assert_str_eq(frame_codec_name(CODEC_H264), "H264");
    ck_assert_str_eq(frame_codec_name(CODEC_HEVC), "HEVC");
    ck_assert_str_eq(frame_codec_name(CODEC_AAC), "AAC");
    ck_assert_str_eq(frame_codec_name(CODEC_MP3), "MP3");
    ck_assert_str_eq(frame_codec_name(CODEC_OPUS), "Opus");
}
END_TEST

START_TEST(every_codec_has_its_own_name)
{
    for (int a = 0; a < CODEC_MAX; a++) {
        ck_assert_ptr_nonnull(frame_codec_name((enum codec)a));
        ck_assert_uint_gt(strlen(frame_codec_name((enum codec)a)), 0);
        for (int b = 0; b < a; b++)
            ck_assert_str_ne(frame_codec_name((enum codec)a), frame_codec_name((enum codec)b));
    }
}
END_TEST

START_TEST(unknown_codecs_are_other)
{
    ck_assert_str_eq(frame_codec_name(CODEC_MAX), frame_codec_name(CODEC_OTHER));
    ck_assert_str_eq(frame_codec_name((enum codec)1000), frame_codec_name(CODEC_OTHER));
}
END_TEST

Suite *check_frame_suite(void)
{
    Suite *suite = suite_create("frame");
    TCase *tcase = tcase_create("frame");

    tcase_add_test(tcase, names_that_clients_compare);
    tcase_add_test(tcase, every_codec_has_its_own_name);
    tcase_add_test(tcase, unknown_codecs_are_other);
    suite_add_tcase(suite, tcase);
    return suite;
}
