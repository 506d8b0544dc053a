/* Received frames decide the tracks: whatever metadata says, however rare the frames are, and
 * however late. */
#include "live_kit.h"

#include "media/amf0.h"
#include "test/unit/formats.h"

Suite *check_source_rare_suite(void);

#define AUDIO_MS 100

static int count_of(const struct kit_seen *seen, enum frame_type type)
{
    int count = 0;

    for (int i = 0; i < seen->count; i++)
        count += seen->tag[i].type == type && !seen->tag[i].is_header;
    return count;
}

/* Audio every 100 ms up to this time. */
static uint32_t audio_until(struct kit *kit, uint32_t from, uint32_t to)
{
    for (; from < to; from += AUDIO_MS) {
        kit_audio(kit, from);
        kit->now += AUDIO_MS * USEC_PER_MS;
    }
    return from;
}

/* Video frames of 40 ms, a keyframe each second. */
static uint32_t video_until(struct kit *kit, uint32_t from, uint32_t to)
{
    for (; from < to; from += 40) {
        kit_video(kit, from, from % 1000 == 0);
        kit->now += 40 * USEC_PER_MS;
    }
    return from;
}

/* ---- what metadata says ---- */

enum kind { H264, HEVC, AAC, MP3 };

static void push_kind(struct kit *kit, enum kind kind, int is_header, uint32_t ts)
{
    static const uint8_t hevc[2][10] = {{0x90, 'h', 'v', 'c', '1', 1, 2, 3, 0, 0},
                                        {0x93, 'h', 'v', 'c', '1', 0, 0, 0, 1, 0x26}};
    static const uint8_t mp3[] = {0x2f, 0xff, 0xfb, 0x90, 0x64, 0};

    if (kind == H264 && is_header)
        kit_avc_header(kit, ts, 0x1f);
    else if (kind == H264)
        kit_video(kit, ts, 1);
    else if (kind == HEVC)
        kit_push(kit, FRAME_VIDEO, ts, hevc[!is_header], sizeof(hevc[0]));
    else if (kind == AAC && is_header)
        kit_aac_header(kit, ts, 0x10);
    else if (kind == AAC)
        kit_audio(kit, ts);
    else if (!is_header)
        kit_push(kit, FRAME_AUDIO, ts, mp3, sizeof(mp3));
}

struct said {
    const char *key;
    double number;
    const char *string;
};

static void push_meta(struct kit *kit, const struct said *said, size_t count)
{
    struct amf0 *meta = amf0_ecma_array();
    struct buf body;

    buf_init(&body, 4096);
    ck_assert_ptr_nonnull(meta);
    for (size_t i = 0; i < count && said[i].key != NULL; i++)
        ck_assert_int_eq(amf0_set(meta, said[i].key,
                                  said[i].string != NULL ? amf0_string(said[i].string)
                                                         : amf0_number(said[i].number)),
                         0);
    ck_assert_int_eq(amf0_write_string(&body, "onMetaData"), 0);
    ck_assert_int_eq(amf0_write(&body, meta), 0);
    kit_push(kit, FRAME_SCRIPT, 0, buf_data(&body), body.len);
    amf0_free(meta);
    buf_fini(&body);
}

START_TEST(test_metadata_decides_nothing)
{
    static const struct said metas[][4] = {
        {{"width", 320, NULL}, {"height", 180, NULL}},
        {{"videocodecid", 7, NULL}, {"audiocodecid", 0, NULL}},
        {{"videocodecid", 7, NULL}, {"audiocodecid", 0, ""}},
        {{"videocodecid", 0, "avc1"}},
        {{"audiosamplerate", 44100, NULL}},
        {{"audiocodecid", 10, NULL}, {"videocodecid", 0, NULL}},
        {{"audiocodecid", 0, "mp4a"}, {"videocodecid", 0, ""}},
        {{"audiocodecid", 3, NULL}, {"videocodecid", 2, NULL}},
        {{NULL, 0, NULL}},
    };
    static const enum kind kinds[][2] = {{H264, AAC}, {AAC, H264}, {HEVC, AAC},
                                         {AAC, HEVC}, {H264, MP3}, {MP3, H264}};

    for (size_t m = 0; m < sizeof(metas) / sizeof(metas[0]); m++) {
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            struct kit kit;
            struct kit_seen *seen;

            kit_open(&kit);
            seen = kit_watch(&kit, &mux_flv);
            kit_publish(&kit);
            push_meta(&kit, metas[m], 4);
            push_kind(&kit, kinds[k][0], 1, 0);
            push_kind(&kit, kinds[k][1], 1, 0);
            push_kind(&kit, kinds[k][0], 0, 0);
            kit_take(seen);
            ck_assert_uint_eq(seen->bytes, 0);
            push_kind(&kit, kinds[k][1], 0, 400);
            kit_take(seen);
            push_kind(&kit, kinds[k][0], 0, 440);
            kit_take(seen);
            ck_assert_int_eq(seen->flags, 5);
            ck_assert(!seen->is_ended);
            ck_assert_int_ge(count_of(seen, FRAME_AUDIO), 1);
            ck_assert_int_ge(count_of(seen, FRAME_VIDEO), 1);
            kit_close(&kit);
        }
    }
}
END_TEST

/* ---- rare tracks ---- */

/* A slide every 12 s, two of three of which are not keyframes. */
START_TEST(test_slides_stay)
{
    struct kit kit;
    struct kit_seen *seen;
    struct kit_seen *relay;
    uint32_t ts = 0;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    seen = kit_watch(&kit, &mux_flv);
    relay = kit_watch(&kit, &mux_original);
    for (uint32_t i = 0; i < 9; i++) {
        kit_video(&kit, i * 12000, i % 3 == 0);
        ts = audio_until(&kit, ts, (i + 1) * 12000);
        kit_take(seen);
        kit_take(relay);
    }
    ck_assert(!seen->is_ended && !relay->is_ended);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 9);
    ck_assert_int_eq(count_of(relay, FRAME_VIDEO), 9);
    /* A viewer that joins now begins at the last keyframe, 36 s ago. */
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert(seen->tag[2].is_key);
    ck_assert_uint_eq(seen->tag[2].ms, 6 * 12000);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 3);
    kit_close(&kit);
}
END_TEST

/* Rarer than half a minute: once, players reload; from then on it is known. */
START_TEST(test_a_track_is_missed_as_long_as_ever_before)
{
    struct kit kit;
    struct kit_seen *seen;
    uint32_t ts = 0;
    int ended = 0;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    seen = kit_watch(&kit, &mux_flv);
    for (uint32_t i = 0; i < 5; i++) {
        kit_video(&kit, i * 40000, 1);
        ts = audio_until(&kit, ts, (i + 1) * 40000);
        kit_take(seen);
        ended += seen->is_ended;
        if (seen->is_ended)
            seen = kit_reload(&kit, seen);
    }
    ck_assert_int_le(ended, 2);
    ck_assert_int_eq(seen->flags, 5);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    /* 40 s was the longest gap so far: it counts as gone after a quarter more. */
    ts = audio_until(&kit, ts, 160000 + 49900);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    (void)audio_until(&kit, ts, 160000 + 50200);
    kit_take(seen);
    ck_assert(seen->is_ended);
    kit_close(&kit);
}
END_TEST

/* RTMP players and TS viewers have the keyframe of a still image: they get all of its frames.
 */
START_TEST(test_nothing_of_a_resting_track_is_dropped)
{
    struct source_stat stat;
    struct kit kit;
    struct kit_seen *seen;
    struct kit_seen *relay;
    uint32_t ts;

    seen = kit_begin(&kit, 25);
    relay = kit_watch(&kit, &mux_original);
    kit_take(relay);
    ts = audio_until(&kit, 1000, 32000);
    kit_take(seen);
    kit_take(relay);
    ck_assert(seen->is_ended);
    ck_assert_int_eq(count_of(relay, FRAME_VIDEO), 25);
    kit_video(&kit, ts, 0);
    (void)audio_until(&kit, ts, ts + 100);
    kit_take(relay);
    ck_assert(!relay->is_ended);
    ck_assert_int_eq(count_of(relay, FRAME_VIDEO), 26);
    ck_assert_uint_eq(relay->tag[relay->count - 2].ms, ts);
    source_stat(kit.source, &stat);
    ck_assert_uint_eq(stat.frames_dropped, 0);
    kit_close(&kit);
}
END_TEST

/* One audio frame every 3 s. */
START_TEST(test_rare_audio_stays)
{
    struct kit kit;
    struct kit_seen *seen;
    uint32_t ts = 0;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    seen = kit_watch(&kit, &mux_flv);
    for (uint32_t i = 0; i < 10; i++) {
        ts = video_until(&kit, ts, i * 3000 + 40);
        kit_audio(&kit, i * 3000);
        ts = video_until(&kit, ts, (i + 1) * 3000);
        kit_take(seen);
    }
    ck_assert(!seen->is_ended);
    ck_assert_int_eq(seen->flags, 5);
    ck_assert_int_eq(count_of(seen, FRAME_AUDIO), 10);
    kit_close(&kit);
}
END_TEST

/* Continuous audio that stops counts as gone, because browsers freeze. After its return the source
 * knows that it pauses, and waits longer for it. */
START_TEST(test_audio_that_came_back_is_awaited_for_longer)
{
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 25);

    video_until(&kit, 1000, 4000);
    kit_take(seen);
    ck_assert(seen->is_ended);
    kit_run(&kit, 4000, 50);
    seen = kit_reload(&kit, seen);
    ck_assert_int_eq(seen->flags, 5);
    video_until(&kit, 6000, 20000);
    kit_run(&kit, 20000, 25);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    kit_close(&kit);
}
END_TEST

/* The encoder of a slide show reconnects: the next slide may be far. */
START_TEST(test_a_rare_track_outlives_its_publisher)
{
    struct kit kit;
    struct kit_seen *seen;
    uint32_t ts = 0;

    kit_open(&kit);
    kit_publish(&kit);
    kit_avc_header(&kit, 0, 0x1f);
    kit_aac_header(&kit, 0, 0x10);
    seen = kit_watch(&kit, &mux_flv);
    for (uint32_t i = 0; i < 3; i++) {
        kit_video(&kit, i * 12000, 1);
        ts = audio_until(&kit, ts, (i + 1) * 12000);
    }
    kit_take(seen);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    kit_aac_header(&kit, 0, 0x10);
    audio_until(&kit, 0, 12000);
    kit_avc_header(&kit, 12000, 0x1f);
    kit_video(&kit, 12000, 1);
    kit_take(seen);
    ck_assert(!seen->is_ended);
    ck_assert_int_eq(count_of(seen, FRAME_VIDEO), 4);
    kit_close(&kit);
}
END_TEST

/* ---- late tracks ---- */

/* After two seconds the second track comes: viewers of the first track reload, waiting viewers
 * start. */
START_TEST(test_a_late_track_ends_no_waiting_viewer)
{
    for (int is_video = 0; is_video < 2; is_video++) {
        struct kit kit;
        struct kit_seen *seen;
        struct kit_seen *only;
        struct kit_seen *audio = NULL;

        kit_open(&kit);
        seen = kit_watch(&kit, &mux_flv);
        only = kit_adopt(&kit, viewer_open_only(kit.source, &mux_flv,
                                                is_video ? SOURCE_VIDEO_ONLY : SOURCE_AUDIO_ONLY,
                                                kit.now));
        if (!is_video)
            audio = kit_watch(&kit, &mux_aac);
        kit_publish(&kit);
        kit_avc_header(&kit, 0, 0x1f);
        kit_aac_header(&kit, 0, 0x10);
        if (is_video)
            audio_until(&kit, 0, 2200);
        else
            video_until(&kit, 0, 2200);
        kit_take(seen);
        kit_take(only);
        if (audio != NULL)
            kit_take_bytes(audio);
        ck_assert_int_eq(seen->flags, is_video ? 4 : 1);
        ck_assert(!seen->is_ended && !only->is_ended);
        kit_run(&kit, 2200, 10);
        kit_take(seen);
        kit_take(only);
        ck_assert(seen->is_ended);
        ck_assert(!only->is_ended);
        ck_assert_int_eq(only->flags, is_video ? 1 : 4);
        ck_assert_int_eq(only->count, 1 + 10);
        if (audio != NULL) {
            kit_take_bytes(audio);
            ck_assert(!audio->is_ended);
            ck_assert_uint_gt(audio->bytes, 0);
        }
        seen = kit_reload(&kit, seen);
        ck_assert_int_eq(seen->flags, 5);
        kit_close(&kit);
    }
}
END_TEST

/* The wait ends: by the time of the media, and by the clock when nothing comes. */
START_TEST(test_what_never_comes_is_told)
{
    for (int by_clock = 0; by_clock < 2; by_clock++) {
        struct kit kit;
        struct kit_seen *only;

        kit_open(&kit);
        only = kit_adopt(&kit, viewer_open_only(kit.source, &mux_flv, SOURCE_AUDIO_ONLY, kit.now));
        kit_publish(&kit);
        kit_avc_header(&kit, 0, 0x1f);
        kit_video(&kit, 0, 1);
        source_tick(kit.source, kit.now + 3900 * USEC_PER_MS);
        kit_take(only);
        ck_assert(!only->is_ended);
        if (by_clock)
            source_tick(kit.source, kit.now + 4000 * USEC_PER_MS);
        else
            video_until(&kit, 40, 4040);
        kit_take(only);
        ck_assert(only->is_ended);
        ck_assert_uint_eq(only->bytes, 0);
        kit_close(&kit);
    }
}
END_TEST

Suite *check_source_rare_suite(void)
{
    Suite *suite = suite_create("source_rare");
    TCase *tc = tcase_create("rare");

    tcase_add_test(tc, test_metadata_decides_nothing);
    tcase_add_test(tc, test_slides_stay);
    tcase_add_test(tc, test_a_track_is_missed_as_long_as_ever_before);
    tcase_add_test(tc, test_nothing_of_a_resting_track_is_dropped);
    tcase_add_test(tc, test_rare_audio_stays);
    tcase_add_test(tc, test_audio_that_came_back_is_awaited_for_longer);
    tcase_add_test(tc, test_a_rare_track_outlives_its_publisher);
    tcase_add_test(tc, test_a_late_track_ends_no_waiting_viewer);
    tcase_add_test(tc, test_what_never_comes_is_told);
    suite_add_tcase(suite, tc);
    return suite;
}
