/* ?quality=: which rung of a ladder a request gets. */
#include "app/http/http_quality.h"
#include "http_test.h"

#include <string.h>

Suite *check_http_quality_suite(void);

static char *words[] = {"show", "live/show_720", "tv/show_360", "live/extra"};

static struct http_test test;
static struct http_target rung;

static void open_test(void)
{
    http_test_init(&test);
    test.vhost.http_remux.enabled = 1;
    test.vhost.ladder = (struct config_strings){4, words};
}

/* Asks for live/NAME.flv?QUERY. */
static enum http_quality find(const char *name, const char *query)
{
    struct http_target target = {.vhost = &test.vhost, .mux = &mux_flv, .app = "live"};

    strncpy(target.stream, name, sizeof(target.stream) - 1);
    test.request.query = query;
    memset(&rung, 0, sizeof(rung));
    return http_quality_find(&test.x, &target, &rung);
}

START_TEST(finds_rungs)
{
    open_test();
    ck_assert_int_eq(find("show", "quality=720"), HTTP_QUALITY_FOUND);
    ck_assert_str_eq(rung.app, "live");
    ck_assert_str_eq(rung.stream, "show_720");
    ck_assert_ptr_eq(rung.mux, &mux_flv);
    ck_assert_ptr_eq(rung.vhost, &test.vhost);
    ck_assert_int_eq(find("show", "a=b&quality=360"), HTTP_QUALITY_FOUND);
    ck_assert_str_eq(rung.app, "tv");
    ck_assert_str_eq(rung.stream, "show_360");
    ck_assert_int_eq(find("show_720", "quality=extra"), HTTP_QUALITY_FOUND);
    ck_assert_str_eq(rung.stream, "extra");
    http_test_fini(&test);
}
END_TEST

/* Nothing is published: at the middle one of a ladder's own address. */
START_TEST(begins_auto_at_the_named_rung)
{
    static const struct observer *const none[] = {NULL};
    static const struct tables tables = {.observers = none};

    open_test();
    test.server.tables = &tables;
    test.server.hub = hub_new(4, 4);
    ck_assert_ptr_nonnull(test.server.hub);
    ck_assert_int_eq(find("show_720", "quality=auto"), HTTP_QUALITY_AUTO);
    ck_assert_str_eq(rung.stream, "show_720");
    ck_assert_int_eq(find("show", "quality=auto"), HTTP_QUALITY_AUTO);
    ck_assert_str_eq(rung.stream, "show_360");
    ck_assert_int_eq(find("other", "quality=auto"), HTTP_QUALITY_NONE);
    hub_free(test.server.hub);
    test.server.hub = NULL;
    http_test_fini(&test);
}
END_TEST

START_TEST(refuses_unknown_qualities)
{
    open_test();
    ck_assert_int_eq(find("show", "quality=1080"), HTTP_QUALITY_UNKNOWN);
    ck_assert_int_eq(find("show", "quality="), HTTP_QUALITY_UNKNOWN);
    ck_assert_int_eq(find("show_720", "quality=72"), HTTP_QUALITY_UNKNOWN);
    http_test_fini(&test);
}
END_TEST

START_TEST(leaves_others_alone)
{
    open_test();
    ck_assert_int_eq(find("show", NULL), HTTP_QUALITY_NONE);
    ck_assert_int_eq(find("show", "qualities=720"), HTTP_QUALITY_NONE);
    ck_assert_int_eq(find("other", "quality=720"), HTTP_QUALITY_NONE);
    test.vhost.http_remux.enabled = 0;
    ck_assert_int_eq(find("show", "quality=720"), HTTP_QUALITY_NONE);
    test.vhost.http_remux.enabled = 1;
    test.vhost.ladder.count = 0;
    ck_assert_int_eq(find("show", "quality=720"), HTTP_QUALITY_NONE);
    http_test_fini(&test);
}
END_TEST

START_TEST(names_it_in_the_answer)
{
    static const char line[] = "X-Millrace-Quality: 720\r\n";

    open_test();
    (void)find("show", "quality=720");
    ck_assert_int_eq(http_quality_append(&test.x), 0);
    ck_assert_uint_eq(test.x.extra.len, sizeof(line) - 1);
    ck_assert_mem_eq(buf_data(&test.x.extra), line, sizeof(line) - 1);
    /* What no header may contain. */
    buf_reset(&test.x.extra);
    (void)find("show", "quality=a%0d%0ab:%20c");
    ck_assert_int_eq(http_quality_append(&test.x), 0);
    ck_assert_uint_eq(test.x.extra.len, 0);
    http_test_fini(&test);
}
END_TEST

Suite *check_http_quality_suite(void)
{
    Suite *suite = suite_create("http_quality");
    TCase *tc = tcase_create("http_quality");

    tcase_add_test(tc, finds_rungs);
    tcase_add_test(tc, begins_auto_at_the_named_rung);
    tcase_add_test(tc, refuses_unknown_qualities);
    tcase_add_test(tc, leaves_others_alone);
    tcase_add_test(tc, names_it_in_the_answer);
    suite_add_tcase(suite, tc);
    return suite;
}
