/*
 * Loading a configuration: defaults, the file, the environment over it, vhosts, directives of SRS
 * that this server lacks, and mistakes with their position.
 */
#include "config_test.h"

#include "live/source.h"

Suite *check_config_suite(void);

static char *no_environment[] = {NULL};

START_TEST(test_defaults)
{
    struct config_options options = {.env_only = 1};
    struct config *config;
    struct err *err = config_load(&options, no_environment, &config);
    const struct config_vhost *vhost;

    ck_assert_ptr_null(err);
    ck_assert_int_eq(config->listen.count, 1);
    ck_assert_str_eq(config->listen.item[0], "1935");
    ck_assert_int_eq(config->max_connections, 1000);
    ck_assert_int_eq(config->chunk_size, 60000);
    ck_assert_int_eq(config->max_message, 16 * 1024 * 1024);
    ck_assert_int_eq(config->http_header_timeout, 10 * USEC_PER_SEC);
    ck_assert_int_eq(config->grace_start_wait, 2300 * USEC_PER_MS);
    ck_assert_int_eq(config->grace_final_wait, 3200 * USEC_PER_MS);
    ck_assert_int_eq(config->daemon, 0);
    ck_assert_int_eq(config->log_to_file, 0);
    ck_assert_int_eq(config->log_level, LOG_INFO);
    ck_assert_str_eq(config->pid, "");
    ck_assert_int_eq(config->http_server.enabled, 0);
    ck_assert_str_eq(config->http_server.listen.item[0], "8080");
    ck_assert_str_eq(config->http_server.dir, "./objs/nginx/html");
    ck_assert_int_eq(config->http_server.crossdomain, 1);

    ck_assert_int_eq(config->vhost_count, 1);
    vhost = config_vhost_find(config, "any.host");
    ck_assert_ptr_nonnull(vhost);
    ck_assert_str_eq(vhost->name, "__defaultVhost__");
    ck_assert_int_eq(vhost->play.gop_cache, 1);
    ck_assert_int_eq(vhost->play.gop_cache_max_frames, 2500);
    ck_assert_int_eq(vhost->play.gop_cache_max_bytes, 16 * 1024 * 1024);
    ck_assert_int_eq(vhost->play.queue_length, 30 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->play.mw_latency, -1);
    ck_assert_int_eq(vhost->play.time_jitter, TIME_JITTER_FULL);
    ck_assert_int_eq(vhost->publish.firstpkt_timeout, 20 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->publish.normal_timeout, 5 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->publish.takeover, TAKEOVER_REJECT);
    ck_assert_int_eq(vhost->out_ack_size, 2500000);
    ck_assert_int_eq(vhost->http_remux.enabled, 0);
    ck_assert_str_eq(vhost->http_remux.mount.item[0], "[vhost]/[app]/[stream].flv");
    ck_assert_int_eq(vhost->http_remux.hstrs, 1);
    ck_assert_int_eq(vhost->http_remux.standby_timeout, 30 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->http_remux.republish_wait, 15 * USEC_PER_SEC);
    config_unref(config);
}
END_TEST

/* The order of the choices in the table is the order of the enums that the structs hold. */
START_TEST(test_choices)
{
    struct config *config = config_test_load("vhost a { play { time_jitter zero; }\n"
                                             "publish { takeover replace; } }\n"
                                             "vhost b { play { time_jitter OFF; }\n"
                                             "publish { takeover replace_same_token; } }\n"
                                             "srs_log_level trace; srs_log_tank file;",
                                             no_environment);
    const struct config_vhost *a = config_vhost_find(config, "a");
    const struct config_vhost *b = config_vhost_find(config, "b");

    ck_assert_int_eq(a->play.time_jitter, TIME_JITTER_ZERO);
    ck_assert_int_eq(b->play.time_jitter, TIME_JITTER_OFF);
    ck_assert_int_eq(a->publish.takeover, TAKEOVER_REPLACE);
    ck_assert_int_eq(b->publish.takeover, TAKEOVER_REPLACE_SAME_TOKEN);
    ck_assert_int_eq(config->log_level, LOG_INFO);
    ck_assert_int_eq(config->log_to_file, 1);
    config_unref(config);
}
END_TEST

START_TEST(test_vhosts)
{
    struct config *config =
        config_test_load("vhost a.b { play { gop_cache off; } http_remux { enabled on; } }\n"
                         "vhost off.b { enabled off; }\n"
                         "vhost __defaultVhost__ { play { queue_length 7; } }\n",
                         no_environment);
    const struct config_vhost *vhost = config_vhost_find(config, "A.B");

    ck_assert_int_eq(config->vhost_count, 3);
    ck_assert_str_eq(config->vhost[0]->name, "__defaultVhost__");
    ck_assert_str_eq(vhost->name, "a.b");
    ck_assert_int_eq(vhost->play.gop_cache, 0);
    ck_assert_int_eq(vhost->play.queue_length, 30 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->http_remux.enabled, 1);
    ck_assert_ptr_null(config_vhost_find(config, "off.b"));
    vhost = config_vhost_find(config, "other");
    ck_assert_ptr_eq(vhost, config->vhost[0]);
    ck_assert_int_eq(vhost->play.queue_length, 7 * USEC_PER_SEC);
    config_unref(config);
}
END_TEST

START_TEST(test_vhosts_at_limit)
{
    struct buf text;
    struct config *config;

    buf_init(&text, 1 << 20);
    for (int i = 0; i < CONFIG_VHOST_MAX - 1; i++)
        ck_assert_int_eq(buf_printf(&text, "vhost v%d { }\n", i), 0);
    ck_assert_int_eq(buf_append(&text, "", 1), 0);
    config = config_test_load((const char *)buf_data(&text), no_environment);
    ck_assert_int_eq(config->vhost_count, CONFIG_VHOST_MAX);
    config_unref(config);
    text.len--;
    ck_assert_int_eq(buf_printf(&text, "vhost w { }\nvhost x { }\n") + buf_append(&text, "", 1), 0);
    config_test_refuse((const char *)buf_data(&text), no_environment,
                       "test.conf:257: vhost: more than 256 vhosts");
    buf_fini(&text);
}
END_TEST

START_TEST(test_lists)
{
    struct config *config = config_test_load(
        "listen 1935 [::]:1935; listen 127.0.0.1:1936; listen unix:/tmp/x :1937;\n"
        "vhost a { http_remux { mount [vhost]/[app]/[stream].flv; mount /x/[app]/[stream].flv; } }",
        no_environment);
    const struct config_http_remux *remux = &config_vhost_find(config, "a")->http_remux;

    ck_assert_int_eq(config->listen.count, 5);
    ck_assert_str_eq(config->listen.item[1], "[::]:1935");
    ck_assert_str_eq(config->listen.item[4], ":1937");
    ck_assert_int_eq(remux->mount.count, 2);
    ck_assert_str_eq(remux->mount.item[1], "/x/[app]/[stream].flv");
    config_unref(config);
    config_test_refuse("listen 1 2 3 4 5 6 7 8 9 10;\nlisten 11 12 13 14 15 16 17;", no_environment,
                       "test.conf:2: listen: takes no more than 16 values");
}
END_TEST

/* "ladder NAME { rung …; }" and "ladder NAME …;" are the same, and may be repeated. */
START_TEST(test_ladders)
{
    struct config *config =
        config_test_load("vhost v { ladder a { rung live/a_1; rung live/a_2; }\n"
                         "ladder b live/b; }",
                         no_environment);
    const struct config_strings *ladder = &config->vhost[1]->ladder;
    static const char *const words[] = {"a", "live/a_1", "live/a_2", "b", "live/b"};

    ck_assert_int_eq(ladder->count, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_str_eq(ladder->item[i], words[i]);
    config_unref(config);
    config_test_refuse("vhost v { ladder { rung a/b; } }", no_environment, "one name");
    config_test_refuse("vhost v { ladder a { rung b; } }", no_environment, "a rung is app/stream");
    config_test_refuse("vhost v { ladder a { } }", no_environment, "needs a rung");
    config_test_refuse("vhost v { ladder a { rung a/b c/d; } }", no_environment, "contains only");
    config_test_refuse("vhost v { ladder a { step a/b; } }", no_environment, "contains only");
    config_test_refuse("vhost v { ladder a/b; }", no_environment, "comes first");
    config_test_refuse("vhost v { ladder a { rung a/1; rung a/2; rung a/3; rung a/4; rung a/5;"
                       " rung a/6; rung a/7; rung a/8; rung a/9; } }",
                       no_environment, "no more than 8");
}
END_TEST

START_TEST(test_rtmp_block)
{
    struct config *config =
        config_test_load("rtmp { listen 1940 1941; chunk_size 4096; }", no_environment);

    ck_assert_int_eq(config->listen.count, 2);
    ck_assert_str_eq(config->listen.item[0], "1940");
    ck_assert_int_eq(config->chunk_size, 4096);
    config_unref(config);
}
END_TEST

START_TEST(test_mistakes)
{
    static const char *const cases[][2] = {
        {"\nlistn 1935;", "test.conf:2: listn: unknown directive (did you mean \"listen\"?)"},
        {"daemon;", "test.conf:1: daemon: needs a value"},
        {"daemon yes;", "test.conf:1: daemon: takes on, off, not \"yes\""},
        {"daemon on off;", "test.conf:1: daemon: takes one value, not 2"},
        {"daemon off\nlisten 1;", "daemon (is a ';' missing?): takes one value, not 3"},
        {"daemon { }", "test.conf:1: daemon: takes a value and ';', not a block"},
        {"max_connections 0;", "takes a number from 1 to 1000000, not \"0\""},
        {"max_connections 12x;", "not \"12x\""},
        {"max_message 1t;", "takes bytes from 64k to 256m, not \"1t\""},
        {"listen 65536;", "not \"65536\""},
        {"listen host:1935;", "not \"host:1935\""},
        {"http_server on;", "test.conf:1: http_server: is a block"},
        {"http_server x { }", "http_server: takes no name before '{'"},
        {"http_server { https { } dirr x; }", "dirr: unknown directive (did you mean \"dir\"?)"},
        {"vhost { }", "test.conf:1: vhost: takes one name"},
        {"vhost a b { }", "test.conf:1: vhost: takes one name"},
        {"vhost '' { }", "vhost: a vhost name has 1 to 255 characters"},
        {"gop_cache on;", "gop_cache: unknown directive (it belongs in vhost { play { "},
        {"vhost a { listen 1; }", "listen: unknown directive (it belongs outside of all blocks)"},
        {"vhost a { play { mw_latency fast; } }", "auto, or milliseconds from 0 to 10000"},
        {"vhost a { play { time_jitter some; } }", "takes full, zero, off, not \"some\""},
        {"qqqqqqqqqqqqqqqqqqqqqq 1;", "qqqqqqqqqqqqqqqqqqqqqq: unknown directive"},
        {"daemon on; asprocess on; disable_daemon_for_docker off;", "cannot both be on"},
        {"srs_log_tank file; srs_log_file '';", "srs_log_file is empty"},
        {"vhost a { http_remux { mount nonsense; } }", "test.conf:1: mount: \"nonsense\": "},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        config_test_refuse(cases[i][0], no_environment, cases[i][1]);
}
END_TEST

START_TEST(test_missing_file)
{
    struct config_options options = {.file = "/nowhere/x.conf"};
    struct config *config;
    struct err *err = config_load(&options, no_environment, &config);

    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_null(config);
    ck_assert_str_eq(err_text(err), "/nowhere/x.conf: no such file");
    err_free(err);
    options.file = "/tmp";
    err = config_load(&options, no_environment, &config);
    ck_assert_ptr_nonnull(strstr(err_text(err), "/tmp: "));
    err_free(err);
}
END_TEST

static int lines_of(const char *text)
{
    int n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

/* A directive or block of SRS that this server does not support is ignored. */
START_TEST(test_srs_directives)
{
    static struct config_test_log log;
    struct config *config =
        config_test_load("listen 1935;\n"
                         "rtc_server {\n enabled on; nobody { knows this; }\n}\n"
                         "kafka 1;\n"
                         "vhost __defaultVhost__ {\n"
                         "  hds { enabled on; hds_path ./x; }\n"
                         "  exec { enabled on; publish x; }\n"
                         "}\n"
                         "stream_caster { enabled on; caster x; }\n"
                         "stream_caster { enabled on; caster y; }\n",
                         no_environment);
    const char *text = config_test_warnings(&log, config);

    ck_assert_ptr_nonnull(strstr(text, "[warn]"));
    ck_assert_ptr_nonnull(strstr(text, "test.conf:2: rtc_server is not supported: ignored\n"));
    ck_assert_ptr_nonnull(strstr(text, "test.conf:5: kafka is not supported: ignored\n"));
    ck_assert_ptr_nonnull(strstr(text, "test.conf:7: hds is not supported: ignored\n"));
    ck_assert_ptr_nonnull(strstr(text, "test.conf:8: exec is not supported"));
    ck_assert_ptr_nonnull(strstr(text, "test.conf:10: stream_caster is not supported"));
    ck_assert_int_eq(lines_of(text), 6);
    config_unref(config);
}
END_TEST

/* Directives that are checked but have no effect yet cause a warning, unless they have the default.
 */
START_TEST(test_chunk_size)
{
    struct config *config =
        config_test_load("chunk_size 5000; vhost a { chunk_size 4096; }", no_environment);

    ck_assert_int_eq(config_vhost_find(config, "a")->chunk_size, 4096);
    ck_assert_int_eq(config_vhost_find(config, "b")->chunk_size, 5000);
    config_unref(config);
}
END_TEST

START_TEST(test_gop_frames)
{
    struct config *config =
        config_test_load("vhost a { play { gop_cache_max_frames 0; } }", no_environment);

    ck_assert_int_eq(config_vhost_find(config, "a")->play.gop_cache_max_frames, 1000000);
    ck_assert_int_eq(config_vhost_find(config, "b")->play.gop_cache_max_frames, 2500);
    config_unref(config);
}
END_TEST

START_TEST(test_given_twice)
{
    static struct config_test_log log;
    struct config *config = config_test_load("max_connections 5;\nmax_connections 6;\n"
                                             "http_server { dir /a; }\n"
                                             "http_server { enabled on; }\n"
                                             "vhost a { chunk_size 1000; }\n"
                                             "vhost A { play { gop_cache off; } }\n"
                                             "vhost b { play { gop_cache off; } }\n",
                                             no_environment);
    const char *text = config_test_warnings(&log, config);

    ck_assert_int_eq(config->max_connections, 6);
    ck_assert_str_eq(config->http_server.dir, "/a");
    ck_assert_int_eq(config->http_server.enabled, 1);
    ck_assert_int_eq(config_vhost_find(config, "a")->chunk_size, 1000);
    ck_assert_int_eq(config_vhost_find(config, "a")->play.gop_cache, 0);
    ck_assert_ptr_nonnull(
        strstr(text, "test.conf:2: max_connections appears twice; using this one\n"));
    ck_assert_ptr_nonnull(strstr(text, "test.conf:4: http_server appears twice; both are used\n"));
    ck_assert_ptr_nonnull(strstr(text, "test.conf:6: vhost A appears twice; both are used\n"));
    ck_assert_int_eq(lines_of(text), 3);
    config_unref(config);
}
END_TEST

/* As many warnings as a file can cause: only so many are kept, and the rest is counted. */
START_TEST(test_warnings_are_bounded)
{
    static struct config_test_log log;
    struct buf text;
    struct config *config;

    buf_init(&text, 1 << 20);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(buf_printf(&text, "kafka 1;\n"), 0);
    ck_assert_int_eq(buf_append(&text, "", 1), 0);
    config = config_test_load((const char *)buf_data(&text), no_environment);
    buf_fini(&text);
    ck_assert_int_eq(lines_of(config_test_warnings(&log, config)), 257);
    ck_assert_ptr_nonnull(strstr(log.text, "and 44 more warnings of the configuration\n"));
    config_unref(config);
}
END_TEST

START_TEST(test_environment)
{
    char *environment[] = {"PATH=/bin",
                           "SRS_LISTEN=1940  1941 ",
                           "SRS_MAX_CONNECTIONS=77",
                           "SRS_HTTP_SERVER_ENABLED=on",
                           "SRS_HTTP_SERVER_HTTPS_LISTEN=8443",
                           "SRS_HTTP_SERVER_DIR=/a folder",
                           "SRS_VHOST_HTTP_REMUX_MOUNT=[vhost]/[app]/[stream].flv /y/[stream].flv",
                           "SRS_VHOST_PLAY_GOP_CACHE=off",
                           "SRS_PID=",
                           "SRS_SRS_LOG_LEVEL=verbose",
                           NULL};
    struct config *config =
        config_test_load("listen 1 2 3; max_connections 5; pid ./x.pid; srs_log_level error;\n"
                         "vhost a { play { gop_cache on; } }",
                         environment);

    ck_assert_int_eq(config->listen.count, 2);
    ck_assert_str_eq(config->listen.item[0], "1940");
    ck_assert_str_eq(config->listen.item[1], "1941");
    ck_assert_int_eq(config->max_connections, 77);
    ck_assert_int_eq(config->http_server.enabled, 1);
    ck_assert_str_eq(config->http_server.https.listen.item[0], "8443");
    ck_assert_str_eq(config->http_server.dir, "/a folder");
    ck_assert_str_eq(config->pid, "./x.pid");
    ck_assert_int_eq(config->log_level, LOG_DEBUG);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(config->vhost[i]->play.gop_cache, 0);
        ck_assert_int_eq(config->vhost[i]->http_remux.mount.count, 2);
    }
    config_unref(config);
}
END_TEST

START_TEST(test_environment_mistakes)
{
    char *bad[] = {"SRS_MAX_CONNECTIONS=many", NULL};
    char *bad_vhost[] = {"SRS_VHOST_PLAY_GOP_CACHE=perhaps", NULL};
    char *odd[] = {"SRS_LISTN=1", "SRS_RTC_SERVER_LISTEN=8000", "SRS_VHOST_HDS_ENABLED=on",
                   "SRS_QQQQQQQQQQQQQQQQ=1", NULL};
    static struct config_test_log log;
    struct config *config;
    const char *text;

    config_test_refuse("", bad, "environment: SRS_MAX_CONNECTIONS: takes a number");
    config_test_refuse("", bad_vhost, "environment: SRS_VHOST_PLAY_GOP_CACHE: takes on, off");
    config = config_test_load("", odd);
    text = config_test_warnings(&log, config);
    ck_assert_ptr_nonnull(
        strstr(text, "environment: SRS_LISTN is unknown (did you mean SRS_LISTEN?): ignored\n"));
    ck_assert_ptr_nonnull(strstr(text, "environment: SRS_RTC_SERVER_LISTEN is not supported"));
    ck_assert_ptr_nonnull(strstr(text, "environment: SRS_VHOST_HDS_ENABLED is not supported"));
    ck_assert_ptr_nonnull(strstr(text, "environment: SRS_QQQQQQQQQQQQQQQQ is unknown: ignored"));
    ck_assert_int_eq(lines_of(text), 4);
    config_unref(config);
}
END_TEST

/* In a container the server stays in the foreground; in the background it logs to a file. */
START_TEST(test_process_settings)
{
    char *container[] = {"container=podman", NULL};
    struct config *config;

    config = config_test_load("daemon on; disable_daemon_for_docker off;", no_environment);
    ck_assert_int_eq(config->daemon, 1);
    ck_assert_int_eq(config->log_to_file, 1);
    ck_assert_str_eq(config->pid, "./objs/millrace.pid");
    config_unref(config);
    config = config_test_load("daemon on; pid ''; srs_log_tank console;\n"
                              "disable_daemon_for_docker off;",
                              no_environment);
    ck_assert_int_eq(config->log_to_file, 0);
    ck_assert_str_eq(config->pid, "");
    config_unref(config);
    config = config_test_load("daemon on;", container);
    ck_assert_int_eq(config->daemon, 0);
    ck_assert_int_eq(config->log_to_file, 0);
    ck_assert_int_eq(config->in_docker, 1);
    config_unref(config);
    config = config_test_load("daemon on; in_docker on;", no_environment);
    ck_assert_int_eq(config->daemon, 0);
    config_unref(config);
}
END_TEST

START_TEST(test_min_latency)
{
    struct config *config = config_test_load("vhost a { min_latency on; }\n"
                                             "vhost b { min_latency on; play { mw_latency 100; } }",
                                             no_environment);

    ck_assert_int_eq(config_vhost_find(config, "a")->play.mw_latency, 0);
    ck_assert_int_eq(config_vhost_find(config, "b")->play.mw_latency, 0);
    ck_assert_int_eq(config_vhost_find(config, "c")->play.mw_latency, -1);
    config_unref(config);
}
END_TEST

START_TEST(test_reference_count)
{
    struct config *config = config_test_load("", no_environment);

    ck_assert_ptr_eq(config_ref(config), config);
    config_unref(config);
    ck_assert_str_eq(config->vhost[0]->name, "__defaultVhost__");
    config_unref(config);
    config_unref(NULL);
}
END_TEST

Suite *check_config_suite(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");

    tcase_add_test(tcase, test_defaults);
    tcase_add_test(tcase, test_choices);
    tcase_add_test(tcase, test_vhosts);
    tcase_add_test(tcase, test_vhosts_at_limit);
    tcase_add_test(tcase, test_lists);
    tcase_add_test(tcase, test_ladders);
    tcase_add_test(tcase, test_rtmp_block);
    tcase_add_test(tcase, test_mistakes);
    tcase_add_test(tcase, test_missing_file);
    tcase_add_test(tcase, test_srs_directives);
    tcase_add_test(tcase, test_chunk_size);
    tcase_add_test(tcase, test_gop_frames);
    tcase_add_test(tcase, test_given_twice);
    tcase_add_test(tcase, test_warnings_are_bounded);
    tcase_add_test(tcase, test_environment);
    tcase_add_test(tcase, test_environment_mistakes);
    tcase_add_test(tcase, test_process_settings);
    tcase_add_test(tcase, test_min_latency);
    tcase_add_test(tcase, test_reference_count);
    suite_add_tcase(suite, tcase);
    return suite;
}
