/*
 * Writing AMF0: bytes that other implementations read, values that are written as they were read;
 * full buffers take no part of a value.
 */
#include "media/amf0.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_amf0_write_suite(void);

START_TEST(shorthands)
{
    static const uint8_t expected[] = {0, 0x3f, 0xf8, 0,   0, 0, 0, 0, 0, 2,
                                       0, 2,    'h',  'i', 1, 1, 1, 0, 5};
    struct buf out;

    buf_init(&out, 100);
    ck_assert_int_eq(amf0_write_number(&out, 1.5), 0);
    ck_assert_int_eq(amf0_write_string(&out, "hi"), 0);
    ck_assert_int_eq(amf0_write_boolean(&out, 5), 0);
    ck_assert_int_eq(amf0_write_boolean(&out, 0), 0);
    ck_assert_int_eq(amf0_write_null(&out), 0);
    ck_assert_uint_eq(out.len, sizeof(expected));
    ck_assert_mem_eq(buf_data(&out), expected, sizeof(expected));
    buf_fini(&out);
}
END_TEST

START_TEST(values_are_written_as_they_were_read)
{
    static const char *const values[] = {
        "00400921fb54442d18",
        "0101",
        "0200026869",
        "020003610062",
        "05",
        "06",
        "0b3ff00000000000000000",
        "03000009",
        "0800000000000009",
        "0a00000000",
        "0a000000030505"
        "0a0000000105",
        "03"
        "000161003ff0000000000000"
        "0001620300016302000178000009"
        "0001640a00000002050101"
        "000009",
        "0800000002"
        "0001610300016205000009"
        "00016303000009"
        "000009",
        "0a00000002"
        "03000009"
        "0a000000010a00000000",
        "03"
        "000005"
        "00016103000009"
        "000009",
    };

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        uint8_t data[256];
        size_t len = from_hex(data, sizeof(data), values[i]);
        struct bytes in = bytes_of(data, len);
        struct amf0 *value;
        struct buf out;

        buf_init(&out, 1000);
        ck_assert_int_eq(amf0_read(&in, &value), SCAN_DONE);
        ck_assert_uint_eq(bytes_left(&in), 0);
        ck_assert_int_eq(amf0_write(&out, value), 0);
        ck_assert_msg(out.len == len && memcmp(buf_data(&out), data, len) == 0, "%s", values[i]);
        amf0_free(value);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(other_forms_become_the_plain_ones)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"0c00000003616263", "020003616263"},
        {"0f00000000", "020000"},
        {"070001", "06"},
        {"0d", "06"},
        {"1000015800016105000009", "0300016105000009"},
        {"080000006300016105000009", "080000000100016105000009"},
        {"0b3ff0000000000000ffff", "0b3ff00000000000000000"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t data[64], expected[64];
        size_t len = from_hex(data, sizeof(data), rows[i].in);
        size_t expected_len = from_hex(expected, sizeof(expected), rows[i].out);
        struct bytes in = bytes_of(data, len);
        struct amf0 *value;
        struct buf out;

        buf_init(&out, 1000);
        ck_assert_int_eq(amf0_read(&in, &value), SCAN_DONE);
        ck_assert_int_eq(amf0_write(&out, value), 0);
        ck_assert_uint_eq(out.len, expected_len);
        ck_assert_mem_eq(buf_data(&out), expected, expected_len);
        amf0_free(value);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(long_strings)
{
    for (size_t len = 0xffff; len <= 0x10000; len++) {
        char *text = malloc(len + 1);
        struct amf0 *value;
        struct buf out;
        struct bytes in;

        memset(text, 't', len);
        text[len] = '\0';
        buf_init(&out, 0x20000);
        value = amf0_string(text);
        ck_assert_int_eq(amf0_write(&out, value), 0);
        ck_assert_uint_eq(buf_data(&out)[0], len == 0xffff ? 2 : 12);
        ck_assert_uint_eq(out.len, len + (len == 0xffff ? 3 : 5));
        amf0_free(value);
        in = bytes_of(buf_data(&out), out.len);
        ck_assert_int_eq(amf0_read(&in, &value), SCAN_DONE);
        ck_assert_uint_eq(value->string_len, len);
        amf0_free(value);
        buf_fini(&out);
        free(text);
    }
}
END_TEST

static struct amf0 *nest(size_t depth)
{
    struct amf0 *root = amf0_object();

    for (size_t i = 1; i < depth; i++) {
        struct amf0 *outer = i % 2 ? amf0_object() : amf0_ecma_array();

        amf0_set(outer, "k", root);
        amf0_set(outer, "n", amf0_null());
        root = outer;
    }
    return root;
}

START_TEST(depth_at_the_limit_and_beyond)
{
    for (size_t depth = AMF0_DEPTH_MAX; depth <= AMF0_DEPTH_MAX + 1; depth++) {
        struct amf0 *value = nest(depth);
        struct buf out;

        buf_init(&out, 10000);
        ck_assert_int_eq(amf0_write_null(&out), 0);
        ck_assert_int_eq(amf0_write(&out, value), depth == AMF0_DEPTH_MAX ? 0 : -1);
        if (depth > AMF0_DEPTH_MAX)
            ck_assert_uint_eq(out.len, 1);
        amf0_free(value);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(a_full_buffer_takes_nothing)
{
    struct amf0 *value = nest(5);
    struct buf whole;

    amf0_set(value, "s", amf0_string("text"));
    buf_init(&whole, 1000);
    ck_assert_int_eq(amf0_write(&whole, value), 0);
    for (size_t max = 1; max <= whole.len; max++) {
        struct buf out;

        buf_init(&out, max + 1);
        ck_assert_int_eq(buf_append(&out, "x", 1), 0);
        ck_assert_int_eq(amf0_write(&out, value), max < whole.len ? -1 : 0);
        ck_assert_uint_eq(out.len, max < whole.len ? 1 : 1 + whole.len);
        buf_fini(&out);
    }
    buf_fini(&whole);
    amf0_free(value);
}
END_TEST

START_TEST(a_part_of_a_tree_is_a_value)
{
    struct amf0 *object = amf0_object();
    struct buf out;

    amf0_set(object, "a", amf0_object());
    amf0_set(object, "b", amf0_null());
    buf_init(&out, 100);
    ck_assert_int_eq(amf0_write(&out, amf0_get(object, "a")), 0);
    ck_assert_uint_eq(out.len, 4);
    ck_assert_mem_eq(buf_data(&out), "\x03\0\0\x09", 4);
    buf_fini(&out);
    amf0_free(object);
}
END_TEST

Suite *check_amf0_write_suite(void)
{
    Suite *suite = suite_create("amf0_write");
    TCase *tcase = tcase_create("amf0_write");

    tcase_add_test(tcase, shorthands);
    tcase_add_test(tcase, values_are_written_as_they_were_read);
    tcase_add_test(tcase, other_forms_become_the_plain_ones);
    tcase_add_test(tcase, long_strings);
    tcase_add_test(tcase, depth_at_the_limit_and_beyond);
    tcase_add_test(tcase, a_full_buffer_takes_nothing);
    tcase_add_test(tcase, a_part_of_a_tree_is_a_value);
    suite_add_tcase(suite, tcase);
    return suite;
}
