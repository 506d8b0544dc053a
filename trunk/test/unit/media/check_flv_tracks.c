/* Multitrack messages taken apart, each track as an ordinary message. */
#include "media/flv.h"
#include "media/flv_tracks.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_flv_tracks_suite(void);

#define LIT(text) text, sizeof(text) - 1

static const struct {
    enum frame_type type;
    const char *in;
    size_t in_len;
    uint8_t id; /* of the track that is looked at */
    const char *out;
    size_t out_len; /* 0: it has no ordinary form */
} rows[] = {
    {FRAME_VIDEO,
     LIT("\x96\x00"
         "avc1\x01"
         "rec"),
     1, LIT("\x17\0\0\0\0rec")},
    {FRAME_VIDEO,
     LIT("\x96\x01"
         "avc1\x01\x01\x02\x03nal"),
     1, LIT("\x17\1\1\2\3nal")},
    {FRAME_VIDEO,
     LIT("\xa6\x03"
         "avc1\x05nal"),
     5, LIT("\x27\1\0\0\0nal")},
    {FRAME_VIDEO,
     LIT("\x96\x02"
         "avc1\x01"),
     1, LIT("\x17\2\0\0\0")},
    {FRAME_VIDEO,
     LIT("\x96\x04"
         "avc1\x01meta"),
     1, LIT("")},
    {FRAME_VIDEO,
     LIT("\x96\x06"
         "avc1\x01meta"),
     1, LIT("")},
    {FRAME_VIDEO,
     LIT("\xa6\x01"
         "hvc1\x01\0\0\1nal"),
     1, LIT("\xa1hvc1\0\0\1nal")},
    {FRAME_VIDEO,
     LIT("\x96\x10"
         "hvc1\0\0\0\1a\1\0\0\2bc"),
     1, LIT("\x90hvc1bc")},
    {FRAME_VIDEO,
     LIT("\x96\x21"
         "av01\0\0\0\1ahvc1\1\0\0\4\0\0\0b"),
     1, LIT("\x91hvc1\0\0\0b")},
    {FRAME_VIDEO,
     LIT("\x97\x00\xaa\x06\x01"
         "av01\x07nal"),
     7,
     LIT("\x91"
         "av01nal")},
    {FRAME_AUDIO, LIT("\x95\x00mp4a\x01\x12\x10"), 1, LIT("\xaf\0\x12\x10")},
    {FRAME_AUDIO, LIT("\x95\x01mp4a\x01snd"), 1, LIT("\xaf\1snd")},
    {FRAME_AUDIO, LIT("\x95\x04mp4a\x01snd"), 1, LIT("")},
    {FRAME_AUDIO, LIT("\x95\x05mp4a\x01snd"), 1, LIT("")},
    {FRAME_AUDIO, LIT("\x95\x01.mp3\x01snd"), 1, LIT("\x2fsnd")},
    {FRAME_AUDIO, LIT("\x95\x01Opus\x01snd"), 1, LIT("\x91Opussnd")},
    {FRAME_AUDIO, LIT("\x95\x04Opus\x01snd"), 1, LIT("\x94Opussnd")},
};

START_TEST(each_form)
{
    struct flv_tracks tracks;
    struct flv_track track;
    struct frame frame, ordinary;
    struct buf buf;
    int rc;

    flv_frame_parse(&frame, rows[_i].type, 77, (const uint8_t *)rows[_i].in, rows[_i].in_len);
    ck_assert(frame.is_multi && flv_tracks_have(&frame, rows[_i].id));
    ck_assert(!flv_tracks_have(&frame, 99));
    ck_assert_int_eq(flv_tracks_open(&tracks, &frame), 0);
    do
        ck_assert_int_eq(flv_tracks_next(&tracks, &track), 1);
    while (track.id != rows[_i].id);
    buf_init(&buf, 64);
    rc = flv_tracks_unwrap(&tracks, &track, &buf, &ordinary);
    ck_assert_int_eq(rc, rows[_i].out_len > 0 ? 0 : -1);
    if (rc == 0) {
        ck_assert_uint_eq(buf.len, rows[_i].out_len);
        ck_assert_mem_eq(buf_data(&buf), rows[_i].out, rows[_i].out_len);
        ck_assert(!ordinary.is_multi && ordinary.timestamp == 77 && ordinary.type == rows[_i].type);
    }
    buf_fini(&buf);
    /* Tracks beyond the maximum are not returned. */
    buf_init(&buf, 5);
    if (rows[_i].out_len > 5)
        ck_assert_int_eq(flv_tracks_unwrap(&tracks, &track, &buf, &ordinary), -1);
    buf_fini(&buf);
}
END_TEST

/* Truncated anywhere: the walk ends within the message. */
START_TEST(cut_anywhere)
{
    for (size_t len = 0; len < rows[_i].in_len; len++) {
        uint8_t *copy = malloc(len + 1);
        struct flv_tracks tracks;
        struct flv_track track;
        struct frame frame;
        int count = 0;

        memcpy(copy, rows[_i].in, len);
        flv_frame_parse(&frame, rows[_i].type, 0, copy, len);
        if (flv_tracks_open(&tracks, &frame) == 0)
            while (flv_tracks_next(&tracks, &track) == 1) {
                ck_assert(track.body >= copy && track.body + track.len <= copy + len);
                count++;
            }
        ck_assert_int_le(count, 2);
        free(copy);
    }
}
END_TEST

START_TEST(others_are_no_multitrack)
{
    static const struct {
        enum frame_type type;
        const char *data;
        size_t len;
    } others[] = {{FRAME_VIDEO, LIT("\x17\1\0\0\0nal")},
                  {FRAME_VIDEO, LIT("\x91hvc1nal")},
                  {FRAME_AUDIO, LIT("\xaf\1snd")},
                  {FRAME_AUDIO, LIT("\x91Opussnd")},
                  {FRAME_SCRIPT, LIT("\x96\0avc1\1")},
                  {FRAME_VIDEO, LIT("")},
                  {FRAME_VIDEO, LIT("\x96\x31"
                                    "avc1\1nal")},
                  {FRAME_VIDEO, LIT("\xd6\0avc1\1nal")}};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct flv_tracks tracks;
        struct frame frame;

        flv_frame_parse(&frame, others[i].type, 0, (const uint8_t *)others[i].data, others[i].len);
        ck_assert_int_eq(flv_tracks_open(&tracks, &frame), -1);
        ck_assert_int_eq(flv_tracks_have(&frame, 1), 0);
    }
}
END_TEST

Suite *check_flv_tracks_suite(void)
{
    Suite *suite = suite_create("flv_tracks");
    TCase *tcase = tcase_create("flv_tracks");

    tcase_add_loop_test(tcase, each_form, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_loop_test(tcase, cut_anywhere, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, others_are_no_multitrack);
    suite_add_tcase(suite, tcase);
    return suite;
}
