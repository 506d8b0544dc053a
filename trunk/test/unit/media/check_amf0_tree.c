/*
 * The tree of AMF0 values: looked up, built, changed, freed at any depth, and a
 * random walk of amf0_set() and amf0_remove() against a plain table.
 */
#include "media/amf0.h"

#include "test/unit/media/media_test.h"

#include <check.h>
#include <stdio.h>

Suite *check_amf0_tree_suite(void);

START_TEST(builders_and_look_ups)
{
    struct amf0 *object = amf0_object();
    struct amf0 *list = amf0_strict_array();

    ck_assert_int_eq(amf0_set(list, NULL, amf0_number(1)), 0);
    ck_assert_int_eq(amf0_set(list, NULL, amf0_null()), 0);
    ck_assert_int_eq(amf0_set(object, "n", amf0_number(2.5)), 0);
    ck_assert_int_eq(amf0_set(object, "s", amf0_string("text")), 0);
    ck_assert_int_eq(amf0_set(object, "b", amf0_boolean(7)), 0);
    ck_assert_int_eq(amf0_set(object, "l", list), 0);
    ck_assert_uint_eq(object->children, 4);
    ck_assert_double_eq(amf0_get_number(object, "n", -1), 2.5);
    ck_assert_str_eq(amf0_get_string(object, "s"), "text");
    ck_assert_int_eq(amf0_get_boolean(object, "b", 0), 1);
    ck_assert_uint_eq(amf0_get(object, "l")->children, 2);
    /* Members that do not exist, or have another type, or belong to no object. */
    ck_assert_ptr_null(amf0_get(object, "x"));
    ck_assert_ptr_null(amf0_get_string(object, "n"));
    ck_assert_double_eq(amf0_get_number(object, "s", -1), -1);
    ck_assert_int_eq(amf0_get_boolean(object, "n", -1), -1);
    ck_assert_ptr_null(amf0_get(NULL, "n"));
    ck_assert_ptr_null(amf0_get(amf0_get(object, "l"), "n"));
    ck_assert_ptr_null(amf0_get_string(NULL, "n"));
    amf0_free(object);
    amf0_free(NULL);
}
END_TEST

START_TEST(set_replaces_in_place)
{
    struct amf0 *object = amf0_ecma_array();

    amf0_set(object, "a", amf0_number(1));
    amf0_set(object, "b", amf0_number(2));
    amf0_set(object, "c", amf0_number(3));
    ck_assert_int_eq(amf0_set(object, "b", amf0_string("two")), 0);
    ck_assert_int_eq(amf0_set(object, "c", amf0_string("three")), 0);
    ck_assert_int_eq(amf0_set(object, "a", amf0_string("one")), 0);
    ck_assert_uint_eq(object->children, 3);
    ck_assert_str_eq(object->child->string, "one");
    ck_assert_str_eq(object->child->next->string, "two");
    ck_assert_str_eq(object->last->string, "three");
    ck_assert_ptr_null(object->last->next);
    amf0_free(object);
}
END_TEST

START_TEST(remove_takes_every_one_of_that_name)
{
    static const char twice[] = "03"
                                "00016105"
                                "00016206"
                                "00016105"
                                "00016306"
                                "00016105"
                                "000009";
    uint8_t data[64];
    struct bytes in = bytes_of(data, from_hex(data, sizeof(data), twice));
    struct amf0 *value;

    ck_assert_int_eq(amf0_read(&in, &value), SCAN_DONE);
    amf0_remove(value, "a");
    ck_assert_uint_eq(value->children, 2);
    ck_assert_str_eq(value->child->key, "b");
    ck_assert_str_eq(value->last->key, "c");
    ck_assert_ptr_null(value->last->next);
    amf0_remove(value, "a");
    amf0_remove(value, "c");
    amf0_remove(value, "b");
    ck_assert_uint_eq(value->children, 0);
    ck_assert_ptr_null(value->child);
    ck_assert_ptr_null(value->last);
    ck_assert_int_eq(amf0_set(value, "d", amf0_null()), 0);
    ck_assert_ptr_eq(value->child, value->last);
    amf0_free(value);
}
END_TEST

START_TEST(set_refuses)
{
    struct amf0 *object = amf0_object();
    struct amf0 *list = amf0_strict_array();
    struct amf0 *number = amf0_number(1);
    char *key = malloc(0x10001);

    memset(key, 'k', 0x10000);
    key[0x10000] = '\0';
    ck_assert_int_eq(amf0_set(object, "a", NULL), -1);
    ck_assert_int_eq(amf0_set(object, NULL, amf0_null()), -1);
    ck_assert_int_eq(amf0_set(list, "a", amf0_null()), -1);
    ck_assert_int_eq(amf0_set(number, "a", amf0_null()), -1);
    ck_assert_int_eq(amf0_set(number, NULL, amf0_null()), -1);
    ck_assert_int_eq(amf0_set(object, key, amf0_null()), -1);
    key[0xffff] = '\0';
    ck_assert_int_eq(amf0_set(object, key, amf0_null()), 0);
    for (int i = 1; i < AMF0_KEYS_MAX; i++) {
        snprintf(key, 16, "%d", i);
        ck_assert_int_eq(amf0_set(object, key, amf0_null()), 0);
    }
    ck_assert_int_eq(amf0_set(object, "one more", amf0_null()), -1);
    ck_assert_int_eq(amf0_set(object, "1", amf0_number(1)), 0);
    ck_assert_uint_eq(object->children, AMF0_KEYS_MAX);
    free(key);
    amf0_free(object);
    amf0_free(list);
    amf0_free(number);
}
END_TEST

START_TEST(a_tree_of_any_depth_is_freed)
{
    struct amf0 *root = amf0_object();

    for (int i = 0; i < 200000; i++) {
        struct amf0 *outer = amf0_object();

        amf0_set(outer, "before", amf0_null());
        amf0_set(outer, "k", root);
        amf0_set(outer, "after", amf0_string("x"));
        root = outer;
    }
    ck_assert_uint_eq(root->children, 3);
    amf0_free(root);
}
END_TEST

START_TEST(random_use_against_a_table)
{
    struct amf0 *object = amf0_object();
    double table[8];
    int has[8] = {0};
    uint32_t seed = 1;

    for (int step = 0; step < 5000; step++) {
        char key[2] = {0, 0};
        unsigned slot;
        size_t held = 0;

        seed = seed * 1664525u + 1013904223u;
        slot = seed >> 20 & 7;
        key[0] = (char)('a' + slot);
        if (seed >> 30 & 1) {
            ck_assert_int_eq(amf0_set(object, key, amf0_number(step)), 0);
            table[slot] = step;
            has[slot] = 1;
        } else {
            amf0_remove(object, key);
            has[slot] = 0;
        }
        for (unsigned i = 0; i < 8; i++) {
            key[0] = (char)('a' + i);
            ck_assert_double_eq(amf0_get_number(object, key, -1), has[i] ? table[i] : -1);
            held += (size_t)has[i];
        }
        ck_assert_uint_eq(object->children, held);
        ck_assert((object->last == NULL) == (held == 0));
        ck_assert(object->last == NULL || object->last->next == NULL);
    }
    amf0_free(object);
}
END_TEST

Suite *check_amf0_tree_suite(void)
{
    Suite *suite = suite_create("amf0_tree");
    TCase *tcase = tcase_create("amf0_tree");

    tcase_add_test(tcase, builders_and_look_ups);
    tcase_add_test(tcase, set_replaces_in_place);
    tcase_add_test(tcase, remove_takes_every_one_of_that_name);
    tcase_add_test(tcase, set_refuses);
    tcase_add_test(tcase, a_tree_of_any_depth_is_freed);
    tcase_add_test(tcase, random_use_against_a_table);
    suite_add_tcase(suite, tcase);
    return suite;
}
