/* atc, atc_auto and reduce_sequence_header: each has the effect of its name. */
#include "live_kit.h"

#include "media/amf0.h"

Suite *check_source_options_suite(void);

/* The times of the first video frames that a late viewer gets. */
static uint32_t first_time(struct kit *kit, uint32_t *second)
{
    struct kit_seen *seen = kit_watch(kit, &mux_flv);
    uint32_t first = UINT32_MAX;

    kit_take(seen);
    for (int i = 0; i < seen->count; i++) {
        if (seen->tag[i].type != FRAME_VIDEO || seen->tag[i].is_header)
            continue;
        if (first != UINT32_MAX) {
            *second = seen->tag[i].ms;
            break;
        }
        first = seen->tag[i].ms;
    }
    kit_leave(seen);
    return first;
}

static void push_meta(struct kit *kit, const char *key, struct amf0 *value)
{
    struct amf0 *meta = amf0_ecma_array();
    struct buf body;

    buf_init(&body, 4096);
    ck_assert_ptr_nonnull(meta);
    ck_assert_int_eq(amf0_set(meta, key, value), 0);
    ck_assert_int_eq(amf0_write_string(&body, "onMetaData"), 0);
    ck_assert_int_eq(amf0_write(&body, meta), 0);
    kit_push(kit, FRAME_SCRIPT, 0, buf_data(&body), body.len);
    amf0_free(meta);
    buf_fini(&body);
}

START_TEST(test_atc)
{
    for (int atc = 0; atc < 2; atc++) {
        struct kit kit;
        uint32_t second = 0;

        kit_open(&kit);
        kit.config.atc = atc;
        kit_publish(&kit);
        kit_start(&kit, 1700000000, 10);
        ck_assert_uint_eq(first_time(&kit, &second), atc ? 1700000000 : 0);
        ck_assert_uint_eq(second, (atc ? 1700000000 : 0) + 40);
        kit_close(&kit);
    }
}
END_TEST

/* The metadata counts only with atc_auto, and only for its publisher. */
START_TEST(test_atc_auto)
{
    static const char *const said[] = {"true", "1", "false", "0", ""};

    for (int i = 0; i < 2 * 5; i++) {
        struct kit kit;
        uint32_t second = 0;
        int is_kept = i < 5 && i % 5 < 2;

        kit_open(&kit);
        kit.config.atc_auto = i < 5;
        kit_publish(&kit);
        push_meta(&kit, "bravo_atc", amf0_string(said[i % 5]));
        kit_start(&kit, 5000000, 10);
        ck_assert_uint_eq(first_time(&kit, &second), is_kept ? 5000000 : 0);
        source_unpublish(kit.source, kit.now);
        kit_publish(&kit);
        push_meta(&kit, "width", amf0_number(640));
        kit_start(&kit, 5000000, 10);
        ck_assert_uint_eq(first_time(&kit, &second), 0);
        kit_close(&kit);
    }
}
END_TEST

static void letters_frame(struct mux_state *state, const struct frame *frame, uint32_t ms,
                          mux_emit emit, void *arg)
{
    char letter = frame->type == FRAME_AUDIO ? 'A' : 'V';
    struct iovec iov = {&letter, 1};

    (void)state;
    (void)ms;
    if (frame->is_header)
        letter = 'H';
    if (frame->type != FRAME_SCRIPT)
        emit(arg, &iov, 1);
}

static const struct mux letters = {
    .name = "letters", .unit = 1, .kind = MUX_AS_PUBLISHED, .frame = letters_frame};

/* Viewers that get headers as published (RTMP) get each one, or only those with new content. */
START_TEST(test_reduce_sequence_header)
{
    static const char *const fewer[] = {"V", "HV"};

    for (int reduces = 0; reduces < 2; reduces++) {
        struct kit_seen *seen;
        struct kit kit;

        kit_open(&kit);
        kit.config.reduce_sequence_header = reduces;
        kit_publish(&kit);
        kit_start(&kit, 0, 1);
        seen = kit_watch(&kit, &letters);
        kit_take_bytes(seen);
        for (uint8_t i = 0; i < 2; i++) {
            kit_avc_header(&kit, 40, (uint8_t)(0x1f + i));
            kit_aac_header(&kit, 40, 0x10);
            kit_video(&kit, 40, 1);
            ck_assert_str_eq(kit_take_text(seen), reduces ? fewer[i] : "HHV");
        }
        kit_close(&kit);
    }
}
END_TEST

Suite *check_source_options_suite(void)
{
    Suite *suite = suite_create("source_options");
    TCase *tc = tcase_create("options");

    tcase_add_test(tc, test_atc);
    tcase_add_test(tc, test_atc_auto);
    tcase_add_test(tc, test_reduce_sequence_header);
    suite_add_tcase(suite, tc);
    return suite;
}
