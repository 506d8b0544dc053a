/*
 * onMetaData as encoders send it, as viewers get it, and the facts; truncated, hostile, and with
 * nonsense from publishers.
 */
#include "media/meta.h"

#include "media/amf0.h"
#include "test/unit/media/media_test.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

Suite *check_meta_suite(void);

#define SERVER "Millrace/0.1.0"

/* A script body: names in front, then object, which is freed. */
static void make_body(struct buf *body, const char *first, const char *second, struct amf0 *object)
{
    buf_init(body, 100000);
    if (first != NULL)
        ck_assert_int_eq(amf0_write_string(body, first), 0);
    if (second != NULL)
        ck_assert_int_eq(amf0_write_string(body, second), 0);
    if (object != NULL)
        ck_assert_int_eq(amf0_write(body, object), 0);
    amf0_free(object);
}

static struct amf0 *typical(struct amf0 *object)
{
    amf0_set(object, "duration", amf0_number(0));
    amf0_set(object, "width", amf0_number(1280));
    amf0_set(object, "height", amf0_number(720));
    amf0_set(object, "videocodecid", amf0_number(7));
    amf0_set(object, "framerate", amf0_number(25));
    amf0_set(object, "audiosamplerate", amf0_number(44100));
    amf0_set(object, "stereo", amf0_boolean(1));
    amf0_set(object, "audiocodecid", amf0_number(10));
    amf0_set(object, "encoder", amf0_string("Lavf59"));
    amf0_set(object, "filesize", amf0_number(0));
    return object;
}

/* Rewrites body; answers the object viewers get, or NULL when it was refused. */
static struct amf0 *rewrite(const struct buf *body, struct meta_facts *facts)
{
    uint8_t *data = exact_copy(buf_data(body), body->len);
    struct buf out;
    struct bytes in;
    struct amf0 *name = NULL, *object = NULL;

    buf_init(&out, 100000);
    memset(facts, 0xff, sizeof(*facts));
    if (meta_rewrite(data, body->len, SERVER, &out, facts) == SCAN_DONE) {
        in = bytes_of(buf_data(&out), out.len);
        ck_assert_int_eq(amf0_read(&in, &name), SCAN_DONE);
        ck_assert_str_eq(name->string, "onMetaData");
        ck_assert_int_eq(amf0_read(&in, &object), SCAN_DONE);
        ck_assert_int_eq(object->type, AMF0_ECMA_ARRAY);
        ck_assert_uint_eq(bytes_left(&in), 0);
    } else {
        ck_assert_uint_eq(out.len, 0);
        ck_assert_int_eq(facts->has_tracks + facts->has_video + facts->has_audio, 0);
    }
    amf0_free(name);
    buf_fini(&out);
    free(data);
    return object;
}

START_TEST(as_encoders_send_it)
{
    for (int form = 0; form < 4; form++) {
        struct meta_facts facts;
        struct amf0 *object;
        struct buf body;

        make_body(&body, form & 1 ? "@setDataFrame" : NULL, "onMetaData",
                  typical(form & 2 ? amf0_object() : amf0_ecma_array()));
        object = rewrite(&body, &facts);
        ck_assert_ptr_nonnull(object);
        ck_assert_ptr_null(amf0_get(object, "duration"));
        ck_assert_ptr_null(amf0_get(object, "filesize"));
        ck_assert_str_eq(amf0_get_string(object, "server"), SERVER);
        ck_assert_str_eq(amf0_get_string(object, "encoder"), "Lavf59");
        ck_assert_double_eq(amf0_get_number(object, "width", 0), 1280);
        ck_assert_uint_eq(object->children, 9);
        ck_assert_int_eq(facts.has_tracks, 1);
        ck_assert_int_eq(facts.has_video, 1);
        ck_assert_int_eq(facts.has_audio, 1);
        ck_assert_int_eq(facts.video, CODEC_H264);
        ck_assert_int_eq(facts.audio, CODEC_AAC);
        ck_assert_uint_eq(facts.width, 1280);
        ck_assert_uint_eq(facts.height, 720);
        ck_assert_uint_eq(facts.sample_rate, 44100);
        ck_assert_double_eq(facts.frame_rate, 25);
        amf0_free(object);
        buf_fini(&body);
    }
}
END_TEST

START_TEST(duration_and_file_size_are_removed)
{
    static const char *const gone[] = {"keyframes",    "filepositions", "duration", "filesize",
                                       "hasKeyframes", "lasttimestamp", "hasAudio", "hasVideo"};
    struct amf0 *meta = typical(amf0_ecma_array());
    struct amf0 *keyframes = amf0_object();
    struct meta_facts facts;
    struct amf0 *object;
    struct buf body;

    amf0_set(keyframes, "times", amf0_strict_array());
    amf0_set(meta, "keyframes", keyframes);
    amf0_set(meta, "filepositions", amf0_strict_array());
    amf0_set(meta, "hasKeyframes", amf0_boolean(1));
    amf0_set(meta, "hasAudio", amf0_boolean(1));
    amf0_set(meta, "hasVideo", amf0_boolean(1));
    amf0_set(meta, "lasttimestamp", amf0_number(3));
    amf0_set(meta, "server", amf0_string("somebody else"));
    make_body(&body, NULL, "onMetaData", meta);
    object = rewrite(&body, &facts);
    for (size_t i = 0; i < COUNT_OF(gone); i++)
        ck_assert_ptr_null(amf0_get(object, gone[i]));
    ck_assert_str_eq(amf0_get_string(object, "server"), SERVER);
    amf0_free(object);
    buf_fini(&body);
}
END_TEST

struct codec_row {
    double number; /* or text */
    const char *text;
    enum codec codec;
};

static void check_codecs(const char *key, const struct codec_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct amf0 *meta = amf0_ecma_array();
        struct meta_facts facts;
        struct buf body;
        enum codec codec;

        amf0_set(meta, key,
                 rows[i].text != NULL ? amf0_string(rows[i].text) : amf0_number(rows[i].number));
        make_body(&body, NULL, "onMetaData", meta);
        amf0_free(rewrite(&body, &facts));
        codec = key[0] == 'v' ? facts.video : facts.audio;
        ck_assert_msg(codec == rows[i].codec, "%s %zu: %s", key, i, frame_codec_name(codec));
        ck_assert_int_eq(key[0] == 'v' ? facts.has_video : facts.has_audio, codec != CODEC_NONE);
        ck_assert_int_eq(facts.has_tracks, codec != CODEC_NONE);
        buf_fini(&body);
    }
}

START_TEST(codecs_by_number_and_by_name)
{
    static const struct codec_row video[] = {
        {7, NULL, CODEC_H264},
        {12, NULL, CODEC_HEVC},
        {2, NULL, CODEC_OTHER},
        {0x61766331, NULL, CODEC_H264},
        {0x68766331, NULL, CODEC_HEVC},
        {0x61763031, NULL, CODEC_AV1},
        {0, "avc1", CODEC_H264},
        {0, "hev1", CODEC_HEVC},
        {0, "vp09", CODEC_VP9},
        {0, NULL, CODEC_NONE},
        {0, "", CODEC_NONE},
        {0, "xxxx", CODEC_OTHER},
        {NAN, NULL, CODEC_NONE},
        {-7, NULL, CODEC_NONE},
        {10, NULL, CODEC_OTHER},
    };
    static const struct codec_row audio[] = {
        {10, NULL, CODEC_AAC},         {2, NULL, CODEC_MP3},           {14, NULL, CODEC_MP3},
        {0x6d703461, NULL, CODEC_AAC}, {0x4f707573, NULL, CODEC_OPUS}, {0, "mp4a", CODEC_AAC},
        {0, ".mp3", CODEC_MP3},        {0, "mp3", CODEC_MP3},          {11, NULL, CODEC_OTHER},
        {0, NULL, CODEC_NONE},         {1e300, NULL, CODEC_NONE},
    };

    check_codecs("videocodecid", video, COUNT_OF(video));
    check_codecs("audiocodecid", audio, COUNT_OF(audio));
}
END_TEST

START_TEST(tracks_without_a_codec)
{
    static const struct {
        const char *key;
        int is_boolean;
        int video, audio;
    } rows[] = {
        {"width", 0, 1, 0},    {"audiosamplerate", 0, 0, 1}, {"hasVideo", 1, 1, 0},
        {"hasAudio", 1, 0, 1}, {"encoder", 0, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct amf0 *meta = amf0_object();
        struct meta_facts facts;
        struct buf body;

        amf0_set(meta, rows[i].key, rows[i].is_boolean ? amf0_boolean(1) : amf0_number(8000));
        make_body(&body, NULL, "onMetaData", meta);
        amf0_free(rewrite(&body, &facts));
        ck_assert_int_eq(facts.has_video, rows[i].video);
        ck_assert_int_eq(facts.has_audio, rows[i].audio);
        ck_assert_int_eq(facts.has_tracks, rows[i].video || rows[i].audio);
        buf_fini(&body);
    }
}
END_TEST

START_TEST(nonsense_numbers)
{
    static const double numbers[] = {NAN, INFINITY, -INFINITY, -1, 1e308, 4294967296.0};

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        static const char *const keys[] = {"width", "height", "framerate", "audiosamplerate"};
        struct amf0 *meta = amf0_object();
        struct meta_facts facts;
        struct buf body;

        for (size_t k = 0; k < COUNT_OF(keys); k++)
            amf0_set(meta, keys[k], amf0_number(numbers[i]));
        make_body(&body, NULL, "onMetaData", meta);
        amf0_free(rewrite(&body, &facts));
        ck_assert_uint_eq(facts.width + facts.height + facts.sample_rate, 0);
        ck_assert_double_eq(facts.frame_rate, 0);
        ck_assert_int_eq(facts.has_tracks, 0);
        buf_fini(&body);
    }
}
END_TEST

START_TEST(other_values_are_no_metadata)
{
    static const struct {
        const char *first, *second;
        int value; /* 0 none, 1 object, 2 number */
    } rows[] = {
        {NULL, NULL, 0},
        {NULL, NULL, 1},
        {NULL, NULL, 2},
        {NULL, "onMetaData", 0},
        {NULL, "onMetaData", 2},
        {NULL, "onTextData", 1},
        {"@setDataFrame", NULL, 1},
        {"@setDataFrame", "onCuePoint", 1},
        {"@setDataFrame", "@setDataFrame", 1},
        {"onMetaData", "onMetaData", 1},
        {"@clearDataFrame", "onMetaData", 1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct meta_facts facts;
        struct buf body;
        struct amf0 *value = NULL;

        if (rows[i].value == 1)
            value = typical(amf0_object());
        else if (rows[i].value == 2)
            value = amf0_number(1);
        make_body(&body, rows[i].first, rows[i].second, value);
        ck_assert_msg(rewrite(&body, &facts) == NULL, "row %zu", i);
        buf_fini(&body);
    }
}
END_TEST

START_TEST(cut_at_every_length)
{
    struct meta_facts facts;
    struct buf body;
    size_t whole;

    make_body(&body, "@setDataFrame", "onMetaData", typical(amf0_object()));
    whole = body.len;
    for (size_t len = 0; len < whole; len++) {
        body.len = len;
        ck_assert_ptr_null(rewrite(&body, &facts));
    }
    body.len = whole;
    buf_fini(&body);
}
END_TEST

START_TEST(a_full_buffer_takes_nothing)
{
    struct buf body, whole;

    make_body(&body, NULL, "onMetaData", typical(amf0_object()));
    buf_init(&whole, 10000);
    ck_assert_int_eq(meta_rewrite(buf_data(&body), body.len, SERVER, &whole, NULL), SCAN_DONE);
    for (size_t max = 1; max <= whole.len; max++) {
        struct buf out;
        struct meta_facts facts;

        buf_init(&out, max);
        ck_assert_int_eq(meta_rewrite(buf_data(&body), body.len, SERVER, &out, &facts),
                         max < whole.len ? SCAN_BAD : SCAN_DONE);
        ck_assert_uint_eq(out.len, max < whole.len ? 0 : whole.len);
        ck_assert_int_eq(facts.has_tracks, max == whole.len);
        buf_fini(&out);
    }
    buf_fini(&whole);
    buf_fini(&body);
}
END_TEST

START_TEST(as_many_keys_as_are_allowed)
{
    struct amf0 *meta = amf0_object();
    struct meta_facts facts;
    struct buf body;

    for (int i = 0; i < AMF0_KEYS_MAX; i++) {
        char key[16];

        snprintf(key, sizeof(key), "%d", i);
        amf0_set(meta, key, amf0_null());
    }
    make_body(&body, NULL, "onMetaData", meta);
    /* No room for the server's name: refused whole rather than sent without. */
    ck_assert_ptr_null(rewrite(&body, &facts));
    buf_fini(&body);
}
END_TEST

/* Generated metadata contains the known facts, and can be read back. */
START_TEST(made_of_what_is_known)
{
    static const struct meta_made made = {.video = CODEC_H264,
                                          .audio = CODEC_AAC,
                                          .width = 640,
                                          .height = 360,
                                          .sample_rate = 44100,
                                          .channels = 2,
                                          .frame_rate = 25};
    static const struct meta_made audio = {.audio = CODEC_OPUS, .width = 640, .channels = 1};
    struct meta_facts facts;
    struct buf out, again;

    buf_init(&out, 1000);
    buf_init(&again, 1000);
    ck_assert_int_eq(meta_make(&made, "x/1", &out), 0);
    ck_assert_int_eq(meta_rewrite(buf_data(&out), out.len, "x/1", &again, &facts), SCAN_DONE);
    ck_assert_uint_eq(again.len, out.len);
    ck_assert(facts.video == CODEC_H264 && facts.audio == CODEC_AAC);
    ck_assert(facts.width == 640 && facts.height == 360 && facts.sample_rate == 44100);
    ck_assert(facts.frame_rate == 25);
    buf_reset(&out);
    ck_assert_int_eq(meta_make(&audio, "x/1", &out), 0);
    ck_assert_int_eq(meta_rewrite(buf_data(&out), out.len, "x/1", &again, &facts), SCAN_DONE);
    ck_assert(!facts.has_video && facts.width == 0 && facts.audio == CODEC_OPUS);
    buf_fini(&out);
    buf_fini(&again);
    buf_init(&out, 40);
    ck_assert_int_eq(meta_make(&made, "x/1", &out), -1);
    ck_assert_uint_eq(out.len, 0);
    buf_fini(&out);
}
END_TEST

/* Every codec that is understood has a number, which names it. */
START_TEST(made_for_every_codec)
{
    for (int codec = CODEC_H264; codec < CODEC_MAX; codec++) {
        int is_video = codec < CODEC_AAC;
        struct meta_made made = {.video = is_video ? (enum codec)codec : CODEC_NONE,
                                 .audio = is_video ? CODEC_NONE : (enum codec)codec};
        struct meta_facts facts;
        struct buf out, again;

        buf_init(&out, 1000);
        buf_init(&again, 1000);
        ck_assert_int_eq(meta_make(&made, "x/1", &out), 0);
        ck_assert_int_eq(meta_rewrite(buf_data(&out), out.len, "x/1", &again, &facts), SCAN_DONE);
        ck_assert_int_eq(is_video ? facts.video : facts.audio, codec);
        buf_fini(&out);
        buf_fini(&again);
    }
}
END_TEST

/* What viewers get for a script tag that is not metadata. */
START_TEST(data_messages)
{
#define ROW(body, skip)              \
    {                                \
        body, sizeof(body) - 1, skip \
    }
    static const struct {
        const char *body;
        size_t len;
        int skip; /* the number of bytes in front; -1: nothing */
    } rows[] = {
        ROW("\2\0\x0aonTextData\5", 0),
        ROW("\2\0\1a", 0),
        ROW("\2\0\x0d@setDataFrame\2\0\x0aonTextData\5", 16),
        ROW("\2\0\x0d@setDataFrame\2\0\x0aonMetaData\5", -1),
        ROW("\2\0\x0d@setDataFrame", -1),
        ROW("\2\0\x0f@clearDataFrame\2\0\x0aonMetaData", -1),
        ROW("\2\0\x11|RtmpSampleAccess\1\1\1\1", -1),
        ROW("\2\0\x08onStatus\5", -1),
        ROW("\2\0\x0conPlayStatus\5", -1),
        ROW("\2\0\0\5", -1),
        ROW("\2\0\x0bonTextData", -1),
        ROW("\2\xff\xffon", -1),
        ROW("\2\0", -1),
        ROW("\0\0\1a", -1),
        ROW("", -1),
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        /* Of just that length, so that a byte too far is seen. */
        uint8_t *copy = malloc(rows[i].len > 0 ? rows[i].len : 1);
        const uint8_t *out;
        size_t len = 12345;

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, rows[i].body, rows[i].len);
        out = meta_data_message(copy, rows[i].len, &len);
        if (rows[i].skip < 0) {
            ck_assert_ptr_null(out);
        } else {
            ck_assert_ptr_eq(out, copy + rows[i].skip);
            ck_assert_uint_eq(len, rows[i].len - (size_t)rows[i].skip);
        }
        free(copy);
    }
#undef ROW
}
END_TEST

Suite *check_meta_suite(void)
{
    Suite *suite = suite_create("meta");
    TCase *tcase = tcase_create("meta");

    tcase_add_test(tcase, as_encoders_send_it);
    tcase_add_test(tcase, duration_and_file_size_are_removed);
    tcase_add_test(tcase, codecs_by_number_and_by_name);
    tcase_add_test(tcase, tracks_without_a_codec);
    tcase_add_test(tcase, nonsense_numbers);
    tcase_add_test(tcase, other_values_are_no_metadata);
    tcase_add_test(tcase, cut_at_every_length);
    tcase_add_test(tcase, a_full_buffer_takes_nothing);
    tcase_add_test(tcase, as_many_keys_as_are_allowed);
    tcase_add_test(tcase, made_of_what_is_known);
    tcase_add_test(tcase, made_for_every_codec);
    tcase_add_test(tcase, data_messages);
    suite_add_tcase(suite, tcase);
    return suite;
}
