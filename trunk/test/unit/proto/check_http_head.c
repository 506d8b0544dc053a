/* One head as a whole: its content, refused ones, every way to cut it, its limits. */
#include "proto/http_head.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_http_head_suite(void);

static const char request[] = "GET /live/a%20b.flv?x=1 HTTP/1.1\r\nHost: Example.com:8080\r\n"
                              "Accept: */*\r\nConnection: keep-alive\r\n\r\n";

/* Parses a copy of its own block, so that one byte too far is seen. */
static int parse(struct http_head *head, enum http_side side, const char *text, size_t len,
                 char **copy)
{
    *copy = malloc(len + 1);
    ck_assert_ptr_nonnull(*copy);
    memcpy(*copy, text, len);
    memset(head, 0, sizeof(*head));
    return http_head_parse(head, side, *copy, len);
}

static int status_of(const char *text)
{
    struct http_head head;
    char *copy;
    int status = 0;

    if (parse(&head, HTTP_REQUESTS, text, strlen(text), &copy) != 0) {
        ck_assert_str_ne(head.reason, "");
        status = head.status;
    }
    http_head_fini(&head);
    free(copy);
    return status;
}

START_TEST(says)
{
    struct http_head head;
    char *copy;

    ck_assert_int_eq(parse(&head, HTTP_REQUESTS, request, sizeof(request) - 1, &copy), 0);
    ck_assert_str_eq(head.message.method, "GET");
    ck_assert_str_eq(head.message.path, "/live/a b.flv");
    ck_assert_str_eq(head.message.query, "x=1");
    ck_assert_str_eq(head.message.host, "example.com");
    ck_assert_int_eq(head.message.minor, 1);
    http_head_fini(&head);
    free(copy);
}
END_TEST

START_TEST(refuses)
{
    ck_assert_int_eq(status_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    ck_assert_int_eq(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
    ck_assert_int_eq(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
    ck_assert_int_eq(status_of("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
    ck_assert_int_eq(status_of("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), 400);
    ck_assert_int_eq(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: \rb\r\n\r\n"), 400);
    ck_assert_int_eq(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    ck_assert_int_eq(status_of("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    ck_assert_int_eq(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
    ck_assert_int_eq(status_of("\r\n\r\n"), 400);
}
END_TEST

/* Truncated anywhere and ended there: refused without a Host, or with half a line. */
START_TEST(truncated)
{
    size_t host = (size_t)(strstr(request, "Host:") - request);

    for (size_t len = 0; len < sizeof(request) - 1; len++) {
        char text[sizeof(request) + sizeof("\r\n\r\n")];
        struct http_head head;
        char *copy;
        int rc;

        memcpy(text, request, len);
        memcpy(text + len, "\r\n\r\n", sizeof("\r\n\r\n"));
        rc = parse(&head, HTTP_REQUESTS, text, len + 4, &copy);
        if (len < host + 5)
            ck_assert_int_eq(rc, -1);
        if (rc != 0)
            ck_assert_int_ge(head.status, 400);
        http_head_fini(&head);
        free(copy);
    }
}
END_TEST

/* Each byte replaced by every other: it is accepted or refused, without an access beyond the end.
 */
START_TEST(hostile_bytes)
{
    char text[sizeof(request)];

    for (size_t at = 0; at < sizeof(request) - 2; at++) {
        for (int byte = 0; byte < 256; byte += at % 3 == 0 ? 1 : 7) {
            struct http_head head;
            char *copy;

            memcpy(text, request, sizeof(request));
            text[at] = (char)byte;
            if (parse(&head, HTTP_REQUESTS, text, sizeof(request) - 1, &copy) == 0)
                ck_assert_ptr_nonnull(head.message.path);
            http_head_fini(&head);
            free(copy);
        }
    }
}
END_TEST

START_TEST(tokens)
{
    int count = 0;

    for (int c = 0; c < 256; c++)
        count += http_head_is_token((unsigned char)c) != 0;
    /* RFC 9110: 15 marks, 10 digits, 52 letters. */
    ck_assert_int_eq(count, 15 + 10 + 52);
    ck_assert(http_head_is_token('!') && !http_head_is_token(':') && !http_head_is_token(' '));
}
END_TEST

Suite *check_http_head_suite(void)
{
    Suite *suite = suite_create("http_head");
    TCase *tc = tcase_create("heads");

    tcase_add_test(tc, says);
    tcase_add_test(tc, refuses);
    tcase_add_test(tc, truncated);
    tcase_add_test(tc, hostile_bytes);
    tcase_add_test(tc, tokens);
    suite_add_tcase(suite, tc);
    return suite;
}
