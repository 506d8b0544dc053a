/* Paths of recordings: SRS's variables, folders, names that clients chose, and lengths. */
#include "app/record/record_path.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_record_path_suite(void);

/* 2023-11-14 22:13:20.045 UTC */
#define WALL (INT64_C(1700000000) * USEC_PER_SEC + 45 * USEC_PER_MS)

static const struct record_names names = {"v.example", "live", "show"};

static void ck_path(const char *template, const struct record_names *of, const char *wanted)
{
    char path[RECORD_PATH_MAX];

    ck_assert_int_eq(record_path_make(template, of, WALL, 1, path), 0);
    ck_assert_str_eq(path, wanted);
}

START_TEST(test_variables)
{
    ck_path("./html/[app]/[stream].[timestamp].flv", &names, "./html/live/show.1700000000045.flv");
    ck_path("/d/[vhost]/[app]/[stream]/[2006]/[01]/[02]/[15].[04].[05].[999].flv", &names,
            "/d/v.example/live/show/2023/11/14/22.13.20.045.flv");
    ck_path("[stream].mp4", &names, "show.mp4");
    /* A folder. */
    ck_path("./html", &names, "./html/show.1700000000045.flv");
    ck_path("./html/[app]/", &names, "./html/live/show.1700000000045.flv");
    /* No variables. */
    ck_path("a[b]c[.flv", &names, "a[b]c[.flv");
    ck_path("[[stream].flv", &names, "[show.flv");
    ck_path("[2007].flv", &names, "[2007].flv");
}
END_TEST

/* Nothing that a client writes leads elsewhere. */
START_TEST(test_names_of_clients)
{
    const struct record_names deep = {"v", "a/b/c", "s"};
    const struct record_names up = {"..", "../..//x/.", ".."};
    const struct record_names odd = {"v", "a", "x/../y\\\n\x7f.flv"};
    const struct record_names dots = {"v", ".", "."};
    char path[RECORD_PATH_MAX];

    ck_path("r/[app]/[stream].flv", &deep, "r/a/b/c/s.flv");
    ck_path("r/[vhost]/[app]/[stream]/x.flv", &up, "r/__/__/__/x/_/__/x.flv");
    ck_path("r/[app]/[stream].flv", &odd, "r/a/x_.._y___.flv.flv");
    ck_path("r/[app][stream]/x.flv", &dots, "r/__/x.flv");
    /* The operator's own folder may be anywhere, what follows a variable may not. */
    ck_path("../r/[stream].flv", &names, "../r/show.flv");
    ck_assert_int_eq(record_path_make("r/[app]/../[stream].flv", &names, WALL, 1, path), -1);
}
END_TEST

START_TEST(test_lengths)
{
    char long_name[300], path[RECORD_PATH_MAX];
    struct record_names of = {"v", "a", long_name};

    for (size_t len = 1; len < sizeof(long_name); len++) {
        int rc;

        memset(long_name, 'x', len);
        long_name[len] = '\0';
        rc = record_path_make("r/[stream].flv", &of, WALL, 1, path);
        ck_assert_int_eq(rc, len + 4 <= RECORD_NAME_MAX ? 0 : -1);
    }
    long_name[200] = '\0';
    ck_assert_int_eq(
        record_path_make("[stream]/[stream]/[stream]/[stream]/[stream].flv", &of, WALL, 1, path),
        0);
    ck_assert_int_eq(record_path_make("[stream]/[stream]/[stream]/[stream]/[stream]/[stream].flv",
                                      &of, WALL, 1, path),
                     -1);
}
END_TEST

START_TEST(test_numbers)
{
    char path[RECORD_PATH_MAX];

    ck_assert_int_eq(record_path_number("./a.b/c.flv", 12, path), 0);
    ck_assert_str_eq(path, "./a.b/c.12.flv");
}
END_TEST

static void ck_root(const char *template, const char *wanted, int wanted_depth)
{
    char path[RECORD_PATH_MAX];
    int depth;

    ck_assert_int_eq(record_path_root(template, path, &depth), 0);
    ck_assert_str_eq(path, wanted);
    ck_assert_int_eq(depth, wanted_depth);
}

START_TEST(test_roots)
{
    ck_root("./html/[stream].flv", "./html", 0);
    ck_root("./html/x[stream].flv", "./html", 0);
    ck_root("./html/[vhost]/[stream].flv", "./html", 1);
    ck_root("./html/[app]/[stream].flv", "./html", 9);
    ck_root("[stream].flv", ".", 0);
    ck_root("/[stream].flv", "/", 0);
    ck_root("/data", "/data", 0);
    ck_root("/data/[02]/", "/data", 1);
    ck_root("fixed.flv", ".", 0);
}
END_TEST

Suite *check_record_path_suite(void)
{
    Suite *suite = suite_create("record_path");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, test_variables);
    tcase_add_test(tcase, test_names_of_clients);
    tcase_add_test(tcase, test_lengths);
    tcase_add_test(tcase, test_numbers);
    tcase_add_test(tcase, test_roots);
    suite_add_tcase(suite, tcase);
    return suite;
}
