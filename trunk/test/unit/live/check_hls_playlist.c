/* The window of segments, and the playlists that are written of it. */
#include "live/hls_playlist.h"
#include "test/unit/live/hls_kit.h"

Suite *check_hls_playlist_suite(void);

static const struct hls_names names = {"show", "?hls_ctx=x"};

static void check_text(const struct hls_kit *kit, int is_ended, const char *wanted)
{
    const struct hls_playlist_options options = {.is_ended = is_ended};
    struct buf out;

    buf_init(&out, HLS_PLAYLIST_MAX);
    ck_assert_int_eq(hls_playlist_media(&kit->window, &names, &options, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)buf_data(&out), wanted);
    buf_fini(&out);
}

START_TEST(test_media)
{
    struct hls_kit kit;

    hls_kit_open(&kit, USEC_PER_SEC, USEC_PER_SEC);
    hls_kit_video(&kit, 0, 2100, 1000);
    check_text(&kit, 0,
               "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:10\n"
               "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
               "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:40.000Z\n"
               "#EXTINF:1.00000,\nshow-10.ts?hls_ctx=x\n"
               "#EXTINF:1.00000,\nshow-11.ts?hls_ctx=x\n");
    hls_kit_break(&kit);
    check_text(&kit, 1,
               "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:10\n"
               "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
               "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:40.000Z\n"
               "#EXTINF:1.00000,\nshow-10.ts?hls_ctx=x\n"
               "#EXTINF:1.00000,\nshow-11.ts?hls_ctx=x\n"
               "#EXTINF:0.10000,\nshow-12.ts?hls_ctx=x\n#EXT-X-ENDLIST\n");
    hls_kit_video(&kit, 3000, 7100, 1000);
    /* Three target durations. */
    check_text(&kit, 0,
               "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:14\n"
               "#EXT-X-DISCONTINUITY-SEQUENCE:1\n"
               "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:44.000Z\n"
               "#EXTINF:1.00000,\nshow-14.ts?hls_ctx=x\n"
               "#EXTINF:1.00000,\nshow-15.ts?hls_ctx=x\n"
               "#EXTINF:1.00000,\nshow-16.ts?hls_ctx=x\n");
    hls_kit_close(&kit);
}
END_TEST

/* A segment that has left the playlist can be had for its duration and that of the playlist. */
START_TEST(test_kept)
{
    struct hls_kit kit;
    struct hls_segment *held;

    hls_kit_open(&kit, USEC_PER_SEC, 5 * USEC_PER_SEC);
    hls_kit_video(&kit, 0, 6100, 1000);
    ck_assert_uint_eq(kit.window.listed->number, 11);
    ck_assert_ptr_nonnull(hls_window_find(&kit.window, 10));
    held = hls_segment_ref(hls_window_find(&kit.window, 10));
    hls_window_trim(&kit.window, 6000 * USEC_PER_MS + 6 * USEC_PER_SEC - 1);
    ck_assert_ptr_nonnull(hls_window_find(&kit.window, 10));
    hls_window_trim(&kit.window, 6000 * USEC_PER_MS + 6 * USEC_PER_SEC);
    ck_assert_ptr_null(hls_window_find(&kit.window, 10));
    ck_assert_ptr_nonnull(hls_window_find(&kit.window, 11));
    ck_assert_ptr_null(hls_window_find(&kit.window, 16));
    ck_assert_uint_eq(held->number, 10);
    hls_segment_unref(held);
    hls_kit_close(&kit);
}
END_TEST

/* The limit of bytes comes before every duration; the newest segment stays. */
START_TEST(test_bytes)
{
    struct hls_kit kit;

    hls_kit_open(&kit, USEC_PER_SEC, 60 * USEC_PER_SEC);
    kit.window.limits.bytes_max = 12000;
    hls_kit_video(&kit, 0, 30100, 1000);
    ck_assert_uint_le(kit.window.bytes, 12000);
    ck_assert_ptr_eq(kit.window.first, kit.window.listed);
    ck_assert_uint_eq(kit.window.last->number, 39);
    kit.window.limits.bytes_max = 1;
    hls_window_trim(&kit.window, 0);
    ck_assert_ptr_eq(kit.window.first, kit.window.last);
    ck_assert_ptr_eq(kit.window.listed, kit.window.last);
    hls_kit_close(&kit);
}
END_TEST

/* Continued at another worker: numbers and discontinuities continue. */
START_TEST(test_continued)
{
    struct hls_position position;
    struct hls_kit one, other;

    hls_kit_open(&one, USEC_PER_SEC, USEC_PER_SEC);
    hls_kit_video(&one, 0, 1100, 1000);
    hls_kit_break(&one);
    hls_kit_video(&one, 5000, 10100, 1000);
    hls_window_position(&one.window, &position);
    ck_assert_uint_eq(position.number, one.window.last->number + 1);
    ck_assert_uint_eq(position.discontinuities, 1);
    ck_assert_uint_eq(position.target, 1);
    hls_kit_open_at(&other, USEC_PER_SEC, USEC_PER_SEC, &position);
    hls_kit_video(&other, 0, 1100, 1000);
    ck_assert_uint_eq(other.window.last->number, position.number);
    ck_assert(other.window.last->is_discontinuous);
    ck_assert_uint_eq(other.window.discontinuities, 1);
    hls_kit_close(&one);
    hls_kit_close(&other);
}
END_TEST

START_TEST(test_variants)
{
    const struct hls_variant known = {2500000, 1280, 720}, unknown = {0, 0, 0};
    struct buf out;

    buf_init(&out, HLS_PLAYLIST_MAX);
    ck_assert_int_eq(hls_playlist_variants(&known, &names, &out), 0);
    ck_assert_int_eq(hls_playlist_variants(&unknown, &names, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)buf_data(&out),
                     "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720\n"
                     "show.m3u8?hls_ctx=x\n"
                     "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nshow.m3u8?hls_ctx=x\n");
    buf_fini(&out);
    buf_init(&out, 20);
    ck_assert_int_eq(hls_playlist_variants(&known, &names, &out), -1);
    buf_fini(&out);
}
END_TEST

Suite *check_hls_playlist_suite(void)
{
    Suite *suite = suite_create("hls_playlist");
    TCase *tcase = tcase_create("hls_playlist");

    tcase_add_test(tcase, test_media);
    tcase_add_test(tcase, test_kept);
    tcase_add_test(tcase, test_bytes);
    tcase_add_test(tcase, test_continued);
    tcase_add_test(tcase, test_variants);
    suite_add_tcase(suite, tcase);
    return suite;
}
