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
    return api_access_check(&t.x).status == 0;
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

/* With a password, addresses, hosts and proxies do not matter, and `open` does not open. */
START_TEST(test_password)
{
    static char *password[] = {(char *)(uintptr_t) "pass"};
    static const struct {
        const char *sent;
        int status;
    } rows[] = {{NULL, 401},
                {"Basic dXNlcjpwYXNz", 0}, /* user:pass */
                {"Basic dXNlcjpwYXN0", 401},
                {"Bearer dXNlcjpwYXNz", 401}};

    t.config.http_api.auth.enabled = 1;
    t.config.http_api.auth.username = "user";
    t.config.http_api.auth.password.item = password;
    t.config.http_api.auth.password.count = 1;
    for (int open = 0; open < 2; open++)
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            t.config.http_api.open = open;
            http_test_request(&t, "GET", "/api/v1/streams");
            t.request.host = "page.example";
            if (rows[i].sent != NULL)
                http_test_header(&t, "Authorization", rows[i].sent);
            ck_assert_int_eq(api_access_check(&t.x).status, rows[i].status);
        }
    http_test_request(&t, "GET", "/api/v1/streams");
    ck_assert_ptr_null(api_access_ask_login(&t.x, USEC_PER_SEC));
    ck_assert_int_eq(http_test_status(&t), 401);
    ck_assert(http_test_has_line(&t, "WWW-Authenticate: Basic realm=\"API\", charset=\"UTF-8\""));
}
END_TEST

/* "Name: value" */
static void add_header(const char *line)
{
    static char names[8][64];
    static int next;
    char *name = names[next++ % 8];
    const char *colon = strchr(line, ':');

    (void)str_copy_n(name, sizeof(names[0]), line, (size_t)(colon - line));
    http_test_header(&t, name, colon + 2);
}

/* Whether a request with these headers may change something. */
START_TEST(test_changes)
{
#define FIREFOX "User-Agent: Mozilla/5.0"
#define OWN     "Origin: http://localhost:1985"
#define OTHER   "Origin: http://evil.example"
#define JSON    "Content-Type: application/json"
#define FORM    "Content-Type: application/x-www-form-urlencoded"
#define SAME    "Sec-Fetch-Site: same-origin"
#define SITE    "Sec-Fetch-Site: same-site"
#define CROSS   "Sec-Fetch-Site: cross-site"
#define NONE    "Sec-Fetch-Site: none"
#define OURS    "X-Millrace: 1"
#define CONSOLE "Referer: http://localhost:8080/console/"
#define PAGE    "Referer: http://evil.example/"
    static const struct {
        const char *method;
        int is_script, is_allowed;
        const char *header[4];
    } rows[] = {
        /* Programs: DELETE and GET as they are, POST not as a form sends it. */
        {"DELETE", 0, 1, {NULL}},
        {"GET", 0, 1, {"User-Agent: curl/8.0"}},
        {"POST", 0, 0, {"User-Agent: curl/8.0", FORM}},
        {"POST", 0, 0, {NULL}},
        {"POST", 0, 0, {"Content-Type: text/plain"}},
        {"POST", 0, 1, {JSON}},
        {"POST", 0, 1, {"Content-Type: Application/JSON; charset=utf-8"}},
        {"POST", 0, 1, {OURS}},
        /* Pages of this server. */
        {"DELETE", 0, 1, {FIREFOX, OWN, SAME}},
        {"DELETE", 0, 1, {FIREFOX, OWN}},
        {"POST", 0, 1, {FIREFOX, OWN, JSON}},
        {"POST", 0, 0, {FIREFOX, OWN, FORM}},
        {"GET", 0, 1, {FIREFOX, SAME}},
        {"GET", 0, 1, {FIREFOX, NONE, OURS}},
        /* Others: image, script, form, fetch, an address that a user opens. */
        {"GET", 0, 0, {FIREFOX}},
        {"GET", 0, 0, {FIREFOX, CROSS, PAGE}},
        {"GET", 0, 0, {FIREFOX, SITE}},
        {"GET", 0, 0, {FIREFOX, NONE}},
        {"GET", 0, 0, {FIREFOX, PAGE}},
        {"GET", 0, 0, {PAGE}},
        {"POST", 0, 0, {FIREFOX, OTHER, FORM}},
        {"POST", 0, 0, {FIREFOX, OTHER, JSON}},
        {"POST", 0, 0, {FIREFOX, "Origin: null", FORM}},
        {"POST", 0, 0, {FIREFOX, OTHER, OURS}},
        {"DELETE", 0, 0, {FIREFOX, OTHER}},
        {"DELETE", 0, 0, {FIREFOX, OTHER, OURS}},
        {"DELETE", 0, 0, {FIREFOX, "Origin: null"}},
        {"DELETE", 0, 0, {FIREFOX, CROSS, OWN}},
        /* JSONP of SRS's console at another port of this host, and of other pages. */
        {"GET", 1, 1, {FIREFOX, SITE, CONSOLE}},
        {"GET", 1, 1, {FIREFOX, CONSOLE}},
        {"GET", 1, 1, {NULL}},
        {"GET", 1, 0, {FIREFOX, SITE}},
        {"GET", 1, 0, {FIREFOX, SITE, "Referer: http://localhost.evil.example/"}},
        {"GET", 1, 0, {FIREFOX, CROSS, CONSOLE}},
        {"GET", 1, 0, {FIREFOX, PAGE}},
        {"GET", 1, 0, {FIREFOX}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        http_test_request(&t, rows[i].method, "/api/v1/clients/x");
        t.request.host = "localhost";
        t.request.port = 1985;
        for (int j = 0; j < 4 && rows[i].header[j] != NULL; j++)
            add_header(rows[i].header[j]);
        ck_assert_msg((api_access_check_change(&t.x, rows[i].is_script) == NULL) ==
                          rows[i].is_allowed,
                      "row %zu", i);
    }
}
END_TEST

/* DNS rebinding: a page whose own host points to this server changes nothing; only its host name
 * shows it. */
START_TEST(test_changes_by_host)
{
    static const struct {
        const char *host;
        int is_allowed;
    } rows[] = {{"localhost", 1}, {"192.0.2.1", 1}, {"[::1]", 1},           {"srs", 1},
                {"", 1},          {"a.example", 0}, {"__defaultVhost__", 1}};

    t.config.http_api.open = 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        http_test_request(&t, "DELETE", "/api/v1/clients/x");
        t.request.host = rows[i].host;
        ck_assert_msg((api_access_check_change(&t.x, 0) == NULL) == rows[i].is_allowed, "%s",
                      rows[i].host);
    }
    /* There the page would need the password. */
    t.config.http_api.auth.enabled = 1;
    http_test_request(&t, "DELETE", "/api/v1/clients/x");
    t.request.host = "a.example";
    ck_assert_ptr_null(api_access_check_change(&t.x, 0));
    /* An IPv6 address has brackets in some places only. */
    http_test_request(&t, "DELETE", "/api/v1/clients/x");
    t.request.host = "[::1]";
    t.request.port = 1985;
    add_header("Origin: http://[::1]:1985");
    ck_assert_ptr_null(api_access_check_change(&t.x, 0));
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
    tcase_add_test(tc, test_password);
    tcase_add_test(tc, test_changes);
    tcase_add_test(tc, test_changes_by_host);
    suite_add_tcase(suite, tc);
    return suite;
}
