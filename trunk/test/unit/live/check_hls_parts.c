/* Low-latency HLS: where parts are cut, what players can have of them, and what the playlist says.
 */
#include "live/hls_playlist.h"
#include "media/ts_read.h"
#include "test/unit/live/hls_kit.h"

Suite *check_hls_parts_suite(void);

static const struct hls_names names = {"show", "?hls_ctx=x"};

#define HEAD                                                                                     \
    "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n"                                       \
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.00000,PART-HOLD-BACK=1.26000\n" \
    "#EXT-X-PART-INF:PART-TARGET=0.42000\n"

static void kit_open(struct hls_kit *kit, usec_t part)
{
    hls_kit_open(kit, USEC_PER_SEC, 60 * USEC_PER_SEC);
    kit->window.limits.part = part;
}

static void check_text(const struct hls_kit *kit, const struct hls_playlist_options *options,
                       const char *wanted)
{
    struct buf out;

    buf_init(&out, HLS_PLAYLIST_MAX);
    ck_assert_int_eq(hls_playlist_media(&kit->window, &names, options, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)buf_data(&out), wanted);
    buf_fini(&out);
}

/* Parts are whole frames, no longer than configured, and together the segment. */
START_TEST(test_cut)
{
    struct hls_kit kit;
    int frames = 0;

    kit_open(&kit, 400 * USEC_PER_MS);
    hls_kit_video(&kit, 0, 3000, 1000);
    hls_kit_break(&kit);
    ck_assert_int_eq(kit.segments, 3);
    for (const struct hls_segment *s = kit.window.first; s != NULL; s = s->next) {
        uint64_t ticks = 0;
        size_t bytes = 0;

        ck_assert_uint_eq(s->parts, 3);
        for (const struct hls_part *part = s->first; part != NULL; part = part->next) {
            struct ts_packet packet;

            ck_assert_uint_eq(part->data.len % TS_PACKET_SIZE, 0);
            ck_assert_int_eq(ts_read_packet(&packet, buf_data(&part->data)), 0);
            ck_assert(packet.pid == TS_PID_PAT || packet.has_time);
            ck_assert_int_eq(part->is_independent, part == s->first);
            ck_assert_uint_eq(part->ticks, part->next != NULL ? 36000 : 18000);
            for (size_t at = 0; at < part->data.len; at += TS_PACKET_SIZE) {
                ck_assert_int_eq(ts_read_packet(&packet, buf_data(&part->data) + at), 0);
                frames += packet.has_time;
            }
            ticks += part->ticks;
            bytes += part->data.len;
        }
        ck_assert_uint_eq(ticks, s->ticks);
        ck_assert_uint_eq(bytes, s->bytes);
    }
    ck_assert_int_eq(frames, 30);
    hls_kit_close(&kit);
}
END_TEST

/* Frames that are rarer than parts decide how long parts are. */
START_TEST(test_rare_frames)
{
    struct hls_kit kit;

    kit_open(&kit, 100 * USEC_PER_MS);
    for (int64_t ms = 0; ms < 4000; ms += 200)
        hls_kit_frame(&kit, TS_PID_VIDEO, ms, ms % 1000 == 0);
    ck_assert_int_eq(kit.segments, 3);
    ck_assert_uint_eq(kit.window.part_target, 18000);
    ck_assert_uint_eq(kit.window.first->parts, 5);
    hls_kit_close(&kit);
}
END_TEST

START_TEST(test_playlist)
{
    const struct hls_playlist_options live = {0}, ended = {.is_ended = 1};
    struct hls_kit kit;

    kit_open(&kit, 400 * USEC_PER_MS);
    hls_kit_video(&kit, 0, 1500, 1000);
    check_text(&kit, &live,
               HEAD "#EXT-X-MEDIA-SEQUENCE:10\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                    "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:40.000Z\n"
                    "#EXT-X-PART:DURATION=0.40000,URI=\"show-10.0.ts?hls_ctx=x\",INDEPENDENT=YES\n"
                    "#EXT-X-PART:DURATION=0.40000,URI=\"show-10.1.ts?hls_ctx=x\"\n"
                    "#EXT-X-PART:DURATION=0.20000,URI=\"show-10.2.ts?hls_ctx=x\"\n"
                    "#EXTINF:1.00000,\nshow-10.ts?hls_ctx=x\n"
                    "#EXT-X-PART:DURATION=0.40000,URI=\"show-11.0.ts?hls_ctx=x\",INDEPENDENT=YES\n"
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"show-11.1.ts?hls_ctx=x\"\n");
    hls_kit_break(&kit);
    check_text(&kit, &ended,
               HEAD "#EXT-X-MEDIA-SEQUENCE:10\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                    "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:40.000Z\n"
                    "#EXTINF:1.00000,\nshow-10.ts?hls_ctx=x\n"
                    "#EXTINF:0.50000,\nshow-11.ts?hls_ctx=x\n#EXT-X-ENDLIST\n");
    hls_kit_close(&kit);
}
END_TEST

/* A delta update has no more than six target durations; parts are listed for three. */
START_TEST(test_skip)
{
    const struct hls_playlist_options live = {0}, delta = {.skips_oldest = 1};
    struct hls_kit kit;
    struct buf out;
    const char *text;
    int parts = 0;

    kit_open(&kit, 400 * USEC_PER_MS);
    hls_kit_video(&kit, 0, 10100, 1000);
    buf_init(&out, HLS_PLAYLIST_MAX);
    ck_assert_int_eq(hls_playlist_media(&kit.window, &names, &delta, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    text = (const char *)buf_data(&out);
    ck_assert_ptr_nonnull(strstr(text, "#EXT-X-MEDIA-SEQUENCE:10\n"));
    ck_assert_ptr_nonnull(strstr(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n#EXTINF"));
    ck_assert_ptr_null(strstr(text, "show-13.ts"));
    ck_assert_ptr_nonnull(strstr(text, "show-14.ts"));
    for (const char *p = text; (p = strstr(p, "#EXT-X-PART:")) != NULL; p++)
        parts++;
    ck_assert_int_eq(parts, 9);
    buf_reset(&out);
    ck_assert_int_eq(hls_playlist_media(&kit.window, &names, &live, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_ptr_null(strstr((const char *)buf_data(&out), "SKIP:"));
    buf_fini(&out);
    hls_kit_close(&kit);
}
END_TEST

START_TEST(test_has)
{
    struct hls_kit kit;

    kit_open(&kit, 400 * USEC_PER_MS);
    hls_kit_video(&kit, 0, 1500, 1000);
    ck_assert(hls_window_has(&kit.window, 9, -1) && hls_window_has(&kit.window, 10, -1));
    ck_assert(!hls_window_has(&kit.window, 11, -1) && !hls_window_has(&kit.window, 12, 0));
    ck_assert(hls_window_has(&kit.window, 10, 2) && hls_window_has(&kit.window, 11, 0));
    ck_assert(!hls_window_has(&kit.window, 11, 1));
    /* Beyond the last part of a segment is the first one of the next. */
    ck_assert(hls_window_has(&kit.window, 10, 3) && hls_window_has(&kit.window, 10, 99));
    hls_kit_break(&kit);
    ck_assert(hls_window_has(&kit.window, 11, -1) && !hls_window_has(&kit.window, 11, 5));
    ck_assert(!hls_window_has(&kit.window, UINT64_MAX, 0));
    hls_kit_close(&kit);
}
END_TEST

/* A part stays for the client that is being sent it, whatever happens to its segment. */
START_TEST(test_held)
{
    struct hls_segment *held;
    struct hls_kit kit;

    kit_open(&kit, 400 * USEC_PER_MS);
    hls_kit_video(&kit, 0, 1500, 1000);
    held = hls_window_find_open(&kit.window, 11);
    ck_assert_ptr_eq(held, kit.window.open);
    ck_assert_ptr_nonnull(hls_segment_part(held, 0));
    ck_assert_ptr_null(hls_segment_part(held, 1));
    (void)hls_segment_ref(held);
    hls_kit_close(&kit);
    ck_assert_uint_gt(hls_segment_part(held, 0)->data.len, 0);
    hls_segment_unref(held);
}
END_TEST

/* A segment that is too long ends with the last part that players may have. */
START_TEST(test_too_long)
{
    struct hls_kit kit;

    kit_open(&kit, 400 * USEC_PER_MS);
    kit.window.limits.bytes_max = 6000;
    hls_kit_video(&kit, 0, 2500, 2500);
    ck_assert_uint_eq(kit.cut.lost, 1);
    ck_assert_int_eq(kit.segments, 1);
    ck_assert_uint_eq(kit.window.first->ticks, 2 * 36000);
    ck_assert_uint_eq(kit.window.first->parts, 2);
    ck_assert_uint_le(kit.window.first->bytes, 6000);
    hls_kit_video(&kit, 2500, 3600, 1000);
    ck_assert(kit.window.last->is_discontinuous || kit.window.open->is_discontinuous);
    hls_kit_close(&kit);
}
END_TEST

/* Parts that are turned on for a stream that has segments already, and off again. */
START_TEST(test_switched)
{
    const struct hls_playlist_options live = {0};
    struct hls_kit kit;
    struct buf out;

    kit_open(&kit, 0);
    hls_kit_video(&kit, 0, 1100, 1000);
    kit.window.limits.part = 400 * USEC_PER_MS;
    hls_kit_video(&kit, 1100, 3200, 1000);
    ck_assert_uint_eq(kit.window.first->parts, 1);
    ck_assert_uint_gt(kit.window.last->parts, 1);
    buf_init(&out, HLS_PLAYLIST_MAX);
    ck_assert_int_eq(hls_playlist_media(&kit.window, &names, &live, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_ptr_null(strstr((const char *)buf_data(&out), "show-10.0.ts"));
    ck_assert_ptr_nonnull(strstr((const char *)buf_data(&out), "show-12.0.ts"));
    kit.window.limits.part = 0;
    hls_kit_video(&kit, 3200, 5300, 1000);
    ck_assert_uint_eq(kit.window.part_target, 0);
    buf_reset(&out);
    ck_assert_int_eq(hls_playlist_media(&kit.window, &names, &live, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_ptr_null(strstr((const char *)buf_data(&out), "EXT-X-PART"));
    buf_fini(&out);
    hls_kit_close(&kit);
}
END_TEST

Suite *check_hls_parts_suite(void)
{
    Suite *suite = suite_create("hls_parts");
    TCase *tcase = tcase_create("hls_parts");

    tcase_add_test(tcase, test_cut);
    tcase_add_test(tcase, test_rare_frames);
    tcase_add_test(tcase, test_playlist);
    tcase_add_test(tcase, test_skip);
    tcase_add_test(tcase, test_has);
    tcase_add_test(tcase, test_held);
    tcase_add_test(tcase, test_too_long);
    tcase_add_test(tcase, test_switched);
    suite_add_tcase(suite, tcase);
    return suite;
}
