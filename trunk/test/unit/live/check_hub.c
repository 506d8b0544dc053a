/* The registry: one source a key, a bound, idle ones let go. */
#include "live_kit.h"

#include <stdio.h>

Suite *check_hub_suite(void);

START_TEST(test_one_source_a_key)
{
    struct kit kit;

    kit_open(&kit);
    ck_assert_ptr_eq(hub_get(kit.hub, "v/a/s", &kit.config), kit.source);
    ck_assert_ptr_eq(hub_find(kit.hub, "v/a/s"), kit.source);
    ck_assert_ptr_null(hub_find(kit.hub, "v/a/t"));
    ck_assert_str_eq(source_key(kit.source), "v/a/s");
    kit_close(&kit);
}
END_TEST

START_TEST(test_bounded)
{
    struct kit kit;
    char key[16];

    kit_open(&kit);
    for (int i = 1; i < 8; i++) {
        snprintf(key, sizeof(key), "v/a/%d", i);
        ck_assert_ptr_nonnull(hub_get(kit.hub, key, &kit.config));
    }
    ck_assert_ptr_null(hub_get(kit.hub, "v/a/more", &kit.config));
    ck_assert_uint_eq(hub_count(kit.hub), 8);
    hub_tick(kit.hub, kit.now);
    ck_assert_uint_eq(hub_count(kit.hub), 0);
    ck_assert_ptr_nonnull(hub_get(kit.hub, "v/a/more", &kit.config));
    kit_close(&kit);
}
END_TEST

START_TEST(test_long_key_is_refused)
{
    struct kit kit;
    char key[SOURCE_KEY_MAX + 1];

    kit_open(&kit);
    memset(key, 'k', sizeof(key));
    key[SOURCE_KEY_MAX] = '\0';
    ck_assert_ptr_null(hub_get(kit.hub, key, &kit.config));
    key[SOURCE_KEY_MAX - 1] = '\0';
    ck_assert_ptr_nonnull(hub_get(kit.hub, key, &kit.config));
    kit_close(&kit);
}
END_TEST

START_TEST(test_held_source_stays)
{
    struct kit kit;

    kit_open(&kit);
    source_ref(kit.source);
    hub_tick(kit.hub, kit.now);
    ck_assert_uint_eq(hub_count(kit.hub), 1);
    source_unref(kit.source);
    hub_tick(kit.hub, kit.now);
    ck_assert_uint_eq(hub_count(kit.hub), 0);
    kit_close(&kit);
}
END_TEST

Suite *check_hub_suite(void)
{
    Suite *suite = suite_create("hub");
    TCase *tc = tcase_create("hub");

    tcase_add_test(tc, test_one_source_a_key);
    tcase_add_test(tc, test_bounded);
    tcase_add_test(tc, test_long_key_is_refused);
    tcase_add_test(tc, test_held_source_stays);
    suite_add_tcase(suite, tc);
    return suite;
}
