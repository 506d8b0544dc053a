/* Lengths to start codes: HEVC here; H.264 in all its forms is in check_mux_ts.c. */
#include "media/annexb.h"

#include "media/flv.h"
#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_annexb_suite(void);

struct sink {
    size_t len;
    uint8_t data[512];
};

static void put(void *arg, const void *data, size_t len)
{
    struct sink *sink = arg;

    ck_assert_uint_le(sink->len + len, sizeof(sink->data));
    memcpy(sink->data + sink->len, data, len);
    sink->len += len;
}

static size_t header_body(uint8_t *out, size_t cap)
{
    return from_hex(out, cap,
                    "9068766331" /* sequence start, hvc1 */
                    "010160000000900000000000"
                    "5df000fcfdf8f800000f03" /* lengths of 4, 3 arrays */
                    "a0000100034001aa"
                    "a1000100034201bb"
                    "a2000100034401cc");
}

static void write_picture(struct annexb *annexb, const void *body, size_t len, struct sink *sink)
{
    uint8_t *copy = exact_copy(body, len);
    struct annexb_picture picture;
    struct frame frame;

    sink->len = 0;
    flv_frame_parse(&frame, FRAME_VIDEO, 0, copy, len);
    annexb_measure(annexb, &frame, &picture);
    if (picture.len > 0)
        annexb_write(annexb, &frame, &picture, put, sink);
    ck_assert_uint_eq(sink->len, picture.len);
    free(copy);
}

START_TEST(test_hevc)
{
    static const uint8_t key[] = {0x93, 'h', 'v', 'c', '1', 0, 0, 0, 3, 0x26, 1, 7};
    static const uint8_t expected[] = {0, 0,    0, 1,    0x46, 1, 0x50, 0, 0,    0, 1, 0x40,
                                       1, 0xaa, 0, 0,    0,    1, 0x42, 1, 0xbb, 0, 0, 0,
                                       1, 0x44, 1, 0xcc, 0,    0, 0,    1, 0x26, 1, 7};
    uint8_t body[64];
    size_t len = header_body(body, sizeof(body));
    struct annexb annexb;
    struct frame frame;
    struct sink sink;

    annexb_init(&annexb);
    write_picture(&annexb, key, sizeof(key), &sink);
    ck_assert_uint_eq(sink.len, 0);
    flv_frame_parse(&frame, FRAME_VIDEO, 0, body, len);
    ck_assert(frame.is_header && frame.codec == CODEC_HEVC);
    ck_assert_int_eq(annexb_header(&annexb, &frame), 0);
    write_picture(&annexb, key, sizeof(key), &sink);
    ck_assert_uint_eq(sink.len, sizeof(expected));
    ck_assert_mem_eq(sink.data, expected, sizeof(expected));
    annexb_fini(&annexb);
}
END_TEST

START_TEST(test_a_header_cut_anywhere_leaves_nothing_known)
{
    static const uint8_t key[] = {0x93, 'h', 'v', 'c', '1', 0, 0, 0, 3, 0x26, 1, 7};
    uint8_t body[64];
    size_t len = header_body(body, sizeof(body));
    struct annexb annexb;
    struct sink sink;

    annexb_init(&annexb);
    for (size_t cut = 5; cut < len; cut++) {
        uint8_t *copy = exact_copy(body, cut);
        struct frame frame;

        flv_frame_parse(&frame, FRAME_VIDEO, 0, copy, cut);
        ck_assert_int_eq(annexb_header(&annexb, &frame), 0);
        write_picture(&annexb, key, sizeof(key), &sink);
        ck_assert_uint_eq(sink.len, 0);
        free(copy);
    }
    annexb_fini(&annexb);
}
END_TEST

START_TEST(test_a_picture_of_only_a_delimiter_is_none)
{
    static const uint8_t only[] = {0xa3, 'h', 'v', 'c', '1', 0, 0, 0, 3, 0x46, 1, 0x50, 0, 0, 0, 0};
    uint8_t body[64];
    size_t len = header_body(body, sizeof(body));
    struct annexb annexb;
    struct frame frame;
    struct sink sink;

    annexb_init(&annexb);
    flv_frame_parse(&frame, FRAME_VIDEO, 0, body, len);
    ck_assert_int_eq(annexb_header(&annexb, &frame), 0);
    write_picture(&annexb, only, sizeof(only), &sink);
    ck_assert_uint_eq(sink.len, 0);
    annexb_fini(&annexb);
}
END_TEST

Suite *check_annexb_suite(void)
{
    Suite *suite = suite_create("annexb");
    TCase *tcase = tcase_create("annexb");

    tcase_add_test(tcase, test_hevc);
    tcase_add_test(tcase, test_a_header_cut_anywhere_leaves_nothing_known);
    tcase_add_test(tcase, test_a_picture_of_only_a_delimiter_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}
