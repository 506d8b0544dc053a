/*
 * FLV's headers byte by byte, and the stream parser: every split of its input, truncated anywhere,
 * at its limit, and with other data than FLV.
 */
#include "media/flv.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_flv_suite(void);

#define TAGS_MAX 16

struct sample {
    uint8_t data[4096];
    size_t len;
};

static void add(struct sample *s, const void *data, size_t len)
{
    ck_assert_uint_le(s->len + len, sizeof(s->data));
    if (len > 0)
        memcpy(s->data + s->len, data, len);
    s->len += len;
}

static void add_header(struct sample *s)
{
    uint8_t header[FLV_HEADER_SIZE];

    flv_header_write(header, 1, 1);
    add(s, header, sizeof(header));
}

static void add_tag(struct sample *s, int type, uint32_t timestamp, const void *body, size_t len)
{
    uint8_t header[FLV_TAG_HEADER_SIZE], trailer[FLV_TAG_TRAILER_SIZE];

    flv_tag_header_write(header, (enum frame_type)type, timestamp, len);
    flv_tag_trailer_write(trailer, len);
    add(s, header, sizeof(header));
    add(s, body, len);
    add(s, trailer, sizeof(trailer));
}

static void make_sample(struct sample *s)
{
    uint8_t body[300];

    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)i;
    s->len = 0;
    add_header(s);
    add_tag(s, FRAME_SCRIPT, 0, "meta", 4);
    add_tag(s, FRAME_VIDEO, 0, body, 300);
    add_tag(s, FRAME_AUDIO, 0x01020304, NULL, 0);
    add_tag(s, FRAME_AUDIO, 0xfffffffe, "x", 1);
}

struct taken {
    int count;
    size_t bytes;
    struct {
        enum frame_type type;
        uint32_t timestamp;
        size_t len;
        uint8_t body[300];
    } tags[TAGS_MAX];
};

/* Feeds one piece to the end and keeps the output. */
static enum scan feed(struct flv_in *in, const uint8_t *data, size_t len, struct taken *taken)
{
    uint8_t *copy = exact_copy(data, len);
    size_t at = 0, used;
    struct flv_tag tag;
    enum scan scan;

    while ((scan = flv_in_feed(in, copy + at, len - at, &used, &tag)) == SCAN_DONE) {
        ck_assert_uint_le(used, len - at);
        ck_assert_int_lt(taken->count, TAGS_MAX);
        ck_assert_uint_le(tag.len, 300);
        taken->tags[taken->count].type = tag.type;
        taken->tags[taken->count].timestamp = tag.timestamp;
        taken->tags[taken->count].len = tag.len;
        if (tag.len > 0)
            memcpy(taken->tags[taken->count].body, tag.data, tag.len);
        taken->count++;
        at += used;
    }
    if (scan == SCAN_MORE)
        ck_assert_uint_eq(used, len - at);
    taken->bytes += at + used;
    free(copy);
    return scan;
}

static void check_sample(const struct taken *taken)
{
    ck_assert_int_eq(taken->count, 4);
    ck_assert_int_eq(taken->tags[0].type, FRAME_SCRIPT);
    ck_assert_uint_eq(taken->tags[0].len, 4);
    ck_assert_mem_eq(taken->tags[0].body, "meta", 4);
    ck_assert_int_eq(taken->tags[1].type, FRAME_VIDEO);
    ck_assert_uint_eq(taken->tags[1].len, 300);
    for (size_t i = 0; i < 300; i++)
        ck_assert_uint_eq(taken->tags[1].body[i], (uint8_t)i);
    ck_assert_int_eq(taken->tags[2].type, FRAME_AUDIO);
    ck_assert_uint_eq(taken->tags[2].timestamp, 0x01020304);
    ck_assert_uint_eq(taken->tags[2].len, 0);
    ck_assert_uint_eq(taken->tags[3].timestamp, 0xfffffffe);
    ck_assert_uint_eq(taken->tags[3].len, 1);
    ck_assert_uint_eq(taken->tags[3].body[0], 'x');
}

START_TEST(file_header_bytes)
{
    static const uint8_t flags[] = {0, 1, 4, 5};
    uint8_t out[FLV_HEADER_SIZE];

    for (int i = 0; i < 4; i++) {
        uint8_t expected[] = {'F', 'L', 'V', 1, 0, 0, 0, 0, 9, 0, 0, 0, 0};

        expected[4] = flags[i];
        flv_header_write(out, i & 2, i & 1);
        ck_assert_mem_eq(out, expected, sizeof(expected));
    }
}
END_TEST

START_TEST(tag_header_and_trailer_bytes)
{
    static const uint8_t header[] = {9, 0x01, 0x02, 0x03, 0x22, 0x33, 0x44, 0x11, 0, 0, 0};
    static const uint8_t largest[] = {8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0};
    uint8_t out[FLV_TAG_HEADER_SIZE], trailer[FLV_TAG_TRAILER_SIZE];

    flv_tag_header_write(out, FRAME_VIDEO, 0x11223344, 0x010203);
    ck_assert_mem_eq(out, header, sizeof(header));
    flv_tag_header_write(out, FRAME_AUDIO, 0xffffffff, FLV_BODY_MAX);
    ck_assert_mem_eq(out, largest, sizeof(largest));
    flv_tag_trailer_write(trailer, 0x010203);
    ck_assert_mem_eq(trailer, "\x00\x01\x02\x0e", 4);
    flv_tag_trailer_write(trailer, FLV_BODY_MAX);
    ck_assert_mem_eq(trailer, "\x01\x00\x00\x0a", 4);
}
END_TEST

START_TEST(whole_stream_at_once)
{
    struct flv_in *in = flv_in_new(300);
    struct taken taken = {0};
    struct sample s;

    make_sample(&s);
    ck_assert_int_eq(flv_in_flags(in), -1);
    ck_assert_int_eq(feed(in, s.data, s.len, &taken), SCAN_MORE);
    ck_assert_int_eq(flv_in_flags(in), 5);
    check_sample(&taken);
    flv_in_free(in);
}
END_TEST

START_TEST(every_split_in_two)
{
    struct sample s;
    int has_held = 0;

    make_sample(&s);
    for (size_t cut = 0; cut <= s.len; cut++) {
        struct flv_in *in = flv_in_new(300);
        struct taken taken = {0};

        ck_assert_int_eq(feed(in, s.data, cut, &taken), SCAN_MORE);
        ck_assert_uint_le(flv_in_pending(in), cut);
        has_held |= flv_in_pending(in) > 0;
        ck_assert_int_eq(feed(in, s.data + cut, s.len - cut, &taken), SCAN_MORE);
        ck_assert_uint_eq(taken.bytes, s.len);
        check_sample(&taken);
        flv_in_free(in);
    }
    ck_assert(has_held);
}
END_TEST

START_TEST(pieces_of_every_size)
{
    struct sample s;

    make_sample(&s);
    for (size_t size = 1; size < 40; size++) {
        struct flv_in *in = flv_in_new(300);
        struct taken taken = {0};

        for (size_t at = 0; at < s.len; at += size) {
            size_t n = size < s.len - at ? size : s.len - at;

            ck_assert_int_eq(feed(in, s.data + at, n, &taken), SCAN_MORE);
        }
        check_sample(&taken);
        flv_in_free(in);
    }
}
END_TEST

START_TEST(a_tag_comes_before_its_trailer)
{
    struct sample s = {{0}, 0};
    struct flv_in *in = flv_in_new(300);
    struct taken taken = {0};

    add_header(&s);
    add_tag(&s, FRAME_AUDIO, 7, "abc", 3);
    feed(in, s.data, s.len - FLV_TAG_TRAILER_SIZE - 1, &taken);
    ck_assert_int_eq(taken.count, 0);
    feed(in, s.data + s.len - FLV_TAG_TRAILER_SIZE - 1, 1, &taken);
    ck_assert_int_eq(taken.count, 1);
    ck_assert_mem_eq(taken.tags[0].body, "abc", 3);
    flv_in_free(in);
}
END_TEST

START_TEST(a_whole_tag_is_lent_not_copied)
{
    struct sample s = {{0}, 0};
    struct flv_in *in = flv_in_new(300);
    struct flv_tag tag;
    size_t used;

    add_header(&s);
    add_tag(&s, FRAME_AUDIO, 7, "abc", 3);
    ck_assert_int_eq(flv_in_feed(in, s.data, s.len, &used, &tag), SCAN_DONE);
    ck_assert_ptr_eq(tag.data, s.data + FLV_HEADER_SIZE + FLV_TAG_HEADER_SIZE);
    flv_in_free(in);
}
END_TEST

START_TEST(body_at_the_limit_and_one_beyond)
{
    uint8_t body[101] = {0};

    for (size_t len = 100; len <= 101; len++) {
        struct sample s = {{0}, 0};
        struct flv_in *in = flv_in_new(100);
        struct taken taken = {0};

        add_header(&s);
        add_tag(&s, FRAME_VIDEO, 0, body, len);
        ck_assert_int_eq(feed(in, s.data, s.len, &taken), len == 100 ? SCAN_MORE : SCAN_BAD);
        ck_assert_int_eq(taken.count, len == 100 ? 1 : 0);
        flv_in_free(in);
    }
}
END_TEST

START_TEST(other_files_are_refused)
{
    static const char *const starts[] = {
        "484c5601050000000900", "474c56010500000009", "464c56020500000009",
        "464c56010500000008",   "464c560105ffffffff", "464c56010500000401",
    };

    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct flv_in *in = flv_in_new(100);
        struct taken taken = {0};
        uint8_t data[32];
        size_t len = from_hex(data, sizeof(data), starts[i]);

        ck_assert_int_eq(feed(in, data, len, &taken), SCAN_BAD);
        /* It stays bad, whatever follows. */
        ck_assert_int_eq(feed(in, data, len, &taken), SCAN_BAD);
        ck_assert_int_eq(feed(in, data, 0, &taken), SCAN_BAD);
        ck_assert_int_eq(flv_in_flags(in), -1);
        flv_in_free(in);
    }
}
END_TEST

START_TEST(half_a_header_is_not_enough)
{
    for (size_t len = 0; len < 9; len++) {
        struct flv_in *in = flv_in_new(100);
        struct taken taken = {0};
        struct sample s = {{0}, 0};

        add_header(&s);
        ck_assert_int_eq(feed(in, s.data, len, &taken), SCAN_MORE);
        ck_assert_int_eq(flv_in_flags(in), -1);
        flv_in_free(in);
    }
}
END_TEST

START_TEST(flags_are_read)
{
    static const struct {
        uint8_t byte;
        int flags;
    } rows[] = {{0, 0}, {1, 1}, {4, 4}, {5, 5}, {0xff, 5}, {0xfa, 0}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sample s = {{0}, 0};
        struct flv_in *in = flv_in_new(100);
        struct taken taken = {0};

        add_header(&s);
        s.data[4] = rows[i].byte;
        ck_assert_int_eq(feed(in, s.data, 9, &taken), SCAN_MORE);
        ck_assert_int_eq(flv_in_flags(in), rows[i].flags);
        flv_in_free(in);
    }
}
END_TEST

START_TEST(longer_file_header)
{
    struct sample s = {{0}, 0};
    struct flv_in *in = flv_in_new(100);
    struct taken taken = {0};

    add(&s, "FLV\x01\x05\x00\x00\x00\x0c???\x00\x00\x00\x00", 16);
    add_tag(&s, FRAME_AUDIO, 5, "y", 1);
    for (size_t i = 0; i < s.len; i++)
        ck_assert_int_eq(feed(in, s.data + i, 1, &taken), SCAN_MORE);
    ck_assert_int_eq(taken.count, 1);
    ck_assert_uint_eq(taken.tags[0].timestamp, 5);
    flv_in_free(in);
}
END_TEST

START_TEST(wrong_trailers_are_ignored)
{
    struct sample s = {{0}, 0};
    struct flv_in *in = flv_in_new(100);
    struct taken taken = {0};

    add_header(&s);
    memset(s.data + 9, 0x77, 4);
    add_tag(&s, FRAME_AUDIO, 1, "y", 1);
    memset(s.data + s.len - 4, 0xff, 4);
    add_tag(&s, FRAME_AUDIO, 2, "z", 1);
    ck_assert_int_eq(feed(in, s.data, s.len, &taken), SCAN_MORE);
    ck_assert_int_eq(taken.count, 2);
    flv_in_free(in);
}
END_TEST

START_TEST(reserved_types_are_skipped_when_they_end_well)
{
    for (size_t size = 1; size < 30; size++) {
        struct sample s = {{0}, 0};
        struct flv_in *in = flv_in_new(100);
        struct taken taken = {0};

        add_header(&s);
        add_tag(&s, 15, 1, "amf3", 4);
        add_tag(&s, 3, 1, NULL, 0);
        add_tag(&s, FRAME_AUDIO, 2, "z", 1);
        for (size_t at = 0; at < s.len; at += size) {
            size_t n = size < s.len - at ? size : s.len - at;

            ck_assert_int_eq(feed(in, s.data + at, n, &taken), SCAN_MORE);
        }
        ck_assert_int_eq(taken.count, 1);
        ck_assert_uint_eq(taken.tags[0].timestamp, 2);
        flv_in_free(in);
    }
}
END_TEST

START_TEST(reserved_type_with_a_wrong_trailer_is_no_tag)
{
    struct sample s = {{0}, 0};
    struct flv_in *in = flv_in_new(100);
    struct taken taken = {0};

    add_header(&s);
    add_tag(&s, 15, 1, "amf3", 4);
    s.data[s.len - 1] ^= 1;
    ck_assert_int_eq(feed(in, s.data, s.len, &taken), SCAN_BAD);
    flv_in_free(in);
}
END_TEST

START_TEST(encrypted_tags_are_refused)
{
    struct sample s = {{0}, 0};
    struct flv_in *in = flv_in_new(100);
    struct taken taken = {0};

    add_header(&s);
    add_tag(&s, FRAME_VIDEO | 0x20, 1, "secret", 6);
    ck_assert_int_eq(feed(in, s.data, s.len, &taken), SCAN_BAD);
    ck_assert_int_eq(taken.count, 0);
    flv_in_free(in);
}
END_TEST

START_TEST(freeing_nothing_and_half_a_tag)
{
    struct sample s;
    struct taken taken = {0};
    struct flv_in *in = flv_in_new(300);

    make_sample(&s);
    flv_in_free(NULL);
    feed(in, s.data, 100, &taken);
    flv_in_free(in);
}
END_TEST

START_TEST(reads_whole_tags_only)
{
    struct sample s = {.len = 0};
    struct flv_tag tag;
    size_t used = 0;

    add_tag(&s, FRAME_VIDEO, 0x01020304, "body", 4);
    add_tag(&s, FRAME_AUDIO, 5, NULL, 0);
    ck_assert_int_eq(flv_tag_read(s.data, s.len, &tag, &used), SCAN_DONE);
    ck_assert_uint_eq(used, FLV_TAG_HEADER_SIZE + 4 + FLV_TAG_TRAILER_SIZE);
    ck_assert_int_eq(tag.type, FRAME_VIDEO);
    ck_assert_uint_eq(tag.timestamp, 0x01020304);
    ck_assert_uint_eq(tag.len, 4);
    ck_assert_mem_eq(tag.data, "body", 4);
    ck_assert_int_eq(flv_tag_read(s.data + used, s.len - used, &tag, &used), SCAN_DONE);
    ck_assert_int_eq(tag.type, FRAME_AUDIO);
    ck_assert_uint_eq(tag.len, 0);
    ck_assert_int_eq(flv_tag_read(s.data + s.len, 0, &tag, &used), SCAN_MORE);
    /* A tag that is truncated anywhere, its trailer included, or that claims to be longer than it
     * is. */
    for (size_t cut = 1; cut < FLV_TAG_HEADER_SIZE + 4 + FLV_TAG_TRAILER_SIZE; cut++) {
        uint8_t *copy = exact_copy(s.data, cut);

        ck_assert_int_eq(flv_tag_read(copy, cut, &tag, &used), SCAN_BAD);
        free(copy);
    }
    s.data[1] = 0xff;
    ck_assert_int_eq(flv_tag_read(s.data, s.len, &tag, &used), SCAN_BAD);
}
END_TEST

Suite *check_flv_suite(void)
{
    Suite *suite = suite_create("flv");
    TCase *tcase = tcase_create("flv");

    tcase_add_test(tcase, file_header_bytes);
    tcase_add_test(tcase, tag_header_and_trailer_bytes);
    tcase_add_test(tcase, whole_stream_at_once);
    tcase_add_test(tcase, every_split_in_two);
    tcase_add_test(tcase, pieces_of_every_size);
    tcase_add_test(tcase, a_tag_comes_before_its_trailer);
    tcase_add_test(tcase, a_whole_tag_is_lent_not_copied);
    tcase_add_test(tcase, body_at_the_limit_and_one_beyond);
    tcase_add_test(tcase, other_files_are_refused);
    tcase_add_test(tcase, half_a_header_is_not_enough);
    tcase_add_test(tcase, flags_are_read);
    tcase_add_test(tcase, longer_file_header);
    tcase_add_test(tcase, wrong_trailers_are_ignored);
    tcase_add_test(tcase, reserved_types_are_skipped_when_they_end_well);
    tcase_add_test(tcase, reserved_type_with_a_wrong_trailer_is_no_tag);
    tcase_add_test(tcase, encrypted_tags_are_refused);
    tcase_add_test(tcase, reads_whole_tags_only);
    tcase_add_test(tcase, freeing_nothing_and_half_a_tag);
    suite_add_tcase(suite, tcase);
    return suite;
}
