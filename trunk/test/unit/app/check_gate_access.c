/* The policy as a whole: which check refuses with which error, and that all must allow. */
#include "app/stream/gate.h"
#include "base/buf.h"
#include "proto/token.h"

#include <check.h>
#include <stdio.h>

Suite *check_gate_access_suite(void);

#define NOW 1000

static struct config_vhost vhost;
static char *keys[] = {"new", "old"};
static char query[256];

static void setup(void)
{
    vhost = (struct config_vhost){.name = "__defaultVhost__", .enabled = 1};
    vhost.token.publish = vhost.token.play = 1;
    vhost.token.key.item = keys;
    vhost.token.key.count = 2;
}

static const struct gate *const gates[] = {&gate_security, &gate_refer, &gate_token, NULL};
static const struct tables tables = {.gates = gates};
static struct server server = {.tables = &tables};

static int ask(enum access_action action, const char *asked, const char *page)
{
    struct gate_request request = {.server = &server,
                                   .action = action,
                                   .vhost = &vhost,
                                   .app = "live",
                                   .stream = "s",
                                   .param = asked,
                                   .ip = "10.0.0.1",
                                   .page = page,
                                   .now = NOW};
    struct gate_verdict verdict;
    int status = gates_ask(&request, &verdict, 0);

    ck_assert((status == 0) == (verdict.reason[0] == '\0'));
    ck_assert_int_eq(status, verdict.status);
    return status;
}

/* "expires=…&sign=…" for the stream of ask(). */
static const char *sign(const char *key, int is_publish, int64_t expires, const char *of)
{
    struct token_claim claim = {is_publish, of, "live", "s", expires, ""};
    char hex[TOKEN_HEX_SIZE];

    ck_assert_int_eq(token_sign(key, &claim, hex), 0);
    snprintf(query, sizeof(query), "expires=%lld&sign=%s", (long long)expires, hex);
    return query;
}

START_TEST(test_nothing_configured)
{
    ck_assert_int_eq(ask(ACCESS_PLAY, "", NULL), 0);
    ck_assert_int_eq(ask(ACCESS_PUBLISH, "", NULL), 0);
}
END_TEST

START_TEST(test_token)
{
    vhost.token.enabled = 1;
    ck_assert_int_eq(ask(ACCESS_PLAY, "", NULL), 401);
    ck_assert_int_eq(ask(ACCESS_PLAY, "expires=2000", NULL), 401);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("new", 0, 2000, ""), NULL), 0);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("old", 0, 2000, ""), NULL), 0);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("other", 0, 2000, ""), NULL), 403);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("new", 0, NOW, ""), NULL), 403);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("new", 0, NOW + 1, ""), NULL), 0);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("new", 1, 2000, ""), NULL), 403);
    ck_assert_int_eq(ask(ACCESS_PUBLISH, sign("new", 1, 2000, ""), NULL), 0);
    ck_assert_int_eq(ask(ACCESS_PUBLISH, sign("new", 0, 2000, ""), NULL), 403);
    vhost.token.publish = 0;
    ck_assert_int_eq(ask(ACCESS_PUBLISH, "", NULL), 0);
    vhost.token.play = 0;
    ck_assert_int_eq(ask(ACCESS_PLAY, "", NULL), 0);
}
END_TEST

/* The signature of a ladder's address is one for playing its rungs, and for nothing else. */
START_TEST(test_token_of_a_ladder)
{
    char *words[] = {"s", "live/s_hi", "live/t", "show", "live/s", "live/show_lo"};
    struct gate_request request = {.server = &server,
                                   .action = ACCESS_PLAY,
                                   .vhost = &vhost,
                                   .app = "live",
                                   .stream = "s_hi",
                                   .ip = "10.0.0.1",
                                   .now = NOW};
    struct gate_verdict verdict;

    vhost.token.enabled = 1;
    request.param = sign("new", 0, 2000, "");
    ck_assert_int_eq(gates_ask(&request, &verdict, 0), 403);
    vhost.ladder = (struct config_strings){6, words};
    ck_assert_int_eq(gates_ask(&request, &verdict, 0), 0);
    request.stream = "t";
    ck_assert_int_eq(gates_ask(&request, &verdict, 0), 0);
    request.stream = "show_lo";
    ck_assert_int_eq(gates_ask(&request, &verdict, 0), 403);
    request.stream = "t";
    request.action = ACCESS_PUBLISH;
    ck_assert_int_eq(gates_ask(&request, &verdict, 0), 403);
    request.param = sign("new", 1, 2000, "");
    ck_assert_int_eq(gates_ask(&request, &verdict, 0), 403);
    request.action = ACCESS_PLAY;
    request.param = sign("new", 0, NOW, "");
    ck_assert_int_eq(gates_ask(&request, &verdict, 0), 403);
    vhost.ladder.count = 0;
}
END_TEST

START_TEST(test_token_of_a_vhost)
{
    vhost.token.enabled = 1;
    vhost.name = "Example.org";
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("new", 0, 2000, "example.org"), NULL), 0);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("new", 0, 2000, "EXAMPLE.org"), NULL), 0);
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("new", 0, 2000, ""), NULL), 403);
}
END_TEST

/* Without a key no signature is valid. */
START_TEST(test_token_without_key)
{
    vhost.token.enabled = 1;
    vhost.token.key.count = 0;
    ck_assert_int_eq(ask(ACCESS_PLAY, sign("", 0, 2000, ""), NULL), 403);
    ck_assert_int_eq(ask(ACCESS_PLAY, "", NULL), 401);
}
END_TEST

START_TEST(test_all_gates_must_allow)
{
    char *rule[] = {"play", "10.0.0.0/8"};
    char *domain[] = {"good.example"};

    vhost.token.enabled = vhost.security.enabled = vhost.refer.enabled = 1;
    vhost.security.allow = (struct config_strings){2, rule};
    vhost.refer.all = (struct config_strings){1, domain};
    sign("new", 0, 2000, "");
    ck_assert_int_eq(ask(ACCESS_PLAY, query, "http://good.example/"), 0);
    ck_assert_int_eq(ask(ACCESS_PLAY, query, "http://other.example/"), 403);
    ck_assert_int_eq(ask(ACCESS_PLAY, query, NULL), 403);
    ck_assert_int_eq(ask(ACCESS_PLAY, "", "http://good.example/"), 401);
    vhost.security.deny = vhost.security.allow;
    ck_assert_int_eq(ask(ACCESS_PLAY, query, "http://good.example/"), 403);
}
END_TEST

/* The summary of the vhost that -t prints. */
static void ck_described(const char *publish, const char *play)
{
    struct config_vhost *vhosts[] = {&vhost};
    struct config config = {.vhost_count = 1, .vhost = vhosts};
    char expected[512];
    struct buf out;

    snprintf(expected, sizeof(expected),
             "# Who may publish and play:\n# vhost __defaultVhost__\n"
             "#     publish: %s\n#     play: %s\n",
             publish, play);
    buf_init(&out, 4096);
    ck_assert_int_eq(gates_describe(&tables, &config, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)buf_data(&out), expected);
    buf_fini(&out);
}

START_TEST(test_access_rules_in_words)
{
    char *allow[] = {"play", "all", "publish", "10.0.0.0/8", "::1"};
    char *deny[] = {"publish", "10.0.0.13", "play", "1.2.3.4", "5.6.7.8"};
    char *deny_all[] = {"play", "all"};
    char *pages[] = {"good.example", "none"};
    char *none[] = {"none"};

    ck_described("everyone", "everyone");
    vhost.security.enabled = 1;
    ck_described("nobody (security has no rule that allows it)",
                 "nobody (security has no rule that allows it)");
    vhost.security.allow = (struct config_strings){2, allow};
    ck_described("nobody (security has no rule that allows it)", "all addresses");
    vhost.security.allow.count = 5;
    vhost.security.deny = (struct config_strings){5, deny};
    ck_described("10.0.0.0/8, ::1 except 10.0.0.13", "all addresses except 1.2.3.4, 5.6.7.8");
    vhost.security.deny = (struct config_strings){2, deny_all};
    ck_described("10.0.0.0/8, ::1", "nobody (security denies all)");
    vhost.security.enabled = 0;
    vhost.refer.enabled = 1;
    ck_described("everyone", "everyone");
    vhost.refer.all = (struct config_strings){2, pages};
    vhost.refer.publish = (struct config_strings){1, none};
    ck_described("clients from pages of good.example, or without a page; and only clients without "
                 "a page",
                 "clients from pages of good.example, or without a page");
    vhost.refer.all.count = 0;
    vhost.token.enabled = 1;
    vhost.token.publish = 0;
    ck_described("clients without a page", "signed addresses");
    vhost.token.key.count = 0;
    vhost.refer.enabled = 0;
    ck_described("everyone", "nobody (token has no key)");
}
END_TEST

START_TEST(test_access_rules_of_a_disabled_vhost)
{
    struct config_vhost *vhosts[] = {&vhost};
    struct config config = {.vhost_count = 1, .vhost = vhosts};
    struct buf out;

    vhost.enabled = 0;
    buf_init(&out, 4096);
    ck_assert_int_eq(gates_describe(&tables, &config, &out), 0);
    ck_assert_int_eq(buf_append(&out, "", 1), 0);
    ck_assert_str_eq((const char *)buf_data(&out),
                     "# Who may publish and play:\n# vhost __defaultVhost__ (disabled)\n");
    buf_fini(&out);
    /* No room is reported. */
    buf_init(&out, 40);
    ck_assert_int_ne(gates_describe(&tables, &config, &out), 0);
    buf_fini(&out);
}
END_TEST

Suite *check_gate_access_suite(void)
{
    Suite *suite = suite_create("gate_access");
    TCase *tc = tcase_create("access");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, test_nothing_configured);
    tcase_add_test(tc, test_token);
    tcase_add_test(tc, test_token_of_a_ladder);
    tcase_add_test(tc, test_token_of_a_vhost);
    tcase_add_test(tc, test_token_without_key);
    tcase_add_test(tc, test_all_gates_must_allow);
    tcase_add_test(tc, test_access_rules_in_words);
    tcase_add_test(tc, test_access_rules_of_a_disabled_vhost);
    suite_add_tcase(suite, tc);
    return suite;
}
