/* The directory's address: all spellings, refused ones, and passwords that are never shown. */
#include "app/config/directory_url.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_directory_url_suite(void);

START_TEST(test_good)
{
    static const struct {
        const char *text, *host, *user, *password, *shown, *masked;
        int port, db, is_tls;
    } cases[] = {
        {"redis://h", "h", "", "", "redis://h:6379/0", "redis://h", 6379, 0, 0},
        {"redis://h/", "h", "", "", "redis://h:6379/0", "redis://h/", 6379, 0, 0},
        {"redis://10.0.0.1:7/65535", "10.0.0.1", "", "", "redis://10.0.0.1:7/65535",
         "redis://10.0.0.1:7/65535", 7, 65535, 0},
        {"rediss://[::1]:6380/2", "::1", "", "", "rediss://[::1]:6380/2", "rediss://[::1]:6380/2",
         6380, 2, 1},
        {"redis://[2001:db8::1]", "2001:db8::1", "", "", "redis://[2001:db8::1]:6379/0",
         "redis://[2001:db8::1]", 6379, 0, 0},
        {"redis://:secret@h", "h", "", "secret", "redis://h:6379/0", "redis://:***@h", 6379, 0, 0},
        {"redis://ann:secret@h:1/3", "h", "ann", "secret", "redis://h:1/3", "redis://ann:***@h:1/3",
         1, 3, 0},
        {"redis://a%3ab:s%40%2F%3A%25@h", "h", "a:b", "s@/:%", "redis://h:6379/0",
         "redis://a%3ab:***@h", 6379, 0, 0},
        {"redis://u:a@b:c@h:9", "h", "u", "a@b:c", "redis://h:9/0", "redis://u:***@h:9", 9, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct directory_url url;
        const char *why = NULL;
        char shown[300];

        ck_assert_msg(directory_url_parse(&url, cases[i].text, &why) == 0, "%s: %s", cases[i].text,
                      why);
        ck_assert_str_eq(url.host, cases[i].host);
        ck_assert_str_eq(url.user, cases[i].user);
        ck_assert_str_eq(url.password, cases[i].password);
        ck_assert_int_eq(url.port, cases[i].port);
        ck_assert_int_eq(url.db, cases[i].db);
        ck_assert_int_eq(url.is_tls, cases[i].is_tls);
        directory_url_show(&url, shown, sizeof(shown));
        ck_assert_str_eq(shown, cases[i].shown);
        directory_url_mask(cases[i].text, shown, sizeof(shown));
        ck_assert_str_eq(shown, cases[i].masked);
    }
}
END_TEST

static void refused(const char *text)
{
    struct directory_url url;
    const char *why = NULL;

    ck_assert_msg(directory_url_parse(&url, text, &why) == -1, "%s", text);
    ck_assert_ptr_nonnull(why);
}

START_TEST(test_bad)
{
    static const char *const bad[] = {"",
                                      "h",
                                      "redis:",
                                      "redis://",
                                      "redis:///0",
                                      "http://h",
                                      "REDIS://h",
                                      "redis://:6379",
                                      "redis://h:",
                                      "redis://h:0",
                                      "redis://h:65536",
                                      "redis://h:x",
                                      "redis://h/x",
                                      "redis://h/-1",
                                      "redis://h/65536",
                                      "redis://h/0/1",
                                      "redis://h?db=1",
                                      "redis://h#1",
                                      "redis://h h",
                                      "redis://[::1",
                                      "redis://user@h",
                                      "redis://user:@h",
                                      "redis://:***@h",
                                      "redis://:p%@h",
                                      "redis://:p%4@h",
                                      "redis://:p%zz@h",
                                      "redis://:p%00@h",
                                      "redis://:p%0a@h",
                                      "redis://:secret@",
                                      "redis://h\nx"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i]);
}
END_TEST

/* At every length: an accepted text is a whole address, and no message repeats the text. */
START_TEST(test_truncated)
{
    static const char whole[] = "rediss://ann:xqzw%40@host.example:6380/12";
    struct directory_url url;
    char text[sizeof(whole)];

    for (size_t len = 0; len < sizeof(whole); len++) {
        const char *why = NULL;

        memcpy(text, whole, len);
        text[len] = '\0';
        if (directory_url_parse(&url, text, &why) != 0)
            ck_assert_ptr_null(strstr(why, "xqzw"));
        else
            ck_assert_msg(len <= strlen("rediss://ann") || len > strlen("rediss://ann:xqzw%40@"),
                          "%s", text);
    }
}
END_TEST

START_TEST(test_limits)
{
    char text[2048];
    char shown[300];
    struct directory_url url;
    const char *why;

    snprintf(text, sizeof(text), "redis://:%0255d@h", 1);
    ck_assert_int_eq(directory_url_parse(&url, text, &why), 0);
    snprintf(text, sizeof(text), "redis://:%0256d@h", 1);
    refused(text);
    snprintf(text, sizeof(text), "redis://%0128d:x@h", 1);
    refused(text);
    snprintf(text, sizeof(text), "redis://%0300d", 1);
    refused(text);
    /* What does not fit is not shown at all rather than in part. */
    directory_url_mask("redis://:x@h", shown, 5);
    ck_assert_str_eq(shown, "");
    directory_url_mask("redis://word@h", shown, sizeof(shown));
    ck_assert_str_eq(shown, "");
}
END_TEST

Suite *check_directory_url_suite(void)
{
    Suite *suite = suite_create("directory_url");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, test_good);
    tcase_add_test(tcase, test_bad);
    tcase_add_test(tcase, test_truncated);
    tcase_add_test(tcase, test_limits);
    suite_add_tcase(suite, tcase);
    return suite;
}
