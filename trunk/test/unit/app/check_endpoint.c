/* The endpoints of a configuration's `listen` directives. */
#include "app/core/endpoint.h"

#include "app/server/tables.h"
#include "base/str.h"

#include <check.h>
#include <string.h>

Suite *check_endpoint_suite(void);

static char *words[4][4];

static struct config_strings list(int which, const char *text)
{
    static char store[4][100];
    struct config_strings out = {0, words[which]};
    char *at = store[which];

    ck_assert_int_eq(str_copy(store[which], sizeof(store[which]), text), 0);
    while (*at != '\0') {
        words[which][out.count++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
    return out;
}

/* All of them as one text, "RTMP 1935, RTMP [::]:1935". */
static const char *listed(const char *rtmp, const char *http, const char *api, int has_ipv6)
{
    static char out[2000];
    struct endpoints all;
    struct config config = {.listen = list(0, rtmp),
                            .http_server = {.enabled = 1, .listen = list(1, http)},
                            .http_api = {.enabled = 1, .listen = list(2, api)}};

    endpoints_list(tables_all.listeners, &config, has_ipv6, &all);
    out[0] = '\0';
    for (int i = 0; i < all.count; i++)
        ck_assert_int_eq(str_format(out + strlen(out), sizeof(out) - strlen(out), "%s%s %s",
                                    i > 0 ? ", " : "", tables_all.listeners[all.item[i].type]->name,
                                    all.item[i].text),
                         0);
    return out;
}

START_TEST(test_a_port_alone_is_both)
{
    ck_assert_str_eq(listed("1935", ":8080", "*:1985", 1),
                     "RTMP 1935, RTMP [::]:1935, HTTP :8080, HTTP [::]:8080, "
                     "HTTP API *:1985, HTTP API [::]:1985");
    ck_assert_str_eq(listed("1935", ":8080", "*:1985", 0),
                     "RTMP 1935, HTTP :8080, HTTP API *:1985");
    ck_assert_str_eq(listed("65535", "1", "8080", 1),
                     "RTMP 65535, RTMP [::]:65535, HTTP 1, HTTP [::]:1, HTTP API 8080, "
                     "HTTP API [::]:8080");
}
END_TEST

START_TEST(test_what_has_an_address_is_as_written)
{
    ck_assert_str_eq(listed("0.0.0.0:1935", "[::]:8080", "127.0.0.1:1985 [::1]:1985 unix:/1985", 1),
                     "RTMP 0.0.0.0:1935, HTTP [::]:8080, HTTP API 127.0.0.1:1985, "
                     "HTTP API [::1]:1985, HTTP API unix:/1985");
    /* Port 0 is a free one: another one for each family would be a riddle. */
    ck_assert_str_eq(listed("0", "0", "1985", 0), "RTMP 0, HTTP 0, HTTP API 1985");
    ck_assert_str_eq(listed("0", "127.0.0.1:0", "127.0.0.1:1", 1),
                     "RTMP 0, HTTP 127.0.0.1:0, HTTP API 127.0.0.1:1");
}
END_TEST

START_TEST(test_beside_an_ipv6_address)
{
    ck_assert_str_eq(listed("1935 [::]:1935", "[::1]:8080 8080", "[::]:8080", 1),
                     "RTMP 1935, RTMP [::]:1935, HTTP [::1]:8080, HTTP 8080, HTTP API [::]:8080");
    /* One port for HTTP and the API is listed once. */
    ck_assert_str_eq(listed("1935", "8080", "0.0.0.0:8080", 1),
                     "RTMP 1935, RTMP [::]:1935, HTTP 8080, HTTP [::]:8080");
}
END_TEST

/* A type is one row: with its name in the list its addresses are listened on. */
static const struct config_strings *made_up_addresses(const struct config *config)
{
    return config->http_api.enabled ? &config->listen : NULL;
}

START_TEST(test_another_type_is_another_row)
{
    static const struct listener_type made_up = {.name = "made up", .addresses = made_up_addresses};
    static const struct listener_type off = {.name = "internal", .is_internal = 1};
    const struct listener_type *const types[] = {&off, &made_up, NULL};
    struct config config = {.listen = list(0, "1935 [::1]:7")};
    struct endpoints all;

    endpoints_list(types, &config, 1, &all);
    ck_assert_int_eq(all.count, 0);
    config.http_api.enabled = 1;
    endpoints_list(types, &config, 1, &all);
    ck_assert_int_eq(all.count, 3);
    for (int i = 0; i < all.count; i++)
        ck_assert_ptr_eq(types[all.item[i].type], &made_up);
    ck_assert_str_eq(all.item[1].text, "[::]:1935");
}
END_TEST

START_TEST(test_rank_of_addresses)
{
    ck_assert_int_eq(endpoint_rank("0.0.0.0:1935"), 3);
    ck_assert_int_eq(endpoint_rank("[::]:1935"), 3);
    ck_assert_int_eq(endpoint_rank("192.0.2.1:1935"), 2);
    ck_assert_int_eq(endpoint_rank("[::2]:1935"), 2);
    ck_assert_int_eq(endpoint_rank("127.0.0.1:1935"), 1);
    ck_assert_int_eq(endpoint_rank("[::1]:1935"), 1);
    ck_assert_int_eq(endpoint_rank("unix:/run/x"), 0);
}
END_TEST

Suite *check_endpoint_suite(void)
{
    Suite *suite = suite_create("endpoint");
    TCase *tc = tcase_create("endpoint");

    tcase_add_test(tc, test_a_port_alone_is_both);
    tcase_add_test(tc, test_what_has_an_address_is_as_written);
    tcase_add_test(tc, test_beside_an_ipv6_address);
    tcase_add_test(tc, test_another_type_is_another_row);
    tcase_add_test(tc, test_rank_of_addresses);
    suite_add_tcase(suite, tc);
    return suite;
}
