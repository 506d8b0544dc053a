/* How max_connections is divided, and under which name an address is counted. */
#include "app/core/quota.h"

#include <check.h>
#include <string.h>

Suite *check_quota_suite(void);

START_TEST(test_auto_leaves_places_for_the_others)
{
    static const int64_t houses[] = {1, 2, 3, 10, 31, 32, 40, 1000, 1000000};
    struct config config = {.max_connections_per_ip = -1};

    for (size_t i = 0; i < sizeof(houses) / sizeof(houses[0]); i++) {
        uint64_t all = (uint64_t)houses[i];

        config.max_connections = houses[i];
        for (int class = 0; class < QUOTA_CLASSES; class ++) {
            ck_assert_uint_ge(quota_limit(&config, (enum quota_class) class), 1);
            ck_assert_uint_le(quota_limit(&config, (enum quota_class) class), all);
        }
        ck_assert_uint_ge(quota_of_address(&config, "192.0.2.1"), 1);
        ck_assert_uint_eq(quota_of_address(&config, "192.0.2.1"), all - all / 2);
        if (all < 32)
            continue;
        ck_assert_uint_lt(quota_limit(&config, QUOTA_VIEWER), all);
        ck_assert_uint_lt(quota_limit(&config, QUOTA_PUBLISHER), all);
        ck_assert_uint_lt(quota_limit(&config, QUOTA_WAITER), all);
        ck_assert_uint_lt(quota_limit(&config, QUOTA_API), all);
    }
}
END_TEST

START_TEST(test_a_given_limit_counts_as_it_is)
{
    struct config config = {.max_connections = 100,
                            .max_viewers = 5,
                            .max_publishers = 2,
                            .max_waiters = 3,
                            .max_api_connections = 1};
    uint64_t count[QUOTA_CLASSES] = {[QUOTA_NEW] = 100};

    for (int class = 0; class < QUOTA_CLASSES; class ++)
        ck_assert_int_eq(quota_check(&config, count, (enum quota_class) class), QUOTA_CLASSES);
    count[QUOTA_WAITER] = 3;
    ck_assert_int_eq(quota_check(&config, count, QUOTA_WAITER), QUOTA_WAITER);
    ck_assert_int_eq(quota_check(&config, count, QUOTA_VIEWER), QUOTA_CLASSES);
    count[QUOTA_VIEWER] = 2; /* and those three will watch as well */
    ck_assert_int_eq(quota_check(&config, count, QUOTA_VIEWER), QUOTA_VIEWER);
    count[QUOTA_WAITER] = 2;
    ck_assert_int_eq(quota_check(&config, count, QUOTA_WAITER), QUOTA_CLASSES);
    count[QUOTA_PUBLISHER] = 2;
    ck_assert_int_eq(quota_check(&config, count, QUOTA_PUBLISHER), QUOTA_PUBLISHER);
    count[QUOTA_API] = 1;
    ck_assert_int_eq(quota_check(&config, count, QUOTA_API), QUOTA_API);
    ck_assert_int_eq(quota_check(&config, count, QUOTA_NEW), QUOTA_CLASSES);
}
END_TEST

START_TEST(test_this_machine_has_no_limit_by_default)
{
    struct config config = {.max_connections = 100, .max_connections_per_ip = -1};

    ck_assert_uint_eq(quota_of_address(&config, "127.0.0.1"), UINT64_MAX);
    ck_assert_uint_eq(quota_of_address(&config, "::1"), UINT64_MAX);
    ck_assert_uint_eq(quota_of_address(&config, "127.0.0.2"), 50);
    ck_assert_uint_eq(quota_of_address(&config, "2001:db8::1"), 50);
    config.max_connections_per_ip = 7;
    ck_assert_uint_eq(quota_of_address(&config, "127.0.0.1"), 7);
    config.max_connections_per_ip = 0;
    ck_assert_uint_eq(quota_of_address(&config, "192.0.2.1"), UINT64_MAX);
}
END_TEST

START_TEST(test_an_ipv6_subscriber_is_one_address)
{
    static const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"}, /* connections show it as IPv4 before */
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"2001:db8:1:2::", "2001:db8:1:2::/64"},
        {"2001:db8:1:3:3:4:5:6", "2001:db8:1:3::/64"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64"},
        {"::1", "::/64"},
        {"", ""},
    };
    char out[IP_TEXT_MAX];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        quota_address(pairs[i][0], out);
        ck_assert_str_eq(out, pairs[i][1]);
    }
}
END_TEST

Suite *check_quota_suite(void)
{
    Suite *suite = suite_create("quota");
    TCase *tc = tcase_create("quota");

    tcase_add_test(tc, test_auto_leaves_places_for_the_others);
    tcase_add_test(tc, test_a_given_limit_counts_as_it_is);
    tcase_add_test(tc, test_this_machine_has_no_limit_by_default);
    tcase_add_test(tc, test_an_ipv6_subscriber_is_one_address);
    suite_add_tcase(suite, tc);
    return suite;
}
