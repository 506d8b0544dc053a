/* Pages of keys: their order, their bounds, and where an object stands in a part. */
#include "app/control/api_page.h"

#include <check.h>

Suite *check_api_page_suite(void);

static struct api_page page;

/* Keys 0, 10, 20, …, added in another order. */
static void fill(size_t count)
{
    ck_assert_int_eq(api_page_init(&page, count), 0);
    for (size_t i = 0; i < count; i++)
        api_page_add(&page, (i * 7 % count) * 10);
    api_page_add(&page, 999999); /* no room */
}

START_TEST(cuts)
{
    static const struct {
        size_t start, count, got;
        uint64_t first;
    } rows[] = {{0, 100, 11, 0}, {0, 3, 3, 0},  {4, 3, 3, 40},        {10, 5, 1, 100},
                {11, 5, 0, 0},   {50, 5, 0, 0}, {5, SIZE_MAX, 6, 50}, {0, 0, 0, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fill(11);
        api_page_cut(&page, rows[i].start, rows[i].count);
        ck_assert_uint_eq(page.count, rows[i].got);
        for (size_t j = 0; j < page.count; j++)
            ck_assert_uint_eq(page.key[j], rows[i].first + 10 * j);
        api_page_fini(&page);
    }
}
END_TEST

START_TEST(bounds)
{
    fill(11);
    api_page_bound(&page, 0, 0, 50);
    api_page_cut(&page, 0, 100);
    ck_assert_uint_eq(page.count, 6);
    api_page_bound(&page, 1, 20, 40);
    ck_assert_uint_eq(page.count, 2);
    ck_assert_uint_eq(page.key[0], 30);
    api_page_bound(&page, 1, 40, UINT64_MAX);
    ck_assert_uint_eq(page.count, 0);
    api_page_fini(&page);
}
END_TEST

START_TEST(parts)
{
    fill(2 * API_PAGE_PART + 1);
    api_page_cut(&page, 0, SIZE_MAX);
    ck_assert_int_eq(api_page_find(&page, 0, 0), 0);
    ck_assert_int_eq(api_page_find(&page, 0, 10 * (API_PAGE_PART - 1)), API_PAGE_PART - 1);
    ck_assert_int_eq(api_page_find(&page, 0, 10 * API_PAGE_PART), -1);
    ck_assert_int_eq(api_page_find(&page, API_PAGE_PART, 10 * API_PAGE_PART), 0);
    ck_assert_int_eq(api_page_find(&page, API_PAGE_PART, 0), -1);
    ck_assert_int_eq(api_page_find(&page, 2 * API_PAGE_PART, 20 * API_PAGE_PART), 0);
    ck_assert_int_eq(api_page_find(&page, 0, 5), -1);
    ck_assert_int_eq(api_page_find(&page, page.count, 0), -1);
    api_page_fini(&page);
}
END_TEST

Suite *check_api_page_suite(void)
{
    Suite *suite = suite_create("api_page");
    TCase *tc = tcase_create("api_page");

    tcase_add_test(tc, cuts);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, parts);
    suite_add_tcase(suite, tc);
    return suite;
}
