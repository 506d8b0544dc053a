/* Whether the keyframes of two rungs line up: the same GOPs, multiples, another length, shifted. */
#include "app/stream/rung_keys.h"

#include <check.h>

Suite *check_rung_keys_suite(void);

static struct rung_keys keys(int64_t from, int64_t step, int count)
{
    struct rung_keys out = {0};

    for (int i = 0; i < count; i++)
        rung_keys_note(&out, from + i * step);
    return out;
}

static void compares(struct rung_keys own, struct rung_keys other, const char *want)
{
    ck_assert_str_eq(rung_keys_match_name(rung_keys_compare(&own, &other)), want);
}

START_TEST(compares_gops)
{
    compares(keys(0, 2000, 4), keys(0, 2000, 4), "aligned");
    compares(keys(3, 2000, 4), keys(0, 2000, 5), "aligned");
    /* A late rung, and one whose newest keyframe has not come yet. */
    compares(keys(4000, 2000, 8), keys(0, 2000, 5), "aligned");
    /* Twice as long: each of its keyframes will do. Half as long: every other one. */
    compares(keys(0, 4000, 4), keys(0, 2000, 8), "aligned");
    compares(keys(0, 1000, 8), keys(0, 2000, 4), "partly");
    compares(keys(0, 3000, 4), keys(0, 2000, 6), "partly");
    compares(keys(40, 2000, 4), keys(0, 2000, 5), "apart");
}
END_TEST

START_TEST(needs_enough_of_both)
{
    const struct rung_keys none = {0};

    compares(none, none, "unknown");
    compares(keys(0, 2000, 8), none, "unknown");
    compares(none, keys(0, 2000, 8), "unknown");
    compares(keys(0, 2000, 2), keys(0, 2000, 2), "unknown");
    /* Not at the same time at all. */
    compares(keys(0, 2000, 8), keys(900000, 2000, 8), "unknown");
}
END_TEST

START_TEST(remembers_the_newest)
{
    struct rung_keys out = keys(0, 100, 20);

    ck_assert_int_eq(out.count, RUNG_KEYS_MAX);
    ck_assert_int_eq(out.at[0], 1200);
    ck_assert_int_eq(out.at[RUNG_KEYS_MAX - 1], 1900);
    rung_keys_note(&out, 1900);
    rung_keys_note(&out, -1);
    ck_assert_int_eq(out.at[0], 1200);
    /* A new timeline. */
    rung_keys_note(&out, 5);
    ck_assert_int_eq(out.count, 1);
    ck_assert_int_eq(out.at[0], 5);
}
END_TEST

Suite *check_rung_keys_suite(void)
{
    Suite *suite = suite_create("rung_keys");
    TCase *tc = tcase_create("rung_keys");

    tcase_add_test(tc, compares_gops);
    tcase_add_test(tc, needs_enough_of_both);
    tcase_add_test(tc, remembers_the_newest);
    suite_add_tcase(suite, tc);
    return suite;
}
