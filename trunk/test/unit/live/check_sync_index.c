/* The index of sync points: LAS's rules for startPts, steps back, wrap-around, limits. */
#include "live/sync_index.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_sync_index_suite(void);

#define NOTHING UINT64_MAX
#define FAR     (UINT64_MAX - 1)

/* The offset of the point for a startPts; NOTHING without points, FAR beyond the newest frame. */
static uint64_t find(const struct sync_index *index, int64_t pts, uint32_t newest)
{
    struct source_start start = source_start_pts(pts);
    const struct sync_point *point = NULL;

    switch (sync_index_find(index, &start, newest, &point)) {
    case SYNC_INDEX_FOUND:
        ck_assert_ptr_nonnull(point);
        return point->offset;
    case SYNC_INDEX_FAR:
        return FAR;
    default:
        return NOTHING;
    }
}

/* Points at 10,000, 12,000, … ms, at offsets 100, 200, … */
static void fill(struct sync_index *index, uint32_t count)
{
    memset(index, 0, sizeof(*index));
    for (uint32_t i = 0; i < count; i++)
        sync_index_add(index, 100 + (uint64_t)i * 100, 10000 + i * 2000, NULL);
}

START_TEST(test_without_points)
{
    struct sync_index index;

    fill(&index, 0);
    ck_assert_uint_eq(find(&index, 0, 0), NOTHING);
    ck_assert_uint_eq(find(&index, 5000, 0), NOTHING);
    ck_assert_uint_eq(find(&index, -5000, 0), NOTHING);
    ck_assert_ptr_null(sync_index_newest(&index));
    sync_index_fini(&index);
}
END_TEST

START_TEST(test_zero_is_the_newest)
{
    struct sync_index index;

    fill(&index, 5);
    ck_assert_uint_eq(find(&index, 0, 19000), 500);
    sync_index_fini(&index);
}
END_TEST

START_TEST(test_a_time)
{
    struct sync_index index;

    fill(&index, 5);
    ck_assert_uint_eq(find(&index, 10000, 19000), 100);
    ck_assert_uint_eq(find(&index, 11999, 19000), 100);
    ck_assert_uint_eq(find(&index, 12000, 19000), 200);
    ck_assert_uint_eq(find(&index, 18500, 19000), 500);
    /* Before all of them: the first one after it. */
    ck_assert_uint_eq(find(&index, 1, 19000), 100);
    /* After the newest frame: its GOP, until it is too far. */
    ck_assert_uint_eq(find(&index, 19000 + SYNC_INDEX_FAR_MS, 19000), 500);
    ck_assert_uint_eq(find(&index, 19001 + SYNC_INDEX_FAR_MS, 19000), FAR);
    ck_assert_uint_eq(find(&index, INT64_MAX, 19000), FAR);
    ck_assert_uint_eq(find(&index, UINT32_MAX, 19000), FAR);
    sync_index_fini(&index);
}
END_TEST

START_TEST(test_so_long_ago)
{
    struct sync_index index;

    fill(&index, 5);
    ck_assert_uint_eq(find(&index, -1, 19000), 500);
    ck_assert_uint_eq(find(&index, -3000, 19000), 400);
    /* The nearest; of two the earlier one. */
    ck_assert_uint_eq(find(&index, -1900, 19000), 500);
    ck_assert_uint_eq(find(&index, -2000, 19000), 400);
    ck_assert_uint_eq(find(&index, -60000, 19000), 100);
    ck_assert_uint_eq(find(&index, INT64_MIN, 19000), 100);
    sync_index_fini(&index);
}
END_TEST

/* Timestamps that went back: only what came after the last step counts. */
START_TEST(test_a_step_back)
{
    struct sync_index index;

    fill(&index, 5);
    sync_index_add(&index, 600, 3000, NULL);
    sync_index_add(&index, 700, 5000, NULL);
    ck_assert_uint_eq(index.count, 2);
    ck_assert_uint_eq(find(&index, 4000, 6000), 600);
    ck_assert_uint_eq(find(&index, 1000, 6000), 600);
    ck_assert_uint_eq(find(&index, -60000, 6000), 600);
    ck_assert_uint_eq(find(&index, 16000, 6000), FAR);
    /* The same time twice is no step. */
    sync_index_add(&index, 800, 5000, NULL);
    ck_assert_uint_eq(index.count, 3);
    ck_assert_uint_eq(find(&index, 5500, 6000), 800);
    sync_index_fini(&index);
}
END_TEST

START_TEST(test_wrap_around)
{
    struct sync_index index;

    memset(&index, 0, sizeof(index));
    for (uint32_t i = 0; i < 5; i++)
        sync_index_add(&index, 100 + i * 100, UINT32_MAX - 4999 + i * 2000, NULL);
    /* 2^32 - 5000, - 3000, - 1000, then 1000 and 3000 */
    ck_assert_uint_eq(index.count, 5);
    ck_assert_int_eq(sync_index_newest(&index)->pts, ((int64_t)1 << 32) + 3000);
    ck_assert_uint_eq(find(&index, 0, 3500), 500);
    ck_assert_uint_eq(find(&index, 1500, 3500), 400);
    ck_assert_uint_eq(find(&index, 500, 3500), 300);
    ck_assert_uint_eq(find(&index, (int64_t)UINT32_MAX - 4000, 3500), 100);
    ck_assert_uint_eq(find(&index, -5000, 3500), 300);
    ck_assert_uint_eq(find(&index, 3500 + SYNC_INDEX_FAR_MS + 1, 3500), FAR);
    /* A client that counts on. */
    ck_assert_uint_eq(find(&index, ((int64_t)1 << 32) + 1500, 3500), 400);
    /* Just before the wrap, a time after it is not far. */
    sync_index_clear(&index);
    sync_index_add(&index, 900, UINT32_MAX - 999, NULL);
    ck_assert_uint_eq(find(&index, 1000, UINT32_MAX), 900);
    sync_index_fini(&index);
}
END_TEST

START_TEST(test_what_the_ring_has_dropped)
{
    struct sync_index index;

    fill(&index, 5);
    sync_index_trim(&index, 300);
    ck_assert_uint_eq(find(&index, 10000, 19000), 300);
    ck_assert_uint_eq(find(&index, -60000, 19000), 300);
    sync_index_trim(&index, 501);
    ck_assert_uint_eq(find(&index, 10000, 19000), NOTHING);
    sync_index_fini(&index);
}
END_TEST

START_TEST(test_is_bounded)
{
    struct sync_index index;

    fill(&index, SYNC_INDEX_MAX + 10);
    ck_assert_uint_eq(index.count, SYNC_INDEX_MAX);
    ck_assert_uint_eq(find(&index, 1, UINT32_MAX / 2), 100 + 10 * 100);
    ck_assert_uint_eq(find(&index, 10000 + 2000 * 500, UINT32_MAX / 2), 100 + 500 * 100);
    sync_index_fini(&index);
}
END_TEST

START_TEST(test_preambles)
{
    struct blob *first = blob_new("a", 1);
    struct blob *second = blob_new("b", 1);
    struct sync_index index;

    memset(&index, 0, sizeof(index));
    sync_index_set_preamble(&index, first); /* no point: nothing to set */
    sync_index_add(&index, 1, 0, first);
    sync_index_add(&index, 2, 40, NULL);
    sync_index_set_preamble(&index, second);
    ck_assert_uint_eq(first->refs, 2);
    ck_assert_uint_eq(second->refs, 2);
    ck_assert_ptr_eq(sync_index_newest(&index)->preamble, second);
    sync_index_set_preamble(&index, second);
    ck_assert_uint_eq(second->refs, 2);
    sync_index_trim(&index, 2);
    ck_assert_uint_eq(first->refs, 1);
    sync_index_fini(&index);
    ck_assert_uint_eq(second->refs, 1);
    blob_unref(first);
    blob_unref(second);
}
END_TEST

Suite *check_sync_index_suite(void)
{
    Suite *suite = suite_create("sync_index");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, test_without_points);
    tcase_add_test(tc, test_zero_is_the_newest);
    tcase_add_test(tc, test_a_time);
    tcase_add_test(tc, test_so_long_ago);
    tcase_add_test(tc, test_a_step_back);
    tcase_add_test(tc, test_wrap_around);
    tcase_add_test(tc, test_what_the_ring_has_dropped);
    tcase_add_test(tc, test_is_bounded);
    tcase_add_test(tc, test_preambles);
    suite_add_tcase(suite, tc);
    return suite;
}
