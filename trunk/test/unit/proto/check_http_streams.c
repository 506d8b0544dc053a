/* Requests whose bodies are streams, without a limit on their length. */
#include "proto/http.h"

#include <check.h>
#include <string.h>

Suite *check_http_streams_suite(void);

#define BODY_MAX 100

static int is_put(const struct http_message *request)
{
    return strcmp(request->method, "PUT") == 0;
}

/* Bodies without a limit, of some requests only, by length and in chunks. */
START_TEST(test_streams)
{
    static const struct {
        const char *text;
        size_t body; /* SIZE_MAX: refused */
    } cases[] = {{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 101},
                 {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 101},
                 {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", SIZE_MAX}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_in *in = http_in_new(HTTP_REQUESTS, BODY_MAX);
        const uint8_t *body;
        enum http_event event;
        size_t len, used, at = 0, total = 0;
        char text[400];
        enum scan scan;

        memset(text, 'x', sizeof(text));
        memcpy(text, cases[i].text, strlen(cases[i].text));
        len = strlen(cases[i].text) + 101;
        http_in_allow_streams(in, is_put);
        while ((scan = http_in_feed(in, (const uint8_t *)text + at, len - at, &used, &event, &body,
                                    &total)) == SCAN_DONE &&
               event != HTTP_EVENT_BODY)
            at += used;
        ck_assert_int_eq(scan, cases[i].body == SIZE_MAX ? SCAN_BAD : SCAN_DONE);
        if (scan == SCAN_DONE)
            ck_assert_uint_eq(total, cases[i].body);
        http_in_free(in);
    }
}
END_TEST

Suite *check_http_streams_suite(void)
{
    Suite *suite = suite_create("http_streams");
    TCase *tc = tcase_create("http_streams");

    tcase_add_test(tc, test_streams);
    suite_add_tcase(suite, tc);
    return suite;
}
