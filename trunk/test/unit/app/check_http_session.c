/*
 * One connection's life over a pair of sockets: the session runs in its own coroutine, the test is
 * the client. The chain is one handler that answers with the request it got.
 */
#include "app/http/http_session.h"
#include "co/co.h"
#include "http_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

Suite *check_http_session_suite(void);

#define TEST_WAIT (5 * USEC_PER_SEC)

static struct http_test t;
static struct net_conn *session_side;
static struct net_conn *peer;
static struct co *session;
static struct buf got;

/* The stream that "/stream" becomes: writes its own words and waits for the peer to leave. */
static void stream_run(struct net_conn *conn, void *arg)
{
    char *text = arg;

    err_free(io_write(&conn->io, text, strlen(text), TEST_WAIT));
    (void)net_wait(conn, NET_IN, TEST_WAIT);
    free(text);
}

static struct err *serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    char body[256];

    (void)self;
    if (strcmp(x->request->path, "/stream") == 0) {
        x->stream = stream_run;
        x->stream_arg = strdup("live!");
        return NULL;
    }
    if (strcmp(x->request->path, "/silent") == 0)
        return NULL;
    if (strcmp(x->request->path, "/fail") == 0)
        return err_new(ERR_SYS, "disk");
    snprintf(body, sizeof(body), "<%s %s>", x->request->method, x->request->path);
    return http_answer(x, 200, NULL, NULL, body, strlen(body), timeout);
}

static struct http_handler chain = {serve, NULL};

static void session_main(void *unused)
{
    (void)unused;
    http_session_run(&t.server, session_side, 0);
    io_close(&session_side->io);
}

static void setup(void)
{
    int fd[2];

    http_test_runtime();
    http_test_init(&t);
    t.server.chain = &chain;
    buf_init(&got, 1024 * 1024);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    ck_assert_ptr_null(net_wrap_fd(fd[0], &session_side));
    ck_assert_ptr_null(net_wrap_fd(fd[1], &peer));
    session = co_spawn_joinable(session_main, NULL);
    ck_assert_ptr_nonnull(session);
}

static void teardown(void)
{
    net_free(peer);
    co_join(session);
    net_free(session_side);
    buf_fini(&got);
    http_test_fini(&t);
}

static void say_n(const char *text, size_t len)
{
    ck_assert_ptr_null(io_write(&peer->io, text, len, TEST_WAIT));
}

static void say(const char *text)
{
    say_n(text, strlen(text));
}

static const char *got_text(void)
{
    ck_assert_int_eq(buf_append(&got, "", 1), 0);
    got.len--;
    return (const char *)buf_data(&got);
}

/* Reads until `text` has arrived. */
static void hear(const char *text)
{
    while (strstr(got_text(), text) == NULL) {
        char buf[4096];
        size_t n = 0;
        struct err *err = io_read(&peer->io, buf, sizeof(buf), &n, TEST_WAIT);

        ck_assert_msg(err == NULL, "waiting for %s after %s", text, got_text());
        ck_assert_int_eq(buf_append(&got, buf, n), 0);
    }
}

/* Reads to the end, which must come. */
static void hear_end(void)
{
    struct err *err = NULL;

    while (err == NULL) {
        char buf[4096];
        size_t n = 0;

        err = io_read(&peer->io, buf, sizeof(buf), &n, TEST_WAIT);
        if (err == NULL)
            ck_assert_int_eq(buf_append(&got, buf, n), 0);
    }
    ck_assert_msg(err_code(err) == ERR_CLOSED, "%s", err_text(err));
    err_free(err);
}

static size_t got_count(const char *text)
{
    size_t n = 0;

    for (const char *p = strstr(got_text(), text); p != NULL; p = strstr(p + 1, text))
        n++;
    return n;
}

#define HOST "Host: h\r\n"

START_TEST(keeps_alive)
{
    say("GET /1 HTTP/1.1\r\n" HOST "\r\n");
    hear("<GET /1>");
    ck_assert_ptr_null(strstr(got_text(), "Connection:"));
    say("GET /2 HTTP/1.1\r\n" HOST "\r\n");
    hear("<GET /2>");
    say("GET /3 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    hear_end();
    ck_assert_ptr_nonnull(strstr(got_text(), "<GET /3>"));
    ck_assert_uint_eq(got_count("Connection: close"), 1);
}
END_TEST

START_TEST(closes_http10)
{
    say("GET /1 HTTP/1.0\r\n\r\n");
    hear_end();
    ck_assert_ptr_nonnull(strstr(got_text(), "<GET /1>"));
    ck_assert_uint_eq(got_count("Connection: close"), 1);
}
END_TEST

START_TEST(pipelines)
{
    say("GET /1 HTTP/1.1\r\n" HOST "\r\nPOST /2 HTTP/1.1\r\n" HOST
        "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\nGET /4 HTTP/1.1\r\n" HOST
        "\r\nGET /5 HT");
    hear("<GET /4>");
    ck_assert_uint_eq(got_count("HTTP/1.1 200"), 4);
    ck_assert_ptr_nonnull(strstr(strstr(got_text(), "<GET /1>"), "<POST /2>"));
    ck_assert_ptr_nonnull(strstr(strstr(got_text(), "<POST /2>"), "<GET /3>"));
    say("TP/1.1\r\n" HOST "\r\n");
    hear("<GET /5>");
}
END_TEST

START_TEST(pipelines_many)
{
    for (int i = 0; i < 300; i++)
        say("GET /many HTTP/1.1\r\n" HOST "X: 0123456789012345678901234567890\r\n\r\n");
    say("GET /last HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    hear_end();
    ck_assert_uint_eq(got_count("<GET /many>"), 300);
    ck_assert_uint_eq(got_count("<GET /last>"), 1);
}
END_TEST

START_TEST(drains)
{
    t.server.state = SERVER_DRAINING;
    say("GET /1 HTTP/1.1\r\n" HOST "\r\n");
    hear_end();
    ck_assert_uint_eq(got_count("Connection: close"), 1);
}
END_TEST

START_TEST(drains_when_kicked)
{
    say("GET /1 HTTP/1.1\r\n" HOST "\r\n");
    hear("<GET /1>");
    net_wake_owner(session_side);
    say("GET /2 HTTP/1.1\r\n" HOST "\r\n");
    hear("<GET /2>");
    t.server.state = SERVER_DRAINING;
    net_wake_owner(session_side);
    hear_end();
    ck_assert_uint_eq(got_count("HTTP/1.1"), 2);
}
END_TEST

START_TEST(continues)
{
    say("PUT /1 HTTP/1.1\r\n" HOST "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    hear("HTTP/1.1 100 Continue\r\n\r\n");
    ck_assert_uint_eq(got_count("<PUT"), 0);
    say("abcd");
    hear("<PUT /1>");
    /* A body that is already arriving needs no 100 Continue, and neither does an empty one. */
    say("PUT /2 HTTP/1.1\r\n" HOST "Content-Length: 4\r\nExpect: 100-continue\r\n\r\nabcd");
    hear("<PUT /2>");
    say("GET /3 HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n");
    hear("<GET /3>");
    ck_assert_uint_eq(got_count("100 Continue"), 1);
}
END_TEST

START_TEST(streams)
{
    say("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /stream HTTP/1.1\r\n" HOST "\r\n");
    hear("live!");
    ck_assert_uint_eq(got_count("HTTP/1.1"), 1);
}
END_TEST

static void refused(const char *request, const char *status)
{
    char line[64];

    say(request);
    hear_end();
    snprintf(line, sizeof(line), "{\"code\":%s,\"reason\":\"", status);
    ck_assert_msg(got_count(line) == 1, "%s", got_text());
    ck_assert_uint_eq(got_count("Connection: close\r\n"), 1);
    ck_assert_uint_eq(got_count("Access-Control-Allow-Origin: "), 1);
}

START_TEST(refuses_400)
{
    refused("GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n", "400");
}
END_TEST

START_TEST(refuses_413)
{
    refused("PUT / HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\nabc", "413");
}
END_TEST

START_TEST(refuses_501)
{
    refused("BREW / HTTP/1.1\r\n" HOST "\r\n", "501");
}
END_TEST

START_TEST(refuses_505)
{
    refused("GET / HTTP/2.0\r\n" HOST "\r\n", "505");
}
END_TEST

START_TEST(refuses_tls)
{
    refused("\x16\x03\x01\x02", "400");
}
END_TEST

/* A wrong chunk in a body that is only skipped. */
START_TEST(refuses_bad_body)
{
    refused("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400");
}
END_TEST

START_TEST(refuses_long_target)
{
    static char text[6000];

    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "GET /", 5);
    refused(text, "414");
}
END_TEST

START_TEST(refuses_large_head)
{
    static char text[20000];

    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
    refused(text, "431");
}
END_TEST

START_TEST(refuses_silent_handler)
{
    say("GET /silent HTTP/1.1\r\n" HOST "\r\n");
    hear_end();
    ck_assert_uint_eq(got_count("HTTP/1.1 503 "), 1);
}
END_TEST

START_TEST(closes_on_failure)
{
    say("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /fail HTTP/1.1\r\n" HOST "\r\n");
    hear_end();
    ck_assert_uint_eq(got_count("HTTP/1.1"), 1);
}
END_TEST

/* The deadline is for the whole head, and for the body. */
START_TEST(times_out_in_head)
{
    t.config.http_header_timeout = 30 * USEC_PER_MS;
    refused("GET /slow HT", "408");
}
END_TEST

START_TEST(times_out_in_body)
{
    t.config.http_header_timeout = 30 * USEC_PER_MS;
    refused("PUT / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc", "408");
}
END_TEST

START_TEST(times_out_idle)
{
    t.config.http_idle_timeout = 30 * USEC_PER_MS;
    say("GET /1 HTTP/1.1\r\n" HOST "\r\n");
    hear_end();
    ck_assert_uint_eq(got_count("HTTP/1.1"), 1);
    ck_assert_uint_eq(got_count("Connection: close"), 0);
}
END_TEST

START_TEST(ends_with_peer)
{
    say("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2");
    ck_assert_int_eq(shutdown(peer->fd, SHUT_WR), 0);
    hear_end();
    ck_assert_uint_eq(got_count("HTTP/1.1"), 1);
}
END_TEST

START_TEST(ends_when_interrupted)
{
    say("GET /1 HTTP/1.1\r\n" HOST "\r\n");
    hear("<GET /1>");
    co_interrupt(session);
    hear_end();
}
END_TEST

Suite *check_http_session_suite(void)
{
    Suite *suite = suite_create("http_session");
    TCase *tc = tcase_create("http_session");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, keeps_alive);
    tcase_add_test(tc, closes_http10);
    tcase_add_test(tc, pipelines);
    tcase_add_test(tc, pipelines_many);
    tcase_add_test(tc, drains);
    tcase_add_test(tc, drains_when_kicked);
    tcase_add_test(tc, continues);
    tcase_add_test(tc, streams);
    tcase_add_test(tc, refuses_400);
    tcase_add_test(tc, refuses_413);
    tcase_add_test(tc, refuses_501);
    tcase_add_test(tc, refuses_505);
    tcase_add_test(tc, refuses_tls);
    tcase_add_test(tc, refuses_bad_body);
    tcase_add_test(tc, refuses_long_target);
    tcase_add_test(tc, refuses_large_head);
    tcase_add_test(tc, refuses_silent_handler);
    tcase_add_test(tc, closes_on_failure);
    tcase_add_test(tc, times_out_in_head);
    tcase_add_test(tc, times_out_in_body);
    tcase_add_test(tc, times_out_idle);
    tcase_add_test(tc, ends_with_peer);
    tcase_add_test(tc, ends_when_interrupted);
    suite_add_tcase(suite, tc);
    return suite;
}
