/* The texts that a client sends about itself, kept in one block of exactly their size. */
#include "app/http/http_facts.h"
#include "app/stream/session_facts.h"
#include "app/stream/session_list.h"
#include "http_test.h"

#include <stdlib.h>
#include <string.h>

Suite *check_session_facts_suite(void);

START_TEST(copies)
{
    char tc_url[] = "rtmp://host/live";
    struct session_facts from = {tc_url, "http://page/", "", "?a=b"};
    struct session_facts out;
    char *block;

    ck_assert_int_eq(session_facts_copy(&from, &out, &block), 0);
    tc_url[0] = 'x';
    ck_assert_str_eq(out.tc_url, "rtmp://host/live");
    ck_assert_str_eq(out.page_url, "http://page/");
    ck_assert_str_eq(out.swf_url, "");
    ck_assert_str_eq(out.param, "?a=b");
    free(block);
}
END_TEST

START_TEST(nothing_needs_no_memory)
{
    struct session_facts out = {"x", "x", "x", "x"};
    char *block = (char *)&out;

    ck_assert_int_eq(session_facts_copy(&session_facts_none, &out, &block), 0);
    ck_assert_ptr_null(block);
    ck_assert_str_eq(out.tc_url, "");
    ck_assert_str_eq(out.param, "");
}
END_TEST

START_TEST(of_a_request)
{
    static const struct {
        const char *host, *query, *referer;
        int port, is_tls;
        const char *tc_url, *param, *page;
    } cases[] = {
        {"h.example", "", NULL, 0, 0, "http://h.example/live", "", ""},
        {"h.example", "a=b", "http://p/?q", 8080, 0, "http://h.example:8080/live", "?a=b",
         "http://p/?q"},
        {"[::1]", "", "", 443, 1, "https://[::1]:443/live", "", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_message request = {
            .host = cases[i].host, .query = cases[i].query, .port = cases[i].port};
        struct http_exchange x = {.request = &request, .is_tls = cases[i].is_tls};
        struct session_facts facts;
        char *block;

        if (cases[i].referer != NULL)
            request.headers[request.header_count++] =
                (struct http_header){"Referer", cases[i].referer};
        ck_assert_int_eq(http_facts(&x, "live", &facts, &block), 0);
        ck_assert_str_eq(facts.tc_url, cases[i].tc_url);
        ck_assert_str_eq(facts.param, cases[i].param);
        ck_assert_str_eq(facts.page_url, cases[i].page);
        ck_assert_str_eq(facts.swf_url, "");
        free(block);
    }
}
END_TEST

/* The longest query is kept whole, a longer page is not. */
START_TEST(long_texts)
{
    static char query[HTTP_TARGET_MAX + 1], page[3 * HTTP_FACTS_PAGE_MAX];
    struct http_message request = {.host = "h", .query = query, .header_count = 1};
    struct http_exchange x = {.request = &request};
    struct session_facts facts;
    char *block;

    memset(query, 'q', HTTP_TARGET_MAX);
    memset(page, 'p', sizeof(page) - 1);
    request.headers[0] = (struct http_header){"Referer", page};
    ck_assert_int_eq(http_facts(&x, "live", &facts, &block), 0);
    ck_assert_uint_eq(strlen(facts.param), HTTP_TARGET_MAX + 1);
    ck_assert_uint_eq(strlen(facts.page_url), HTTP_FACTS_PAGE_MAX - 1);
    free(block);
}
END_TEST

START_TEST(types)
{
    struct session_entry client = {.format = "ts"};
    char type[SESSION_TYPE_SIZE];

    session_list_type(&client, type);
    ck_assert_str_eq(type, "ts-play");
    client.is_publisher = 1;
    session_list_type(&client, type);
    ck_assert_str_eq(type, "fmle-publish");
}
END_TEST

Suite *check_session_facts_suite(void)
{
    Suite *suite = suite_create("session_facts");
    TCase *tc = tcase_create("session_facts");

    tcase_add_test(tc, copies);
    tcase_add_test(tc, nothing_needs_no_memory);
    tcase_add_test(tc, of_a_request);
    tcase_add_test(tc, long_texts);
    tcase_add_test(tc, types);
    suite_add_tcase(suite, tc);
    return suite;
}
