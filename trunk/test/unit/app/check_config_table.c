/*
 * The table's consistency and the files generated from it: the rule of the environment names, no
 * name twice, every default within its range, every row read, printed and read again; and
 * conf/full.conf and doc/configuration.md match the table.
 */
#include "config_test.h"

#include "app/config/config_loader.h"
#include "base/str.h"

Suite *check_config_table_suite(void);

static char *no_environment[] = {NULL};

START_TEST(test_environment_names)
{
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);
        char rule[128];

        config_table_env(row->where, row->name, rule, sizeof(rule));
        /* srs_log_level is SRS_LOG_LEVEL, not SRS_SRS_LOG_LEVEL (which is understood too). */
        if (str_starts(rule, "SRS_SRS_"))
            ck_assert_str_eq(row->env, rule + 4);
        else
            ck_assert_str_eq(row->env, rule);
    }
}
END_TEST

START_TEST(test_names_are_unique)
{
    ck_assert_uint_le(config_table_count(), CONFIG_ROWS_MAX);
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);

        ck_assert_uint_eq(config_table_index(row), i);
        ck_assert_ptr_eq(config_table_find(row->where, row->name), row);
        ck_assert_int_eq(config_table_block_find(row->where, row->name), CONFIG_WHERE_COUNT);
        ck_assert_msg(!config_srs_knows(row->where, row->name), "%s is in both lists", row->name);
        ck_assert(row->doc[strlen(row->doc) - 1] == '.');
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(config_table_row(j)->env, row->env);
    }
    ck_assert_ptr_null(config_table_find(CONFIG_AT_ROOT, "gop_cache"));
}
END_TEST

/* Two rows never write to the same bytes. */
START_TEST(test_offsets_are_unique)
{
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);
        int in_vhost = config_table_in_vhost(row->where);

        ck_assert_uint_lt(row->offset,
                          in_vhost ? sizeof(struct config_vhost) : sizeof(struct config));
        for (size_t j = 0; j < i; j++) {
            const struct config_row *other = config_table_row(j);

            if (config_table_in_vhost(other->where) == in_vhost)
                ck_assert_uint_ne(other->offset, row->offset);
        }
    }
}
END_TEST

static void compare_with_file(const char *path, int (*make)(struct buf *out), const char *command)
{
    struct buf out;
    FILE *file = fopen(path, "re");
    char *text = malloc(CONFIG_TEXT_MAX);
    size_t len;

    ck_assert_msg(file != NULL, "%s cannot be read from here", path);
    ck_assert_ptr_nonnull(text);
    len = fread(text, 1, CONFIG_TEXT_MAX, file);
    (void)fclose(file);
    buf_init(&out, CONFIG_TEXT_MAX);
    ck_assert_int_eq(make(&out), 0);
    ck_assert_msg(len == out.len && memcmp(text, buf_data(&out), len) == 0,
                  "%s is not what the table says: run \"objs/server %s >%s\"", path, command, path);
    buf_fini(&out);
    free(text);
}

START_TEST(test_generated_files)
{
    compare_with_file("conf/full.conf", config_table_conf, "--full-conf");
    compare_with_file("doc/configuration.md", config_table_doc, "--doc");
}
END_TEST

/* Comments of a configuration file name pages by their path, and hold no marks of Markdown. */
START_TEST(test_full_conf_is_plain_text)
{
    struct buf out;
    const char *text;

    buf_init(&out, CONFIG_TEXT_MAX);
    ck_assert_int_eq(config_table_conf(&out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    text = (const char *)buf_data(&out);
    ck_assert_ptr_null(strchr(text, '`'));
    ck_assert_ptr_null(strstr(text, "]("));
    ck_assert_ptr_nonnull(strstr(text, "See doc/workers.md."));
    ck_assert_ptr_nonnull(strstr(text, "See doc/deployment.md."));
    buf_fini(&out);
}
END_TEST

/* conf/full.conf has the defaults: loading it is like loading an empty file. */
START_TEST(test_full_conf_is_the_defaults)
{
    struct config_options full = {.file = "conf/full.conf"};
    struct config_options nothing = {.env_only = 1};
    static struct config_test_log log;
    struct config *a;
    struct config *b;
    char *text_a;
    char *text_b;

    ck_assert_ptr_null(config_load(&full, no_environment, &a));
    ck_assert_ptr_null(config_load(&nothing, no_environment, &b));
    text_a = config_test_dump(a);
    text_b = config_test_dump(b);
    ck_assert_str_eq(text_a, text_b);
    ck_assert_str_eq(config_test_warnings(&log, a), "");
    for (size_t i = 0; i < config_table_count(); i++)
        ck_assert_ptr_nonnull(strstr(text_a, config_table_row(i)->name));
    free(text_a);
    free(text_b);
    config_unref(a);
    config_unref(b);
}
END_TEST

/* A value that is not the default and not at a limit, as it would be written. */
static const char *other_value(const struct config_row *row)
{
    switch (row->type) {
    case CONFIG_SWITCH:
        return strcmp(row->fallback, "on") == 0 ? "off" : "on";
    case CONFIG_INT:
    case CONFIG_INT_AUTO:
        return row->min <= 33 ? "33" : "333";
    case CONFIG_SIZE:
        return "333k";
    case CONFIG_MS:
    case CONFIG_MS_AUTO:
        return row->min > 333 ? "1333.250" : "333.250";
    case CONFIG_SECONDS:
        return row->max < 34 ? "2.500" : "33.500";
    case CONFIG_CHOICE:
        return row->choices[1];
    case CONFIG_LOG_LEVEL:
        return "debug";
    case CONFIG_STRING:
    case CONFIG_PATH:
        return "\"a \\\"b\\\" \\\\ {c};\"";
    case CONFIG_CONGESTION:
        return "reno";
    case CONFIG_URL:
        return "https://h.example:1/api/v1/forward?vhost=b";
    case CONFIG_ENDPOINTS:
        return "1 [::1]:2 127.0.0.1:3";
    case CONFIG_MOUNTS:
        return "[vhost]/[app]/[stream].flv /x/[app]/[stream].flv";
    case CONFIG_NETWORKS:
        return "10.0.0.0/8 ::1 unix:";
    case CONFIG_RULES:
        return "play all publish 10.0.0.0/8 ::1";
    case CONFIG_STREAMS:
        return "live/a x.example/live/b";
    case CONFIG_USER:
        return "nobody nogroup";
    case CONFIG_DOMAINS:
    case CONFIG_FRAMES:
        return "example.com none";
    case CONFIG_ORIGINS:
        return "a.example:1 [::1]:2";
    case CONFIG_DESTINATIONS:
        return "a.example:1 rtmp://b.example/[app]/[stream]?vhost=v";
    case CONFIG_LADDERS:
        return "show live/show_720 live/show_360 [stream] [app]/[stream]_hi [app]/[stream]_lo";
    case CONFIG_SOURCES:
        return "a rtmp://h:1 b http://h:2/live";
    case CONFIG_DIRECTORY:
        return "redis://h.example:1/2";
    case CONFIG_ADVERTISE:
        return "a.example http://b.example:1";
    case CONFIG_SECRETS:
        return row->max > 1 ? "first second" : "first";
    case CONFIG_URLS:
        return "http://a.example/x https://b.example:1/y?vhost=v";
    }
    return NULL;
}

/* A file with only this line, in its block. */
static void file_of(const struct config_row *row, const char *line, char *out, size_t cap)
{
    const struct config_block *in = config_table_block(row->where);
    const char *block = in->name;

    if (row->where == CONFIG_AT_ROOT)
        (void)str_copy(out, cap, line);
    else if (row->where == CONFIG_AT_VHOST)
        (void)str_format(out, cap, "vhost __defaultVhost__ { %s }", line);
    else if (config_table_in_vhost(row->where))
        (void)str_format(out, cap, "vhost __defaultVhost__ { %s { %s } }", block, line);
    else if (in->parent != CONFIG_AT_ROOT)
        (void)str_format(out, cap, "%s { %s { %s } }", config_table_block(in->parent)->name, block,
                         line);
    else
        (void)str_format(out, cap, "%s { %s }", block, line);
}

/* Every row alone in a file: it is found, it changes the dump, and the dump reads as the same. */
START_TEST(test_every_row_round_trips)
{
    /* Else a test that runs in a container would not see "daemon on". */
    char *outside[] = {"SRS_DISABLE_DAEMON_FOR_DOCKER=off", NULL};
    struct config *config = config_test_load("", outside);
    char *before = config_test_dump(config);

    config_unref(config);
    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);
        int is_outside = strcmp(row->env, "SRS_DISABLE_DAEMON_FOR_DOCKER") == 0;
        /* This may be a container, and then it is on anyway. */
        int may_be_so = is_outside || strcmp(row->env, "SRS_IN_DOCKER") == 0;
        char **environment = is_outside ? no_environment : outside;
        char line[256];
        char text[512];
        char *first;
        char *second;

        /* These two go together: see check_config_api.c. */
        if (row->where == CONFIG_AT_API_AUTH && strcmp(row->name, "username") != 0)
            continue;

        (void)str_format(line, sizeof(line), "%s %s;", row->name, other_value(row));
        file_of(row, line, text, sizeof(text));
        config = config_test_load(text, environment);
        first = config_test_dump(config);
        config_unref(config);
        if (row->type == CONFIG_SECRETS) {
            /* Masked, so that it does not load either. */
            (void)str_format(line, sizeof(line), "%s ***%s;", row->name,
                             row->max > 1 ? " ***" : "");
            ck_assert(strstr(first, "second") == NULL && strstr(first, line) != NULL);
            free(first);
            continue;
        }
        ck_assert_msg(strstr(first, line) != NULL, "%s is not in the dump of %s", line, text);
        ck_assert_msg(may_be_so || strcmp(first, before) != 0, "%s changes nothing", line);
        config = config_test_load(first, environment);
        second = config_test_dump(config);
        config_unref(config);
        ck_assert_str_eq(first, second);
        free(first);
        free(second);
    }
    free(before);
}
END_TEST

/* Every file that is shipped loads, without a warning. */
START_TEST(test_shipped_files)
{
    static const char *const files[] = {"conf/full.conf",           "conf/http.flv.live.conf",
                                        "conf/realtime.flv.conf",   "conf/console.conf",
                                        "conf/rtmp.conf",           "conf/docker.conf",
                                        "conf/behind-a-proxy.conf", "conf/behind-a-tcp-proxy.conf"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct config_options options = {.file = files[i]};
        static struct config_test_log log;
        struct config *config;
        struct err *err = config_load(&options, no_environment, &config);

        ck_assert_msg(err == NULL, "%s", err ? err_text(err) : "");
        ck_assert_str_eq(config_test_warnings(&log, config), "");
        config_unref(config);
    }
}
END_TEST

START_TEST(test_nearest)
{
    char text[128];

    config_nearest(CONFIG_AT_ROOT, "max_conections", text, sizeof(text));
    ck_assert_str_eq(text, " (did you mean \"max_connections\"?)");
    config_nearest(CONFIG_AT_ROOT, "htp_server", text, sizeof(text));
    ck_assert_str_eq(text, " (did you mean \"http_server\"?)");
    config_nearest(CONFIG_AT_ROOT, "rtc_sever", text, sizeof(text));
    ck_assert_str_eq(text, " (did you mean \"rtc_server\"?)");
    config_nearest(CONFIG_AT_VHOST, "hstrs", text, sizeof(text));
    ck_assert_str_eq(text, " (it belongs in vhost { http_remux { … })");
    config_nearest(CONFIG_AT_ROOT, "completely_else", text, sizeof(text));
    ck_assert_str_eq(text, "");
    config_nearest_env("SRS_MAX_CONECTIONS", text, sizeof(text));
    ck_assert_str_eq(text, " (did you mean SRS_MAX_CONNECTIONS?)");
}
END_TEST

START_TEST(test_srs_environment)
{
    ck_assert(config_srs_knows_env("SRS_RTC_SERVER_ENABLED"));
    ck_assert(config_srs_knows_env("SRS_VHOST_HDS_HDS_FRAGMENT"));
    ck_assert_int_eq(config_srs_knows_env("SRS_FF_LOG_DIR"), CONFIG_SRS_NEEDLESS);
    ck_assert(!config_srs_knows_env("SRS_RTC_SERVERX"));
    ck_assert(!config_srs_knows_env("SRS_NONSENSE"));
}
END_TEST

/* Each directive of a vhost has its variable, which reaches every vhost. */
START_TEST(test_environment_sets_every_row)
{
    static char entry[1024];
    char *environment[] = {entry, NULL};

    for (size_t i = 0; i < config_table_count(); i++) {
        const struct config_row *row = config_table_row(i);
        struct config *config;

        if (*row->fallback == '\0')
            continue;
        (void)snprintf(entry, sizeof(entry), "%s=%s", row->env, row->fallback);
        config = config_test_load("vhost a { }", environment);
        for (int at = 0; at < 2; at++) {
            const struct config_snapshot *snapshot = (const struct config_snapshot *)config;
            const struct config_seen *seen =
                config_table_in_vhost(row->where)
                    ? &((const struct config_vhost_slot *)config->vhost[at])->seen
                    : &snapshot->seen;

            ck_assert_msg(seen->row[i], "%s sets nothing", row->env);
        }
        config_unref(config);
    }
}
END_TEST

/* Addresses contain passwords and stream keys: no error about an address shows them. */
START_TEST(test_errors_show_no_secret)
{
    static const char *const wrong[] = {
        "vhost a { forward { destination rtmp://u:SECRET@h/live/SECRET[; } }",
        "vhost a { forward { destination u:SECRET@h:1935/live; } }",
        "vhost a { forward { destination rtmp:/u:SECRET@h/live; } }",
        "vhost a { forward { destination rtmp://u:SEC/RET@h/[app]; } }",
        "vhost a { forward { destination http://h/live/x?key=SECRET; } }",
        "vhost a { forward { backend ftp://u:SECRET@h/x?key=SECRET; } }",
        "vhost a { forward { backend https://u:SECRET@; } }",
        "vhost a { cluster { origin u:SECRET@h:1935; } }",
        "vhost a { cluster { origin rtmp://h/live/SECRET; } }",
        "vhost a { cluster { stall_timeout rtmp://h/live/SECRET; } }",
        "vhost a { cluster { advertise rtmp://u:SECRET@h; } }",
        "http_server { http_pull { source a rtmp://u:SECRET@h/x/[y]; } }",
        "http_server { http_pull { source rtmp://u:SECRET@h/ a; } }",
        "vhost a { forward { rtmp://u:SECRET@h/live/SECRET; } }",
        "vhost a { forward { enabled on; rtmp://u:SECRET@h/live { } } }",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config *config;
        struct err *err = config_test_try(wrong[i], NULL, &config);

        ck_assert_msg(err != NULL, "taken: %s", wrong[i]);
        ck_assert_msg(strstr(err_text(err), "SEC") == NULL && strstr(err_text(err), "RET") == NULL,
                      "%s", err_text(err));
        err_free(err);
    }
}
END_TEST

Suite *check_config_table_suite(void)
{
    Suite *suite = suite_create("config_table");
    TCase *tcase = tcase_create("config_table");

    tcase_add_test(tcase, test_environment_names);
    tcase_add_test(tcase, test_environment_sets_every_row);
    tcase_add_test(tcase, test_names_are_unique);
    tcase_add_test(tcase, test_offsets_are_unique);
    tcase_add_test(tcase, test_generated_files);
    tcase_add_test(tcase, test_full_conf_is_plain_text);
    tcase_add_test(tcase, test_full_conf_is_the_defaults);
    tcase_add_test(tcase, test_every_row_round_trips);
    tcase_add_test(tcase, test_shipped_files);
    tcase_add_test(tcase, test_nearest);
    tcase_add_test(tcase, test_srs_environment);
    tcase_add_test(tcase, test_errors_show_no_secret);
    suite_add_tcase(suite, tcase);
    return suite;
}
