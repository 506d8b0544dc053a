/* The registry: one source per key, a limit, idle sources freed. */
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
    struct source *held[7];
    struct kit kit;
    char key[16];

    kit_open(&kit);
    for (int i = 1; i < 8; i++) {
        snprintf(key, sizeof(key), "v/a/%d", i);
        held[i - 1] = hub_get(kit.hub, key, &kit.config);
        ck_assert_ptr_nonnull(held[i - 1]);
        source_ref(held[i - 1]);
    }
    source_ref(kit.source);
    ck_assert_ptr_null(hub_get(kit.hub, "v/a/more", &kit.config));
    ck_assert_uint_eq(hub_count(kit.hub), 8);
    /* An unused source is freed at once to make room. */
    source_unref(held[3]);
    ck_assert_ptr_nonnull(hub_get(kit.hub, "v/a/more", &kit.config));
    ck_assert_uint_eq(hub_count(kit.hub), 8);
    ck_assert_ptr_null(hub_find(kit.hub, "v/a/4"));
    source_unref(kit.source);
    for (int i = 0; i < 7; i++)
        if (i != 3)
            source_unref(held[i]);
    hub_tick(kit.hub, kit.now);
    ck_assert_uint_eq(hub_count(kit.hub), 0);
    kit_close(&kit);
}
END_TEST

/* Names that are waited for leave the publishers' places alone, and the other way round. */
START_TEST(test_publishers_have_places_of_their_own)
{
    struct source *held[16];
    struct kit kit;
    char key[16];

    kit_open(&kit);
    source_ref(kit.source);
    for (int i = 1; i < 8; i++) {
        snprintf(key, sizeof(key), "v/a/%d", i);
        held[i - 1] = source_ref(hub_get(kit.hub, key, &kit.config));
    }
    ck_assert_ptr_null(hub_get(kit.hub, "v/a/more", &kit.config));
    for (int i = 0; i < 8; i++) {
        snprintf(key, sizeof(key), "v/p/%d", i);
        held[7 + i] = hub_get_publish(kit.hub, key, &kit.config);
        ck_assert_ptr_nonnull(held[7 + i]);
        source_ref(held[7 + i]);
        ck_assert_int_eq(hub_is_publishing(kit.hub, key), 1);
    }
    /* One that is waited for already needs a publisher's place, too; */
    ck_assert_ptr_null(hub_get_publish(kit.hub, "v/a/1", &kit.config));
    ck_assert_ptr_null(hub_get_publish(kit.hub, "v/p/more", &kit.config));
    /* a second publisher of the same stream counts once, and the last one to end frees the place.
     */
    ck_assert_ptr_eq(hub_get_publish(kit.hub, "v/p/0", &kit.config), held[7]);
    hub_publish_end(kit.hub, "v/p/0");
    ck_assert_ptr_null(hub_get_publish(kit.hub, "v/a/1", &kit.config));
    hub_publish_end(kit.hub, "v/p/0");
    ck_assert_int_eq(hub_is_publishing(kit.hub, "v/p/0"), 0);
    ck_assert_ptr_eq(hub_get_publish(kit.hub, "v/a/1", &kit.config), held[0]);
    hub_publish_end(kit.hub, "v/a/1");
    for (int i = 1; i < 8; i++) {
        snprintf(key, sizeof(key), "v/p/%d", i);
        hub_publish_end(kit.hub, key);
    }
    source_unref(kit.source);
    for (int i = 0; i < 15; i++)
        source_unref(held[i]);
    hub_tick(kit.hub, kit.now);
    ck_assert_uint_eq(hub_count(kit.hub), 0);
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
    tcase_add_test(tc, test_publishers_have_places_of_their_own);
    tcase_add_test(tc, test_long_key_is_refused);
    tcase_add_test(tc, test_held_source_stays);
    suite_add_tcase(suite, tc);
    return suite;
}
