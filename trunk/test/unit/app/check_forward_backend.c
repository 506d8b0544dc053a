/* forward's backend: the question, and which answers are accepted; and the whole request against a
 * server that answers in time, in pieces, too much, or not at all. */
#include "app/cluster/forward_backend.h"
#include "co/co.h"
#include "co/net.h"
#include "http_test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_forward_backend_suite(void);

#define WAIT (5 * USEC_PER_SEC)

static const struct origin_stream names = {"v.example", "live", "cam", NULL};
static struct forward_urls urls; /* too large for a stack */

static struct err *read_text(const char *text)
{
    return forward_json_answer(text, strlen(text), &names, &urls);
}

static void ck_err(struct err *err, enum err_code code, const char *what)
{
    ck_assert_msg(err != NULL, "%s was taken", what);
    ck_assert_msg(err_code(err) == code, "%s: %s", what, err_text(err));
    ck_assert_int_eq(urls.count, 0);
    err_free(err);
}

static void ck_ok(struct err *err)
{
    ck_assert_msg(err == NULL, "%s", err != NULL ? err_text(err) : "");
}

/* ---- the question ---- */

START_TEST(test_question)
{
    struct forward_question question = {"sid",  "run",           "cid",  "10.0.0.1", "v",
                                        "live", "rtmp://v/live", "a\"b", "?k=v"};
    char *text = forward_json_question(&question);

    ck_assert_str_eq(text, "{\"action\":\"on_forward\",\"server_id\":\"sid\",\"service_id\":"
                           "\"run\",\"client_id\":\"cid\","
                           "\"ip\":\"10.0.0.1\",\"vhost\":\"v\",\"app\":\"live\","
                           "\"tcUrl\":\"rtmp://v/live\",\"stream\":\"a\\\"b\",\"param\":\"?k=v\"}");
    free(text);
    question.stream = "\xff\xfe x";
    text = forward_json_question(&question);
    ck_assert_ptr_nonnull(strstr(text, "\"?? x\""));
    free(text);
}
END_TEST

/* ---- answers ---- */

START_TEST(test_good)
{
    ck_ok(
        read_text("{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\",\"h:1936\","
                  "\"rtmp://h/[app]/[stream]_2?vhost=w\",\"rtmp://[::1]:1/a/b/s?k=v\"]},\"x\":1}"));
    ck_assert_int_eq(urls.count, 4);
    ck_assert_str_eq(urls.url[0], "rtmp://h/a/s");
    ck_assert_str_eq(urls.url[1], "h:1936");
    ck_assert_str_eq(urls.url[2], "rtmp://h/[app]/[stream]_2?vhost=w");
    ck_assert_str_eq(urls.url[3], "rtmp://[::1]:1/a/b/s?k=v");
    ck_ok(read_text("{\"code\":0,\"data\":{\"urls\":[\"rtmps://h\",\"rtmps://h/a/s\"]}}"));
    ck_assert_int_eq(urls.count, 2);
    ck_assert_str_eq(urls.url[0], "rtmps://h");
    ck_assert_str_eq(urls.url[1], "rtmps://h/a/s");
    ck_ok(read_text("{\"code\":0,\"data\":{\"urls\":[]}}"));
    ck_assert_int_eq(urls.count, 0);
}
END_TEST

START_TEST(test_bad)
{
    static const char *const bad[] = {
        "",
        " ",
        "0",
        "null",
        "[]",
        "{}",
        "ok",
        "{\"code\":\"0\",\"data\":{\"urls\":[]}}",
        "{\"code\":0.0,\"data\":{\"urls\":[]}}",
        "{\"code\":0}",
        "{\"code\":0,\"data\":[]}",
        "{\"code\":0,\"data\":{\"urls\":{}}}",
        "{\"code\":0,\"data\":{\"urls\":\"rtmp://h/a/s\"}}",
        "{\"code\":0,\"data\":{\"urls\":[]}} x",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\",7]}}",
        "{\"code\":0,\"data\":{\"urls\":[null]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp:///a/s\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/s\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h:99999/a/s\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmpe://h/a/s\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"http://h/a/s\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"file:///etc/passwd\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s x\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\\r\\nX: y\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\\u0000\"]}}",
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/\xff\"]}}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_err(read_text(bad[i]), ERR_PROTO, bad[i]);
    ck_err(read_text("{\"code\":1,\"data\":{\"urls\":[\"rtmp://h/a/s\"]}}"), ERR_DENIED, "code 1");
    ck_err(read_text("{\"code\":-1}"), ERR_DENIED, "code -1");
}
END_TEST

START_TEST(test_cut)
{
    static const char text[] = "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\",\"h:1\"]}}";

    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        /* Exactly as large as it claims, so that ASan detects reading beyond it. */
        char *cut = malloc(len > 0 ? len : 1);

        ck_assert_ptr_nonnull(cut);
        memcpy(cut, text, len);
        ck_err(forward_json_answer(cut, len, &names, &urls), ERR_PROTO, "a cut answer");
        free(cut);
    }
}
END_TEST

/* count addresses, the last of which has a name of len letters. */
static char *answer_of(int count, size_t len)
{
    size_t cap = 200 + (size_t)count * 32 + len;
    char *text = malloc(cap);
    size_t at;

    ck_assert_ptr_nonnull(text);
    at = (size_t)snprintf(text, cap, "{\"code\":0,\"data\":{\"urls\":[");
    for (int i = 1; i < count; i++)
        at += (size_t)snprintf(text + at, cap - at, "\"rtmp://h/a/%d\",", i);
    at += (size_t)snprintf(text + at, cap - at, "\"rtmp://h/a/");
    memset(text + at, 'n', len);
    (void)snprintf(text + at + len, cap - at - len, "\"]}}");
    return text;
}

START_TEST(test_limits)
{
    static char deep[4000];
    char *text = answer_of(FORWARD_URLS_MAX, 3);

    ck_ok(read_text(text));
    ck_assert_int_eq(urls.count, FORWARD_URLS_MAX);
    free(text);
    text = answer_of(FORWARD_URLS_MAX + 1, 3);
    ck_err(read_text(text), ERR_LIMIT, "too many");
    free(text);
    text = answer_of(1, ORIGIN_URL_MAX);
    ck_err(read_text(text), ERR_LIMIT, "an address too long");
    free(text);
    /* A key that is as long as a signed token. */
    text = answer_of(1, 1500);
    ck_ok(read_text(text));
    free(text);
    text = answer_of(1, FORWARD_ANSWER_MAX);
    ck_err(read_text(text), ERR_LIMIT, "an answer too long");
    free(text);
    /* jansson would take a level of the stack for each. */
    memset(deep, '[', sizeof(deep) - 1);
    ck_err(read_text(deep), ERR_LIMIT, "a deep one");
    for (size_t i = 0; i < sizeof(deep) - 1; i++)
        deep[i] = "{\"[\":"[i % 5];
    ck_err(read_text(deep), ERR_LIMIT, "a deep one of objects");
    ck_ok(read_text("{\"code\":0,\"x\":\"[[[[[[[[[[\\\"[[[\",\"data\":{\"urls\":[]}}"));
}
END_TEST

/* ---- the request ---- */

struct answerer {
    struct net_listener *listener;
    const char *answer; /* NULL: none */
    size_t step;
    char request[2048];
    int is_done;
};

static void answerer_run(void *arg)
{
    struct answerer *a = arg;
    struct net_conn *conn = NULL;
    static struct log_sink sink;
    static const struct log quiet = {.level = LOG_ERROR, .sink = &sink};
    struct err *err = net_accept(a->listener, &conn, &quiet, WAIT);
    size_t len = 0, got = 0;

    while (err == NULL && strchr(a->request, '}') == NULL) {
        err = io_read(&conn->io, a->request + len, sizeof(a->request) - 1 - len, &got, WAIT);
        len += got;
    }
    for (size_t at = 0, all = a->answer != NULL ? strlen(a->answer) : 0; err == NULL && at < all;
         at += a->step) {
        size_t part = all - at < a->step ? all - at : a->step;

        err = io_write(&conn->io, a->answer + at, part, WAIT);
        co_yield ();
    }
    /* Until the other side has had enough. */
    while (err == NULL && a->answer == NULL)
        err = io_read(&conn->io, a->request, 1, &len, WAIT);
    err_free(err);
    net_free(conn);
    a->is_done = 1;
}

static struct err *ask(struct answerer *a, usec_t timeout)
{
    usec_t deadline = co_deadline(WAIT);
    struct err *err;
    char url[64];

    ck_ok(net_listen("127.0.0.1:0", &a->listener));
    ck_assert_ptr_nonnull(co_spawn(answerer_run, a));
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/forward?x=y", net_listener_port(a->listener));
    err = forward_backend_ask(url, "{\"action\":\"on_forward\"}", NULL, &names, &urls, timeout);
    while (!*(const volatile int *)&a->is_done) {
        ck_assert_msg(co_left(deadline) > 0, "the other side never ended");
        co_yield ();
    }
    net_listener_close(a->listener);
    return err;
}

START_TEST(test_request)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 47\r\n\r\n"
        "{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\"]}}    ",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\n{\"cod\r\n26\r\ne\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\"]}}\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n{\"code\":0,\"data\":{\"urls\":[\"rtmp://h/a/s\"]}}"};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        for (size_t step = 1; step < 200; step += 33) {
            struct answerer a = {.answer = answers[i], .step = step};

            ck_ok(ask(&a, WAIT));
            ck_assert_int_eq(urls.count, 1);
            ck_assert_str_eq(urls.url[0], "rtmp://h/a/s");
            ck_assert_ptr_nonnull(strstr(a.request, "POST /forward?x=y HTTP/1.1\r\n"));
            ck_assert_ptr_nonnull(strstr(a.request, "Content-Type: application/json\r\n"));
            ck_assert_ptr_nonnull(strstr(a.request, "\r\n\r\n{\"action\":\"on_forward\"}"));
        }
    }
}
END_TEST

START_TEST(test_failed_requests)
{
    static char flood[FORWARD_ANSWER_MAX + 300] = "HTTP/1.0 200 OK\r\n\r\n";
    struct answerer status = {.answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", .step = 99};
    struct answerer empty = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .step = 99};
    struct answerer none = {.answer = NULL, .step = 1};
    struct answerer much = {.answer = flood, .step = 9999};

    memset(flood + strlen(flood), ' ', sizeof(flood) - 1 - strlen(flood));
    ck_err(ask(&status, WAIT), ERR_PROTO, "a status");
    ck_err(ask(&empty, WAIT), ERR_PROTO, "an empty answer");
    ck_err(ask(&none, 50 * USEC_PER_MS), ERR_TIMEOUT, "no answer");
    ck_err(ask(&much, WAIT), ERR_LIMIT, "a flood");
    ck_err(forward_backend_ask("https://127.0.0.1:1/x", "{}", NULL, &names, &urls, WAIT),
           ERR_CONFIG, "https without TLS");
}
END_TEST

Suite *check_forward_backend_suite(void)
{
    Suite *suite = suite_create("forward_backend");
    TCase *tcase = tcase_create("forward_backend");

    tcase_add_checked_fixture(tcase, http_test_runtime, NULL);
    tcase_add_test(tcase, test_question);
    tcase_add_test(tcase, test_good);
    tcase_add_test(tcase, test_bad);
    tcase_add_test(tcase, test_cut);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_request);
    tcase_add_test(tcase, test_failed_requests);
    suite_add_tcase(suite, tcase);
    return suite;
}
