/*
 * Files of SRS users: forms of old versions keep their meaning, numbers out of range are clamped,
 * directives that are off or have no effect cause no warning, and access rules are never ignored.
 */
#include "config_test.h"

#include "app/config/config_table.h"

Suite *check_config_forms_suite(void);

static char *no_environment[] = {NULL};

static void ck_list(const struct config_strings *list, int count, const char *first)
{
    ck_assert_int_eq(list->count, count);
    if (count > 0)
        ck_assert_str_eq(list->item[0], first);
}

/* No form that is understood causes a warning. */
static struct config *load_silently(const char *text)
{
    static struct config_test_log log;
    struct config *config = config_test_load(text, no_environment);

    ck_assert_str_eq(config_test_warnings(&log, config), "");
    return config;
}

START_TEST(test_lines_of_a_vhost)
{
    struct config *config = load_silently("vhost v {\n"
                                          "  gop_cache off; gop_cache_max_frames 9;\n"
                                          "  queue_length 12; time_jitter zero; mix_correct on;\n"
                                          "  atc on; atc_auto on; mw_latency 120; mw_msgs 3;\n"
                                          "  send_min_interval 2.5; reduce_sequence_header on;\n"
                                          "  publish_1stpkt_timeout 15000;\n"
                                          "  publish_normal_timeout 6000;\n"
                                          "  min_latency off; tcp_nodelay on; chunk_size 4096;\n"
                                          "  debug_srs_upnode off;\n"
                                          "}\n");
    const struct config_vhost *vhost = config_vhost_find(config, "v");

    ck_assert_int_eq(vhost->play.gop_cache, 0);
    ck_assert_int_eq(vhost->play.gop_cache_max_frames, 9);
    ck_assert_int_eq(vhost->play.queue_length, 12 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->play.time_jitter, 1);
    ck_assert_int_eq(vhost->play.mix_correct, 1);
    ck_assert_int_eq(vhost->play.atc, 1);
    ck_assert_int_eq(vhost->play.atc_auto, 1);
    ck_assert_int_eq(vhost->play.mw_latency, 120 * USEC_PER_MS);
    ck_assert_int_eq(vhost->play.mw_msgs, 3);
    ck_assert_int_eq(vhost->play.send_min_interval, 2500);
    ck_assert_int_eq(vhost->play.reduce_sequence_header, 1);
    ck_assert_int_eq(vhost->publish.firstpkt_timeout, 15 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->publish.normal_timeout, 6 * USEC_PER_SEC);
    ck_assert_int_eq(vhost->tcp_nodelay, 1);
    ck_assert_int_eq(vhost->chunk_size, 4096);
    config_unref(config);
}
END_TEST

START_TEST(test_cluster_lines)
{
    struct config *config = load_silently("vhost e { mode remote; origin a:1935 b:1936;\n"
                                          "token_traverse on; vhost other.example; }\n"
                                          "vhost l { mode local; }");
    const struct config_vhost *vhost = config_vhost_find(config, "e");

    ck_assert_int_eq(vhost->cluster.mode, CLUSTER_REMOTE);
    ck_list(&vhost->cluster.origin, 2, "a:1935");
    ck_assert_int_eq(vhost->cluster.token_traverse, 1);
    ck_assert_str_eq(vhost->cluster.vhost, "other.example");
    ck_assert_int_eq(config_vhost_find(config, "l")->cluster.mode, CLUSTER_LOCAL);
    config_unref(config);
}
END_TEST

/* These lines also turned the feature on. */
START_TEST(test_lines_that_turn_on)
{
    struct config *config = load_silently("vhost a { forward 10.0.0.1:1935 10.0.0.2; }\n"
                                          "vhost b { refer good.example also.example; }\n"
                                          "vhost c { refer_play p.example; }\n"
                                          "vhost d { refer_publish q.example; }\n"
                                          "vhost e { refer { enabled off; } refer x.example; }\n"
                                          "vhost f { forward { enabled on; destination z; } }\n"
                                          "vhost __defaultVhost__ { }\n");
    const struct config_vhost *vhost = config_vhost_find(config, "a");

    ck_assert_int_eq(vhost->forward.enabled, 1);
    ck_list(&vhost->forward.destination, 2, "10.0.0.1:1935");
    ck_assert_int_eq(vhost->refer.enabled, 0);
    vhost = config_vhost_find(config, "b");
    ck_assert_int_eq(vhost->refer.enabled, 1);
    ck_list(&vhost->refer.all, 2, "good.example");
    ck_list(&vhost->refer.play, 0, NULL);
    vhost = config_vhost_find(config, "c");
    ck_assert_int_eq(vhost->refer.enabled, 1);
    ck_list(&vhost->refer.play, 1, "p.example");
    vhost = config_vhost_find(config, "d");
    ck_assert_int_eq(vhost->refer.enabled, 1);
    ck_list(&vhost->refer.publish, 1, "q.example");
    /* SRS keeps a switch that is written out. */
    vhost = config_vhost_find(config, "e");
    ck_assert_int_eq(vhost->refer.enabled, 0);
    ck_list(&vhost->refer.all, 1, "x.example");
    ck_list(&config_vhost_find(config, "f")->forward.destination, 1, "z");
    config_unref(config);
}
END_TEST

START_TEST(test_old_blocks)
{
    struct config *config =
        load_silently("http_stream { enabled on; listen 8081; dir ./www; }\n"
                      "vhost v { http { enabled on; mount [vhost]/hls; dir ./files; }\n"
                      "mr { enabled on; latency 120; } publish { normal_timeout 9000; } }");
    const struct config_vhost *vhost = config_vhost_find(config, "v");

    ck_assert_int_eq(config->http_server.enabled, 1);
    ck_list(&config->http_server.listen, 1, "8081");
    ck_assert_str_eq(config->http_server.dir, "./www");
    ck_assert_int_eq(vhost->http_static.enabled, 1);
    ck_assert_str_eq(vhost->http_static.mount, "[vhost]/hls");
    ck_assert_str_eq(vhost->http_static.dir, "./files");
    ck_assert_int_eq(vhost->publish.mr, 1);
    ck_assert_int_eq(vhost->publish.mr_latency, 120 * USEC_PER_MS);
    ck_assert_int_eq(vhost->publish.normal_timeout, 9 * USEC_PER_SEC);
    config_unref(config);
}
END_TEST

START_TEST(test_old_forms_with_mistakes)
{
    static const char *const cases[][2] = {
        {"vhost a { mr { mr_latency 5; } }", "mr_latency: unknown directive"},
        {"vhost a { mr { normal_timeout 5; } }", "normal_timeout: unknown directive"},
        {"vhost a { mr x; }", "test.conf:1: mr: is a block"},
        {"vhost a { mode { } }", "test.conf:1: mode: unknown directive"},
        {"vhost a {\n queue_length soon; }", "test.conf:2: queue_length: takes seconds"},
        {"vhost a { refer; }", "refer: needs a value"},
        {"vhost a { refer a/b; }", "refer: takes domains"},
        {"vhost a { forward ftp://x; }", "forward: \"ftp://x\""},
        {"http_stream on;", "http_stream: is a block"},
        {"http { }", "http: unknown directive"},
        {"gop_cache on;", "gop_cache: unknown directive (it belongs in"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        config_test_refuse(cases[i][0], no_environment, cases[i][1]);
}
END_TEST

/* Directives that are off or have no effect here cause no warning. */
START_TEST(test_nothing_to_warn_about)
{
    char *environment[] = {
        "SRS_VHOST_HLS_ENABLED=off", "SRS_FF_LOG_DIR=./x", "SRS_CIRCUIT_BREAKER_HIGH_THRESHOLD=90",
        "SRS_LOG_LEVEL_V2=info",     "SRS_CONFIG_FILE=x",  NULL};
    static struct config_test_log log;
    struct config *config;

    config_unref(
        load_silently("ff_log_dir ./objs; ff_log_level info; srs_log_level_v2 trace;\n"
                      "pithy_print_ms 10000; empty_ip_ok on; tcmalloc_release_rate 0.8;\n"
                      "query_latest_version off; first_wait_for_qlv 5;\n"
                      "circuit_breaker { enabled on; } threads { interval 5; }\n"
                      "stats { network 0; disk sda; } auto_reload_for_docker on;\n"
                      "rtc_server { enabled off; listen 8000; } srt_server { }\n"
                      "stream_caster { enabled off; caster flv; }\n"
                      "vhost a { hls { enabled off; hls_path x; } dvr { dvr_plan segment; }\n"
                      "transcode { enabled off; engine e { } } ingest live { }\n"
                      "publish { parse_sps on; try_annexb_first on; }\n"
                      "cluster { debug_srs_upnode on; } }\n"));
    config = config_test_load("", environment);
    ck_assert_str_eq(config_test_warnings(&log, config), "");
    config_unref(config);
}
END_TEST

static void ck_warned(const char *text, char **environment, const char *what)
{
    static struct config_test_log log;
    struct config *config = config_test_load(text, environment);
    const char *warnings = config_test_warnings(&log, config);

    ck_assert_msg(strstr(warnings, what) != NULL, "\"%s\" has no \"%s\"", warnings, what);
    config_unref(config);
}

START_TEST(test_clamped)
{
    static const struct {
        const char *text, *warning;
    } cases[] = {
        {"chunk_size 100;", "test.conf:1: chunk_size 100 is out of range: 128 is used"},
        {"chunk_size 70000;", "chunk_size 70000 is out of range: 65536 is used"},
        {"vhost a { play { mw_msgs 500; } }", "mw_msgs 500 is out of range: 128 is used"},
        {"vhost a { play { mw_latency -1; } }", "mw_latency -1 is out of range: 0 is used"},
        {"vhost a { play { mw_latency 10000.5; } }", "10000.5 is out of range: 10000 is used"},
        {"vhost a { play { queue_length 9000; } }", "9000 is out of range: 3600 is used"},
        {"vhost a { queue_length 0; }", "queue_length 0 is out of range: 3600 is used"},
        {"vhost a { publish { firstpkt_timeout 0; } }", "0 is out of range: 10 is used"},
        {"vhost a { mr { latency 999999; } }", "latency 999999 is out of range: 10000 is used"},
    };
    char *environment[] = {"SRS_VHOST_PLAY_MW_MSGS=129", NULL};
    struct config *config;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_warned(cases[i].text, no_environment, cases[i].warning);
    ck_warned("", environment,
              "environment: SRS_VHOST_PLAY_MW_MSGS 129 is out of range: 128 is used");
    config =
        config_test_load("chunk_size 70000; vhost a { play { mw_msgs 500; } }", no_environment);
    ck_assert_int_eq(config->chunk_size, 65536);
    ck_assert_int_eq(config_vhost_find(config, "a")->play.mw_msgs, 128);
    config_unref(config);
    config = load_silently("chunk_size 128; vhost a { play { mw_msgs 128; queue_length 3600; } }");
    config_unref(config);
    config_test_refuse("chunk_size 99999999999999999999;", no_environment, "takes a number");
    config_test_refuse("chunk_size 12x;", no_environment, "takes a number");
    config_test_refuse("max_connections 0;", no_environment, "takes a number from 1");
}
END_TEST

START_TEST(test_kickoff_is_in_seconds)
{
    struct config *config = load_silently("vhost a { publish { kickoff_for_idle 60; } }\n"
                                          "vhost b { publish { kickoff_for_idle 1.5; } }\n"
                                          "vhost c { publish { kickoff_for_idle 60000; } }");

    ck_assert_int_eq(config_vhost_find(config, "a")->publish.kickoff_for_idle, 60 * USEC_PER_SEC);
    ck_assert_int_eq(config_vhost_find(config, "b")->publish.kickoff_for_idle, 1500 * USEC_PER_MS);
    ck_assert_int_eq(config_vhost_find(config, "c")->publish.kickoff_for_idle,
                     60000 * USEC_PER_SEC);
    config_unref(config);
}
END_TEST

/* An unknown access rule is an error, so that it never allows too much. */
START_TEST(test_unknown_access_rules)
{
    static const char *const cases[][2] = {
        {"vhost a {\n security { seo_allow play all; } }", "test.conf:2: seo_allow: unknown"},
        {"vhost a { security { allow stream all; } }", "a rule must begin with publish or play"},
        {"vhost a { security { allow play country:de; } }", "is neither all, nor an address"},
        {"vhost a { security { enabled perhaps; } }", "enabled: takes on, off"},
        {"vhost a { refer { enabled on; only x.example; } }", "only: unknown directive"},
        {"vhost a { token { enabled on; algorithm md5; } }", "algorithm: unknown directive"},
        {"vhost a { geoblock { enabled on; } }", "geoblock: unknown directive"},
    };
    char *security[] = {"SRS_VHOST_SECURITY_ALOW=play all", NULL};
    char *token[] = {"SRS_VHOST_TOKEN_SECRET=x", NULL};
    char *refer[] = {"SRS_VHOST_REFER_ENABLE=on", NULL};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        config_test_refuse(cases[i][0], no_environment, cases[i][1]);
    config_test_refuse("", security,
                       "environment: SRS_VHOST_SECURITY_ALOW: unknown directive (did you mean "
                       "SRS_VHOST_SECURITY_ALLOW?)");
    config_test_refuse("", token, "environment: SRS_VHOST_TOKEN_SECRET: unknown directive");
    config_test_refuse("", refer, "environment: SRS_VHOST_REFER_ENABLE: unknown directive");
}
END_TEST

/* Ignored names are never those of an access rule, or in a block of such rules. */
START_TEST(test_guards_have_no_ignored_names)
{
    static const char *const names[] = {"enabled", "allow", "deny", "key", "all", "seo", "on_play"};

    for (int i = 0; i < CONFIG_WHERE_COUNT; i++)
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
            if (config_table_is_guard((enum config_where)i))
                ck_assert_int_eq(config_srs_knows((enum config_where)i, names[j]),
                                 CONFIG_SRS_UNKNOWN);
}
END_TEST

START_TEST(test_rules_that_allow_nobody)
{
    ck_warned("vhost a { security { enabled on; allow play all; } }", no_environment,
              "vhost a: nobody may publish: security is enabled and has no rule \"allow publish\"");
    ck_warned("vhost a { security { enabled on; deny play 1.2.3.4; allow publish all; } }",
              no_environment, "vhost a: nobody may play");
    config_unref(load_silently("vhost __defaultVhost__ { security { enabled on;\n"
                               "deny publish all; allow play all; } }\n"
                               "vhost b { security { allow play all; } }"));
}
END_TEST

/* A vhost with rules does not protect the names that have no vhost. */
START_TEST(test_rules_without_a_default_vhost)
{
    char *environment[] = {"SRS_VHOST_TOKEN_ENABLED=on", "SRS_VHOST_TOKEN_KEY=k", NULL};
    char *off[] = {"SRS_VHOST_ENABLED=off", NULL};
    static struct config_test_log log;
    struct config *config;

    ck_warned("vhost a { token { enabled on; key k; } }", no_environment,
              "vhost a has access rules, but other host names are served without any: to refuse "
              "them, add \"vhost __defaultVhost__ { enabled off; }\"");
    ck_warned("vhost z { } vhost a { refer { enabled on; all x; } }", no_environment,
              "vhost a has");
    config_unref(load_silently("vhost a { token { key k; } }"));
    config_unref(load_silently("vhost a { enabled off; token { enabled on; key k; } }"));
    config_unref(load_silently("vhost a { token { enabled on; key k; } }\n"
                               "vhost __defaultVhost__ { }"));
    for (int i = 0; i < 2; i++) {
        config = config_test_load("vhost a { token { enabled on; key k; } }",
                                  i == 0 ? environment : off);
        ck_assert_str_eq(config_test_warnings(&log, config), "");
        config_unref(config);
    }
}
END_TEST

Suite *check_config_forms_suite(void)
{
    Suite *suite = suite_create("config_forms");
    TCase *tcase = tcase_create("config_forms");

    tcase_add_test(tcase, test_lines_of_a_vhost);
    tcase_add_test(tcase, test_cluster_lines);
    tcase_add_test(tcase, test_lines_that_turn_on);
    tcase_add_test(tcase, test_old_blocks);
    tcase_add_test(tcase, test_old_forms_with_mistakes);
    tcase_add_test(tcase, test_nothing_to_warn_about);
    tcase_add_test(tcase, test_clamped);
    tcase_add_test(tcase, test_kickoff_is_in_seconds);
    tcase_add_test(tcase, test_unknown_access_rules);
    tcase_add_test(tcase, test_guards_have_no_ignored_names);
    tcase_add_test(tcase, test_rules_that_allow_nobody);
    tcase_add_test(tcase, test_rules_without_a_default_vhost);
    suite_add_tcase(suite, tcase);
    return suite;
}
