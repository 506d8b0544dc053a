/* Access to the API: by address, by the headers of proxies, by host name. */
#include "app/http/api_access.h"
#include "http_test.h"

#include "base/str.h"

#include <string.h>

Suite *check_api_access_suite(void);

static struct http_test t;
static char *proxies[] = {(char *)(uintptr_t) "127.0.0.1"};

static int allowed(const char *ip, const char *host, const char *header)
{
    http_test_request(&t, "GET", "/api/v1/clients");
    ck_assert_int_eq(str_copy(t.conn.ip, sizeof(t.conn.ip), ip), 0);
    t.request.host = host;
    if (header != NULL)
        http_test_header(&t, header, "192.0.2.1");
    return api_access_check(&t.x) == NULL;
}

static void setup(void)
{
    http_test_init(&t);
}

static void teardown(void)
{
    http_test_fini(&t);
}

START_TEST(test_addresses)
{
    static const char *const own[] = {"127.0.0.1", "127.255.0.9", "::1", "", "::ffff:127.0.0.1"};
    static const char *const others[] = {"10.0.0.1", "128.0.0.1",      "::2", "::", "fe80::1",
                                         "nonsense", "::ffff:10.0.0.1"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        ck_assert_msg(allowed(own[i], "localhost", NULL), "%s", own[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_msg(!allowed(others[i], "localhost", NULL), "%s", others[i]);
    t.config.http_api.open = 1;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_msg(allowed(others[i], "page.example", "Via"), "%s", others[i]);
    t.config.http_api.open = 0;
    t.x.is_worker = 1;
    ck_assert(allowed("10.0.0.1", "x", NULL));
    t.x.is_worker = 0;
}
END_TEST

START_TEST(test_hosts)
{
    static const char *const own[] = {
        "",      "localhost", "LOCALHOST", "a.localhost",  "127.0.0.1",
        "[::1]", "::1",       "192.0.2.1", "[2001:db8::1]"};
    static const char *const others[] = {"example.com", "localhost.example.com",
                                         "xlocalhost",  "127.0.0.1.example.com",
                                         "[",           "[]",
                                         "]",           "[::1",
                                         "1.2.3",       "0x7f000001"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        ck_assert_msg(allowed("127.0.0.1", own[i], NULL), "%s", own[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_msg(!allowed("127.0.0.1", others[i], NULL), "%s", others[i]);
}
END_TEST

START_TEST(test_proxies)
{
    static const char *const headers[] = {"X-Forwarded-For", "x-forwarded-for",   "X-REAL-IP",
                                          "Forwarded",       "X-Forwarded-Proto", "via",
                                          "X-Forwarded-Host"};

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        ck_assert_msg(!allowed("127.0.0.1", "localhost", headers[i]), "%s", headers[i]);
    ck_assert(allowed("127.0.0.1", "localhost", "User-Agent"));
    t.config.trusted_proxies.count = 1;
    t.config.trusted_proxies.item = proxies;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        ck_assert_msg(allowed("127.0.0.1", "localhost", headers[i]), "%s", headers[i]);
    /* The client that it names, or another proxy. */
    ck_assert(!allowed("192.0.2.1", "localhost", "X-Forwarded-For"));
    ck_assert(!allowed("127.0.0.2", "localhost", "X-Forwarded-For"));
}
END_TEST

Suite *check_api_access_suite(void)
{
    Suite *suite = suite_create("api_access");
    TCase *tc = tcase_create("api_access");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_addresses);
    tcase_add_test(tc, test_hosts);
    tcase_add_test(tc, test_proxies);
    suite_add_tcase(suite, tc);
    return suite;
}
