/* Metadata for publishers that send none, made from the sequence headers. */
#include "live_kit.h"

#include "media/meta.h"

Suite *check_source_describe_suite(void);

/* H.264, 640x360, 25 frames per second, as x264 writes it. */
static const uint8_t x264[] = {0x17, 0x00, 0x00, 0x00, 0x00, 0x01, 0x64, 0x00, 0x1e, 0xff,
                               0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40,
                               0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01,
                               0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96, 0x01,
                               0x00, 0x04, 0x68, 0xef, 0x8f, 0xcb, 0xfd, 0xf8, 0xf8, 0x00};

/* HEVC, 1922x1082, as x265 writes it, by Enhanced RTMP. */
static const uint8_t x265[] = {
    0x90, 0x68, 0x76, 0x63, 0x31, 0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x78, 0xf0, 0x00, 0xfc, 0xfd, 0xf8, 0xf8, 0x00, 0x00, 0x13, 0x03, 0xa0, 0x00, 0x01, 0x00,
    0x1c, 0x40, 0x01, 0x0c, 0x02, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00,
    0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0x00, 0x00, 0x95, 0x94, 0xac, 0xa0, 0x48, 0xa1, 0x00, 0x01,
    0x00, 0x31, 0x42, 0x01, 0x02, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
    0x00, 0x03, 0x00, 0x78, 0x00, 0x00, 0xa0, 0x03, 0xc8, 0x80, 0x11, 0x07, 0x11, 0x26, 0x59, 0x59,
    0x4a, 0xca, 0x94, 0x98, 0x5e, 0x02, 0xd0, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03,
    0x01, 0x90, 0x80, 0xa2, 0x00, 0x01, 0x00, 0x06, 0x44, 0x01, 0xc0, 0x73, 0xc1, 0x89};

static void start(struct kit *kit)
{
    kit_open(kit);
    kit->config.makes_meta = 1;
    kit_publish(kit);
}

static void run(struct kit *kit, uint32_t from)
{
    kit_push(kit, FRAME_VIDEO, from, x264, sizeof(x264));
    kit_aac_header(kit, from, 0x10);
    kit_run(kit, from, 25);
}

static void facts_of(const struct kit_tag *tag, struct meta_facts *facts)
{
    struct buf again;

    ck_assert_int_eq(tag->type, FRAME_SCRIPT);
    ck_assert_uint_eq(tag->ms, 0);
    buf_init(&again, 1000);
    ck_assert_uint_le(tag->len, sizeof(tag->body));
    ck_assert_int_eq(meta_rewrite(tag->body, tag->len, "", &again, facts), SCAN_DONE);
    buf_fini(&again);
}

START_TEST(test_made)
{
    struct meta_facts facts;
    struct kit_seen *seen;
    struct kit kit;

    start(&kit);
    seen = kit_watch(&kit, &mux_flv);
    run(&kit, 0);
    kit_take(seen);
    facts_of(&seen->tag[0], &facts);
    ck_assert_uint_eq(facts.width, 640);
    ck_assert_uint_eq(facts.height, 360);
    ck_assert(facts.frame_rate == 25);
    ck_assert_uint_eq(facts.sample_rate, 44100);
    ck_assert(facts.video == CODEC_H264 && facts.audio == CODEC_AAC);
    ck_assert_int_eq(seen->count, 3 + 50);
    kit_close(&kit);
}
END_TEST

/* The publisher's own metadata replaces it, also if it comes late. */
START_TEST(test_own_is_kept)
{
    static const uint8_t own[] = "\x02\0\x0aonMetaData\x08\0\0\0\1\0\5width\0\x40\x59\0\0\0\0\0\0"
                                 "\0\0\x09";
    struct meta_facts facts;
    struct kit_seen *seen;
    struct kit kit;

    start(&kit);
    run(&kit, 0);
    kit_push(&kit, FRAME_SCRIPT, 1000, own, sizeof(own) - 1);
    kit_avc_header(&kit, 1000, 0x33);
    kit_run(&kit, 1000, 5);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    facts_of(&seen->tag[0], &facts);
    ck_assert_uint_eq(facts.width, 100);
    ck_assert_uint_eq(facts.height, 0);
    /* The next publisher has other headers, and sends no metadata. */
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    run(&kit, 0);
    seen = kit_reload(&kit, seen);
    facts_of(&seen->tag[0], &facts);
    ck_assert_uint_eq(facts.width, 640);
    kit_close(&kit);
}
END_TEST

/* A track that comes later is in the metadata of viewers that join then. */
START_TEST(test_follows_tracks)
{
    struct meta_facts facts;
    struct kit_seen *seen;
    struct kit kit;

    start(&kit);
    kit_aac_header(&kit, 0, 0x10);
    for (uint32_t ms = 0; ms < 1000; ms += 20)
        kit_audio(&kit, ms);
    seen = kit_watch(&kit, &mux_flv);
    kit_audio(&kit, 1000);
    kit_take(seen);
    facts_of(&seen->tag[0], &facts);
    ck_assert(facts.video == CODEC_NONE && facts.width == 0 && facts.audio == CODEC_AAC);
    run(&kit, 1020);
    seen = kit_reload(&kit, seen);
    facts_of(&seen->tag[0], &facts);
    ck_assert(facts.video == CODEC_H264 && facts.width == 640);
    kit_close(&kit);
}
END_TEST

/* What the API shows. */
START_TEST(test_hevc_has_its_size)
{
    static const uint8_t idr[] = {0x93, 'h', 'v', 'c', '1', 0, 0, 0, 3, 0x26, 0x01, 0xaf};
    struct source_stat stat;
    struct kit kit;

    start(&kit);
    kit_push(&kit, FRAME_VIDEO, 0, x265, sizeof(x265));
    for (uint32_t ms = 0; ms < 400; ms += 40)
        kit_push(&kit, FRAME_VIDEO, ms, idr, sizeof(idr));
    source_stat(kit.source, &stat);
    ck_assert_int_eq(stat.video, CODEC_HEVC);
    ck_assert_uint_eq(stat.width, 1922);
    ck_assert_uint_eq(stat.height, 1082);
    kit_close(&kit);
}
END_TEST

Suite *check_source_describe_suite(void)
{
    Suite *suite = suite_create("source_describe");
    TCase *tc = tcase_create("source_describe");

    tcase_add_test(tc, test_made);
    tcase_add_test(tc, test_own_is_kept);
    tcase_add_test(tc, test_follows_tracks);
    tcase_add_test(tc, test_hevc_has_its_size);
    suite_add_tcase(suite, tc);
    return suite;
}
