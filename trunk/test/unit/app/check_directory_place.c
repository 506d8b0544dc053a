/* The directory's values: written, read, hostile; and a server's own place. */
#include "app/config/directory_place.h"
#include "base/str.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *check_directory_place_suite(void);

static int parse(struct directory_place *place, const char *text)
{
    return directory_place_parse(place, text, strlen(text));
}

START_TEST(test_a_written_place_is_read_back)
{
    static const struct directory_place places[] = {
        {"10.0.0.1:1935", "10.0.0.1:8080", "a.example:443"},
        {"[2001:db8::1]:1", "", "[::1]:65535"},
        {"host_1.example-x:1935", "", ""},
    };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char value[DIRECTORY_VALUE_SIZE];
        struct directory_place back;
        size_t own = 0;

        directory_place_write(&places[i], "00fe", value, &own);
        ck_assert_int_eq(parse(&back, value), 0);
        ck_assert_str_eq(back.rtmp, places[i].rtmp);
        ck_assert_str_eq(back.http, places[i].http);
        ck_assert_str_eq(back.https, places[i].https);
        ck_assert(directory_place_is(&back, &places[i]));
        ck_assert(!directory_place_is(&back, &places[(i + 1) % 3]));
        /* The part that identifies the server ends after its RTMP address. */
        ck_assert_uint_eq(own, strlen("1 ") + strlen(places[i].rtmp) + 1);
        ck_assert(value[own - 1] == ' ');
    }
}
END_TEST

START_TEST(test_value)
{
    char value[DIRECTORY_VALUE_SIZE];
    struct directory_place place = {"h:1", "", "h:2"};
    size_t own;

    directory_place_write(&place, "ab", value, &own);
    ck_assert_str_eq(value, "1 h:1 - h:2 ab");
}
END_TEST

/* No prefix of a valid value is valid, except those that only truncate the mark. */
START_TEST(test_truncated)
{
    static const char whole[] = "1 [::1]:1935 host:80 host:443 0123456789abcdef";
    struct directory_place place;

    for (size_t len = 0; len < sizeof(whole); len++) {
        int is_whole = len > strlen("1 [::1]:1935 host:80 host:443 ");

        ck_assert_int_eq(directory_place_parse(&place, whole, len),
                         is_whole && whole[len - 1] != '\0' ? 0 : -1);
    }
}
END_TEST

START_TEST(test_hostile)
{
    static const char *const bad[] = {
        "",
        " ",
        "1",
        "0 h:1 - - a",
        "2 h:1 - - a",
        "11 h:1 - - a",
        "1 - - - a",
        "1 h - - a",
        "1 h: - - a",
        "1 h:0 - - a",
        "1 h:65536 - - a",
        "1 h:+1 - - a",
        "1 :1 - - a",
        "1 -h:1 - - a",
        "1 .h:1 - - a",
        "1 u@h:1 - - a",
        "1 h/x:1 - - a",
        "1 h:1/x - - a",
        "1 h?x:1 - - a",
        "1 h%00:1 - - a",
        "1 ::1:1 - - a",
        "1 [::1]1 - - a",
        "1 [::1:1 - - a",
        "1 [h]:1 - - a",
        "1 []:1 - - a",
        "1 [::1%25eth0]:1 - - a",
        "1 h:1 h:x - a",
        "1 h:1 - h a",
        "1 h:1 -- - a",
        "1  h:1 - - a",
        "1 h:1 - -",
        "1 h:1 - - ",
        "1 h:1 - - a b",
        "1 h:1 - - a!",
        "1 h:1 - - a\n",
        "1 h:1\r\nX: - - a",
        "1\th:1\t-\t-\ta",
        "1 h:1 - - 0123456789012345678901234567890123456",
        "1 h\xc3\xa9:1 - - a",
    };
    struct directory_place place;
    char text[DIRECTORY_VALUE_SIZE * 2];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(parse(&place, bad[i]) == -1, "\"%s\"", bad[i]);
    ck_assert_int_eq(directory_place_parse(&place, "1 h:1 - - a\0", 12), -1);
    ck_assert_int_eq(directory_place_parse(&place, "1 \0h:1 - - a", 13), -1);
    ck_assert_int_eq(directory_place_parse(&place, "1 h\0:1 - - a", 13), -1);
    /* A name of 253 letters is the longest. */
    (void)snprintf(text, sizeof(text), "1 %0253d:65535 - - a", 1);
    ck_assert_int_eq(parse(&place, text), 0);
    (void)snprintf(text, sizeof(text), "1 %0254d:65535 - - a", 1);
    ck_assert_int_eq(parse(&place, text), -1);
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(parse(&place, text), -1);
}
END_TEST

START_TEST(test_advertise)
{
    static const char *const good[] = {"h",           "10.0.0.1",      "[::1]",
                                       "h:1",         "rtmp://h",      "rtmp://[::1]:19350",
                                       "http://h:80", "https://a.b.c", "h.example:65535"};
    static const char *const bad[] = {"",           "h:",      "h:0",       "rtmp://",
                                      "rtmp://h/x", "ftp://h", "http://h?", "u@h",
                                      "::1",        "h:65536", "redis://h", "http://h:x"};
    const char *why = NULL;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(directory_place_check(good[i], &why) == 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(directory_place_check(bad[i], &why) == -1, "%s", bad[i]);
    ck_assert_ptr_nonnull(why);
}
END_TEST

/* The place that results from advertise, the listeners and this server's address. */
static struct directory_place own(const char *advertise, const char *rtmp, const char *ip)
{
    static char words[4][128], listen[128], http[] = "8080", https[] = "[::]:8088";
    static char *word[] = {words[0], words[1], words[2], words[3]};
    static char *rtmp_word[] = {listen}, *http_word[] = {http}, *https_word[] = {https};
    struct config config = {.listen = {1, rtmp_word}};
    struct config_strings list = {0, word};
    struct directory_place place;

    config.http_server.enabled = 1;
    config.http_server.listen = (struct config_strings){1, http_word};
    config.http_server.https.enabled = 1;
    config.http_server.https.listen = (struct config_strings){1, https_word};
    (void)str_copy(listen, sizeof(listen), rtmp);
    while (*advertise != '\0') {
        size_t len = strcspn(advertise, " ");

        (void)str_copy_n(words[list.count++], sizeof(words[0]), advertise, len);
        advertise += len + strspn(advertise + len, " ");
    }
    if (directory_place_own(&place, &config, &list, ip) != 0)
        ck_assert_str_eq(place.rtmp, "");
    return place;
}

START_TEST(test_own)
{
    static const struct {
        const char *advertise, *listen, *ip, *rtmp, *http, *https;
    } cases[] = {
        {"", "1935", "10.0.0.1", "10.0.0.1:1935", "10.0.0.1:8080", "10.0.0.1:8088"},
        {"", "*:1935", "::1", "[::1]:1935", "[::1]:8080", "[::1]:8088"},
        {"", "0.0.0.0:7", "10.0.0.1", "10.0.0.1:7", "10.0.0.1:8080", "10.0.0.1:8088"},
        {"", "192.0.2.1:7", "10.0.0.1", "192.0.2.1:7", "10.0.0.1:8080", "10.0.0.1:8088"},
        {"", "[2001:db8::1]:7", "10.0.0.1", "[2001:db8::1]:7", "10.0.0.1:8080", "10.0.0.1:8088"},
        {"h.example", "1935", "10.0.0.1", "h.example:1935", "h.example:8080", "h.example:8088"},
        {"h.example", "1935", "", "h.example:1935", "h.example:8080", "h.example:8088"},
        {"h:1", "1935", "10.0.0.1", "h:1", "10.0.0.1:8080", "10.0.0.1:8088"},
        {"rtmp://a http://b:81 https://c d", "1935", "", "a:1935", "b:81", "c:443"},
        {"[::1]", "1935", "", "[::1]:1935", "[::1]:8080", "[::1]:8088"},
        {"[::1]:5", "1935", "", "[::1]:5", "", ""},
        /* UNIX sockets and addresses that are not known yet cannot be advertised. */
        {"", "unix:/x:1935", "10.0.0.1", "", "10.0.0.1:8080", "10.0.0.1:8088"},
        {"", "1935", "", "", "", ""},
        {"", "0", "10.0.0.1", "", "10.0.0.1:8080", "10.0.0.1:8088"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct directory_place place = own(cases[i].advertise, cases[i].listen, cases[i].ip);

        ck_assert_str_eq(place.rtmp, cases[i].rtmp);
        ck_assert_str_eq(place.http, cases[i].http);
        ck_assert_str_eq(place.https, cases[i].https);
    }
}
END_TEST

Suite *check_directory_place_suite(void)
{
    Suite *suite = suite_create("directory_place");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, test_a_written_place_is_read_back);
    tcase_add_test(tcase, test_value);
    tcase_add_test(tcase, test_truncated);
    tcase_add_test(tcase, test_hostile);
    tcase_add_test(tcase, test_advertise);
    tcase_add_test(tcase, test_own);
    suite_add_tcase(suite, tcase);
    return suite;
}
