/* Which vhost and stream an address means: the same answer for every use. */
#include "app/http/http_target.h"
#include "config_test.h"

#include "base/str.h"

Suite *check_http_target_suite(void);

static char *no_environment[] = {NULL};

#define TOKEN  "token { enabled on; key k; } "
#define MOUNTS "http_remux { enabled on; mount "

/* The target as "VHOST app stream"; "VHOST" alone if there is no stream, "-" if there is no vhost.
 */
static const char *find(const struct config *config, const char *host, const char *query,
                        const char *path)
{
    static char out[600];
    struct http_target target;

    http_target_find(config, &(struct http_address){host, query, path}, &target);
    if (target.vhost == NULL)
        return "-";
    if (target.mux == NULL)
        return target.vhost->name;
    ck_assert_int_eq(
        str_format(out, sizeof(out), "%s %s %s", target.vhost->name, target.app, target.stream), 0);
    return out;
}

struct attempt {
    const char *host, *query, *path, *want;
};

static void check(const char *text, const struct attempt *attempt, size_t count)
{
    struct config *config = config_test_load(text, no_environment);

    for (size_t i = 0; i < count; i++) {
        const char *got = find(config, attempt[i].host, attempt[i].query, attempt[i].path);

        ck_assert_msg(strcmp(got, attempt[i].want) == 0, "%s%s?%s is %s, not %s", attempt[i].host,
                      attempt[i].path, attempt[i].query, got, attempt[i].want);
    }
    config_unref(config);
}

#define CHECK(text, ...)                                               \
    do {                                                               \
        static const struct attempt attempts[] = __VA_ARGS__;          \
        check(text, attempts, sizeof(attempts) / sizeof(attempts[0])); \
    } while (0)

START_TEST(names)
{
    CHECK("vhost a.b { " MOUNTS "[vhost]/[app]/[stream].flv; } } vhost off { enabled off; }",
          {{"a.b", "", "/live/s.flv", "a.b live s"},
           {"A.B", "", "/live/s.flv", "a.b live s"},
           {"x", "vhost=a.b", "/live/s.flv", "a.b live s"},
           {"x", "vhost=A.b&vhost=x", "/live/s.flv", "a.b live s"},
           {"x", "vhost=%61.b", "/live/s.flv", "a.b live s"},
           {"a.b", "vhost=x", "/live/s.flv", "__defaultVhost__ live s"},
           {"a.b", "", "/index.html", "a.b"},
           {"x", "", "/live/s.flv", "__defaultVhost__ live s"},
           {"off", "", "/live/s.flv", "-"},
           {"x", "vhost=off", "/live/s.flv", "-"}});
}
END_TEST

/* A mount for a host that is not the name of a vhost. */
START_TEST(literal_hosts)
{
    CHECK("vhost a { " MOUNTS "cdn.x/[app]/[stream].flv; mount live.[vhost]/[app]/[stream].ts; }"
          " http_static { enabled on; mount files.x/; } }"
          " vhost b { " MOUNTS "[vhost]/[app]/[stream].flv; } }",
          {{"cdn.x", "", "/live/s.flv", "a live s"},
           {"CDN.X", "", "/live/s.flv", "a live s"},
           {"y", "vhost=cdn.x", "/live/s.flv", "a live s"},
           {"cdn.x", "vhost=a", "/live/s.flv", "a live s"},
           {"cdn.x", "vhost=b", "/live/s.flv", "b live s"},
           {"cdn.x", "vhost=y", "/live/s.flv", "__defaultVhost__ live s"},
           /* Addresses without a stream belong to the same vhost. */
           {"cdn.x", "", "/live/s.mp4", "a"},
           {"files.x", "", "/s.mp4", "a"},
           {"live.a", "", "/live/s.ts", "a live s"},
           {"live.b", "", "/live/s.flv", "__defaultVhost__ live s"},
           {"a", "", "/live/s.flv", "a"}});
}
END_TEST

/* Two mounts that match one address: literal text wins over [vhost], more text over less, in any
 * order. */
START_TEST(most_specific_wins)
{
    static const char *const a = "vhost a { " MOUNTS "b/[app]/[stream].flv; } } ";
    static const char *const b = "vhost b { " MOUNTS "[vhost]/[app]/[stream].flv; } } ";
    static const char *const c = "vhost c { " MOUNTS "b/films/[app]/[stream].flv; } } ";
    static const struct attempt attempts[] = {
        {"b", "", "/live/s.flv", "a live s"},
        {"b", "", "/films/x/s.flv", "c x s"},
        {"y", "vhost=b", "/live/s.flv", "a live s"},
        {"b", "", "/live/s.ts", "b"},
    };
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const char *const vhosts[] = {a, b, c};
    char text[1024];

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        ck_assert_int_eq(str_format(text, sizeof(text), "%s%s%s", vhosts[orders[i][0]],
                                    vhosts[orders[i][1]], vhosts[orders[i][2]]),
                         0);
        check(text, attempts, sizeof(attempts) / sizeof(attempts[0]));
    }
}
END_TEST

/* A vhost that is off, or serves no streams, owns no host by its mounts. */
START_TEST(a_disabled_vhost_owns_no_name)
{
    CHECK("vhost a { enabled off; " MOUNTS "cdn.x/[app]/[stream].flv; } }"
          "vhost b { http_remux { enabled off; mount cdn.y/[app]/[stream].flv; } }",
          {{"cdn.x", "", "/live/s.flv", "__defaultVhost__ live s"},
           {"cdn.y", "", "/live/s.flv", "__defaultVhost__ live s"}});
}
END_TEST

START_TEST(by_name)
{
    struct config *config = config_test_load(
        "vhost a { " MOUNTS "cdn.x/[app]/[stream].flv; } } vhost off { enabled off; }",
        no_environment);

    ck_assert_str_eq(http_target_vhost(config, "cdn.x", "app=live&stream=s")->name, "a");
    ck_assert_str_eq(http_target_vhost(config, "y", "vhost=cdn.x")->name, "a");
    ck_assert_str_eq(http_target_vhost(config, "cdn.x", "vhost=y")->name, "__defaultVhost__");
    ck_assert_str_eq(http_target_vhost(config, "A", "")->name, "a");
    ck_assert_ptr_null(http_target_vhost(config, "off", ""));
    config_unref(config);
}
END_TEST

static const char *guard(const struct config *config, const char *path)
{
    static char out[600];
    struct http_target target;

    if (http_target_guard(config, path, &target) == NULL)
        return "-";
    ck_assert_int_eq(
        str_format(out, sizeof(out), "%s %s %s", target.vhost->name, target.app, target.stream), 0);
    return out;
}

START_TEST(guards)
{
    struct config *config = config_test_load(
        "vhost open { " MOUNTS "[vhost]/[app]/[stream].ts; } } "
        "vhost play { token { enabled on; key k; play off; } } "
        "vhost off { enabled off; " TOKEN "} "
        "vhost a { " TOKEN MOUNTS "cdn.x/[app]/[stream].flv; mount /x/[app]/[stream].flv; } } "
        "vhost b { " TOKEN "http_remux { enabled off; mount [vhost]/[app]/[stream].mp3; } }",
        no_environment);

    ck_assert_str_eq(guard(config, "/live/s.flv"), "a live s");
    ck_assert_str_eq(guard(config, "/x/live/s.flv"), "a live s");
    ck_assert_str_eq(guard(config, "/live/s.mp3"), "b live s");
    ck_assert_str_eq(guard(config, "/live/s.ts"), "-");
    ck_assert_str_eq(guard(config, "/s.flv"), "-");
    config_unref(config);
}
END_TEST

Suite *check_http_target_suite(void)
{
    Suite *suite = suite_create("http_target");
    TCase *tc = tcase_create("http_target");

    tcase_add_test(tc, names);
    tcase_add_test(tc, literal_hosts);
    tcase_add_test(tc, most_specific_wins);
    tcase_add_test(tc, a_disabled_vhost_owns_no_name);
    tcase_add_test(tc, by_name);
    tcase_add_test(tc, guards);
    suite_add_tcase(suite, tc);
    return suite;
}
