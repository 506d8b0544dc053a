/* Addresses of other servers: which may be configured, and how a stream's address is built. */
#include "app/config/origin.h"

#include <check.h>
#include <string.h>

Suite *check_origin_suite(void);

static const struct origin_stream plain = {"__defaultVhost__", "live/deep", "a b&c", ""};
static const struct origin_stream full = {"v.example", "live", "s", "?x=1&y=2"};

START_TEST(test_origins)
{
    static const char *const good[] = {"h",     "h:1",        "a.example:65535",
                                       "[::1]", "[::1]:1935", "10.0.0.1:80"};
    static const char *const bad[] = {"",    ":80",      "h:",  "h:0",  "h:65536", "h:x",
                                      "h/p", "rtmp://h", "u@h", "[::1", "h h",     "[v]/x"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(origin_check(good[i]) == 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(origin_check(bad[i]) == -1, "%s", bad[i]);
}
END_TEST

START_TEST(test_destinations)
{
    static const char *const good[] = {"h:1",
                                       "rtmp://h",
                                       "rtmp://h:1/",
                                       "rtmp://h/[app]/[stream]",
                                       "rtmp://h/x/[stream]?vhost=v",
                                       "rtmps://h:443",
                                       "rtmps://h/x/[stream]"};
    static const char *const bad[] = {"",
                                      "rtmp://",
                                      "http://h/x",
                                      "rtmp://h/app",
                                      "rtmp://h/[x]/[stream]",
                                      "rtmp://h:x/[app]/[stream]",
                                      "rtmps://",
                                      "rtmps://h/app",
                                      "rtmpt://h",
                                      "rtmpt://h/a/b"};
    const char *why;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(origin_destination_check(good[i], &why) == 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        ck_assert_msg(origin_destination_check(bad[i], &why) == -1 && why != NULL, "%s", bad[i]);
    }
}
END_TEST

START_TEST(test_sources)
{
    const char *why = NULL;

    ck_assert_int_eq(origin_source_check("a", "rtmp://h:1935", &why), 0);
    ck_assert_int_eq(origin_source_check("a-1_.b", "http://h:8080/live", &why), 0);
    ck_assert_int_eq(origin_source_check("a", "https://h/[app]/[stream].flv", &why), 0);
    ck_assert_int_eq(origin_source_check("", "rtmp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a:b", "rtmp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a/b", "rtmp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "ftp://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "rtmps://h", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "http://", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "http://h/[vhost]/x", &why), -1);
    ck_assert_int_eq(origin_source_check("a", "rtmp://h/app", &why), -1);
    ck_assert_ptr_nonnull(why);
}
END_TEST

static struct origin_target target;

static int rtmp(const struct origin_stream *stream)
{
    return origin_target(ORIGIN_RTMP, "h:1", stream, &target);
}

static int flv(const struct origin_stream *stream)
{
    return origin_target(ORIGIN_FLV, "h:1", stream, &target);
}

static int to(const char *text, const struct origin_stream *stream)
{
    return origin_destination(text, stream, &target.rtmp);
}

#define CK_RTMP(tc_url_is, name_is)                      \
    do {                                                 \
        ck_assert_str_eq(target.rtmp.tc_url, tc_url_is); \
        ck_assert_str_eq(target.rtmp.name, name_is);     \
    } while (0)

#define CK_HTTP(path_is, query_is)                     \
    do {                                               \
        ck_assert_str_eq(target.http.path, path_is);   \
        ck_assert_str_eq(target.http.query, query_is); \
    } while (0)

START_TEST(test_targets)
{
    ck_assert_int_eq(rtmp(&full), 0);
    CK_RTMP("rtmp://h:1/live?vhost=v.example", "s?x=1&y=2");
    ck_assert_str_eq(target.rtmp.app, "live");
    ck_assert_int_eq(flv(&full), 0);
    CK_HTTP("/live/s.flv", "x=1&y=2");
    ck_assert_str_eq(target.vhost, "v.example");
    ck_assert_str_eq(target.http.schema, "http");
    ck_assert_int_eq(origin_target(ORIGIN_FLVS, "[::1]", &plain, &target), 0);
    CK_HTTP("/live/deep/a%20b%26c.flv", "");
    ck_assert_str_eq(target.vhost, "");
    ck_assert_str_eq(target.http.schema, "https");
    ck_assert_str_eq(target.http.host, "::1");
    ck_assert_int_eq(target.http.port, 443);
    ck_assert_int_eq(origin_target(ORIGIN_RTMP, "h", &plain, &target), 0);
    CK_RTMP("rtmp://h:1935/live/deep", "a b&c");
    /* The origin decodes: a '%' in the name must be escaped. */
    ck_assert_int_eq(rtmp(&(struct origin_stream){"", "5%", "a%41", ""}), 0);
    CK_RTMP("rtmp://h:1/5%25", "a%2541");
    ck_assert_int_eq(to("rtmp://h/[app]/[stream]", &(struct origin_stream){"", "5%", "a%41", ""}),
                     0);
    CK_RTMP("rtmp://h:1935/5%25", "a%2541");
    ck_assert_int_eq(origin_target(ORIGIN_RTMPS, "[::1]", &plain, &target), 0);
    CK_RTMP("rtmps://[::1]:443/live/deep", "a b&c");
}
END_TEST

/* Names that hold a vhost, a query or a path of their own: each reached another stream once. */
START_TEST(test_names_without_a_spelling)
{
    static const struct {
        const char *app, *name;
        int http; /* whether HTTP can express it, since it has escapes */
    } bad[] = {
        {"live", "foo?vhost=B", 1},
        {"live", "foo...vhost...B", 1},
        {"live...vhost...B", "foo", 1},
        {"live?vhost=B", "foo", 1},
        {"live", "foo?x=1", 1},
        {"live", "foo,vhost=B", 1},
        {"live", "foo&domain=B", 1},
        {"live", "foo#x", 1},
        {"_definst_", "foo", 1},
        {"live", "..", 0},
        {"..", "foo", 0},
        {"live/../x", "foo", 0},
        {"live/./x", "foo", 0},
        {"live//x", "foo", 0},
        {"/live", "foo", 0},
        {"live/", "foo", 0},
        {"live", "a/b", 0},
        {"live", "a\\b", 0},
        {"live", "a\nb", 0},
        {"live", "a\x7f", 0},
        {"live", "", 0},
        {"", "foo", 0},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct origin_stream stream = {"A", bad[i].app, bad[i].name, ""};

        ck_assert_msg(rtmp(&stream) == -1, "%s/%s", bad[i].app, bad[i].name);
        ck_assert_msg(flv(&stream) == (bad[i].http ? 0 : -1), "%s/%s", bad[i].app, bad[i].name);
    }
    ck_assert_int_eq(flv(&(struct origin_stream){"A", "live", "foo?vhost=B", ""}), 0);
    CK_HTTP("/live/foo%3Fvhost%3DB.flv", "");
    ck_assert_int_eq(flv(&(struct origin_stream){"A\r\nX: y", "live", "foo", ""}), -1);
    ck_assert_int_eq(rtmp(&(struct origin_stream){"A/x", "live", "foo", ""}), -1);
}
END_TEST

/* A viewer's parameters select neither the vhost nor the contents of the shared pull. */
START_TEST(test_parameters)
{
    struct origin_stream stream = {"", "live", "s",
                                   "?domain=B&k=v&vhost=B&only=video&%64omain=B&startPts=-1&z"};

    ck_assert_int_eq(rtmp(&stream), 0);
    CK_RTMP("rtmp://h:1/live", "s?k=v&z");
    ck_assert_int_eq(flv(&stream), 0);
    CK_HTTP("/live/s.flv", "k=v&z");
    stream.param = "a=b c#d&e=\xc3\xa9%41";
    ck_assert_int_eq(flv(&stream), 0);
    CK_HTTP("/live/s.flv", "a=b%20c%23d&e=%C3%A9%41");
}
END_TEST

START_TEST(test_destination_targets)
{
    ck_assert_int_eq(to("h:1", &full), 0);
    CK_RTMP("rtmp://h:1/live?vhost=v.example", "s?x=1&y=2");
    ck_assert_int_eq(to("rtmp://h:1", &plain), 0);
    CK_RTMP("rtmp://h:1/live/deep", "a b&c");
    ck_assert_int_eq(to("rtmp://h/x/[stream]?vhost=w", &full), 0);
    CK_RTMP("rtmp://h:1935/x", "s?vhost=w");
    ck_assert_int_eq(to("rtmps://h:1/", &full), 0);
    CK_RTMP("rtmps://h:1/live?vhost=v.example", "s?x=1&y=2");
    ck_assert_int_eq(to("rtmps://h/a/[app]/x[stream]_[stream]", &full), 0);
    CK_RTMP("rtmps://h:443/a/live", "xs_s");
    /* A name may not bring what the template's own parts mean. */
    ck_assert_int_eq(to("rtmp://h/x/[stream]", &plain), -1);
    ck_assert_int_eq(
        to("rtmp://h/x/[stream]?k=v", &(struct origin_stream){"", "live", "s?vhost=w", ""}), -1);
    ck_assert_int_eq(
        to("rtmp://h/[app]/[stream]", &(struct origin_stream){"", "live...vhost...w", "s", ""}),
        -1);
    ck_assert_int_eq(to("rtmp://h/[app]/[stream]", &(struct origin_stream){"", "..", "s", ""}), -1);
}
END_TEST

/* Addresses of streaming platforms: nothing is changed or added. */
START_TEST(test_whole_destinations)
{
    static const struct {
        const char *text, *tc_url, *app, *name;
    } good[] = {
        {"rtmp://h/live2/KEY", "rtmp://h/live2", "live2", "KEY"},
        {"rtmps://h:443/rtmp/KEY?s_bl=1&s_psm=1&a=Ab/c-_~", "rtmps://h:443/rtmp", "rtmp",
         "KEY?s_bl=1&s_psm=1&a=Ab/c-_~"},
        {"rtmp://h/live-bvc/?streamname=live_1&key=a%2Fb&schedule=rtmp", "rtmp://h/live-bvc",
         "live-bvc", "?streamname=live_1&key=a%2Fb&schedule=rtmp"},
        {"rtmp://h/live2?backup=1/KEY", "rtmp://h/live2?backup=1", "live2?backup=1", "KEY"},
        {"rtmp://u:p@H:1936/live2/KEY", "rtmp://H:1936/live2", "live2", "KEY"},
        {"rtmp://h/a/b/c/KEY...x,y", "rtmp://h/a/b/c", "a/b/c", "KEY...x,y"},
    };
    static const char *const bad[] = {"rtmp://h/app", "rtmp://h/app/", "rtmp://h//",
                                      "rtmp://h/?k=v", "rtmp://h/a/b\nc"};
    const char *why;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(origin_destination_check(good[i].text, &why) == 0, "%s", good[i].text);
        ck_assert_int_eq(to(good[i].text, &full), 0);
        CK_RTMP(good[i].tc_url, good[i].name);
        ck_assert_str_eq(target.rtmp.app, good[i].app);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(origin_destination_check(bad[i], &why) == -1, "%s", bad[i]);
}
END_TEST

START_TEST(test_source_targets)
{
    ck_assert_int_eq(origin_source("http://h/live", &plain, "", &target), 0);
    CK_HTTP("/live", "app=live/deep&stream=a%20b%26c");
    ck_assert_int_eq(target.http.port, 80);
    ck_assert_int_eq(origin_source("http://h:81/live?k=v", &full, "1936", &target), 0);
    CK_HTTP("/live", "k=v&app=live&stream=s&port=1936&x=1&y=2");
    ck_assert_int_eq(origin_source("https://h/[app]/[stream].flv", &full, "1936", &target), 0);
    CK_HTTP("/live/s.flv", "x=1&y=2");
    ck_assert_int_eq(target.scheme, ORIGIN_FLVS);
    ck_assert_int_eq(origin_source("rtmp://h:1936", &plain, "", &target), 0);
    CK_RTMP("rtmp://h:1936/live/deep", "a b&c");
    ck_assert_int_eq(origin_source("rtmp://h:1936",
                                   &(struct origin_stream){"", "live...vhost...B", "s", ""}, "",
                                   &target),
                     -1);
    ck_assert_int_eq(origin_source("http://h/p/[app]/[stream].flv",
                                   &(struct origin_stream){"", "../..", "s", ""}, "", &target),
                     -1);
}
END_TEST

START_TEST(test_too_long)
{
    static char name[ORIGIN_URL_MAX * 8];
    struct origin_stream stream = {"", "live", name, ""};

    memset(name, 'n', sizeof(name) - 1);
    ck_assert_int_eq(flv(&stream), -1);
    ck_assert_int_eq(rtmp(&stream), -1);
    stream = (struct origin_stream){"", "live", "s", name};
    ck_assert_int_eq(flv(&stream), -1);
    ck_assert_int_eq(rtmp(&stream), -1);
}
END_TEST

START_TEST(test_same)
{
    static struct origin_target other;

    ck_assert_int_eq(rtmp(&full), 0);
    other = target;
    ck_assert_int_eq(origin_is_same(&target, &other), 1);
    ck_assert_int_eq(rtmp(&plain), 0);
    ck_assert_int_eq(origin_is_same(&target, &other), 0);
    ck_assert_int_eq(flv(&full), 0);
    ck_assert_int_eq(origin_is_same(&target, &other), 0);
    other = target;
    ck_assert_int_eq(origin_is_same(&target, &other), 1);
    other.vhost[0] = 'x';
    ck_assert_int_eq(origin_is_same(&target, &other), 0);
}
END_TEST

START_TEST(test_show)
{
    char out[32];

    origin_show("http://h:1/live?token=x", out, sizeof(out));
    ck_assert_str_eq(out, "http://h:1");
    origin_show("rtmp://h?token=x", out, sizeof(out));
    ck_assert_str_eq(out, "rtmp://h");
    origin_show("rtmp://user:secret@h:1/live/key", out, sizeof(out));
    ck_assert_str_eq(out, "rtmp://h:1");
    ck_assert_int_eq(origin_target(ORIGIN_FLVS, "[::1]:81", &full, &target), 0);
    origin_target_show(&target, out, sizeof(out));
    ck_assert_str_eq(out, "https://[::1]:81");
}
END_TEST

Suite *check_origin_suite(void)
{
    Suite *suite = suite_create("origin");
    TCase *tcase = tcase_create("origin");

    tcase_add_test(tcase, test_origins);
    tcase_add_test(tcase, test_destinations);
    tcase_add_test(tcase, test_sources);
    tcase_add_test(tcase, test_targets);
    tcase_add_test(tcase, test_destination_targets);
    tcase_add_test(tcase, test_source_targets);
    tcase_add_test(tcase, test_too_long);
    tcase_add_test(tcase, test_same);
    tcase_add_test(tcase, test_names_without_a_spelling);
    tcase_add_test(tcase, test_parameters);
    tcase_add_test(tcase, test_whole_destinations);
    tcase_add_test(tcase, test_show);
    suite_add_tcase(suite, tcase);
    return suite;
}
