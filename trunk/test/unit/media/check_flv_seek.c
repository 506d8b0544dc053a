/* Seeking in FLV files: every byte, every time, and files that are truncated, malformed or made to
 * cause endless searches. */
#include "media/flv_seek.h"

#include "media/flv.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Suite *check_flv_seek_suite(void);

#define MIB       ((size_t)1024 * 1024)
#define FILE_MAX  (32 * MIB)
#define PLACE_MAX 256

static const uint8_t AVC_HEADER[] = {0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe1};
static const uint8_t AAC_HEADER[] = {0xaf, 0, 0x12, 0x10};

/* A file in memory. */
struct movie {
    struct buf bytes;
    size_t place[PLACE_MAX]; /* where its keyframes are */
    uint32_t time[PLACE_MAX];
    size_t places;
    size_t reads;
    size_t piece; /* at the most this is given at once */
    int fails_at; /* this read fails; 0: none */
};

static int movie_read(void *arg, uint64_t offset, void *buf, size_t len, size_t *got)
{
    struct movie *movie = arg;

    if (++movie->reads == (size_t)movie->fails_at)
        return -1;
    *got = 0;
    if (offset >= movie->bytes.len)
        return 0;
    if (len > movie->bytes.len - (size_t)offset)
        len = movie->bytes.len - (size_t)offset;
    if (movie->piece > 0 && len > movie->piece)
        len = movie->piece;
    memcpy(buf, buf_data(&movie->bytes) + offset, len);
    *got = len;
    return 0;
}

static void add_tag(struct movie *movie, enum frame_type type, uint32_t time, const void *body,
                    size_t len)
{
    uint8_t head[FLV_TAG_HEADER_SIZE];
    uint8_t tail[FLV_TAG_TRAILER_SIZE];

    flv_tag_header_write(head, type, time, len);
    flv_tag_trailer_write(tail, len);
    ck_assert_int_eq(buf_append(&movie->bytes, head, sizeof(head)), 0);
    ck_assert_int_eq(buf_append(&movie->bytes, body, len), 0);
    ck_assert_int_eq(buf_append(&movie->bytes, tail, sizeof(tail)), 0);
}

static void movie_begin(struct movie *movie, int has_audio, int has_video)
{
    uint8_t head[FLV_HEADER_SIZE];

    memset(movie, 0, sizeof(*movie));
    buf_init(&movie->bytes, FILE_MAX);
    flv_header_write(head, has_audio, has_video);
    ck_assert_int_eq(buf_append(&movie->bytes, head, sizeof(head)), 0);
}

static void add_video(struct movie *movie, uint32_t time, int is_key, size_t len)
{
    uint8_t *body = calloc(1, len);

    ck_assert_ptr_nonnull(body);
    body[0] = is_key ? 0x17 : 0x27;
    body[1] = 1;
    for (size_t i = 5; i < len; i++)
        body[i] = (uint8_t)(i * 7 + time);
    if (is_key && movie->places < PLACE_MAX) {
        movie->place[movie->places] = movie->bytes.len;
        movie->time[movie->places++] = time;
    }
    add_tag(movie, FRAME_VIDEO, time, body, len);
    free(body);
}

/* Seconds of H.264 and AAC: a keyframe each second, ten video and ten audio frames. */
static void movie_make(struct movie *movie, unsigned seconds, uint32_t from, size_t len)
{
    static const uint8_t audio[200] = {0xaf, 1};

    movie_begin(movie, 1, 1);
    add_tag(movie, FRAME_SCRIPT, 0, "\x02\x00\x0aonMetaData\x05", 14);
    add_tag(movie, FRAME_VIDEO, from, AVC_HEADER, sizeof(AVC_HEADER));
    add_tag(movie, FRAME_AUDIO, from, AAC_HEADER, sizeof(AAC_HEADER));
    for (unsigned i = 0; i < seconds * 10; i++) {
        add_video(movie, from + i * 100, i % 10 == 0, len + i % 17);
        add_tag(movie, FRAME_AUDIO, from + i * 100 + 20, audio, sizeof(audio));
    }
}

static void movie_end(struct movie *movie)
{
    buf_fini(&movie->bytes);
}

/* Opens it and seeks once. */
static enum flv_seek_status seek_once(struct movie *movie, int is_time, uint64_t value,
                                      uint64_t *offset, struct buf *out)
{
    struct flv_file file = {movie->bytes.len, movie_read, movie};
    struct flv_seek *seek = flv_seek_new(&file);
    enum flv_seek_status status;
    struct buf opening;

    ck_assert_ptr_nonnull(seek);
    buf_init(&opening, 256 * 1024);
    status = flv_seek_open(seek, &opening);
    if (status == FLV_SEEK_DONE)
        status = is_time ? flv_seek_time(seek, value, offset) : flv_seek_byte(seek, value, offset);
    if (out != NULL && status == FLV_SEEK_DONE)
        ck_assert_int_eq(buf_append(out, buf_data(&opening), opening.len), 0);
    buf_fini(&opening);
    flv_seek_free(seek);
    return status;
}

/* What byte seeking must answer: the first keyframe at or after start. */
static void expect_byte(struct movie *movie, size_t start)
{
    uint64_t offset = 0;
    size_t i = 0;

    while (i < movie->places && movie->place[i] < start)
        i++;
    if (i == movie->places) {
        ck_assert_msg(seek_once(movie, 0, start, &offset, NULL) == FLV_SEEK_BEYOND,
                      "%zu gives %zu of %zu", start, (size_t)offset, movie->bytes.len);
        return;
    }
    ck_assert_int_eq(seek_once(movie, 0, start, &offset, NULL), FLV_SEEK_DONE);
    ck_assert_uint_eq(offset, movie->place[i]);
}

START_TEST(opening)
{
    struct movie movie;
    struct buf out;
    uint8_t head[FLV_HEADER_SIZE];
    uint64_t offset;
    const uint8_t *p;

    movie_make(&movie, 3, 5000, 300);
    buf_init(&out, 1024);
    ck_assert_int_eq(seek_once(&movie, 0, 1000, &offset, &out), FLV_SEEK_DONE);
    flv_header_write(head, 1, 1);
    p = buf_data(&out);
    ck_assert_mem_eq(p, head, sizeof(head));
    p += sizeof(head);
    /* Video's header, then audio's, at time 0 whatever theirs was. */
    ck_assert_mem_eq(p, "\x09\0\0\x0b\0\0\0\0\0\0\0", 11);
    ck_assert_mem_eq(p + 11, AVC_HEADER, sizeof(AVC_HEADER));
    p += 11 + sizeof(AVC_HEADER);
    ck_assert_mem_eq(p, "\0\0\0\x16\x08\0\0\x04\0\0\0\0\0\0\0", 15);
    ck_assert_mem_eq(p + 15, AAC_HEADER, sizeof(AAC_HEADER));
    ck_assert_mem_eq(p + 15 + sizeof(AAC_HEADER), "\0\0\0\x0f", 4);
    ck_assert_uint_eq(out.len,
                      sizeof(head) + 11 + sizeof(AVC_HEADER) + 15 + sizeof(AAC_HEADER) + 4);
    buf_fini(&out);
    movie_end(&movie);
}
END_TEST

START_TEST(every_byte)
{
    struct movie movie;

    movie_make(&movie, 4, 0, 40);
    for (size_t start = 0; start <= movie.bytes.len; start++)
        expect_byte(&movie, start);
    expect_byte(&movie, movie.bytes.len + 1);
    expect_byte(&movie, SIZE_MAX);
    movie_end(&movie);
}
END_TEST

START_TEST(large_tags_in_short_reads)
{
    struct movie movie;

    movie_make(&movie, 5, 0, 50000);
    movie.piece = 1000;
    for (size_t start = 0; start < movie.bytes.len; start += 9973)
        expect_byte(&movie, start);
    /* Going from tag to tag reads little of them. */
    movie.piece = 0;
    movie.reads = 0;
    expect_byte(&movie, movie.place[1]);
    ck_assert_uint_lt(movie.reads, 12);
    movie_end(&movie);
}
END_TEST

START_TEST(every_time)
{
    static const uint32_t bases[] = {0, 7000, 0x7ffffff0u};

    for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
        struct movie movie;
        uint64_t offset = 0;

        movie_make(&movie, 100, bases[b], 800);
        for (uint64_t ms = 0; ms <= 99920; ms += b == 0 ? 130 : 9170) {
            ck_assert_int_eq(seek_once(&movie, 1, ms, &offset, NULL), FLV_SEEK_DONE);
            ck_assert_uint_eq(offset, movie.place[ms / 1000]);
        }
        ck_assert_int_eq(seek_once(&movie, 1, 99921, &offset, NULL), FLV_SEEK_BEYOND);
        ck_assert_int_eq(seek_once(&movie, 1, UINT64_MAX, &offset, NULL), FLV_SEEK_BEYOND);
        movie_end(&movie);
    }
}
END_TEST

START_TEST(times_in_a_long_file)
{
    struct movie movie;
    uint64_t offset = 0;

    movie_make(&movie, 250, 0, 10000);
    movie.reads = 0;
    for (unsigned i = 0; i < 250; i += 7) {
        ck_assert_int_eq(seek_once(&movie, 1, i * 1000 + 500, &offset, NULL), FLV_SEEK_DONE);
        ck_assert_uint_eq(offset, movie.place[i]);
    }
    /* Far less than the file's 5,000 tags for each. */
    ck_assert_uint_lt(movie.reads, 36 * 600);
    movie_end(&movie);
}
END_TEST

START_TEST(audio_alone)
{
    uint8_t audio[300] = {0x2f, 0xff};
    struct movie movie;
    uint64_t offset = 0;
    struct buf out;

    movie_begin(&movie, 1, 1); /* the flags lie */
    for (unsigned i = 0; i < 100; i++)
        add_tag(&movie, FRAME_AUDIO, i * 20, audio, sizeof(audio));
    buf_init(&out, 1024);
    ck_assert_int_eq(seek_once(&movie, 0, 1000, &offset, &out), FLV_SEEK_DONE);
    ck_assert_uint_eq(offset, 13 + 4 * 315);
    ck_assert_uint_eq(out.len, FLV_HEADER_SIZE);
    ck_assert_uint_eq(buf_data(&out)[4], 4);
    ck_assert_int_eq(seek_once(&movie, 1, 1000, &offset, NULL), FLV_SEEK_DONE);
    ck_assert_uint_eq(offset, 13 + 50 * 315);
    buf_fini(&out);
    movie_end(&movie);
}
END_TEST

START_TEST(cut_anywhere)
{
    struct movie movie;
    size_t whole;

    movie_make(&movie, 3, 0, 30);
    whole = movie.bytes.len;
    for (size_t len = 0; len < whole; len++) {
        enum flv_seek_status status;
        uint64_t offset = 0;

        movie.bytes.len = len;
        status = seek_once(&movie, 0, len / 2, &offset, NULL);
        if (len < FLV_HEADER_SIZE)
            ck_assert_int_eq(status, FLV_SEEK_BAD);
        if (status == FLV_SEEK_DONE) {
            ck_assert_uint_ge(offset, len / 2);
            ck_assert_uint_lt(offset, len);
            ck_assert_int_eq(buf_data(&movie.bytes)[offset], FRAME_VIDEO);
        }
        status = seek_once(&movie, 1, 1500, &offset, NULL);
        ck_assert(status != FLV_SEEK_DONE || offset == movie.place[1]);
    }
    movie_end(&movie);
}
END_TEST

START_TEST(damaged_in_the_middle)
{
    struct movie movie;
    uint64_t offset = 0;

    movie_make(&movie, 10, 0, 500);
    memset(buf_data(&movie.bytes) + movie.place[4] - 700, 0xff, 900);
    /* The damaged keyframe is skipped, its neighbours are found. */
    ck_assert_int_eq(seek_once(&movie, 0, movie.place[3] + 1, &offset, NULL), FLV_SEEK_DONE);
    ck_assert_uint_eq(offset, movie.place[5]);
    ck_assert_int_eq(seek_once(&movie, 1, 7000, &offset, NULL), FLV_SEEK_DONE);
    ck_assert_uint_eq(offset, movie.place[7]);
    ck_assert_int_eq(seek_once(&movie, 1, 4500, &offset, NULL), FLV_SEEK_DONE);
    ck_assert_uint_eq(offset, movie.place[3]);
    movie_end(&movie);
}
END_TEST

START_TEST(not_flv)
{
    struct movie movie;
    uint64_t offset;

    memset(&movie, 0, sizeof(movie));
    buf_init(&movie.bytes, FILE_MAX);
    ck_assert_int_eq(seek_once(&movie, 0, 1, &offset, NULL), FLV_SEEK_BAD);
    ck_assert_int_eq(buf_append(&movie.bytes, "<html>no such thing</html>", 26), 0);
    ck_assert_int_eq(seek_once(&movie, 0, 1, &offset, NULL), FLV_SEEK_BAD);
    movie_end(&movie);
    /* A header that claims to be longer than the file, or shorter than a header. */
    movie_make(&movie, 1, 0, 20);
    buf_data(&movie.bytes)[5] = 0xff;
    ck_assert_int_eq(seek_once(&movie, 0, 1, &offset, NULL), FLV_SEEK_BAD);
    memcpy(buf_data(&movie.bytes) + 5, "\0\0\0\x02", 4);
    ck_assert_int_eq(seek_once(&movie, 0, 1, &offset, NULL), FLV_SEEK_BAD);
    movie_end(&movie);
}
END_TEST

/* A file that looks like a tag at each position but never is one: the search stops within its
 * limits. */
START_TEST(a_hostile_file_ends_the_search)
{
    uint8_t bait[] = {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t seed = 1;
    struct movie movie;
    uint64_t offset;

    movie_make(&movie, 1, 0, 20);
    while (movie.bytes.len < 4 * MIB) {
        seed = seed * 1664525u + 1013904223u;
        bait[1] = (uint8_t)(seed >> 28);
        bait[2] = (uint8_t)(seed >> 20);
        ck_assert_int_eq(buf_append(&movie.bytes, bait, sizeof(bait)), 0);
    }
    movie.reads = 0;
    ck_assert_int_eq(seek_once(&movie, 0, 5000, &offset, NULL), FLV_SEEK_FAILED);
    ck_assert_uint_gt(movie.reads, 10000);
    ck_assert_uint_lt(movie.reads, 100000);
    movie.reads = 0;
    ck_assert_int_eq(seek_once(&movie, 1, 3000, &offset, NULL), FLV_SEEK_FAILED);
    ck_assert_uint_lt(movie.reads, 100000);
    movie_end(&movie);
}
END_TEST

/* Zeros, as a file system leaves them after a crash, are walked over more quickly than a loop that
 * looks at each byte once. */
START_TEST(zeros)
{
    static const uint8_t none[64 * 1024];
    volatile unsigned sum = 0;
    struct movie movie;
    uint64_t offset;
    clock_t begin;
    clock_t each;

    movie_make(&movie, 1, 0, 20);
    while (movie.bytes.len < FILE_MAX - sizeof(none))
        ck_assert_int_eq(buf_append(&movie.bytes, none, sizeof(none)), 0);
    begin = clock();
    for (size_t i = 0; i < movie.bytes.len; i++)
        sum = sum + buf_data(&movie.bytes)[i];
    each = clock() - begin;
    begin = clock();
    ck_assert_int_eq(seek_once(&movie, 0, 5000, &offset, NULL), FLV_SEEK_BEYOND);
    ck_assert_int_lt(clock() - begin, each);
    movie_end(&movie);
}
END_TEST

/* Empty tags without number are walked, in few reads. */
START_TEST(small_tags)
{
    struct movie movie;
    uint64_t offset;

    movie_make(&movie, 1, 0, 20);
    while (movie.bytes.len < 4 * MIB)
        add_tag(&movie, FRAME_VIDEO, 0xffffffff, "", 0);
    movie.reads = 0;
    ck_assert_int_eq(seek_once(&movie, 0, 5000, &offset, NULL), FLV_SEEK_BEYOND);
    ck_assert_uint_lt(movie.reads, 1200);
    ck_assert_int_eq(seek_once(&movie, 1, 3000, &offset, NULL), FLV_SEEK_DONE);
    ck_assert_uint_eq(offset, movie.place[0]);
    movie_end(&movie);
}
END_TEST

START_TEST(reads_that_fail)
{
    struct movie movie;
    uint64_t offset;

    movie_make(&movie, 50, 0, 3000);
    movie.reads = 0;
    ck_assert_int_eq(seek_once(&movie, 1, 30000, &offset, NULL), FLV_SEEK_DONE);
    for (int i = (int)movie.reads; i > 0; i--) {
        movie.reads = 0;
        movie.fails_at = i;
        ck_assert_int_eq(seek_once(&movie, 1, 30000, &offset, NULL), FLV_SEEK_FAILED);
    }
    movie_end(&movie);
}
END_TEST

/* The file has become shorter than it was when it was opened. */
START_TEST(a_file_that_became_shorter)
{
    struct movie movie;

    movie_make(&movie, 10, 0, 300);
    for (size_t len = 0; len < movie.bytes.len; len += 97) {
        struct flv_file file = {movie.bytes.len, movie_read, &movie};
        size_t whole = movie.bytes.len;
        struct flv_seek *seek = flv_seek_new(&file);
        struct buf out;
        uint64_t offset = 0;

        ck_assert_ptr_nonnull(seek);
        movie.bytes.len = len;
        buf_init(&out, 1024);
        if (flv_seek_open(seek, &out) == FLV_SEEK_DONE &&
            flv_seek_byte(seek, whole / 2, &offset) == FLV_SEEK_DONE)
            ck_assert_uint_lt(offset, len);
        movie.bytes.len = whole;
        buf_fini(&out);
        flv_seek_free(seek);
    }
    movie_end(&movie);
}
END_TEST

Suite *check_flv_seek_suite(void)
{
    Suite *suite = suite_create("flv_seek");
    TCase *tc = tcase_create("flv_seek");

    tcase_add_test(tc, opening);
    tcase_add_test(tc, every_byte);
    tcase_add_test(tc, large_tags_in_short_reads);
    tcase_add_test(tc, every_time);
    tcase_add_test(tc, times_in_a_long_file);
    tcase_add_test(tc, audio_alone);
    tcase_add_test(tc, cut_anywhere);
    tcase_add_test(tc, damaged_in_the_middle);
    tcase_add_test(tc, not_flv);
    tcase_add_test(tc, a_hostile_file_ends_the_search);
    tcase_add_test(tc, zeros);
    tcase_add_test(tc, small_tags);
    tcase_add_test(tc, reads_that_fail);
    tcase_add_test(tc, a_file_that_became_shorter);
    suite_add_tcase(suite, tc);
    return suite;
}
