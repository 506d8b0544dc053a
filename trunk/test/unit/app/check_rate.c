/* Rates from samples: since the start, over half a minute, and counters that restart. */
#include "app/core/rate.h"

#include <check.h>

Suite *check_rate_suite(void);

static void reads(const struct rate *rate, usec_t now, uint64_t in, uint64_t out, int64_t want_in,
                  int64_t want_out)
{
    uint64_t bytes[2] = {in, out};
    int64_t kbps[2] = {-1, -1};

    rate_kbps(rate, now, bytes, kbps);
    ck_assert_int_eq(kbps[0], want_in);
    ck_assert_int_eq(kbps[1], want_out);
}

START_TEST(since_the_beginning)
{
    struct rate rate;

    rate_init(&rate, 5 * USEC_PER_SEC, 0, 0);
    reads(&rate, 5 * USEC_PER_SEC, 1000000, 1000000, 0, 0);
    reads(&rate, 5 * USEC_PER_SEC + 99 * USEC_PER_MS, 1000000, 0, 0, 0);
    reads(&rate, 6 * USEC_PER_SEC, 125000, 250000, 1000, 2000);
    reads(&rate, 7 * USEC_PER_SEC, 125000, 0, 500, 0);
}
END_TEST

START_TEST(over_half_a_minute)
{
    struct rate rate;
    usec_t now = 0;
    uint64_t bytes = 0;

    rate_init(&rate, now, 0, 0);
    /* A minute at 1 Mbit/s, then a minute at 2: the first is forgotten. Sampled far too often. */
    for (int i = 0; i < 1200; i++) {
        now += 100 * USEC_PER_MS;
        bytes += i < 600 ? 12500 : 25000;
        rate_sample(&rate, now, bytes, bytes);
        if (i == 599)
            reads(&rate, now, bytes, bytes, 1000, 1000);
    }
    reads(&rate, now, bytes, bytes, 2000, 2000);
    /* Without traffic it falls, and is 0 after another half minute of samples. */
    for (int i = 0; i < 4; i++) {
        now += RATE_STEP;
        rate_sample(&rate, now, bytes, bytes);
    }
    reads(&rate, now, bytes, bytes, 0, 0);
}
END_TEST

START_TEST(a_counter_that_is_reset)
{
    struct rate rate;

    rate_init(&rate, 0, 1000000, UINT64_MAX - 1);
    reads(&rate, USEC_PER_SEC, 10, UINT64_MAX, 0, 0);
    rate_init(&rate, 0, 0, 0);
    reads(&rate, -USEC_PER_SEC, 100, 100, 0, 0);
}
END_TEST

START_TEST(mean)
{
    ck_assert_int_eq(rate_mean(125000, USEC_PER_SEC), 1000);
    ck_assert_int_eq(rate_mean(125000, 99 * USEC_PER_MS), 0);
    ck_assert_int_eq(rate_mean(0, USEC_PER_SEC), 0);
}
END_TEST

Suite *check_rate_suite(void)
{
    Suite *suite = suite_create("rate");
    TCase *tc = tcase_create("rate");

    tcase_add_test(tc, since_the_beginning);
    tcase_add_test(tc, over_half_a_minute);
    tcase_add_test(tc, a_counter_that_is_reset);
    tcase_add_test(tc, mean);
    suite_add_tcase(suite, tc);
    return suite;
}
