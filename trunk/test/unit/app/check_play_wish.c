/* What players ask for by their parameters and by RTMP's play command. */
#include "app/stream/play_wish.h"

#include <check.h>
#include <math.h>

Suite *check_play_wish_suite(void);

static struct source_start start_of(const char *query)
{
    struct viewer_wish wish;

    ck_assert_ptr_null(play_wish_parse(query, &wish));
    return wish.start;
}

#define CHECK_START(query, wanted_kind, wanted_ms)                 \
    do {                                                           \
        struct source_start start_ = start_of(query);              \
        ck_assert_int_eq(start_.kind, SOURCE_START_##wanted_kind); \
        ck_assert_int_eq(start_.ms, wanted_ms);                    \
    } while (0)

START_TEST(test_starts)
{
    CHECK_START(NULL, DEFAULT, 0);
    CHECK_START("", DEFAULT, 0);
    CHECK_START("a=b", DEFAULT, 0);
    CHECK_START("startPts=0", NEWEST, 0);
    CHECK_START("a=b&startPts=4711", AT, 4711);
    CHECK_START("?startPts=-30000", BACK, 30000);
    CHECK_START("start=-30", BACK, 30000);
    CHECK_START("start=-0.5", BACK, 500);
    CHECK_START("start=30", DEFAULT, 0);
    CHECK_START("start=12x", DEFAULT, 0); /* a file's */
    CHECK_START("start=-5&startPts=9", AT, 9);
}
END_TEST

START_TEST(test_nonsense)
{
    static const char *const bad[] = {
        "startPts=",    "startPts=now", "startPts=1.5",
        "start=-",      "start=-x",     "start=-inf",
        "start=-1e999", "only=all",     "startPts=99999999999999999999",
        "track=z"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct viewer_wish wish;

        ck_assert_ptr_nonnull(play_wish_parse(bad[i], &wish));
        ck_assert_int_eq(wish.start.kind, SOURCE_START_DEFAULT);
        ck_assert_int_eq(wish.only, SOURCE_BOTH);
    }
}
END_TEST

START_TEST(test_tracks)
{
    struct viewer_wish wish;

    ck_assert_ptr_null(play_wish_parse("audioOnly=true", &wish));
    ck_assert_int_eq(wish.only, SOURCE_AUDIO_ONLY);
    ck_assert_ptr_null(play_wish_parse("onlyAudio=1&startPts=3", &wish));
    ck_assert_int_eq(wish.only, SOURCE_AUDIO_ONLY);
    ck_assert_int_eq(wish.start.ms, 3);
    ck_assert_ptr_null(play_wish_parse("audioOnly=false", &wish));
    ck_assert_int_eq(wish.only, SOURCE_BOTH);
    ck_assert_ptr_null(play_wish_parse("only=video&track=all", &wish));
    ck_assert_int_eq(wish.only, SOURCE_VIDEO_ONLY);
    ck_assert_int_eq(wish.select.is_all, 1);
}
END_TEST

START_TEST(test_rtmp)
{
    static const double live[] = {-2, -1, -2000, -1000, 0, 5, 1e300, NAN, INFINITY, -INFINITY};
    struct source_start start = {SOURCE_START_DEFAULT, 0};

    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
        play_wish_rtmp(live[i], &start);
        ck_assert_int_eq(start.kind, SOURCE_START_DEFAULT);
    }
    play_wish_rtmp(-3, &start);
    ck_assert_int_eq(start.kind, SOURCE_START_BACK);
    ck_assert_int_eq(start.ms, 3000);
    play_wish_rtmp(-999, &start);
    ck_assert_int_eq(start.ms, 999000);
    play_wish_rtmp(-30000, &start);
    ck_assert_int_eq(start.ms, 30000);
    play_wish_rtmp(-1e300, &start);
    ck_assert_int_eq(start.kind, SOURCE_START_BACK);
    ck_assert_int_gt(start.ms, 0);
}
END_TEST

START_TEST(test_written)
{
    static const int64_t pts[] = {0, 1, -1, 60000, -60000, INT64_C(4294967296)};
    struct source_start start = {SOURCE_START_DEFAULT, 0};
    char text[40];

    ck_assert_int_eq(play_wish_write(&start, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "");
    for (size_t i = 0; i < sizeof(pts) / sizeof(pts[0]); i++) {
        struct source_start again;

        start = source_start_pts(pts[i]);
        ck_assert_int_eq(play_wish_write(&start, text, sizeof(text)), 0);
        ck_assert_ptr_null(play_wish_parse_start(text, &again));
        ck_assert_int_eq(again.kind, start.kind);
        ck_assert_int_eq(again.ms, start.ms);
    }
    ck_assert_int_eq(play_wish_write(&start, text, 8), -1);
}
END_TEST

Suite *check_play_wish_suite(void)
{
    Suite *suite = suite_create("play_wish");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, test_starts);
    tcase_add_test(tc, test_nonsense);
    tcase_add_test(tc, test_tracks);
    tcase_add_test(tc, test_rtmp);
    tcase_add_test(tc, test_written);
    suite_add_tcase(suite, tc);
    return suite;
}
