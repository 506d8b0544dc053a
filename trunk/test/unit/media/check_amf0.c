/*
 * Reading AMF0: every type, every limit and one beyond it, truncated at every length, and common
 * mistakes of encoders.
 */
#include "media/amf0.h"

#include "test/unit/media/media_test.h"

#include <check.h>

Suite *check_amf0_suite(void);

static enum scan read_block(const void *data, size_t len, struct amf0 **out, size_t *used)
{
    uint8_t *copy = exact_copy(data, len);
    struct bytes in = bytes_of(copy, len);
    enum scan scan = amf0_read(&in, out);

    ck_assert((scan == SCAN_DONE) == (*out != NULL));
    ck_assert(scan == SCAN_DONE || scan == SCAN_BAD);
    if (used != NULL)
        *used = len - bytes_left(&in);
    free(copy);
    return scan;
}

/* Reads one value that must exist and consume all of hex. */
static struct amf0 *read_hex(const char *hex)
{
    uint8_t data[512];
    size_t len = from_hex(data, sizeof(data), hex), used;
    struct amf0 *value;

    ck_assert_msg(read_block(data, len, &value, &used) == SCAN_DONE, "%s", hex);
    ck_assert_uint_eq(used, len);
    ck_assert_ptr_null(value->next);
    ck_assert_ptr_null(value->key);
    return value;
}

static enum scan scan_hex(const char *hex)
{
    uint8_t data[512];
    size_t len = from_hex(data, sizeof(data), hex);
    struct amf0 *value;
    enum scan scan = read_block(data, len, &value, NULL);

    amf0_free(value);
    return scan;
}

START_TEST(scalars)
{
    struct amf0 *value = read_hex("00400921fb54442d18");

    ck_assert_int_eq(value->type, AMF0_NUMBER);
    ck_assert_double_eq_tol(value->number, 3.14159265358979, 1e-12);
    amf0_free(value);
    value = read_hex("0101");
    ck_assert_int_eq(value->type, AMF0_BOOLEAN);
    ck_assert_int_eq(value->boolean, 1);
    amf0_free(value);
    value = read_hex("0100");
    ck_assert_int_eq(value->boolean, 0);
    amf0_free(value);
    value = read_hex("0180");
    ck_assert_int_eq(value->boolean, 1);
    amf0_free(value);
    value = read_hex("05");
    ck_assert_int_eq(value->type, AMF0_NULL);
    amf0_free(value);
    value = read_hex("06");
    ck_assert_int_eq(value->type, AMF0_UNDEFINED);
    amf0_free(value);
    value = read_hex("070001");
    ck_assert_int_eq(value->type, AMF0_UNDEFINED);
    amf0_free(value);
    value = read_hex("0d");
    ck_assert_int_eq(value->type, AMF0_UNDEFINED);
    amf0_free(value);
    value = read_hex("0b3ff00000000000000000");
    ck_assert_int_eq(value->type, AMF0_DATE);
    ck_assert_double_eq(value->number, 1);
    amf0_free(value);
}
END_TEST

START_TEST(strings)
{
    struct amf0 *value = read_hex("0200026869");

    ck_assert_int_eq(value->type, AMF0_STRING);
    ck_assert_str_eq(value->string, "hi");
    ck_assert_uint_eq(value->string_len, 2);
    amf0_free(value);
    value = read_hex("020000");
    ck_assert_str_eq(value->string, "");
    amf0_free(value);
    value = read_hex("0c00000003616263");
    ck_assert_int_eq(value->type, AMF0_STRING);
    ck_assert_str_eq(value->string, "abc");
    amf0_free(value);
    value = read_hex("0f000000023c2f");
    ck_assert_int_eq(value->type, AMF0_STRING);
    ck_assert_str_eq(value->string, "</");
    amf0_free(value);
    value = read_hex("020003610062");
    ck_assert_uint_eq(value->string_len, 3);
    ck_assert_mem_eq(value->string, "a\0b", 4);
    amf0_free(value);
}
END_TEST

START_TEST(containers)
{
    /* {a: 1, b: {c: "x"}, d: [null, true]}, and the same as an ECMA array with a wrong count. */
    static const char *const forms[] = {
        "03"
        "000161003ff0000000000000"
        "0001620300016302000178000009"
        "0001640a00000002050101"
        "000009",
        "0800000063"
        "000161003ff0000000000000"
        "0001620300016302000178000009"
        "0001640a00000002050101"
        "000009",
        "100003466f6f"
        "000161003ff0000000000000"
        "0001620300016302000178000009"
        "0001640a00000002050101"
        "000009",
    };

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct amf0 *value = read_hex(forms[i]);
        const struct amf0 *list;

        ck_assert_int_eq(value->type, i == 1 ? AMF0_ECMA_ARRAY : AMF0_OBJECT);
        ck_assert_uint_eq(value->children, 3);
        ck_assert_double_eq(amf0_get_number(value, "a", 0), 1);
        ck_assert_str_eq(amf0_get_string(amf0_get(value, "b"), "c"), "x");
        list = amf0_get(value, "d");
        ck_assert_int_eq(list->type, AMF0_STRICT_ARRAY);
        ck_assert_uint_eq(list->children, 2);
        ck_assert_int_eq(list->child->type, AMF0_NULL);
        ck_assert_ptr_null(list->child->key);
        ck_assert_int_eq(list->last->boolean, 1);
        amf0_free(value);
    }
}
END_TEST

START_TEST(empty_containers)
{
    struct amf0 *value = read_hex("03000009");

    ck_assert_uint_eq(value->children, 0);
    amf0_free(value);
    value = read_hex("0800000000000009");
    ck_assert_uint_eq(value->children, 0);
    amf0_free(value);
    value = read_hex("0a00000000");
    ck_assert_uint_eq(value->children, 0);
    amf0_free(value);
}
END_TEST

START_TEST(an_empty_key_is_a_key_unless_the_end_follows)
{
    struct amf0 *value = read_hex("0300000500016105000009");

    ck_assert_uint_eq(value->children, 2);
    ck_assert_str_eq(value->child->key, "");
    ck_assert_ptr_nonnull(amf0_get(value, ""));
    amf0_free(value);
}
END_TEST

START_TEST(array_without_its_end_mark)
{
    /* Announced one, has one, ends with the input; announced two: cut. */
    struct amf0 *value = read_hex("08000000010001610101");

    ck_assert_uint_eq(value->children, 1);
    amf0_free(value);
    ck_assert_int_eq(scan_hex("08000000020001610101"), SCAN_BAD);
    ck_assert_int_eq(scan_hex("0800000000"), SCAN_BAD);
    ck_assert_int_eq(scan_hex("030001610101"), SCAN_BAD);
}
END_TEST

START_TEST(values_follow_each_other)
{
    static const uint8_t data[] = {5, 1, 1, 6, 2, 0, 1, 'z'};
    static const enum amf0_type types[] = {AMF0_NULL, AMF0_BOOLEAN, AMF0_UNDEFINED, AMF0_STRING};
    struct bytes in = bytes_of(data, sizeof(data));
    struct amf0 *value;

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        ck_assert_int_eq(amf0_read(&in, &value), SCAN_DONE);
        ck_assert_int_eq(value->type, types[i]);
        amf0_free(value);
    }
    ck_assert_int_eq(amf0_read(&in, &value), SCAN_BAD);
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(hostile)
{
    static const char *const bad[] = {
        "",
        "04",
        "09",
        "0e",
        "11",
        "12",
        "ff",
        "0a00000001",
        "0affffffff05",
        "0a000000030505",
        "0cffffffff61",
        "0fffffffff61",
        "02ffff61",
        "0300000009",
        "030001610900000009",
        "1000",
        "10ffff41",
        "0300036100620500000009", /* a zero byte in a key */
        "0800000001000161",
        "0b3ff000000000000000",
    };

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(scan_hex(bad[i]) == SCAN_BAD, "%s", bad[i]);
}
END_TEST

START_TEST(cut_at_every_length)
{
    static const char whole[] =
        "03000161003ff0000000000000000162030001630200017800000900016408000000"
        "010001650a000000020501010000090001660c000000016100016710000158000009"
        "0001680b3ff00000000000000000000009";
    uint8_t data[256];
    size_t len = from_hex(data, sizeof(data), whole), used;
    struct amf0 *value;

    for (size_t n = 0; n < len; n++)
        ck_assert_msg(read_block(data, n, &value, NULL) == SCAN_BAD, "%zu", n);
    ck_assert_int_eq(read_block(data, len, &value, &used), SCAN_DONE);
    ck_assert_uint_eq(used, len);
    ck_assert_uint_eq(value->children, 6);
    amf0_free(value);
}
END_TEST

/* depth containers, one in the other, of a marker that decides the kind. */
static enum scan read_nested(uint8_t marker, size_t depth)
{
    uint8_t data[4096];
    size_t len = 0;
    struct amf0 *value;
    enum scan scan;

    for (size_t i = 0; i < depth; i++) {
        data[len++] = marker;
        if (marker == 10) {
            memcpy(data + len, "\0\0\0\1", 4);
            len += 4;
        } else if (i + 1 < depth) {
            memcpy(data + len, "\0\1k", 3);
            len += 3;
        }
    }
    if (marker == 10)
        data[len++] = 5;
    for (size_t i = 0; i < depth && marker != 10; i++) {
        memcpy(data + len, "\0\0\x09", 3);
        len += 3;
    }
    scan = read_block(data, len, &value, NULL);
    amf0_free(value);
    return scan;
}

START_TEST(depth_at_the_limit_and_beyond)
{
    ck_assert_int_eq(read_nested(3, AMF0_DEPTH_MAX), SCAN_DONE);
    ck_assert_int_eq(read_nested(3, AMF0_DEPTH_MAX + 1), SCAN_BAD);
    ck_assert_int_eq(read_nested(10, AMF0_DEPTH_MAX), SCAN_DONE);
    ck_assert_int_eq(read_nested(10, AMF0_DEPTH_MAX + 1), SCAN_BAD);
    ck_assert_int_eq(read_nested(10, 700), SCAN_BAD);
}
END_TEST

START_TEST(keys_at_the_limit_and_beyond)
{
    for (size_t keys = AMF0_KEYS_MAX; keys <= AMF0_KEYS_MAX + 1; keys++) {
        uint8_t data[AMF0_KEYS_MAX * 8 + 16];
        size_t len = 0;
        struct amf0 *value;

        data[len++] = 3;
        for (size_t i = 0; i < keys; i++) {
            data[len++] = 0;
            data[len++] = 2;
            data[len++] = (uint8_t)('A' + i / 64);
            data[len++] = (uint8_t)('0' + i % 64);
            data[len++] = 5;
        }
        memcpy(data + len, "\0\0\x09", 3);
        len += 3;
        ck_assert_int_eq(read_block(data, len, &value, NULL),
                         keys == AMF0_KEYS_MAX ? SCAN_DONE : SCAN_BAD);
        amf0_free(value);
    }
}
END_TEST

START_TEST(values_at_the_limit_and_beyond)
{
    for (size_t elements = AMF0_VALUES_MAX - 1; elements <= AMF0_VALUES_MAX; elements++) {
        uint8_t data[AMF0_VALUES_MAX + 16];
        struct amf0 *value;

        memset(data, 5, sizeof(data));
        data[0] = 10;
        data[1] = data[2] = 0;
        data[3] = (uint8_t)(elements >> 8);
        data[4] = (uint8_t)elements;
        ck_assert_int_eq(read_block(data, 5 + elements, &value, NULL),
                         elements == AMF0_VALUES_MAX - 1 ? SCAN_DONE : SCAN_BAD);
        amf0_free(value);
    }
}
END_TEST

Suite *check_amf0_suite(void)
{
    Suite *suite = suite_create("amf0");
    TCase *tcase = tcase_create("amf0");

    tcase_add_test(tcase, scalars);
    tcase_add_test(tcase, strings);
    tcase_add_test(tcase, containers);
    tcase_add_test(tcase, empty_containers);
    tcase_add_test(tcase, an_empty_key_is_a_key_unless_the_end_follows);
    tcase_add_test(tcase, array_without_its_end_mark);
    tcase_add_test(tcase, values_follow_each_other);
    tcase_add_test(tcase, hostile);
    tcase_add_test(tcase, cut_at_every_length);
    tcase_add_test(tcase, depth_at_the_limit_and_beyond);
    tcase_add_test(tcase, keys_at_the_limit_and_beyond);
    tcase_add_test(tcase, values_at_the_limit_and_beyond);
    suite_add_tcase(suite, tcase);
    return suite;
}
