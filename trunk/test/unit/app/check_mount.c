/* Mount templates, from a stream to its address and back. */
#include "app/config/mount.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

Suite *check_mount_suite(void);

#define USUAL "[vhost]/[app]/[stream].flv"

static void expands(const char *tmpl, const char *vhost, const char *app, const char *want)
{
    char out[64];

    ck_assert_int_eq(mount_expand(tmpl, vhost, app, "s", out, sizeof(out)), 0);
    ck_assert_str_eq(out, want);
}

static void matches(const char *tmpl, const char *host, const char *path, const char *vhost,
                    const char *app, const char *stream)
{
    struct mount_match m;

    ck_assert_msg(mount_match(tmpl, host, path, &m) == 0, "%s %s%s", tmpl, host, path);
    ck_assert_str_eq(m.vhost, vhost);
    ck_assert_str_eq(m.app, app);
    ck_assert_str_eq(m.stream, stream);
}

static void differs(const char *tmpl, const char *host, const char *path)
{
    struct mount_match m;

    ck_assert_msg(mount_match(tmpl, host, path, &m) == -1, "%s %s%s", tmpl, host, path);
}

START_TEST(expand)
{
    char out[32];

    expands(USUAL, "v.com", "live", "v.com/live/s.flv");
    expands(USUAL, "V.Com", "Live", "v.com/Live/s.flv");
    expands(USUAL, "__defaultVhost__", "a/b", "/a/b/s.flv");
    expands("/[app]/[stream].ts", "v.com", "live", "/live/s.ts");
    expands("live.[vhost]/x/[app]-[stream].aac", "v", "a", "live.v/x/a-s.aac");
    expands("live.[vhost]/x/[app]-[stream].aac", "__defaultVhost__", "a", "/x/a-s.aac");
    expands("Host/[stream].mp3", "v", "a", "host/s.mp3");
    expands("/[stream]/of/[app]/x.flv", "v", "a/b", "/s/of/a/b/x.flv");
    ck_assert_int_eq(mount_expand(USUAL, "v", "a", "s", out, 10), 0);
    ck_assert_int_eq(mount_expand(USUAL, "v", "a", "s", out, 9), -1);
    ck_assert_str_eq(out, "");
    ck_assert_int_eq(mount_expand(USUAL, "v", "a", "s", out, 1), -1);
    ck_assert_int_eq(mount_expand("/[app]", "v", "a", "s", out, sizeof(out)), -1);
}
END_TEST

START_TEST(match)
{
    matches(USUAL, "v.com", "/live/s.flv", "v.com", "live", "s");
    matches(USUAL, "", "/live/s.flv", "", "live", "s");
    matches(USUAL, "v", "/a/b/c/s.x.flv", "v", "a/b/c", "s.x");
    matches("/[app]/[stream].flv", "any", "/a/s.flv", "", "a", "s");
    matches("live.[vhost]/[app]/[stream].flv", "LIVE.v.com", "/a/s.flv", "v.com", "a", "s");
    matches("live.[vhost]/[app]/[stream].flv", "other", "/a/s.flv", "other", "a", "s");
    matches("h.com/[app]/[stream].flv", "H.com", "/a/s.flv", "", "a", "s");
    matches("/x/[stream].mp3", "v", "/x/s.mp3", "", "", "s");
    matches("/x/[stream].mp4", "v", "/x/s.mp4", "", "", "s");
    matches("/x/[stream].mp4", "v", "/x/s.key.mp4", "", "", "s");
    matches("/x/[stream].mp4", "v", "/x/.key.mp4", "", "", ".key");
    matches("/x/[stream].flv", "v", "/x/s.key.flv", "", "", "s.key");
    matches("/[stream]/of/[app].mp4", "v", "/s/of/a.key.mp4", "", "a.key", "s");
    matches("/x/[app]-[stream].flv", "v", "/x/a/b-c-s.flv", "", "a/b-c", "s");
    matches("/[stream]/of/[app].flv", "v", "/s/of/a/of/b.flv", "", "a/of/b", "s");
    matches("/[app]/[stream]/live.flv", "v", "/a/b/s/live.flv", "", "a/b", "s");
    differs(USUAL, "v", "/live/s.ts");
    differs(USUAL, "v", "/live/s.FLV");
    differs(USUAL, "v", "/s.flv");
    differs(USUAL, "v", "/live/.flv");
    differs(USUAL, "v", "//s.flv");
    differs(USUAL, "v", "/live/s");
    differs(USUAL, "v", "/");
    differs(USUAL, "v", "");
    differs("h.com/[app]/[stream].flv", "i.com", "/a/s.flv");
    differs("h.com/[app]/[stream].flv", "h.com.org", "/a/s.flv");
    differs("/x/[stream].flv", "v", "/x/a/s.flv");
    differs("/x/[app]/[stream].flv", "v", "/y/a/s.flv");
    differs("/[stream]/of/[app].flv", "v", "/s/of/.flv");
    differs("/[stream]/of/[app].flv", "v", "/s/of/a/.flv");
    differs("[vhost]/[app]/[stream]", "v", "/a/s");
}
END_TEST

START_TEST(match_at_limits)
{
    char path[1100] = "/";
    struct mount_match m;

    memset(path + 1, 'a', 256);
    memcpy(path + 1 + 255, "/s.flv", 7);
    ck_assert_int_eq(mount_match(USUAL, "v", path, &m), 0);
    memcpy(path + 1 + 255, "a/s.flv", 8);
    ck_assert_int_eq(mount_match(USUAL, "v", path, &m), -1);
    path[2] = '/'; /* "/a/" */
    memset(path + 3, 's', 300);
    memcpy(path + 3 + 255, ".flv", 5);
    ck_assert_int_eq(mount_match(USUAL, "v", path, &m), 0);
    memcpy(path + 3 + 255, "s.flv", 6);
    ck_assert_int_eq(mount_match(USUAL, "v", path, &m), -1);
}
END_TEST

/* What a template makes, it finds again. */
START_TEST(both_ways)
{
    const char *const tmpls[] = {USUAL, "[vhost]/x/[app]/[stream].ts", "[vhost]/[stream]@[app].aac",
                                 "a.[vhost]/[app]/[stream]/s.mp3"};
    const char *const apps[] = {"live", "a/b/c", "x", "1"};
    const char *why;

    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            char out[64];
            char *path;
            char host[32];

            ck_assert_msg(mount_check(tmpls[i], &why) == 0, "%s", why != NULL ? why : "");
            ck_assert_int_eq(mount_expand(tmpls[i], "v.com", apps[j], "s-1", out, sizeof(out)), 0);
            path = strchr(out, '/');
            memcpy(host, out, (size_t)(path - out));
            host[path - out] = '\0';
            matches(tmpls[i], host, path, "v.com", apps[j], "s-1");
        }
    }
}
END_TEST

static int finds(const struct mount_list *list, const char *host, const char *path,
                 const char *stream)
{
    struct mount_match m;
    int found = mount_find(list, host, path, &m);

    if (found >= 0)
        ck_assert_str_eq(m.stream, stream);
    return found;
}

/* Among several matching templates the order in the configuration does not matter. */
START_TEST(longest_wins)
{
    static const struct {
        const char *shorter, *longer, *host, *path, *stream;
    } rows[] = {{USUAL, "[vhost]/[app]/[stream].live.flv", "v", "/live/z.live.flv", "z"},
                {"/[app]/[stream].ts", "/[app]/[stream].hd.ts", "v", "/a/b/z.hd.ts", "z"},
                {"/[app]/[stream].mp3", "/[app]/[stream].sound.mp3", "v", "/a/z.sound.mp3", "z"},
                {"/[app]/[stream].aac", "/[app]/[stream].sound.aac", "v", "/a/z.sound.aac", "z"},
                {USUAL, "[vhost]/tv/[stream].flv", "v", "/tv/z.flv", "z"},
                {USUAL, "[vhost]/[app]/only-[stream].flv", "v", "/a/only-z.flv", "z"},
                {USUAL, "h.com/[app]/[stream].flv", "h.com", "/a/z.flv", "z"},
                {"h.com/[app]/[stream].flv", "/[app]/[stream].x.flv", "h.com", "/a/z.x.flv", "z"},
                {"[vhost]/[app]/[stream].flv", "/[app]/[stream].flv", "v", "/a/z.flv", "z"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *shorter = (char *)(uintptr_t)rows[i].shorter;
        char *longer = (char *)(uintptr_t)rows[i].longer;
        char *one[] = {shorter, longer};
        char *other[] = {longer, shorter};
        struct mount_list list = {one, 2, 0};

        ck_assert_int_eq(finds(&list, rows[i].host, rows[i].path, rows[i].stream), 1);
        list.item = other;
        ck_assert_int_eq(finds(&list, rows[i].host, rows[i].path, rows[i].stream), 0);
    }
}
END_TEST

START_TEST(finds_what_fits)
{
    char *items[] = {
        (char *)(uintptr_t)USUAL, (char *)(uintptr_t) "[vhost]/[app]/[stream].live.flv",
        (char *)(uintptr_t) "/[app]/[stream].live.flv", (char *)(uintptr_t) "/[app]/[stream].ts"};
    struct mount_list list = {items, 4, 0};

    ck_assert_int_eq(finds(&list, "v", "/a/z.flv", "z"), 0);
    ck_assert_int_eq(finds(&list, "v", "/a/z.x.flv", "z.x"), 0);
    ck_assert_int_eq(finds(&list, "v", "/a/z.live.ts", "z.live"), 3);
    ck_assert_int_eq(finds(&list, "v", "/a/z.mp3", ""), -1);
    /* ".live.flv" does not match the long template, but the other one. */
    ck_assert_int_eq(finds(&list, "v", "/a/.live.flv", ".live"), 0);
    list.skips_vhost = 1;
    ck_assert_int_eq(finds(&list, "v", "/a/z.live.flv", "z"), 2);
    ck_assert_int_eq(finds(&list, "v", "/a/z.flv", ""), -1);
}
END_TEST

START_TEST(check)
{
    const char *const bad[] = {"",
                               "[stream].flv",
                               "/x.flv",
                               "[vhost]/[app]/x.flv",
                               "/[app]/[stream]",
                               "/[app]/[stream].mpd",
                               "/[app]/[stream].flv.exe",
                               "/[stream]/[stream].flv",
                               "/[app]/[app]/[stream].flv",
                               "/[app][stream].flv",
                               "/[stream][app].flv",
                               "/[vhost]/[app]/[stream].flv",
                               "[vhost][vhost]/[app]/[stream].flv",
                               "[app]/[stream].flv",
                               "/[foo]/[stream].flv",
                               "/[app]/[stream]-[foo].flv",
                               "/[app]/x[stream/[stream].flv",
                               "//[app]/[stream].flv",
                               "/[app]//[stream].flv",
                               "/a b/[stream].flv",
                               "/a?b/[stream].flv",
                               "/a%20/[stream].flv"};
    const char *why;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        ck_assert_msg(mount_check(bad[i], &why) == -1, "%s", bad[i]);
        ck_assert_ptr_nonnull(why);
    }
    ck_assert_int_eq(mount_check(USUAL, &why), 0);
    ck_assert_int_eq(mount_check("/[app]/[stream].aac", &why), 0);
    ck_assert_int_eq(mount_check("www.[vhost]/x[app]y/z-[stream]-.ts", &why), 0);
    ck_assert_int_eq(mount_check("host/[stream].mp3", &why), 0);
}
END_TEST

/* The address of one stream by a short template may be another's by a long one. */
START_TEST(owns)
{
    char *items[] = {(char *)(uintptr_t)USUAL,
                     (char *)(uintptr_t) "[vhost]/[app]/[stream].live.flv",
                     (char *)(uintptr_t) "/[app]/[stream].flv"};
    struct mount_list list = {items, 3, 0};

    ck_assert(mount_owns(&list, 0, "/a/z.flv", "a", "z"));
    ck_assert(mount_owns(&list, 2, "/a/z.flv", "a", "z"));
    ck_assert(mount_owns(&list, 1, "v.com/a/z.live.flv", "a", "z"));
    ck_assert(!mount_owns(&list, 0, "/a/z.live.flv", "a", "z.live"));
    ck_assert(!mount_owns(&list, 0, "v.com/a/z.live.flv", "a", "z.live"));
    ck_assert(mount_owns(&list, 1, "/a/z.live.live.flv", "a", "z.live"));
}
END_TEST

START_TEST(names_host)
{
    char vhost[300];
    char host[300];

    ck_assert(mount_names_host("cdn.x/[app]/[stream].flv", "v", "CDN.x"));
    ck_assert(!mount_names_host("cdn.x/[app]/[stream].flv", "v", "cdn.xy"));
    ck_assert(mount_names_host("live.[vhost]/[app]/[stream].flv", "V.com", "live.v.com"));
    ck_assert(!mount_names_host("live.[vhost]/[app]/[stream].flv", "v.com", "live.w.com"));
    /* The default vhost has no name to be filled in. */
    ck_assert(!mount_names_host("live.[vhost]/[app]/[stream].flv", "__defaultVhost__", "live."));
    ck_assert(!mount_names_host(USUAL, "v", "v"));
    ck_assert(!mount_names_host("/[app]/[stream].flv", "v", ""));
    memset(vhost, 'v', sizeof(vhost));
    vhost[sizeof(vhost) - 1] = '\0';
    memcpy(host, vhost, sizeof(host));
    ck_assert(!mount_names_host("x[vhost]/[stream].flv", vhost, host));
}
END_TEST

START_TEST(match_path)
{
    struct mount_match m;

    ck_assert_int_eq(mount_match_path("cdn.x/[app]/[stream].flv", "/a/s.flv", &m), 0);
    ck_assert_str_eq(m.app, "a");
    ck_assert_str_eq(m.stream, "s");
    ck_assert_str_eq(m.vhost, "");
    ck_assert_int_eq(mount_match_path("cdn.x/[app]/[stream].flv", "/a/s.ts", &m), -1);
}
END_TEST

Suite *check_mount_suite(void)
{
    Suite *suite = suite_create("mount");
    TCase *tc = tcase_create("mount");

    tcase_add_test(tc, expand);
    tcase_add_test(tc, match);
    tcase_add_test(tc, match_at_limits);
    tcase_add_test(tc, both_ways);
    tcase_add_test(tc, longest_wins);
    tcase_add_test(tc, finds_what_fits);
    tcase_add_test(tc, owns);
    tcase_add_test(tc, names_host);
    tcase_add_test(tc, match_path);
    tcase_add_test(tc, check);
    suite_add_tcase(suite, tc);
    return suite;
}
