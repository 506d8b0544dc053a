/* Recording FLV: the bytes of the file, its index, segments, long files, and files that were not
 * finished. */
#include "media/flv_record.h"

#include "media/amf0.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_flv_record_suite(void);

#define FILE_MAX ((size_t)64 * 1024 * 1024)

static const uint8_t AVC_HEADER[] = {0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe1};
static const uint8_t AAC_HEADER[] = {0xaf, 0, 0x12, 0x10};
static const uint8_t AVC_KEY[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65};
static const uint8_t AVC_DELTA[] = {0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41};
static const uint8_t AAC_FRAME[] = {0xaf, 1, 2, 3, 4};

static void add_tag(struct buf *out, enum frame_type type, uint32_t time, const void *body,
                    size_t len)
{
    uint8_t head[FLV_TAG_HEADER_SIZE];
    uint8_t tail[FLV_TAG_TRAILER_SIZE];

    flv_tag_header_write(head, type, time, len);
    flv_tag_trailer_write(tail, len);
    ck_assert_int_eq(buf_append(out, head, sizeof(head)), 0);
    ck_assert_int_eq(buf_append(out, body, len), 0);
    ck_assert_int_eq(buf_append(out, tail, sizeof(tail)), 0);
}

/* What a viewer gets before the first frame. */
static void init_make(struct buf *init, int has_audio, int has_video)
{
    struct amf0 *meta = amf0_ecma_array();
    uint8_t head[FLV_HEADER_SIZE];
    struct buf body;

    buf_init(init, FILE_MAX);
    buf_init(&body, FILE_MAX);
    flv_header_write(head, has_audio, has_video);
    ck_assert_int_eq(buf_append(init, head, sizeof(head)), 0);
    ck_assert_int_eq(amf0_set(meta, "width", amf0_number(640)), 0);
    ck_assert_int_eq(amf0_set(meta, "server", amf0_string("x")), 0);
    ck_assert_int_eq(amf0_write_string(&body, "onMetaData"), 0);
    ck_assert_int_eq(amf0_write(&body, meta), 0);
    amf0_free(meta);
    add_tag(init, FRAME_SCRIPT, 0, buf_data(&body), body.len);
    buf_fini(&body);
    if (has_video)
        add_tag(init, FRAME_VIDEO, 0, AVC_HEADER, sizeof(AVC_HEADER));
    if (has_audio)
        add_tag(init, FRAME_AUDIO, 0, AAC_HEADER, sizeof(AAC_HEADER));
}

/* A file and its writer. */
struct movie {
    struct flv_record *record;
    struct buf bytes;
};

static const struct flv_record_options SESSION = {0, 1, 0, "__defaultVhost__/live/show"};

static void movie_begin(struct movie *movie, const struct flv_record_options *options,
                        int has_audio, int has_video)
{
    struct buf init;

    init_make(&init, has_audio, has_video);
    buf_init(&movie->bytes, FILE_MAX);
    movie->record = flv_record_new(buf_data(&init), init.len, options, &movie->bytes);
    ck_assert_ptr_nonnull(movie->record);
    ck_assert_uint_eq(flv_record_size(movie->record), movie->bytes.len);
    buf_fini(&init);
}

static enum flv_record_step movie_add(struct movie *movie, enum frame_type type, uint32_t time,
                                      const void *body, size_t len)
{
    struct flv_tag tag = {.type = type, .timestamp = time, .data = body, .len = len};
    enum flv_record_step step = flv_record_tag(movie->record, &tag, &movie->bytes);

    ck_assert_uint_eq(flv_record_size(movie->record), movie->bytes.len);
    return step;
}

static void movie_take(struct movie *movie, enum frame_type type, uint32_t time, const void *body,
                       size_t len)
{
    ck_assert_int_eq(movie_add(movie, type, time, body, len), FLV_RECORD_TAKEN);
}

/* So many groups of ten frames, 40 ms each, with audio, from this time on. */
static void movie_play(struct movie *movie, uint32_t time, int groups)
{
    for (int i = 0; i < 10 * groups; i++, time += 40) {
        if (i % 10 == 0)
            movie_take(movie, FRAME_VIDEO, time, AVC_KEY, sizeof(AVC_KEY));
        else
            movie_take(movie, FRAME_VIDEO, time, AVC_DELTA, sizeof(AVC_DELTA));
        movie_take(movie, FRAME_AUDIO, time + 5, AAC_FRAME, sizeof(AAC_FRAME));
    }
}

/* Writes the metadata into its place, which changes no other byte, and returns it. */
static struct amf0 *movie_close(struct movie *movie)
{
    struct amf0 *name = NULL;
    struct amf0 *value = NULL;
    struct bytes in;
    struct buf meta;
    uint64_t offset;

    buf_init(&meta, FILE_MAX);
    ck_assert_int_eq(flv_record_meta(movie->record, &meta, &offset), 0);
    ck_assert_uint_eq(offset, FLV_HEADER_SIZE + FLV_TAG_HEADER_SIZE);
    memcpy(buf_data(&movie->bytes) + offset, buf_data(&meta), meta.len);
    in = bytes_of(buf_data(&meta), meta.len);
    ck_assert_int_eq(amf0_read(&in, &name), SCAN_DONE);
    ck_assert_int_eq(amf0_read(&in, &value), SCAN_DONE);
    /* Nothing but nulls follows. */
    while (bytes_left(&in) > 0)
        ck_assert_int_eq(bytes_u8(&in), 5);
    ck_assert_str_eq(name->string, "onMetaData");
    amf0_free(name);
    buf_fini(&meta);
    return value;
}

static void movie_free(struct movie *movie)
{
    flv_record_free(movie->record);
    buf_fini(&movie->bytes);
}

/* Walks the file: whole tags from begin to end. Returns their number. */
static size_t movie_check(const struct movie *movie)
{
    const uint8_t *p = buf_data(&movie->bytes) + FLV_HEADER_SIZE;
    size_t left = movie->bytes.len - FLV_HEADER_SIZE;
    size_t count = 0;
    struct flv_tag tag;
    enum scan scan;
    size_t used;

    while ((scan = flv_tag_read(p, left, &tag, &used)) == SCAN_DONE) {
        p += used;
        left -= used;
        count++;
    }
    ck_assert_int_eq(scan, SCAN_MORE);
    return count;
}

/* Each place of the index is a keyframe's tag with this time; returns their number. */
static size_t index_check(const struct movie *movie, const struct amf0 *meta)
{
    const struct amf0 *index = amf0_get(meta, "keyframes");
    const struct amf0 *time = amf0_get(index, "times")->child;
    const struct amf0 *offset = amf0_get(index, "filepositions")->child;
    size_t count = 0;

    for (; time != NULL && offset != NULL; time = time->next, offset = offset->next, count++) {
        size_t at = (size_t)offset->number;
        struct flv_tag tag;
        struct frame frame;
        size_t used;

        ck_assert_uint_lt(at, movie->bytes.len);
        ck_assert_int_eq(
            flv_tag_read(buf_data(&movie->bytes) + at, movie->bytes.len - at, &tag, &used),
            SCAN_DONE);
        flv_frame_parse(&frame, tag.type, tag.timestamp, tag.data, tag.len);
        ck_assert_double_eq(tag.timestamp / 1000.0, time->number);
        if (tag.type == FRAME_VIDEO)
            ck_assert_int_eq(frame.is_key || (count == 0 && frame.is_header), 1);
    }
    ck_assert_ptr_null(time);
    ck_assert_ptr_null(offset);
    return count;
}

START_TEST(test_session)
{
    struct movie movie;
    struct amf0 *meta;

    movie_begin(&movie, &SESSION, 1, 1);
    ck_assert_int_eq(flv_record_has_media(movie.record), 0);
    ck_assert_str_eq(flv_record_name(movie.record), SESSION.name);
    movie_play(&movie, 3600000, 5);
    ck_assert_int_eq(flv_record_has_media(movie.record), 1);
    ck_assert_uint_eq(flv_record_duration(movie.record), 2005);
    meta = movie_close(&movie);
    ck_assert_uint_eq(movie_check(&movie), 3 + 100);
    ck_assert_double_eq(amf0_get_number(meta, "duration", 0), 2.005);
    ck_assert_double_eq(amf0_get_number(meta, "filesize", 0), (double)movie.bytes.len);
    ck_assert_double_eq(amf0_get_number(meta, "lasttimestamp", 0), 1.965);
    ck_assert_int_eq(amf0_get_boolean(meta, "hasKeyframes", 0), 1);
    ck_assert_double_eq(amf0_get_number(meta, "width", 0), 640);
    ck_assert_str_eq(amf0_get_string(meta, "recordedStream"), SESSION.name);
    ck_assert_uint_eq(index_check(&movie, meta), 6);
    amf0_free(meta);
    movie_free(&movie);
}
END_TEST

START_TEST(test_timestamps)
{
    struct flv_record_options options = SESSION;
    struct movie movie;
    struct amf0 *meta;

    options.keeps_time = 1;
    movie_begin(&movie, &options, 1, 1);
    movie_play(&movie, 3600000, 2);
    ck_assert_uint_eq(flv_record_duration(movie.record), 805);
    meta = movie_close(&movie);
    ck_assert_double_eq(amf0_get_number(meta, "lasttimestamp", 0), 3600.765);
    ck_assert_uint_eq(index_check(&movie, meta), 3);
    amf0_free(meta);
    movie_free(&movie);
    /* A tag before the first frame does not become a time near 2^32. */
    movie_begin(&movie, &SESSION, 1, 1);
    movie_take(&movie, FRAME_VIDEO, 1000, AVC_KEY, sizeof(AVC_KEY));
    movie_take(&movie, FRAME_AUDIO, 990, AAC_FRAME, sizeof(AAC_FRAME));
    ck_assert_uint_eq(flv_record_duration(movie.record), 0);
    movie_free(&movie);
}
END_TEST

/* An hour of keyframes every 400 ms: the index stays within its room and covers the file. */
START_TEST(test_long_file)
{
    struct movie movie;
    struct amf0 *meta;
    size_t count;
    const struct amf0 *times;
    int taken = 0;

    movie_begin(&movie, &SESSION, 0, 1);
    for (uint32_t i = 0; i < 9000; i++) {
        struct flv_tag tag = {FRAME_VIDEO, i * 400, AVC_KEY, sizeof(AVC_KEY)};

        taken += flv_record_tag(movie.record, &tag, &movie.bytes) == FLV_RECORD_TAKEN;
    }
    ck_assert_int_eq(taken, 9000);
    meta = movie_close(&movie);
    count = index_check(&movie, meta);
    ck_assert_uint_ge(count, FLV_RECORD_PLACES_MAX / 2 - 1);
    ck_assert_uint_le(count, FLV_RECORD_PLACES_MAX);
    times = amf0_get(amf0_get(meta, "keyframes"), "times");
    ck_assert_double_ge(times->last->number, 3600 - 400.0 * 16 / 1000);
    amf0_free(meta);
    movie_free(&movie);
}
END_TEST

START_TEST(test_segments)
{
    struct flv_record_options options = {1000, 1, 0, "a/b/c"};
    struct movie movie;

    movie_begin(&movie, &options, 1, 1);
    movie_play(&movie, 500, 3);
    /* 1,200 ms, but no keyframe. */
    movie_take(&movie, FRAME_VIDEO, 1700, AVC_DELTA, sizeof(AVC_DELTA));
    movie_take(&movie, FRAME_AUDIO, 1700, AAC_FRAME, sizeof(AAC_FRAME));
    ck_assert_int_eq(movie_add(&movie, FRAME_VIDEO, 1740, AVC_KEY, sizeof(AVC_KEY)),
                     FLV_RECORD_CUT);
    movie_free(&movie);
    /* At any video or audio frame. */
    options.waits_key = 0;
    movie_begin(&movie, &options, 1, 1);
    movie_play(&movie, 0, 2);
    ck_assert_int_eq(movie_add(&movie, FRAME_AUDIO, 999, AAC_FRAME, sizeof(AAC_FRAME)),
                     FLV_RECORD_TAKEN);
    ck_assert_int_eq(movie_add(&movie, FRAME_AUDIO, 1000, AAC_FRAME, sizeof(AAC_FRAME)),
                     FLV_RECORD_CUT);
    movie_free(&movie);
    /* Audio alone, announced or not. */
    options.waits_key = 1;
    for (int has_video = 0; has_video <= 1; has_video++) {
        movie_begin(&movie, &options, 1, has_video);
        for (uint32_t time = 0; time < 1000; time += 20)
            movie_take(&movie, FRAME_AUDIO, time, AAC_FRAME, sizeof(AAC_FRAME));
        ck_assert_int_eq(movie_add(&movie, FRAME_AUDIO, 1000, AAC_FRAME, sizeof(AAC_FRAME)),
                         FLV_RECORD_CUT);
        movie_free(&movie);
    }
}
END_TEST

START_TEST(test_audio_has_an_index)
{
    struct movie movie;
    struct amf0 *meta;

    movie_begin(&movie, &SESSION, 1, 0);
    for (uint32_t time = 0; time < 10000; time += 20)
        movie_take(&movie, FRAME_AUDIO, time, AAC_FRAME, sizeof(AAC_FRAME));
    meta = movie_close(&movie);
    ck_assert_uint_eq(index_check(&movie, meta), 10);
    amf0_free(meta);
    movie_free(&movie);
}
END_TEST

/* A file that ends anywhere: the rest of its tags is noted, and the index is as good as before. */
START_TEST(test_resume)
{
    struct movie movie, again;
    struct amf0 *meta;
    struct flv_tag tag;
    size_t used;
    size_t at;

    movie_begin(&movie, &SESSION, 1, 1);
    movie_play(&movie, 77777, 5);
    again.bytes = movie.bytes;
    again.record = flv_record_resume(buf_data(&movie.bytes), movie.bytes.len, &at);
    ck_assert_ptr_nonnull(again.record);
    while (flv_tag_read(buf_data(&again.bytes) + at, again.bytes.len - at, &tag, &used) ==
           SCAN_DONE) {
        size_t body_len = tag.len;

        at += used;
        if (tag.len > 8)
            tag.len = 8;
        flv_record_note(again.record, &tag, body_len);
    }
    ck_assert_uint_eq(flv_record_size(again.record), movie.bytes.len);
    ck_assert_uint_eq(flv_record_duration(again.record), flv_record_duration(movie.record));
    ck_assert_str_eq(flv_record_name(again.record), SESSION.name);
    meta = movie_close(&again);
    ck_assert_uint_eq(index_check(&again, meta), 6);
    ck_assert_uint_eq(movie_check(&again), 103);
    amf0_free(meta);
    flv_record_free(again.record);
    /* And what is no such file. */
    for (size_t len = 0; len < 100; len++)
        ck_assert_ptr_null(flv_record_resume(buf_data(&movie.bytes), len, &used));
    for (size_t i = 24; i < 200; i++) {
        uint8_t was = buf_data(&movie.bytes)[i];

        buf_data(&movie.bytes)[i] = (uint8_t)(was ^ 0xff);
        flv_record_free(flv_record_resume(buf_data(&movie.bytes), movie.bytes.len, &used));
        buf_data(&movie.bytes)[i] = was;
    }
    movie_free(&movie);
}
END_TEST

START_TEST(test_limits)
{
    struct buf init, out;
    struct flv_record *record;
    struct flv_tag tag = {FRAME_VIDEO, 0, AVC_KEY, sizeof(AVC_KEY)};

    init_make(&init, 1, 1);
    buf_init(&out, 64);
    ck_assert_ptr_null(flv_record_new(buf_data(&init), init.len, &SESSION, &out));
    buf_fini(&out);
    buf_init(&out, FILE_MAX);
    ck_assert_ptr_null(flv_record_new((const uint8_t *)"GIF89a12345678", 14, &SESSION, &out));
    ck_assert_ptr_null(flv_record_new(buf_data(&init), 12, &SESSION, &out));
    record = flv_record_new(buf_data(&init), init.len, &SESSION, &out);
    ck_assert_ptr_nonnull(record);
    out.max = out.len;
    ck_assert_int_eq(flv_record_tag(record, &tag, &out), FLV_RECORD_FULL);
    ck_assert_uint_eq(flv_record_size(record), out.len);
    flv_record_free(record);
    buf_fini(&out);
    buf_fini(&init);
}
END_TEST

Suite *check_flv_record_suite(void)
{
    Suite *suite = suite_create("flv_record");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, test_session);
    tcase_add_test(tcase, test_timestamps);
    tcase_add_test(tcase, test_long_file);
    tcase_add_test(tcase, test_segments);
    tcase_add_test(tcase, test_audio_has_an_index);
    tcase_add_test(tcase, test_resume);
    tcase_add_test(tcase, test_limits);
    suite_add_tcase(suite, tcase);
    return suite;
}
