/*
 * The HTTP client against a scripted server: bodies plain, chunked and in pieces, redirections,
 * refusals, and an end at every position.
 */
#include "co/http_client.h"
#include "co_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

Suite *check_http_client_suite(void);

#define ANSWERS_MAX 5

/* Answers so many connections, one text each, and keeps the last request. */
struct answerer {
    struct net_listener *listener;
    const char *answer[ANSWERS_MAX];
    int count;
    int step; /* bytes per write; 0: all */
    int is_done;
    char request[2048];
};

static struct err *write_in_steps(struct net_conn *conn, const char *text, int step)
{
    size_t len = strlen(text);
    struct err *err = NULL;

    if (step == 0)
        return io_write(&conn->io, text, len, TEST_WAIT);
    for (size_t at = 0; at < len && err == NULL; at += (size_t)step) {
        size_t part = len - at < (size_t)step ? len - at : (size_t)step;

        err = io_write(&conn->io, text + at, part, TEST_WAIT);
        co_yield ();
    }
    return err;
}

static void answer_one(struct answerer *a, struct net_conn *conn, const char *answer)
{
    size_t len = 0;
    struct err *err = NULL;

    memset(a->request, 0, sizeof(a->request));
    while (err == NULL && strstr(a->request, "\r\n\r\n") == NULL) {
        size_t got = 0;

        err = io_read(&conn->io, a->request + len, sizeof(a->request) - 1 - len, &got, TEST_WAIT);
        len += got;
    }
    if (err == NULL)
        err = write_in_steps(conn, answer, a->step);
    err_free(err);
}

static void answerer_run(void *arg)
{
    struct answerer *a = arg;

    for (int i = 0; i < a->count; i++) {
        struct net_conn *conn = NULL;
        struct err *err = net_accept(a->listener, &conn, co_test_log(), TEST_WAIT);

        if (err == NULL)
            answer_one(a, conn, a->answer[i]);
        err_free(err);
        net_free(conn);
    }
    a->is_done = 1;
}

static int answerer_start(struct answerer *a)
{
    co_test_ok(net_listen("127.0.0.1:0", &a->listener));
    ck_assert_ptr_nonnull(co_spawn(answerer_run, a));
    return net_listener_port(a->listener);
}

static void answerer_end(struct answerer *a)
{
    co_test_until(&a->is_done);
    net_listener_close(a->listener);
}

static const struct http_client_options plain = {.connect_timeout = TEST_WAIT};

static struct err *ask(struct http_client **client, int port, const char *path)
{
    char url[256];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
    return http_client_open(client, url, &plain, TEST_WAIT);
}

static void read_all(struct http_client *client, char *out, size_t cap)
{
    struct err *err = NULL;
    size_t at = 0;

    while (err == NULL) {
        const uint8_t *data;
        size_t len;

        err = http_client_read(client, &data, &len, TEST_WAIT);
        if (err == NULL) {
            ck_assert_uint_lt(at + len, cap);
            memcpy(out + at, data, len);
            at += len;
        }
    }
    out[at] = '\0';
    co_test_err(err, ERR_CLOSED);
}

START_TEST(bodies)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: b\r\n\r\nhello world",
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
         "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"),
        "HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nhello world",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello world",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        for (int step = 0; step < 8; step++) {
            struct answerer a = {.answer = {answers[i]}, .count = 1, .step = step};
            int port = answerer_start(&a);
            struct http_client *client;
            char body[64];

            co_test_ok(ask(&client, port, "/a?b=c"));
            ck_assert_int_eq(http_client_status(client), 200);
            ck_assert_str_eq(http_client_header(client, "x-a"), "b");
            read_all(client, body, sizeof(body));
            ck_assert_str_eq(body, "hello world");
            ck_assert_ptr_nonnull(strstr(a.request, "GET /a?b=c HTTP/1.1\r\n"));
            http_client_close(client);
            answerer_end(&a);
        }
    }
}
END_TEST

START_TEST(what_is_sent)
{
    struct answerer a = {.answer = {"HTTP/1.1 204 No Content\r\n\r\n"}, .count = 1};
    struct http_client_options options = {.method = "POST",
                                          .host = "other.example",
                                          .headers = "X-Y: z\r\n",
                                          .body = "{}",
                                          .body_len = 2,
                                          .connect_timeout = TEST_WAIT};
    char url[64];
    struct http_client *client;

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", answerer_start(&a));
    co_test_ok(http_client_open(&client, url, &options, TEST_WAIT));
    ck_assert_int_eq(http_client_status(client), 204);
    ck_assert_ptr_nonnull(strstr(a.request, "POST / HTTP/1.1\r\nHost: other.example\r\n"));
    ck_assert_ptr_nonnull(strstr(a.request, "X-Y: z\r\nContent-Length: 2\r\n\r\n{}"));
    http_client_close(client);
    answerer_end(&a);
}
END_TEST

START_TEST(redirections)
{
    static const char to_b[] = "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct answerer three = {.answer = {to_b, to_b, to_b, good}, .count = 4};
    struct answerer four = {.answer = {to_b, to_b, to_b, to_b}, .count = 4};
    struct answerer nowhere = {.answer = {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"},
                               .count = 1};
    struct http_client *client;
    char body[16];

    co_test_ok(ask(&client, answerer_start(&three), "/a"));
    read_all(client, body, sizeof(body));
    ck_assert_str_eq(body, "ok");
    ck_assert_ptr_nonnull(strstr(three.request, "GET /b "));
    http_client_close(client);
    answerer_end(&three);
    co_test_err(ask(&client, answerer_start(&four), "/a"), ERR_LIMIT);
    ck_assert_ptr_null(client);
    answerer_end(&four);
    /* Without an address it is an answer like others. */
    co_test_ok(ask(&client, answerer_start(&nowhere), "/a"));
    ck_assert_int_eq(http_client_status(client), 302);
    http_client_close(client);
    answerer_end(&nowhere);
}
END_TEST

START_TEST(bad_redirections)
{
    static const char *const answers[] = {
        "HTTP/1.1 302 Found\r\nLocation: ftp://h/x\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/x\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct answerer a = {.answer = {answers[i]}, .count = 1};
        struct http_client *client;

        co_test_err(ask(&client, answerer_start(&a), "/a"), ERR_PROTO);
        answerer_end(&a);
    }
}
END_TEST

START_TEST(no_http)
{
    struct answerer a = {.answer = {"SSH-2.0-OpenSSH_9.2\r\n\r\n"}, .count = 1};
    struct http_client *client;

    co_test_err(ask(&client, answerer_start(&a), "/a"), ERR_PROTO);
    answerer_end(&a);
    co_test_err(http_client_open(&client, "rtmp://127.0.0.1/a", &plain, TEST_WAIT), ERR_PROTO);
    co_test_err(http_client_open(&client, "https://127.0.0.1/a", &plain, TEST_WAIT), ERR_CONFIG);
}
END_TEST

START_TEST(cut_at_every_length)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
    size_t head = strlen(whole) - 4;

    for (size_t len = 0; len < strlen(whole); len++) {
        char text[sizeof(whole)];
        struct answerer a = {.answer = {text}, .count = 1};
        struct http_client *client;
        struct err *err;

        snprintf(text, sizeof(text), "%.*s", (int)len, whole);
        err = ask(&client, answerer_start(&a), "/");
        if (len < head) {
            co_test_err(err, ERR_CLOSED);
        } else {
            char body[8];

            co_test_ok(err);
            read_all(client, body, sizeof(body));
            ck_assert_uint_eq(strlen(body), len - head);
            http_client_close(client);
        }
        answerer_end(&a);
    }
}
END_TEST

START_TEST(text_of_a_refusal)
{
    struct answerer a = {.answer = {"HTTP/1.1 403 Forbidden\r\n\r\na \x01reason that continues"},
                         .count = 1};
    struct http_client *client;
    char text[12];

    co_test_ok(ask(&client, answerer_start(&a), "/"));
    http_client_text(client, text, sizeof(text), TEST_WAIT);
    ck_assert_str_eq(text, "a  reason t");
    http_client_close(client);
    answerer_end(&a);
}
END_TEST

START_TEST(over_a_unix_socket)
{
    struct answerer a = {.answer = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, .count = 1};
    struct http_client_options options = {.connect_timeout = TEST_WAIT};
    char endpoint[80];
    struct http_client *client;
    char body[8];

    snprintf(endpoint, sizeof(endpoint), "unix:/tmp/check_http_client.%d", (int)getpid());
    options.unix_path = endpoint + strlen("unix:");
    co_test_ok(net_listen(endpoint, &a.listener));
    ck_assert_ptr_nonnull(co_spawn(answerer_run, &a));
    co_test_ok(http_client_open(&client, "http://name/x", &options, TEST_WAIT));
    read_all(client, body, sizeof(body));
    ck_assert_str_eq(body, "ok");
    ck_assert_ptr_nonnull(strstr(a.request, "Host: name\r\n"));
    http_client_close(client);
    answerer_end(&a);
}
END_TEST

/* Answers two requests on one connection. */
static void keeper_run(void *arg)
{
    struct answerer *a = arg;
    struct net_conn *conn = NULL;
    struct err *err = net_accept(a->listener, &conn, co_test_log(), TEST_WAIT);

    for (int i = 0; i < a->count && err == NULL; i++)
        answer_one(a, conn, a->answer[i]);
    err_free(err);
    net_free(conn);
    a->is_done = 1;
}

/* A kept connection carries the next request, whose redirection is an answer like others. */
START_TEST(kept_connection)
{
    struct answerer a = {.answer = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
                                    "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n"
                                    "Content-Length: 0\r\n\r\n"},
                         .count = 2};
    struct http_client_options options = {.is_kept = 1, .is_final = 1};
    struct http_client *client;
    char url[64];
    char body[16];

    co_test_ok(net_listen("127.0.0.1:0", &a.listener));
    ck_assert_ptr_nonnull(co_spawn(keeper_run, &a));
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", net_listener_port(a.listener));
    for (int i = 0; i < 2; i++) {
        co_test_ok(http_client_open(&client, url, &options, TEST_WAIT));
        ck_assert_int_eq(http_client_status(client), i == 0 ? 200 : 302);
        read_all(client, body, sizeof(body));
        ck_assert_str_eq(body, i == 0 ? "hi" : "");
        ck_assert(http_client_is_whole(client));
        options.conn = http_client_detach(client);
        ck_assert_ptr_nonnull(options.conn);
    }
    answerer_end(&a);
    ck_assert_ptr_nonnull(strstr(a.request, "\r\nConnection: keep-alive\r\n"));
    net_free(options.conn);
    ck_assert_ptr_null(http_client_detach(NULL));
}
END_TEST

/* Connections that cannot carry another request are closed; a body that is cut is not whole. */
START_TEST(not_kept)
{
    static const struct {
        const char *answer;
        int is_whole;
    } cases[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi", 1},
                 {"HTTP/1.0 200 OK\r\n\r\nhi", 1},
                 {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more", 1},
                 {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", 0},
                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct answerer a = {.answer = {cases[i].answer}, .count = 1};
        struct http_client_options options = {.is_kept = 1, .connect_timeout = TEST_WAIT};
        int port = answerer_start(&a);
        struct http_client *client;
        char url[64];
        char body[16];

        snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
        co_test_ok(http_client_open(&client, url, &options, TEST_WAIT));
        read_all(client, body, sizeof(body));
        ck_assert_str_eq(body, "hi");
        ck_assert_int_eq(http_client_is_whole(client), cases[i].is_whole);
        ck_assert_ptr_null(http_client_detach(client));
        answerer_end(&a);
    }
}
END_TEST

Suite *check_http_client_suite(void)
{
    Suite *suite = suite_create("http_client");
    TCase *tcase = co_test_case(suite, "http_client");

    tcase_add_test(tcase, bodies);
    tcase_add_test(tcase, what_is_sent);
    tcase_add_test(tcase, redirections);
    tcase_add_test(tcase, bad_redirections);
    tcase_add_test(tcase, no_http);
    tcase_add_test(tcase, cut_at_every_length);
    tcase_add_test(tcase, text_of_a_refusal);
    tcase_add_test(tcase, over_a_unix_socket);
    tcase_add_test(tcase, kept_connection);
    tcase_add_test(tcase, not_kept);
    return suite;
}
