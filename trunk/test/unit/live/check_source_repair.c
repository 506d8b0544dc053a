/* Faulty H.264 of an encoder is repaired before any format is made of it, and reported once. */
#include "live_kit.h"

#include <stdio.h>

Suite *check_source_repair_suite(void);

static int told;
static char told_what[64];

static void on_repair(struct source *source, const char *what, void *arg)
{
    (void)source, (void)arg;
    told++;
    snprintf(told_what, sizeof(told_what), "%s", what);
}

static void start(struct kit *kit, int repairs)
{
    struct source_events events = {.on_repair = on_repair};

    told = 0;
    kit_open(kit);
    source_set_events(kit->source, &events);
    kit->config.repairs = repairs;
    kit_publish(kit);
}

/* A GOP with start codes, after a sequence header with start codes; with audio. */
static void run(struct kit *kit)
{
    static const uint8_t header[] = {0x17, 0, 0,    0,    0, 0, 0, 0,    1,   0x67,
                                     0x64, 0, 0x1f, 0xac, 0, 0, 1, 0x68, 0xee};

    kit_push(kit, FRAME_VIDEO, 0, header, sizeof(header));
    kit_aac_header(kit, 0, 0x10);
    for (uint32_t ms = 0; ms < 1000; ms += 40) {
        uint8_t body[] = {ms == 0 ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x65, 0xaa, 0xbb};

        kit_push(kit, FRAME_VIDEO, ms, body, sizeof(body));
        kit_audio(kit, ms + 10);
    }
}

START_TEST(test_repaired)
{
    static const uint8_t record[] = {0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 5};
    static const uint8_t frame[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 3, 0x65, 0xaa, 0xbb};
    struct source_stat stat;
    struct kit_seen *seen;
    struct kit kit;

    start(&kit, 1);
    run(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_int_eq(seen->count, 2 + 50);
    ck_assert_mem_eq(seen->tag[0].body, record, sizeof(record));
    ck_assert_uint_eq(seen->tag[2].len, sizeof(frame));
    ck_assert_mem_eq(seen->tag[2].body, frame, sizeof(frame));
    ck_assert_int_eq(told, 1);
    ck_assert_str_eq(told_what, "start codes in the sequence header");
    /* What cannot be repaired is dropped; the next publication reports it again. */
    kit_push(&kit, FRAME_VIDEO, 1000, "\x27\1\0\0\0\0\0\1\0\0\0\1", 12);
    source_stat(kit.source, &stat);
    ck_assert_uint_eq(stat.frames_dropped, 1);
    source_unpublish(kit.source, kit.now);
    kit_publish(&kit);
    run(&kit);
    ck_assert_int_eq(told, 2);
    kit_close(&kit);
}
END_TEST

START_TEST(test_off)
{
    struct kit_seen *seen;
    struct kit kit;

    start(&kit, 0);
    run(&kit);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_mem_eq(seen->tag[2].body, "\x17\1\0\0\0\0\0\0\1\x65", 10);
    ck_assert_int_eq(told, 0);
    kit_close(&kit);
}
END_TEST

/* An audio stream is not reported, and reaches viewers as published. */
START_TEST(test_audio_is_not_repaired)
{
    struct kit_seen *seen;
    struct kit kit;

    start(&kit, 1);
    kit_start(&kit, 0, 25);
    seen = kit_watch(&kit, &mux_flv);
    kit_take(seen);
    ck_assert_mem_eq(seen->tag[2].body, "\x17\1\0\0\0\0\0\0\2\x65\xaa", 11);
    ck_assert_int_eq(told, 0);
    kit_close(&kit);
}
END_TEST

Suite *check_source_repair_suite(void)
{
    Suite *suite = suite_create("source_repair");
    TCase *tc = tcase_create("source_repair");

    tcase_add_test(tc, test_repaired);
    tcase_add_test(tc, test_off);
    tcase_add_test(tc, test_audio_is_not_repaired);
    suite_add_tcase(suite, tc);
    return suite;
}
