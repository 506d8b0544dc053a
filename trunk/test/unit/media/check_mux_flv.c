/*
 * The FLV rendition: a tag around a message, on the given timeline, and the file header in a
 * viewer's preamble.
 */
#include "media/mux.h"

#include "media/flv.h"
#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_mux_flv_suite(void);

struct sink {
    int units;
    size_t len;
    uint8_t data[4096];
};

static void take(void *arg, const struct iovec *iov, int n)
{
    struct sink *sink = arg;

    sink->units++;
    for (int i = 0; i < n; i++) {
        ck_assert_uint_le(sink->len + iov[i].iov_len, sizeof(sink->data));
        if (iov[i].iov_len > 0)
            memcpy(sink->data + sink->len, iov[i].iov_base, iov[i].iov_len);
        sink->len += iov[i].iov_len;
    }
}

START_TEST(the_row_describes_the_format)
{
    ck_assert_str_eq(mux_flv.name, "flv");
    ck_assert_str_eq(mux_flv.extension, ".flv");
    ck_assert_str_eq(mux_flv.content_type, "video/x-flv");
    ck_assert_uint_eq(mux_flv.unit, 1);
    ck_assert_int_eq(mux_flv.kind, MUX_PREAMBLE);
}
END_TEST

START_TEST(a_tag_around_the_message)
{
    static const uint8_t body[] = {0x17, 1, 0, 0, 0, 0xaa, 0xbb};
    static const uint8_t expected[] = {9,    0, 0, 7, 0x22, 0x33, 0x44, 0x11, 0, 0, 0,
                                       0x17, 1, 0, 0, 0,    0xaa, 0xbb, 0,    0, 0, 18};
    struct mux_state *state = mux_flv.open();
    struct sink sink = {0, 0, {0}};
    struct frame frame;

    flv_frame_parse(&frame, FRAME_VIDEO, 5, body, sizeof(body));
    mux_flv.frame(state, &frame, 0x11223344, take, &sink);
    ck_assert_int_eq(sink.units, 1);
    ck_assert_uint_eq(sink.len, sizeof(expected));
    ck_assert_mem_eq(sink.data, expected, sizeof(expected));
    mux_flv.close(state);
}
END_TEST

START_TEST(headers_and_empty_frames_pass)
{
    static const uint8_t header[] = {0xaf, 0, 0x12, 0x10};
    struct mux_state *state = mux_flv.open();
    struct sink sink = {0, 0, {0}};
    struct frame frame;

    flv_frame_parse(&frame, FRAME_AUDIO, 5, header, sizeof(header));
    ck_assert_int_eq(frame.is_header, 1);
    mux_flv.frame(state, &frame, 0, take, &sink);
    ck_assert_uint_eq(sink.len, 11 + 4 + 4);
    flv_frame_parse(&frame, FRAME_AUDIO, 5, NULL, 0);
    mux_flv.frame(state, &frame, 1, take, &sink);
    ck_assert_uint_eq(sink.len, 11 + 4 + 4 + 11 + 4);
    ck_assert_int_eq(sink.units, 2);
    mux_flv.close(state);
}
END_TEST

START_TEST(the_opening_is_the_file_header)
{
    const struct mux_tracks tracks = {.audio.is_announced = 1};
    struct sink sink = {0, 0, {0}};

    mux_flv.header(NULL, &tracks, take, &sink);
    ck_assert_int_eq(sink.units, 1);
    ck_assert_uint_eq(sink.len, FLV_HEADER_SIZE);
    ck_assert_mem_eq(sink.data, "FLV\x01\x04\x00\x00\x00\x09\x00\x00\x00\x00", FLV_HEADER_SIZE);
}
END_TEST

START_TEST(metadata_is_a_script_tag)
{
    struct mux_state *state = mux_flv.open();
    struct sink sink = {0, 0, {0}};
    uint8_t body = 5;
    struct frame frame;

    flv_frame_parse(&frame, FRAME_SCRIPT, 77, &body, 1);
    mux_flv.frame(state, &frame, 0, take, &sink);
    ck_assert_uint_eq(sink.len, 16);
    ck_assert_mem_eq(sink.data, "\x12\0\0\x01\0\0\0\0\0\0\0\x05\0\0\0\x0c", 16);
    mux_flv.close(state);
}
END_TEST

START_TEST(a_body_too_long_for_a_tag_is_left_out)
{
    struct mux_state *state = mux_flv.open();
    struct sink sink = {0, 0, {0}};
    uint8_t byte = 2;
    struct frame frame = {0};

    frame.type = FRAME_VIDEO;
    frame.data = &byte;
    frame.len = FLV_BODY_MAX + 1;
    mux_flv.frame(state, &frame, 0, take, &sink);
    ck_assert_int_eq(sink.units, 0);
    mux_flv.close(state);
}
END_TEST

START_TEST(output_is_read_back)
{
    struct mux_state *state = mux_flv.open();
    struct flv_in *in = flv_in_new(100);
    struct sink sink = {0, FLV_HEADER_SIZE, {0}};
    struct flv_tag tag;
    size_t at = 0, used;

    flv_header_write(sink.data, 1, 1);
    for (uint32_t i = 0; i < 50; i++) {
        uint8_t body[51] = {0xaf, 1, (uint8_t)i};
        struct frame frame;

        flv_frame_parse(&frame, FRAME_AUDIO, 0, body, i + 1);
        mux_flv.frame(state, &frame, i * 100000000u, take, &sink);
    }
    for (uint32_t i = 0; i < 50; i++) {
        ck_assert_int_eq(flv_in_feed(in, sink.data + at, sink.len - at, &used, &tag), SCAN_DONE);
        ck_assert_uint_eq(tag.timestamp, i * 100000000u);
        ck_assert_uint_eq(tag.len, i + 1);
        ck_assert_int_eq(tag.type, FRAME_AUDIO);
        at += used;
    }
    ck_assert_int_eq(flv_in_feed(in, sink.data + at, sink.len - at, &used, &tag), SCAN_MORE);
    flv_in_free(in);
    mux_flv.close(state);
}
END_TEST

/* Tag by tag; video frames are distinguished from sequence headers, and a truncated tag is not one.
 */
START_TEST(pieces)
{
    static const struct {
        enum frame_type type;
        uint8_t body[6];
        int is_video;
    } rows[] = {
        {FRAME_VIDEO, {0x27, 1, 0, 0, 0, 9}, 1}, {FRAME_VIDEO, {0x17, 1, 0, 0, 0, 9}, 1},
        {FRAME_VIDEO, {0x17, 0, 0, 0, 0, 9}, 0}, {FRAME_VIDEO, {0x91, 'h', 'v', 'c', '1', 0}, 1},
        {FRAME_AUDIO, {0xaf, 1, 2, 3, 4, 5}, 0}, {FRAME_SCRIPT, {2, 0, 3, 'a', 'b', 'c'}, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mux_state *state = mux_flv.open();
        struct sink sink = {0};
        struct frame frame;
        enum mux_piece kind = MUX_PIECE_INIT;

        flv_frame_parse(&frame, rows[i].type, 7, rows[i].body, sizeof(rows[i].body));
        mux_flv.frame(state, &frame, 7, take, &sink);
        mux_flv.frame(state, &frame, 8, take, &sink);
        ck_assert_uint_eq(mux_flv.piece(state, sink.data, sink.len, &kind), sink.len / 2);
        ck_assert_int_eq(kind, rows[i].is_video ? MUX_PIECE_VIDEO : MUX_PIECE_OTHER);
        for (size_t len = 0; len < sink.len / 2; len++)
            ck_assert_uint_eq(mux_flv.piece(state, sink.data, len, &kind), 0);
        mux_flv.close(state);
    }
}
END_TEST

Suite *check_mux_flv_suite(void)
{
    Suite *suite = suite_create("mux_flv");
    TCase *tcase = tcase_create("mux_flv");

    tcase_add_test(tcase, the_row_describes_the_format);
    tcase_add_test(tcase, a_tag_around_the_message);
    tcase_add_test(tcase, headers_and_empty_frames_pass);
    tcase_add_test(tcase, the_opening_is_the_file_header);
    tcase_add_test(tcase, metadata_is_a_script_tag);
    tcase_add_test(tcase, a_body_too_long_for_a_tag_is_left_out);
    tcase_add_test(tcase, output_is_read_back);
    tcase_add_test(tcase, pieces);
    suite_add_tcase(suite, tcase);
    return suite;
}
