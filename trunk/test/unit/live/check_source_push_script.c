/* Script tags: a viewer's stream starts with metadata; data messages are in the rings at their
 * time. */
#include "live_kit.h"

Suite *check_source_push_script_suite(void);

#define TEXT(name) "\x02\0" name "\x05"

static const char text_data[] = TEXT("\x0aonTextData");
static const char cue_point[] = TEXT("\x0aonCuePoint");

static void push_script(struct kit *kit, uint32_t ts, const char *body, size_t len)
{
    kit_push(kit, FRAME_SCRIPT, ts, body, len);
}

#define PUSH(kit, ts, body) push_script(kit, ts, body, sizeof(body) - 1)

/* The script tags that a viewer has got, in their order. */
static int scripts_of(const struct kit_seen *seen, const struct kit_tag *out[8])
{
    int count = 0;

    for (int i = 0; i < seen->count && count < 8; i++)
        if (seen->tag[i].type == FRAME_SCRIPT)
            out[count++] = &seen->tag[i];
    return count;
}

START_TEST(test_data_reaches_flv_at_its_time)
{
    const struct kit_tag *script[8];
    struct kit kit;
    struct kit_seen *seen;
    struct kit_seen *relay;
    struct kit_seen *later;
    ptrdiff_t at;

    seen = kit_begin(&kit, 10);
    relay = kit_watch(&kit, &mux_original);
    kit_take(relay);
    /* The publisher's timestamp decides the position. */
    PUSH(&kit, 393, text_data);
    kit_run(&kit, 400, 5);
    PUSH(&kit, 573, cue_point);
    later = kit_watch(&kit, &mux_flv);
    kit_take(later);
    kit_run(&kit, 600, 1);
    kit_take(seen);
    kit_take(relay);
    ck_assert_int_eq(scripts_of(seen, script), 2);
    ck_assert_uint_eq(script[0]->ms, 393);
    ck_assert_mem_eq(script[0]->body, text_data, sizeof(text_data) - 1);
    ck_assert_uint_eq(script[1]->ms, 573);
    ck_assert_mem_eq(script[1]->body, cue_point, sizeof(cue_point) - 1);
    ck_assert(!seen->is_ended);
    /* Between the frames that it came between. */
    at = script[0] - seen->tag;
    ck_assert_int_eq(seen->tag[at - 1].type, FRAME_AUDIO);
    ck_assert_uint_eq(seen->tag[at - 1].ms, 370);
    ck_assert_uint_eq(seen->tag[at + 1].ms, 400);
    /* It began at the keyframe at 400. */
    ck_assert_int_eq(scripts_of(later, script), 1);
    ck_assert_uint_eq(script[0]->ms, 573);
    ck_assert_int_eq(scripts_of(relay, script), 3); /* the mark of relays is one */
    ck_assert_uint_eq(script[2]->ms, 573);
    kit_close(&kit);
}
END_TEST

/* The timeline is the stream's own, whatever clock a publisher has. */
START_TEST(test_data_follows_the_timeline)
{
    const struct kit_tag *script[8];
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 7000000, 10);
    seen = kit_watch(&kit, &mux_flv);
    PUSH(&kit, 7000380, text_data);
    /* Encoders that leave it at 0, and a clock that has jumped. */
    kit_run(&kit, 7000400, 75);
    PUSH(&kit, 0, text_data);
    PUSH(&kit, 8000000, text_data);
    kit_take(seen);
    ck_assert_int_eq(scripts_of(seen, script), 1 + 2 - (seen->tag[2].ms > 380));
    for (int i = 0; i < scripts_of(seen, script); i++)
        ck_assert_uint_ge(script[i]->ms, i == 0 ? 380 : 3370);
    ck_assert_uint_eq(script[scripts_of(seen, script) - 1]->ms, 3370);
    kit_run(&kit, 7003400, 1);
    kit_take(seen);
    kit_check_times(seen);
    kit_close(&kit);
}
END_TEST

START_TEST(test_messages_between_servers_are_not_media)
{
    static const char set_text[] = "\x02\0\x0d@setDataFrame" TEXT("\x0aonTextData");
    static const char clear[] = "\x02\0\x0f@clearDataFrame\x02\0\x0aonMetaData";
    static const char access[] = "\x02\0\x11|RtmpSampleAccess\1\1\1\1";
    static const char status[] = TEXT("\x08onStatus");
    static const char broken_meta[] = "\x02\0\x0aonMetaData\x05";
    static const char cut_name[] = "\x02\0\x0aonText";
    static const char number[] = "\0\0\0\0\0\0\0\0\0";
    const struct kit_tag *script[8];
    struct kit kit;
    struct kit_seen *seen = kit_begin(&kit, 10);

    PUSH(&kit, 400, clear);
    PUSH(&kit, 400, access);
    PUSH(&kit, 400, status);
    PUSH(&kit, 400, broken_meta);
    PUSH(&kit, 400, cut_name);
    PUSH(&kit, 400, number);
    push_script(&kit, 400, "", 0);
    PUSH(&kit, 400, set_text);
    kit_take(seen);
    ck_assert_int_eq(scripts_of(seen, script), 1);
    ck_assert_uint_eq(script[0]->len, sizeof(text_data) - 1);
    ck_assert_mem_eq(script[0]->body, text_data, sizeof(text_data) - 1);
    kit_close(&kit);
}
END_TEST

/* One track alone has no metadata, because that describes both; but it has data messages. */
START_TEST(test_data_reaches_one_track_alone)
{
    const struct kit_tag *script[8];
    struct kit kit;
    struct kit_seen *seen;

    kit_open(&kit);
    kit_publish(&kit);
    kit_start(&kit, 0, 10);
    seen = kit_adopt(&kit, viewer_open_only(kit.source, &mux_flv, SOURCE_AUDIO_ONLY, kit.now));
    PUSH(&kit, 390, text_data);
    kit_run(&kit, 400, 1);
    kit_take(seen);
    ck_assert_int_eq(scripts_of(seen, script), 1);
    ck_assert_uint_eq(script[0]->ms, 390);
    kit_close(&kit);
}
END_TEST

Suite *check_source_push_script_suite(void)
{
    Suite *suite = suite_create("source_push_script");
    TCase *tc = tcase_create("data");

    tcase_add_test(tc, test_data_reaches_flv_at_its_time);
    tcase_add_test(tc, test_data_follows_the_timeline);
    tcase_add_test(tc, test_messages_between_servers_are_not_media);
    tcase_add_test(tc, test_data_reaches_one_track_alone);
    suite_add_tcase(suite, tc);
    return suite;
}
