/* AMF3 values, by themselves and among those of AMF0, as encoders wrap their metadata. */
#include "media/amf3.h"

#include "media/meta.h"
#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_amf3_suite(void);

#define LIT(text) text, sizeof(text) - 1

static enum scan read_exact(const void *data, size_t len, struct amf0 **out)
{
    uint8_t *copy = exact_copy(data, len);
    struct bytes in = bytes_of(copy, len);
    size_t values = 0;
    enum scan scan = amf3_read(&in, AMF0_DEPTH_MAX, &values, out);

    ck_assert(scan == SCAN_DONE ? *out != NULL : *out == NULL);
    ck_assert_uint_le(values, AMF0_VALUES_MAX);
    free(copy);
    return scan;
}

START_TEST(simple_values)
{
    static const struct {
        const char *data;
        size_t len;
        enum amf0_type type;
        double number;
    } rows[] = {
        {LIT("\0"), AMF0_UNDEFINED, 0},
        {LIT("\1"), AMF0_NULL, 0},
        {LIT("\2"), AMF0_BOOLEAN, 0},
        {LIT("\3"), AMF0_BOOLEAN, 1},
        {LIT("\4\x7f"), AMF0_NUMBER, 127},
        {LIT("\4\x81\0"), AMF0_NUMBER, 128},
        {LIT("\4\x80\xc0\x80\0"), AMF0_NUMBER, 0x200000},
        {LIT("\4\xbf\xff\xff\xff"), AMF0_NUMBER, 0xfffffff},
        {LIT("\4\xff\xff\xff\xff"), AMF0_NUMBER, -1},
        {LIT("\4\xc0\x80\x80\0"), AMF0_NUMBER, -268435456},
        {LIT("\5\x40\x59\0\0\0\0\0\0"), AMF0_NUMBER, 100},
        {LIT("\x08\1\x40\x59\0\0\0\0\0\0"), AMF0_DATE, 100},
        {LIT("\x06\7abc"), AMF0_STRING, 0},
        {LIT("\x07\7abc"), AMF0_STRING, 0},
        {LIT("\x0b\7abc"), AMF0_STRING, 0},
        {LIT("\x0c\7abc"), AMF0_STRING, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct amf0 *value;

        ck_assert_int_eq(read_exact(rows[i].data, rows[i].len, &value), SCAN_DONE);
        ck_assert_int_eq(value->type, rows[i].type);
        ck_assert(value->number + value->boolean == rows[i].number);
        ck_assert(value->type != AMF0_STRING || strcmp(value->string, "abc") == 0);
        amf0_free(value);
        for (size_t len = 0; len < rows[i].len; len++)
            ck_assert_int_eq(read_exact(rows[i].data, len, &value), SCAN_BAD);
    }
}
END_TEST

/* A dynamic object with a sealed name, an array of both kinds, references to strings and traits. */
static const char tree[] = "\x0a\x1b\3C\3s"      /* traits: class C, sealed s, dynamic */
                           "\4\1"                /* s: 1 */
                           "\3a\x09\5\1\4\2\6\2" /* a: [2, "s" by reference] */
                           "\3e\x09\3\3k\3\1\2"  /* e: {k: true, 0: false} */
                           "\3o\x0a\1\4\7\1"     /* o: another C, s: 7 */
                           "\3r\x0a\2"           /* r: a reference to an earlier object */
                           "\1";

START_TEST(containers)
{
    struct amf0 *value;
    const struct amf0 *part;

    ck_assert_int_eq(read_exact(tree, sizeof(tree) - 1, &value), SCAN_DONE);
    ck_assert_int_eq(value->type, AMF0_OBJECT);
    ck_assert_uint_eq(value->children, 5);
    ck_assert(amf0_get_number(value, "s", 0) == 1);
    part = amf0_get(value, "a");
    ck_assert(part->type == AMF0_STRICT_ARRAY && part->children == 2);
    ck_assert_str_eq(part->last->string, "s");
    part = amf0_get(value, "e");
    ck_assert(part->type == AMF0_ECMA_ARRAY && amf0_get_boolean(part, "k", 0) == 1);
    ck_assert_int_eq(amf0_get_boolean(part, "0", 1), 0);
    part = amf0_get(value, "o");
    ck_assert(part->type == AMF0_OBJECT && amf0_get_number(part, "s", 0) == 7);
    ck_assert_int_eq(amf0_get(value, "r")->type, AMF0_UNDEFINED);
    amf0_free(value);
    for (size_t len = 0; len < sizeof(tree) - 1; len++)
        ck_assert_int_eq(read_exact(tree, len, &value), SCAN_BAD);
}
END_TEST

START_TEST(hostile)
{
    static const struct {
        const char *data;
        size_t len;
    } rows[] = {
        {LIT("\6\2")},                   /* no such string */
        {LIT("\x09\2")},                 /* no such object */
        {LIT("\x0a\1")},                 /* no such traits */
        {LIT("\x0a\7\1")},               /* externalizable */
        {LIT("\x0d\3\1\1\1\1")},         /* a vector */
        {LIT("\x11\3\1\1\1")},           /* a dictionary */
        {LIT("\x09\x81\x01\1\4\1")},     /* more elements than bytes */
        {LIT("\x0a\xff\xff\xff\xff\1")}, /* more names than the limit */
        {LIT("\x0c\xff\xff\xff\xff\1")}, /* longer than the input */
        {LIT("\x0a\x0b\1\5a\0\4\1\1")},  /* a zero byte in a name */
    };
    struct amf0 *value;
    char deep[4 * (AMF0_DEPTH_MAX + 1) + 1];

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        ck_assert_msg(read_exact(rows[i].data, rows[i].len, &value) == SCAN_BAD, "row %zu", i);
    /* Arrays in arrays: as deep as is allowed, and one more. */
    for (int levels = AMF0_DEPTH_MAX; levels <= AMF0_DEPTH_MAX + 1; levels++) {
        for (int i = 0; i < levels; i++)
            memcpy(deep + 3 * i, i + 1 < levels ? "\x09\3\1" : "\x09\1\1", 3);
        ck_assert_int_eq(read_exact(deep, (size_t)levels * 3, &value),
                         levels == AMF0_DEPTH_MAX ? SCAN_DONE : SCAN_BAD);
        amf0_free(value);
    }
}
END_TEST

/* A long string that is referred to again and again: few bytes must not become many. */
START_TEST(repeated_text_is_bounded)
{
    size_t text = 64 * 1024, refs = 64, len = 0;
    uint8_t *data = malloc(text + 2 * refs + 32);
    struct amf0 *value;

    ck_assert_ptr_nonnull(data);
    for (int more = 0; more < 2; more++) {
        size_t count = AMF3_TEXT_MAX / text + (size_t)more;

        len = 0;
        data[len++] = 0x09;
        data[len++] = (uint8_t)(count << 1 | 1);
        data[len++] = 1;
        data[len++] = 6;
        data[len++] = (uint8_t)(0x80 | (text << 1) >> 14);
        data[len++] = (uint8_t)(0x80 | ((text << 1) >> 7 & 0x7f));
        data[len++] = (uint8_t)((text << 1 & 0x7f) | 1);
        memset(data + len, 'x', text);
        len += text;
        for (size_t i = 1; i < count; i++) {
            data[len++] = 6;
            data[len++] = 0;
        }
        ck_assert_int_eq(read_exact(data, len, &value), more ? SCAN_BAD : SCAN_DONE);
        amf0_free(value);
    }
    free(data);
}
END_TEST

/* As in AMF3 data messages: the values of AMF0, with one of AMF3 for the object or for parts. */
START_TEST(metadata)
{
    static const struct {
        const char *data;
        size_t len;
    } rows[] = {
        {LIT("\2\0\x0aonMetaData\x11\x0a\x0b\1\x0bwidth\4\x82\0\x0d"
             "height\5\x40\x59\0\0\0\0\0\0\1")},
        {LIT("\2\0\x0d@setDataFrame\2\0\x0aonMetaData\x11\x09\1\x0bwidth\4\x82\0\x0d"
             "height\4\x64\1")},
        {LIT("\x11\6\x15onMetaData\x11\x0a\x0b\1\x0bwidth\4\x82\0\x0d"
             "height\4\x64\1")},
        {LIT("\2\0\x0aonMetaData\x08\0\0\0\2\0\5width\x11\4\x82\0\0\6height\x11\4\x64\0\0\x09")},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t *copy = exact_copy(rows[i].data, rows[i].len);
        struct meta_facts facts;
        struct buf out;

        buf_init(&out, 1000);
        ck_assert_msg(meta_rewrite(copy, rows[i].len, "x", &out, &facts) == SCAN_DONE, "row %zu",
                      i);
        ck_assert_uint_eq(facts.width, 256);
        ck_assert_uint_eq(facts.height, 100);
        ck_assert_ptr_null(memchr(buf_data(&out), AMF3_MARKER, out.len));
        buf_fini(&out);
        free(copy);
    }
}
END_TEST

Suite *check_amf3_suite(void)
{
    Suite *suite = suite_create("amf3");
    TCase *tcase = tcase_create("amf3");

    tcase_add_test(tcase, simple_values);
    tcase_add_test(tcase, containers);
    tcase_add_test(tcase, hostile);
    tcase_add_test(tcase, repeated_text_is_bounded);
    tcase_add_test(tcase, metadata);
    suite_add_tcase(suite, tcase);
    return suite;
}
