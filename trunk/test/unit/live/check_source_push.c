/* Unusual, oversized and unknown messages of a publisher, and how they are handled. */
#include "live_kit.h"

Suite *check_source_push_suite(void);

struct push {
    struct kit kit;
    struct kit_seen *seen;
};

static void push_open(struct push *push)
{
    kit_open(&push->kit);
    kit_publish(&push->kit);
    push->seen = kit_watch(&push->kit, &mux_flv);
}

static uint64_t dropped(const struct push *push)
{
    struct source_stat stat;

    source_stat(push->kit.source, &stat);
    return stat.frames_dropped;
}

/* Pushes len bytes that begin like this. */
static void push_large(struct push *push, enum frame_type type, const char *head, size_t len)
{
    uint8_t *body = calloc(1, len + 8);

    ck_assert_ptr_nonnull(body);
    memcpy(body, head, 5);
    kit_push(&push->kit, type, 0, body, len);
    free(body);
}

/* Dropped messages are counted, without effect on viewers. */
START_TEST(test_oversized_is_dropped)
{
    struct push push;
    int count;

    push_open(&push);
    kit_start(&push.kit, 0, 5);
    kit_take(push.seen);
    count = push.seen->count;
    push_large(&push, FRAME_VIDEO, "\x17\0\0\0\0", 256 * 1024 + 1);
    push_large(&push, FRAME_AUDIO, "\xaf\0\0\0\0", 256 * 1024 + 1);
    ck_assert_uint_eq(dropped(&push), 2);
    push_large(&push, FRAME_VIDEO, "\x27\x01\0\0\0", 16 * 1024 * 1024 + 1);
    ck_assert_uint_eq(dropped(&push), 3);
    push_large(&push, FRAME_SCRIPT, "\x02\0\x0aon", 512 * 1024);
    kit_take(push.seen);
    ck_assert_int_eq(push.seen->count, count);
    kit_video(&push.kit, 200, 0);
    kit_take(push.seen);
    ck_assert_int_eq(push.seen->count, count + 1);
    ck_assert(!push.seen->is_ended);
    kit_close(&push.kit);
}
END_TEST

/* A new track starts with a frame that is not a keyframe: no viewer can start there. */
START_TEST(test_video_appears_with_a_keyframe)
{
    struct push push;

    push_open(&push);
    kit_aac_header(&push.kit, 0, 0x10);
    for (uint32_t i = 0; i < 40; i++) {
        kit_audio(&push.kit, i * 23);
        push.kit.now += 23 * USEC_PER_MS;
    }
    kit_take(push.seen);
    ck_assert_int_eq(push.seen->flags, 4);
    kit_video(&push.kit, 950, 0);
    ck_assert_uint_eq(dropped(&push), 1);
    ck_assert(!push.seen->is_ended);
    kit_close(&push.kit);
}
END_TEST

/* A frame of an unknown codec does not change its track, and passes. */
START_TEST(test_unknown_codecs_pass)
{
    static const uint8_t video[] = {0x2f, 1, 2, 3, 4, 5};
    static const uint8_t audio[] = {0xdf, 1, 2, 3};
    struct push push;
    int count;

    push_open(&push);
    kit_start(&push.kit, 0, 5);
    kit_take(push.seen);
    count = push.seen->count;
    kit_push(&push.kit, FRAME_VIDEO, 200, video, sizeof(video));
    kit_push(&push.kit, FRAME_AUDIO, 210, audio, sizeof(audio));
    kit_video(&push.kit, 240, 0);
    kit_take(push.seen);
    ck_assert(!push.seen->is_ended);
    ck_assert_int_eq(push.seen->count, count + 3);
    kit_close(&push.kit);
}
END_TEST

/* Every body of one or two bytes: nothing breaks. */
START_TEST(test_every_short_body)
{
    for (int type = FRAME_AUDIO; type <= FRAME_VIDEO; type++) {
        struct push push;

        push_open(&push);
        for (int i = 0; i < 65536; i += i < 256 ? 1 : 37) {
            uint8_t body[] = {(uint8_t)(i < 256 ? i : i >> 8), (uint8_t)i};

            kit_push(&push.kit, (enum frame_type)type, (uint32_t)i, body, i < 256 ? 1 : 2);
            push.kit.now += USEC_PER_MS;
        }
        kit_close(&push.kit);
    }
}
END_TEST

Suite *check_source_push_suite(void)
{
    Suite *suite = suite_create("source_push");
    TCase *tc = tcase_create("push");

    tcase_add_test(tc, test_oversized_is_dropped);
    tcase_add_test(tc, test_video_appears_with_a_keyframe);
    tcase_add_test(tc, test_unknown_codecs_pass);
    tcase_add_test(tc, test_every_short_body);
    suite_add_tcase(suite, tc);
    return suite;
}
