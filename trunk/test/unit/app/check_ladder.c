/* Quality ladders: the syntax, which ladder a stream belongs to, and how players name its rungs. */
#include "app/config/ladder.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_ladder_suite(void);

#define WORDS_MAX 16

static struct ladder found;
static char *words[WORDS_MAX];

/* Splits a text by spaces; borrows it. */
static struct config_strings list_of(char *text)
{
    struct config_strings list = {0, words};

    for (char *word = strtok_r(text, " ", &text); word != NULL; word = strtok_r(NULL, " ", &text))
        words[list.count++] = word;
    return list;
}

static int find(const char *text, const char *app, const char *name)
{
    static char copy[512];
    struct config_strings list;

    (void)strncpy(copy, text, sizeof(copy) - 1);
    list = list_of(copy);
    return ladder_find(&list, app, name, &found);
}

#define TWO "show live/show_1080 live/show_360 live/extra news tv/news tv/news-low"

START_TEST(finds_rungs_and_addresses)
{
    ck_assert_int_eq(find(TWO, "live", "show_360"), 0);
    ck_assert_int_eq(found.at, 1);
    ck_assert_int_eq(found.count, 3);
    ck_assert_str_eq(found.app, "live");
    ck_assert_str_eq(found.name, "show");
    ck_assert_str_eq(found.rung[0].name, "show_1080");
    ck_assert_str_eq(found.rung[0].quality, "1080");
    ck_assert_str_eq(found.rung[2].quality, "extra");
    ck_assert_int_eq(find(TWO, "live", "show"), 0);
    ck_assert_int_eq(found.at, -1);
    ck_assert_int_eq(find(TWO, "other", "show"), -1);
    ck_assert_int_eq(find(TWO, "live", "show_"), -1);
    /* A rung with the name of the ladder is a rung. */
    ck_assert_int_eq(find(TWO, "tv", "news"), 0);
    ck_assert_int_eq(found.at, 0);
    ck_assert_str_eq(found.rung[0].quality, "news");
    ck_assert_str_eq(found.rung[1].quality, "low");
    ck_assert_int_eq(find("", "live", "show"), -1);
}
END_TEST

START_TEST(finds_own_addresses)
{
    char text[] = TWO;
    struct config_strings list = list_of(text);

    ck_assert_int_eq(ladder_find_own(&list, "tv", "news", &found), 0);
    ck_assert_int_eq(found.at, -1);
    ck_assert_int_eq(found.count, 2);
    ck_assert_int_eq(ladder_find_own(&list, "live", "show_1080", &found), -1);
}
END_TEST

START_TEST(fills_in_patterns)
{
    const char *pattern = "[stream] [app]/[stream]_hi [app]/[stream]_lo";

    ck_assert_int_eq(find(pattern, "a/b", "cam_1_lo"), 0);
    ck_assert_int_eq(found.at, 1);
    ck_assert_str_eq(found.app, "a/b");
    ck_assert_str_eq(found.name, "cam_1");
    ck_assert_str_eq(found.rung[0].app, "a/b");
    ck_assert_str_eq(found.rung[0].name, "cam_1_hi");
    ck_assert_str_eq(found.rung[0].quality, "hi");
    ck_assert_int_eq(find(pattern, "a", "cam"), 0);
    ck_assert_int_eq(found.at, -1);
    ck_assert_str_eq(found.rung[1].name, "cam_lo");
    /* Nothing in place of [stream]. */
    ck_assert_int_eq(find("[stream] live/[stream]_lo", "live", "_lo"), 0);
    ck_assert_int_eq(found.at, -1);
    ck_assert_int_eq(find("[stream] live/[stream]_lo", "tv", "cam_lo"), -1);
}
END_TEST

static void refuses(const char *text, int want)
{
    char copy[256];
    struct config_strings list;
    const char *why = NULL;
    int at = -1;

    (void)strncpy(copy, text, sizeof(copy) - 1);
    copy[sizeof(copy) - 1] = '\0';
    list = list_of(copy);
    ck_assert_msg(ladder_check(list.item, list.count, &at, &why) == -1, "%s", text);
    ck_assert_int_eq(at, want);
    ck_assert_ptr_nonnull(why);
}

START_TEST(checks_words)
{
    char good[] = "show live/a a/b/c [stream] [app]/x[stream]y live/[stream]";
    struct config_strings list = list_of(good);
    const char *why;
    int at;

    ck_assert_int_eq(ladder_check(list.item, list.count, &at, &why), 0);
    ck_assert_int_eq(ladder_check(list.item, 0, &at, &why), 0);
    refuses("live/a", 0);
    refuses("show", 0);
    refuses("show live/a other", 2);
    refuses("show other live/a", 1);
    refuses("show live/", 1);
    refuses("show /a", 1);
    refuses("show live//a", 1);
    refuses("show live/[stream]", 1);
    refuses("[stream] live/a", 1);
    refuses("[stream] live/[stream][stream]", 1);
    refuses("[stream] x[app]/[stream]", 1);
    refuses("[app] live/a", 0);
    refuses("s a/1 a/2 a/3 a/4 a/5 a/6 a/7 a/8 a/9", 9);
}
END_TEST

/* Names that fill the memory of a ladder: none is cut. */
START_TEST(refuses_what_is_too_long)
{
    static char name[300], text[700];

    memset(name, 'n', sizeof(name) - 1);
    (void)snprintf(text, sizeof(text), "[stream] live/[stream]_%s", "lo");
    ck_assert_int_eq(find(text, "live", name), 0);
    memset(text, 0, sizeof(text));
    (void)snprintf(text, sizeof(text),
                   "[stream] a/[stream]1 a/[stream]2 a/[stream]3 a/[stream]4 "
                   "a/[stream]5 a/[stream]6 a/[stream]7 a/[stream]8");
    ck_assert_int_eq(find(text, "a", name), -1);
    name[150] = '\0';
    ck_assert_int_eq(find(text, "a", name), 0);
}
END_TEST

Suite *check_ladder_suite(void)
{
    Suite *suite = suite_create("ladder");
    TCase *tc = tcase_create("ladder");

    tcase_add_test(tc, finds_rungs_and_addresses);
    tcase_add_test(tc, finds_own_addresses);
    tcase_add_test(tc, fills_in_patterns);
    tcase_add_test(tc, checks_words);
    tcase_add_test(tc, refuses_what_is_too_long);
    suite_add_tcase(suite, tc);
    return suite;
}
