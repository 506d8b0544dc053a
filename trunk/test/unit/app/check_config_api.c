/* The settings of the API, and a configuration value by value. */
#include "app/config/config.h"
#include "app/config/config_walk.h"
#include "config_test.h"

Suite *check_config_api_suite(void);

static char *no_environment[] = {NULL};

START_TEST(passwords)
{
    static char *environment[] = {"SRS_HTTP_API_AUTH_PASSWORD=b", NULL};
    struct config *config = config_test_load(
        "http_api { auth { enabled on; username u; password \"a:b c\"; } }", no_environment);
    char *dump = config_test_dump(config);

    ck_assert(config->http_api.auth.enabled);
    ck_assert_str_eq(config->http_api.auth.password.item[0], "a:b c");
    ck_assert_ptr_null(strstr(dump, "a:b"));
    ck_assert_ptr_nonnull(strstr(dump, "password ***;"));
    free(dump);
    config_unref(config);
    config =
        config_test_load("http_api { auth { enabled on; username u; password a; } }", environment);
    ck_assert_str_eq(config->http_api.auth.password.item[0], "b");
    config_unref(config);
}
END_TEST

/* What would leave the API without a password is refused. */
START_TEST(no_password)
{
    config_test_refuse("http_api { auth { enabled on; } }", no_environment, "is empty");
    config_test_refuse("http_api { auth { enabled on; username u; } }", no_environment, "is empty");
    config_test_refuse("http_api { auth { enabled on; password p; } }", no_environment, "is empty");
    config_test_refuse("http_api { auth { enabled on; username u; password ***; } }",
                       no_environment, "***");
    config_test_refuse("http_api { auth { enabled on; username a:b; password p; } }",
                       no_environment, "colon");
    config_test_refuse("http_api { auth { user u; } }", no_environment, "unknown directive");
}
END_TEST

struct seen {
    int values, vhosts;
    int is_masked;
    char last_vhost[64];
};

static int see(void *arg, const struct config_walk_item *item)
{
    struct seen *seen = arg;

    seen->values++;
    ck_assert_ptr_nonnull(item->text);
    ck_assert_ptr_null(strstr(item->text, "hidden"));
    if (item->vhost != NULL && strcmp(item->vhost, seen->last_vhost) != 0) {
        seen->vhosts++;
        (void)snprintf(seen->last_vhost, sizeof(seen->last_vhost), "%s", item->vhost);
    }
    if (strcmp(item->name, "password") == 0) {
        ck_assert_str_eq(item->parent, "http_api");
        ck_assert_str_eq(item->block, "auth");
        seen->is_masked = strcmp(item->text, "***") == 0;
    }
    if (strcmp(item->name, "gop_cache") == 0) {
        ck_assert_str_eq(item->block, "play");
        ck_assert_str_eq(item->parent, "");
        ck_assert_int_eq(item->kind, CONFIG_WALK_SWITCH);
    }
    if (strcmp(item->name, "srs_log_file") == 0)
        ck_assert_str_eq(item->text, "/a b");
    if (strcmp(item->name, "trusted_proxies") == 0)
        ck_assert_str_eq(item->text, "");
    return strcmp(item->name, "republish_wait") == 0 && item->vhost != NULL &&
                   strcmp(item->vhost, "stop") == 0
               ? 7
               : 0;
}

START_TEST(walks)
{
    static const char text[] = "srs_log_file \"/a b\";"
                               "http_api { auth { enabled on; username u; password hidden; } }"
                               "vhost a { token { key hidden; } }";
    struct config *config = config_test_load(text, no_environment);
    struct seen seen = {.values = 0};
    int server_values;

    ck_assert_int_eq(config_walk(config, see, &seen), 0);
    ck_assert_int_eq(seen.vhosts, 2);
    ck_assert(seen.is_masked);
    server_values = seen.values;
    config_unref(config);
    config = config_test_load("srs_log_file \"/a b\"; vhost stop { } vhost z { }", no_environment);
    seen = (struct seen){.values = 0};
    ck_assert_int_eq(config_walk(config, see, &seen), 7);
    ck_assert_int_eq(seen.vhosts, 2);
    ck_assert_int_lt(seen.values, server_values);
    config_unref(config);
}
END_TEST

Suite *check_config_api_suite(void)
{
    Suite *suite = suite_create("config_api");
    TCase *tcase = tcase_create("config_api");

    tcase_add_test(tcase, passwords);
    tcase_add_test(tcase, no_password);
    tcase_add_test(tcase, walks);
    suite_add_tcase(suite, tcase);
    return suite;
}
