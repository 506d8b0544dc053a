/*
 * What differs between two configurations: lines, counts, secrets, vhosts, and the directives that
 * a reload does not apply.
 */
#include "config_test.h"

#include "app/config/config_diff.h"
#include "app/config/config_table.h"

Suite *check_config_diff_suite(void);

/* The lines; the caller frees them. */
static char *diff(const char *before, const char *now, struct config_diff *count)
{
    struct config *a = config_test_load(before, NULL);
    struct config *b = config_test_load(now, NULL);
    struct buf out;
    char *copy;

    buf_init(&out, CONFIG_TEXT_MAX);
    ck_assert_int_eq(config_diff(a, b, &out, count), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    copy = strdup((const char *)buf_data(&out));
    ck_assert_ptr_nonnull(copy);
    buf_fini(&out);
    config_unref(a);
    config_unref(b);
    return copy;
}

static void expect(const char *before, const char *now, const char *lines)
{
    struct config_diff count;
    char *text = diff(before, now, &count);

    ck_assert_str_eq(text, lines);
    free(text);
}

START_TEST(test_lines)
{
    expect("listen 1935;", "listen 1935;", "");
    expect("listen 1935;", "# a comment\nlisten 1935 1936;", "-listen 1935;\n+listen 1935 1936;\n");
    expect("", "http_server { https { enabled on; } }",
           "-http_server { https { enabled off; } }\n+http_server { https { enabled on; } }\n");
    expect("vhost a { play { gop_cache off; } }", "vhost A { play { mw_latency 5; } }",
           "-vhost A { play { gop_cache off; } }\n+vhost A { play { gop_cache on; } }\n"
           "-vhost A { play { mw_latency auto; } }\n+vhost A { play { mw_latency 5; } }\n");
}
END_TEST

START_TEST(test_vhosts)
{
    expect("", "vhost a { http_remux { enabled on; } }",
           "+vhost a { }\n+vhost a { http_remux { enabled on; } }\n");
    expect("vhost a { tcp_nodelay on; }", "", "-vhost a { }\n-vhost a { tcp_nodelay on; }\n");
    /* The default depends on another directive: it is not a setting of the vhost. */
    expect("chunk_size 4096;", "chunk_size 4096; vhost a { }", "+vhost a { }\n");
}
END_TEST

START_TEST(test_secrets)
{
    static const char mask[] = "vhost __defaultVhost__ { token { key ***; } }  # another secret\n";
    struct config_diff count;
    char *text = diff("vhost __defaultVhost__ { token { key aaaaaaaaaaaaaaaaaaaaaaaa; } }",
                      "vhost __defaultVhost__ { token { key bbbbbbbbbbbbbbbbbbbbbbbb; } }", &count);

    ck_assert_int_eq(text[0], '-');
    ck_assert_int_eq(strncmp(text + 1, mask, strlen(mask)), 0);
    ck_assert_str_eq(text + 2 + strlen(mask), mask);
    ck_assert_ptr_null(strstr(text, "aaaa"));
    ck_assert_int_eq(count.changes, 1);
    free(text);
}
END_TEST

START_TEST(test_restart)
{
    struct config_diff count;
    char *text =
        diff("workers 2; max_connections 5;", "workers 4; pid x.pid; max_connections 6;", &count);

    ck_assert_int_eq(count.changes, 3);
    ck_assert_int_eq(count.restarts, 2);
    ck_assert_str_eq(count.restart_names, "workers, pid");
    ck_assert_ptr_nonnull(strstr(text, "-workers 2;  # needs a restart\n"));
    ck_assert_ptr_nonnull(strstr(text, "+max_connections 6;\n"));
    free(text);
}
END_TEST

/* The copy is independent of the configuration from which it was made. */
START_TEST(test_keep)
{
    struct config *before = config_test_load("workers 2; pid a.pid; max_connections 5;", NULL);
    struct config *now = config_test_load("workers 4; max_connections 6;", NULL);

    ck_assert_ptr_null(config_diff_keep(now, before));
    config_unref(before);
    ck_assert_int_eq(now->workers, 2);
    ck_assert_str_eq(now->pid, "a.pid");
    ck_assert_int_eq(now->max_connections, 6);
    config_unref(now);
}
END_TEST

/* doc/reload.md names them; a vhost's directive cannot be one, since a vhost may be new. */
START_TEST(test_the_list)
{
    static const char *const names[] = {
        "workers",   "daemon",   "in_docker", "disable_daemon_for_docker",
        "pid",       "work_dir", "user",      "sandbox",
        "asprocess", "upgrade",  "server_id", "streams"}; /* the last one of exporter */
    size_t found = 0;

    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        if (row->effect == CONFIG_AT_RELOAD)
            continue;
        ck_assert(!config_table_in_vhost(row->where));
        ck_assert_uint_lt(found, sizeof(names) / sizeof(names[0]));
        ck_assert_str_eq(row->name, names[found++]);
    }
    ck_assert_uint_eq(found, sizeof(names) / sizeof(names[0]));
}
END_TEST

START_TEST(test_blocks)
{
    struct config *a =
        config_test_load("vhost a { forward { enabled on; destination h:1; } }", NULL);
    struct config *b = config_test_load("vhost a { forward { enabled on; destination h:2; } }"
                                        "vhost b { enabled off; }",
                                        NULL);
    const struct config_vhost *x = config_diff_vhost(a, "A");
    const struct config_vhost *y = config_diff_vhost(b, "a");

    ck_assert(!config_diff_has_same(x, y, "forward"));
    ck_assert(config_diff_has_same(x, y, "play"));
    ck_assert(config_diff_has_same(x, x, "forward"));
    ck_assert_ptr_null(config_diff_vhost(b, "b"));
    ck_assert_ptr_null(config_diff_vhost(b, "c"));
    config_unref(a);
    config_unref(b);
}
END_TEST

Suite *check_config_diff_suite(void)
{
    Suite *suite = suite_create("config_diff");
    TCase *tests = tcase_create("config_diff");

    tcase_add_test(tests, test_lines);
    tcase_add_test(tests, test_vhosts);
    tcase_add_test(tests, test_secrets);
    tcase_add_test(tests, test_restart);
    tcase_add_test(tests, test_keep);
    tcase_add_test(tests, test_the_list);
    tcase_add_test(tests, test_blocks);
    suite_add_tcase(suite, tests);
    return suite;
}
