/* When a viewer of ?quality=auto changes the rung: on paths that are simulated sample by sample. */
#include "app/stream/quality_judge.h"

#include <check.h>

Suite *check_quality_judge_suite(void);

#define TICK ((usec_t)100 * USEC_PER_MS)

struct path {
    struct quality_judge judge;
    usec_t now;
    uint64_t acked;
    uint64_t rate;
    int samples;
};

static void begin(struct path *path)
{
    *path = (struct path){.now = USEC_PER_SEC};
    quality_judge_begin(&path->judge, path->now);
}

/* One tick with so much waiting; 125,000 bytes a second are acknowledged. */
static enum quality_verdict tick(struct path *path, usec_t waiting)
{
    struct quality_sample sample;

    path->now += TICK;
    path->acked += 12500;
    if (!quality_judge_wants(&path->judge, path->now))
        return QUALITY_STAY;
    path->samples++;
    sample = (struct quality_sample){path->now, waiting, path->acked};
    return quality_judge_take(&path->judge, &sample, &path->rate);
}

/* So many ticks; the number of the first one with another verdict than to stay, from 1; 0: none. */
static int first(struct path *path, int ticks, usec_t waiting, enum quality_verdict *verdict)
{
    for (int i = 1; i <= ticks; i++) {
        *verdict = tick(path, waiting);
        if (*verdict != QUALITY_STAY)
            return i;
    }
    return 0;
}

START_TEST(test_a_queue_that_stands)
{
    enum quality_verdict verdict;
    struct path path;
    int ticks;

    begin(&path);
    ck_assert_int_eq(first(&path, 30, 0, &verdict), 0);
    ticks = first(&path, 30, 300 * USEC_PER_MS, &verdict);
    ck_assert_int_eq(verdict, QUALITY_WORSE);
    ck_assert_int_ge(ticks, 4);
    ck_assert_int_le(ticks, 7);
    ck_assert_uint_eq(path.rate, 125000);
}
END_TEST

/* Keyframes and batches fill the queue for a moment. */
START_TEST(test_a_queue_that_drains)
{
    struct path path;

    begin(&path);
    for (int i = 0; i < 90; i++)
        ck_assert_int_eq(tick(&path, i % 5 < 3 ? 500 * USEC_PER_MS : 0), QUALITY_STAY);
}
END_TEST

/* The beginning comes at once, over any path. */
START_TEST(test_the_beginning)
{
    enum quality_verdict verdict;
    struct path path;

    begin(&path);
    ck_assert_int_eq(first(&path, 14, USEC_PER_SEC, &verdict), 0);
    ck_assert_int_eq(first(&path, 5, USEC_PER_SEC, &verdict), 1);
    ck_assert_int_eq(verdict, QUALITY_WORSE);
}
END_TEST

START_TEST(test_a_clear_path)
{
    enum quality_verdict verdict;
    struct path path;
    int ticks;

    begin(&path);
    ticks = first(&path, 200, 50 * USEC_PER_MS, &verdict);
    ck_assert_int_eq(verdict, QUALITY_BETTER);
    ck_assert_int_ge(ticks, 99);
    ck_assert_int_le(ticks, 103);
    ck_assert_int_le(path.samples, 55); /* not at every tick */
    /* There is none: it is not asked for at every sample. */
    quality_judge_refused(&path.judge, path.now);
    ck_assert_int_ge(first(&path, 200, 0, &verdict), 29);
    quality_judge_arrived(&path.judge, 1, path.now);
    ck_assert_int_ge(first(&path, 200, 0, &verdict), 99);
}
END_TEST

/* Tries one better rung, and leaves it again; returns the ticks until it was tried. */
static int fail_once(struct path *path)
{
    enum quality_verdict verdict;
    int ticks = first(path, 3000, 0, &verdict);

    ck_assert_int_eq(verdict, QUALITY_BETTER);
    quality_judge_arrived(&path->judge, 1, path->now);
    ck_assert_int_gt(first(path, 100, USEC_PER_SEC, &verdict), 0);
    ck_assert_int_eq(verdict, QUALITY_WORSE);
    quality_judge_arrived(&path->judge, 0, path->now);
    return ticks;
}

/* A path that never carries the better rung sees it less and less often. */
START_TEST(test_tries_that_fail)
{
    static const int seconds[] = {10, 20, 40, 80, 160, 160};
    enum quality_verdict verdict;
    struct path path;

    begin(&path);
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        int ticks = fail_once(&path);

        ck_assert_int_ge(ticks, seconds[i] * 10 - 1);
        ck_assert_int_le(ticks, seconds[i] * 10 + 3);
    }
    /* One that lasts ends that. */
    ck_assert_int_gt(first(&path, 3000, 0, &verdict), 0);
    quality_judge_arrived(&path.judge, 1, path.now);
    ck_assert_int_ge(first(&path, 3000, 0, &verdict), 599);
    quality_judge_arrived(&path.judge, 0, path.now);
    ck_assert_int_le(first(&path, 3000, 0, &verdict), 103);
}
END_TEST

Suite *check_quality_judge_suite(void)
{
    Suite *suite = suite_create("quality_judge");
    TCase *test = tcase_create("quality_judge");

    tcase_add_test(test, test_a_queue_that_stands);
    tcase_add_test(test, test_a_queue_that_drains);
    tcase_add_test(test, test_the_beginning);
    tcase_add_test(test, test_a_clear_path);
    tcase_add_test(test, test_tries_that_fail);
    suite_add_tcase(suite, test);
    return suite;
}
