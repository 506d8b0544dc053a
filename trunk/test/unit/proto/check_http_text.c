/* Reason phrases and content types, and the defaults for unknown ones. */
#include "proto/http.h"

#include <check.h>

Suite *check_http_text_suite(void);

START_TEST(tables)
{
    ck_assert_str_eq(http_status_text(200), "OK");
    ck_assert_str_eq(http_status_text(404), "Not Found");
    ck_assert_str_eq(http_status_text(599), "Unknown");
    ck_assert_str_eq(http_content_type("/live/a.flv"), "video/x-flv");
    ck_assert_str_eq(http_content_type("/a.b/INDEX.HTML"), "text/html; charset=utf-8");
    ck_assert_str_eq(http_content_type("/a.flv/b"), "application/octet-stream");
    ck_assert_str_eq(http_content_type("flv"), "application/octet-stream");
    ck_assert_str_eq(http_content_type(""), "application/octet-stream");
}
END_TEST

/* Every status that is used has a phrase, and no two have the same. */
START_TEST(phrases)
{
    static const int answered[] = {100, 101, 200, 204, 206, 301, 302, 304, 400, 401, 403, 404,
                                   405, 408, 413, 414, 416, 429, 431, 500, 501, 503, 505};

    for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
        ck_assert_str_ne(http_status_text(answered[i]), "Unknown");
        for (size_t n = 0; n < i; n++)
            ck_assert_str_ne(http_status_text(answered[i]), http_status_text(answered[n]));
    }
    ck_assert_str_eq(http_status_text(0), "Unknown");
    ck_assert_str_eq(http_status_text(-1), "Unknown");
}
END_TEST

START_TEST(types)
{
    static const struct {
        const char *path, *type;
    } files[] = {{"/a.ts", "video/mp2t"},
                 {"/a.mp3", "audio/mpeg"},
                 {"/a.aac", "audio/aac"},
                 {"/a.mp4", "video/mp4"},
                 {"/a.m3u8", "application/vnd.apple.mpegurl"},
                 {"/a.mpd", "application/dash+xml"},
                 {"/a.css", "text/css; charset=utf-8"},
                 {"/a.json", "application/json"},
                 {"/a.png", "image/png"},
                 {"/a.ico", "image/x-icon"},
                 {"/a.wasm", "application/wasm"},
                 {"/.flv", "video/x-flv"},
                 {"/a.FLV", "video/x-flv"},
                 {"/a.flv.", "application/octet-stream"},
                 {"/a.flvx", "application/octet-stream"}};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        ck_assert_str_eq(http_content_type(files[i].path), files[i].type);
}
END_TEST

Suite *check_http_text_suite(void)
{
    Suite *suite = suite_create("http_text");
    TCase *tc = tcase_create("tables");

    tcase_add_test(tc, tables);
    tcase_add_test(tc, phrases);
    tcase_add_test(tc, types);
    suite_add_tcase(suite, tc);
    return suite;
}
