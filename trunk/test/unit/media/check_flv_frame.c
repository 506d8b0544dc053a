/*
 * The headers of tag bodies: a row per form that publishers send, each also truncated at every
 * length, and bodies with every pair of first two bytes.
 */
#include "media/flv.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_flv_frame_suite(void);

enum { KEY = 1, HEADER = 2, META = 4, MULTI = 8, ENHANCED = 16 };

struct row {
    enum frame_type type;
    const char *body; /* hexadecimal */
    enum codec codec;
    int flags;
    int32_t cts;
    int payload; /* offset of the payload, which goes to the end unless payload_len is given */
    int payload_len;
    int track;
};

#define V FRAME_VIDEO
#define A FRAME_AUDIO

static const struct row ROWS[] = {
    /* H.264 as Adobe wrote it down. */
    {V, "1700000000014d", CODEC_H264, HEADER, 0, 5, 0, 0},
    {V, "1701000000aabb", CODEC_H264, KEY, 0, 5, 0, 0},
    {V, "2701000050aabb", CODEC_H264, 0, 0x50, 5, 0, 0},
    {V, "2701ffffb0aabb", CODEC_H264, 0, -80, 5, 0, 0},
    {V, "27017fffffaa", CODEC_H264, 0, 0x7fffff, 5, 0, 0},
    {V, "2701800000aa", CODEC_H264, 0, -0x800000, 5, 0, 0},
    {V, "1702000000", CODEC_H264, META, 0, 5, 0, 0},
    {V, "1701000000", CODEC_H264, 0, 0, 5, 0, 0},
    {V, "1703000000aa", CODEC_H264, 0, 0, 5, 0, 0},
    {V, "3701000000aa", CODEC_H264, 0, 0, 5, 0, 0},
    {V, "5700", CODEC_H264, META, 0, 1, 0, 0},
    {V, "5701000000aa", CODEC_H264, META, 0, 1, 0, 0},
    /* HEVC under its unofficial id. */
    {V, "1c00000000014d", CODEC_HEVC, HEADER, 0, 5, 0, 0},
    {V, "1c01000028aa", CODEC_HEVC, KEY, 40, 5, 0, 0},
    {V, "2c01000000aa", CODEC_HEVC, 0, 0, 5, 0, 0},
    /* Older codecs: Sorenson H.263, VP6, and an unassigned id. */
    {V, "12aabbcc", CODEC_OTHER, KEY, 0, 1, 0, 0},
    {V, "22aabbcc", CODEC_OTHER, 0, 0, 1, 0, 0},
    {V, "14aa", CODEC_OTHER, KEY, 0, 1, 0, 0},
    {V, "2faa", CODEC_OTHER, 0, 0, 1, 0, 0},
    /* Legacy audio. */
    {A, "af001210", CODEC_AAC, HEADER, 0, 2, 0, 0},
    {A, "af01aabb", CODEC_AAC, 0, 0, 2, 0, 0},
    {A, "af02aabb", CODEC_AAC, 0, 0, 2, 0, 0},
    {A, "2ffffb", CODEC_MP3, 0, 0, 1, 0, 0},
    {A, "eefffb", CODEC_MP3, 0, 0, 1, 0, 0},
    {A, "bfaabb", CODEC_OTHER, 0, 0, 1, 0, 0},
    {A, "0faabb", CODEC_OTHER, 0, 0, 1, 0, 0},
    /* Enhanced video: sequence start, coded frames with and without cts, X, end, metadata. */
    {V, "906876633101aa", CODEC_HEVC, HEADER | ENHANCED, 0, 5, 0, 0},
    {V, "9168766331000028aabb", CODEC_HEVC, KEY | ENHANCED, 40, 8, 0, 0},
    {V, "a168766331ffffd8aabb", CODEC_HEVC, ENHANCED, -40, 8, 0, 0},
    {V, "9368766331aabb", CODEC_HEVC, KEY | ENHANCED, 0, 5, 0, 0},
    {V, "a368766331aabb", CODEC_HEVC, ENHANCED, 0, 5, 0, 0},
    {V, "9268766331", CODEC_HEVC, META | ENHANCED, 0, 5, 0, 0},
    {V, "946876633102000a", CODEC_HEVC, META | ENHANCED, 0, 5, 0, 0},
    {V, "d46876633102000a", CODEC_HEVC, META | ENHANCED, 0, 5, 0, 0},
    {V, "9161766331000010aa", CODEC_H264, KEY | ENHANCED, 16, 8, 0, 0},
    {V, "9176766331000010aa", CODEC_VVC, KEY | ENHANCED, 16, 8, 0, 0},
    {V, "9161763031aabb", CODEC_AV1, KEY | ENHANCED, 0, 5, 0, 0},
    {V, "9061763031810500", CODEC_AV1, HEADER | ENHANCED, 0, 5, 0, 0},
    {V, "956176303180", CODEC_AV1, HEADER | ENHANCED, 0, 5, 0, 0},
    {V, "9176703039aabb", CODEC_VP9, KEY | ENHANCED, 0, 5, 0, 0},
    {V, "a176703038aabb", CODEC_VP8, ENHANCED, 0, 5, 0, 0},
    {V, "9178797a31aabb", CODEC_OTHER, KEY | ENHANCED, 0, 5, 0, 0},
    {V, "9078797a31aabb", CODEC_OTHER, HEADER | ENHANCED, 0, 5, 0, 0},
    {V, "9868766331aabb", CODEC_HEVC, ENHANCED, 0, 5, 0, 0},
    {V, "916d703461aabb", CODEC_OTHER, KEY | ENHANCED, 0, 5, 0, 0},
    /* A command replaces FourCC and body. */
    {V, "d100", CODEC_OTHER, META | ENHANCED, 0, 1, 0, 0},
    {V, "d601", CODEC_OTHER, META | ENHANCED, 0, 1, 0, 0},
    /* ModEx: a nanosecond offset of 3 bytes; a chain of two; the long form of the size. */
    {V,
     "9702000102"
     "0168766331000028aa",
     CODEC_HEVC, KEY | ENHANCED, 40, 13, 0, 0},
    {V, "97020001020700000361763031aa", CODEC_AV1, KEY | ENHANCED, 0, 13, 0, 0},
    {V, "97ff0001aabb0361763031aa", CODEC_AV1, KEY | ENHANCED, 0, 11, 0, 0},
    {A, "97020f4240014f707573aa", CODEC_OPUS, ENHANCED, 0, 10, 0, 0},
    /* Enhanced audio. */
    {A, "904f7075734f7075", CODEC_OPUS, HEADER | ENHANCED, 0, 5, 0, 0},
    {A, "914f707573aa", CODEC_OPUS, ENHANCED, 0, 5, 0, 0},
    {A, "91664c6143aa", CODEC_FLAC, ENHANCED, 0, 5, 0, 0},
    {A, "9161632d33aa", CODEC_AC3, ENHANCED, 0, 5, 0, 0},
    {A, "9165632d33aa", CODEC_EAC3, ENHANCED, 0, 5, 0, 0},
    {A, "912e6d7033aa", CODEC_MP3, ENHANCED, 0, 5, 0, 0},
    {A, "906d7034611210", CODEC_AAC, HEADER | ENHANCED, 0, 5, 0, 0},
    {A, "926d703461", CODEC_AAC, META | ENHANCED, 0, 5, 0, 0},
    {A, "946d7034610102", CODEC_AAC, META | ENHANCED, 0, 5, 0, 0},
    {A, "936d703461aa", CODEC_AAC, ENHANCED, 0, 5, 0, 0},
    {A, "9168766331aa", CODEC_OTHER, ENHANCED, 0, 5, 0, 0},
    /* Multitrack: one track, many of one codec, many of many codecs. */
    {V, "96016876633103000028aa", CODEC_HEVC, KEY | MULTI | ENHANCED, 40, 10, 1, 3},
    {V,
     "a60361766331"
     "00aa",
     CODEC_H264, MULTI | ENHANCED, 0, 7, 1, 0},
    {V, "96106176303105000002aabb06000001cc", CODEC_AV1, HEADER | MULTI | ENHANCED, 0, 10, 2, 5},
    {V,
     "9623617630310100000161"
     "687663310000000162",
     CODEC_AV1, KEY | MULTI | ENHANCED, 0, 10, 1, 1},
    {A, "95014f70757301aabb", CODEC_OPUS, MULTI | ENHANCED, 0, 7, 2, 1},
    {A,
     "95206d703461000000021210"
     "4f707573010000024f70",
     CODEC_AAC, HEADER | MULTI | ENHANCED, 0, 10, 2, 0},
};

static int flags_of(const struct frame *frame)
{
    return (frame->is_key ? KEY : 0) | (frame->is_header ? HEADER : 0) |
           (frame->is_meta ? META : 0) | (frame->is_multi ? MULTI : 0) |
           (frame->is_enhanced ? ENHANCED : 0);
}

/* What holds of every frame, whatever it was made from. */
static void check_invariants(const struct frame *frame, const uint8_t *data, size_t len)
{
    ck_assert_ptr_eq(frame->data, data);
    ck_assert_uint_eq(frame->len, len);
    ck_assert(frame->payload >= data && frame->payload + frame->payload_len <= data + len);
    ck_assert_int_le(frame->is_key + frame->is_header + frame->is_meta, 1);
    ck_assert(!frame->is_key || frame->payload_len > 0);
    ck_assert(frame->type == FRAME_VIDEO || (frame->cts == 0 && !frame->is_key));
}

START_TEST(every_form)
{
    const struct row *row = &ROWS[_i];
    uint8_t body[64];
    size_t len = from_hex(body, sizeof(body), row->body);
    uint8_t *data = exact_copy(body, len);
    struct frame frame;

    memset(&frame, 0xff, sizeof(frame));
    flv_frame_parse(&frame, row->type, 0xfffffff0, data, len);
    check_invariants(&frame, data, len);
    ck_assert_int_eq(frame.type, row->type);
    ck_assert_uint_eq(frame.timestamp, 0xfffffff0);
    ck_assert_msg(frame.codec == row->codec, "%s: codec %s", row->body,
                  frame_codec_name(frame.codec));
    ck_assert_msg(flags_of(&frame) == row->flags, "%s: flags %d", row->body, flags_of(&frame));
    ck_assert_msg(frame.cts == row->cts, "%s: cts %d", row->body, frame.cts);
    ck_assert_msg(frame.payload == data + row->payload, "%s: payload at %d", row->body,
                  (int)(frame.payload - data));
    ck_assert_uint_eq(frame.payload_len,
                      row->payload_len ? (size_t)row->payload_len : len - (size_t)row->payload);
    ck_assert_int_eq(frame.track, row->track);
    free(data);
}
END_TEST

START_TEST(every_form_cut_anywhere)
{
    const struct row *row = &ROWS[_i];
    uint8_t body[64];
    size_t whole = from_hex(body, sizeof(body), row->body);

    for (size_t len = 0; len < whole; len++) {
        uint8_t *data = exact_copy(body, len);
        struct frame frame;

        flv_frame_parse(&frame, row->type, 0, data, len);
        check_invariants(&frame, data, len);
        /* Before the payload starts, nothing is reported; a truncated track of several is not a
         * track. */
        if (len < (size_t)row->payload ||
            (row->flags & MULTI && row->payload_len > 0 &&
             len < (size_t)row->payload + (size_t)row->payload_len && body[1] >> 4 != 0)) {
            ck_assert_int_eq(flags_of(&frame) & (KEY | HEADER), 0);
            ck_assert_int_eq(frame.cts, 0);
        }
        free(data);
    }
}
END_TEST

START_TEST(empty_bodies)
{
    static const enum frame_type types[] = {FRAME_AUDIO, FRAME_VIDEO, FRAME_SCRIPT};

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct frame frame;

        flv_frame_parse(&frame, types[i], 5, NULL, 0);
        ck_assert_int_eq(frame.type, types[i]);
        ck_assert_int_eq(frame.codec, types[i] == FRAME_SCRIPT ? CODEC_NONE : CODEC_OTHER);
        ck_assert_int_eq(flags_of(&frame), 0);
        ck_assert_uint_eq(frame.payload_len, 0);
        ck_assert_uint_eq(frame.len, 0);
        ck_assert_uint_eq(frame.timestamp, 5);
    }
}
END_TEST

START_TEST(script_is_all_payload)
{
    static const uint8_t body[] = {0x97, 0x01, 0x02};
    struct frame frame;

    flv_frame_parse(&frame, FRAME_SCRIPT, 9, body, sizeof(body));
    ck_assert_int_eq(frame.codec, CODEC_NONE);
    ck_assert_int_eq(flags_of(&frame), 0);
    ck_assert_ptr_eq(frame.payload, body);
    ck_assert_uint_eq(frame.payload_len, sizeof(body));
}
END_TEST

START_TEST(cut_legacy_bodies_keep_their_codec)
{
    struct frame frame;

    flv_frame_parse(&frame, FRAME_VIDEO, 0, (const uint8_t *)"\x17", 1);
    ck_assert_int_eq(frame.codec, CODEC_H264);
    ck_assert_int_eq(flags_of(&frame), 0);
    ck_assert_uint_eq(frame.payload_len, 0);
    flv_frame_parse(&frame, FRAME_AUDIO, 0, (const uint8_t *)"\xaf", 1);
    ck_assert_int_eq(frame.codec, CODEC_AAC);
    ck_assert_int_eq(flags_of(&frame), 0);
    ck_assert_uint_eq(frame.payload_len, 0);
}
END_TEST

START_TEST(cut_multitrack_and_mod_ex_are_other)
{
    static const char *const bodies[] = {
        "97",
        "9702",
        "97020001",
        "9702000102",
        "97ffffff000102030405",
        "9700aa07",
        "9700aa0168766",
        "96",
        "961061763031",
        "96106176303105000003aabb",
        "96106176303105000002aabb06",
        "96106176303105000002aabb06000002cc",
        "96307663310500",
        "96f061766331",
        "9623617630310100000161687663",
    };

    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        uint8_t body[64];
        size_t len = from_hex(body, sizeof(body), bodies[i]);
        uint8_t *data = exact_copy(body, len);
        struct frame frame;

        flv_frame_parse(&frame, FRAME_VIDEO, 0, data, len);
        check_invariants(&frame, data, len);
        ck_assert_msg(frame.codec == CODEC_OTHER, "%s", bodies[i]);
        ck_assert_int_eq(flags_of(&frame) & (KEY | HEADER | META), 0);
        free(data);
    }
}
END_TEST

START_TEST(a_long_chain_of_mod_ex_ends)
{
    size_t len = 300000;
    uint8_t *data = malloc(len);
    struct frame frame;

    data[0] = 0x97;
    for (size_t i = 1; i < len; i += 3) {
        data[i] = 0;
        if (i + 1 < len)
            data[i + 1] = 0;
        if (i + 2 < len)
            data[i + 2] = 0x07;
    }
    flv_frame_parse(&frame, FRAME_VIDEO, 0, data, len);
    ck_assert_int_eq(frame.codec, CODEC_OTHER);
    ck_assert_int_eq(flags_of(&frame), ENHANCED);
    free(data);
}
END_TEST

START_TEST(all_256_track_ids)
{
    for (size_t tracks = 256; tracks <= 257; tracks++) {
        size_t len = 6 + tracks * 5;
        uint8_t *data = calloc(1, len);
        struct frame frame;

        memcpy(data,
               "\x96\x13"
               "av01",
               6);
        for (size_t i = 0; i < tracks; i++) {
            data[6 + 5 * i] = (uint8_t)i;
            data[6 + 5 * i + 3] = 1;
        }
        flv_frame_parse(&frame, FRAME_VIDEO, 0, data, len);
        ck_assert_int_eq(frame.codec, tracks == 256 ? CODEC_AV1 : CODEC_OTHER);
        ck_assert_int_eq(frame.is_key, tracks == 256);
        free(data);
    }
}
END_TEST

START_TEST(every_pair_of_first_bytes)
{
    for (int type = FRAME_AUDIO; type <= FRAME_VIDEO; type++) {
        for (unsigned first = 0; first < 65536; first++) {
            uint8_t body[24] = {(uint8_t)(first >> 8), (uint8_t)first, 0, 1, 2};
            struct frame frame;
            size_t len = first % sizeof(body) + 1;
            uint8_t *data = exact_copy(body, len);

            flv_frame_parse(&frame, (enum frame_type)type, 0, data, len);
            check_invariants(&frame, data, len);
            free(data);
        }
    }
}
END_TEST

Suite *check_flv_frame_suite(void)
{
    Suite *suite = suite_create("flv_frame");
    TCase *tcase = tcase_create("flv_frame");

    tcase_add_loop_test(tcase, every_form, 0, (int)COUNT_OF(ROWS));
    tcase_add_loop_test(tcase, every_form_cut_anywhere, 0, (int)COUNT_OF(ROWS));
    tcase_add_test(tcase, empty_bodies);
    tcase_add_test(tcase, script_is_all_payload);
    tcase_add_test(tcase, cut_legacy_bodies_keep_their_codec);
    tcase_add_test(tcase, cut_multitrack_and_mod_ex_are_other);
    tcase_add_test(tcase, a_long_chain_of_mod_ex_ends);
    tcase_add_test(tcase, all_256_track_ids);
    tcase_add_test(tcase, every_pair_of_first_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}
