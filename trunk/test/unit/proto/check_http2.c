/* HTTP/2: requests and answers, windows, bodies, and how a connection ends. */
#include "proto/http2.h"

#include "http2_peer.h"

Suite *check_http2_suite(void);

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

START_TEST(request_is_text)
{
    static const char *const fields[] = {
        ":method",         "GET",        ":scheme",   "https",    ":path",
        "/live/a.flv?x=1", ":authority", "host:8088", "cookie",   "a=1",
        "user-agent",      "test/1",     "te",        "trailers", "expect",
        "100-continue",    "cookie",     "b=2",       NULL};
    struct peer *peer = peer_open();

    peer_headers(peer, 1, END_HEADERS | END_STREAM, fields);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->count, 1);
    ck_assert_str_eq(peer_text(&peer->request[0]),
                     "GET /live/a.flv?x=1 HTTP/1.1\r\nHost: host:8088\r\n"
                     "user-agent: test/1\r\ncookie: a=1; b=2\r\n\r\n");
    peer_free(peer);
}
END_TEST

/* Every split of the bytes gives the same request. */
START_TEST(every_split)
{
    for (size_t step = 1; step < 40; step++) {
        struct peer *peer = peer_new();
        size_t at = 0;

        ck_assert_int_eq(buf_append(&peer->in, PREFACE, strlen(PREFACE)), 0);
        peer_frame(peer, F_SETTINGS, 0, 0, NULL, 0);
        peer_ask(peer, 1);
        while (at < peer->in.len) {
            size_t n = step < peer->in.len - at ? step : peer->in.len - at;

            ck_assert_int_eq(http2_feed(peer->h2, buf_data(&peer->in) + at, n, peer->now), 0);
            at += n;
        }
        ck_assert_int_eq(peer->count, 1);
        ck_assert_str_eq(peer_text(&peer->request[0]), "GET /a?b=1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
        peer_free(peer);
    }
}
END_TEST

/* Sends an answer piece by piece; checks the body and the end. */
static void expect_body(const char *head, const char *const *pieces, int is_over, const char *body)
{
    struct peer *peer = peer_open();
    struct peer_found data;

    peer_ask(peer, 1);
    ck_assert_int_eq(peer_send(peer), 0);
    peer_write(&peer->request[0], head, 0);
    for (; *pieces != NULL; pieces++)
        peer_write(&peer->request[0], *pieces, is_over && pieces[1] == NULL);
    data = peer_find(peer, F_DATA, 1);
    ck_assert_uint_eq(data.bytes, strlen(body));
    ck_assert_int_eq(memcmp(buf_data(&data.payload), body, data.bytes), 0);
    ck_assert_int_eq(data.flags & END_STREAM, END_STREAM);
    ck_assert_uint_eq(peer_count(peer, F_HEADERS, 1), 1);
    ck_assert_int_eq(peer->request[0].is_answered, 1);
    ck_assert_int_eq(peer->request[0].is_closed, 1);
    ck_assert_uint_eq(http2_stream_count(peer->h2), 0);
    buf_fini(&data.payload);
    peer_free(peer);
}

START_TEST(answers_in_each_framing)
{
    static const char *const plain[] = {"he", "llo", NULL};
    static const char *const chunked[] = {"5\r\nhel", "lo\r\n1\r", "\n!\r\n0\r\n\r\n", NULL};

    expect_body(OK_HEAD "Content-Length: 5\r\n\r\n", plain, 0, "hello");
    expect_body(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", chunked, 0, "hello!");
    expect_body(OK_HEAD "Connection: close\r\n\r\n", plain, 1, "hello");
    expect_body("HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 5\r\n\r\n", plain, 0,
                "hello");
}
END_TEST

/* The head is split anywhere, and an answer without a body ends with its head. */
START_TEST(answers_without_body)
{
    static const char *const heads[] = {"HTTP/1.1 204 No Content\r\n\r\n",
                                        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
                                        OK_HEAD "Content-Length: 0\r\n\r\n"};

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct peer *peer = peer_open();
        struct peer_found headers;

        peer_ask(peer, 1);
        ck_assert_int_eq(peer_send(peer), 0);
        for (const char *p = heads[i]; *p != '\0'; p++) {
            const char one[2] = {*p, '\0'};

            ck_assert_uint_eq(peer_count(peer, F_HEADERS, 1), 0);
            peer_write(&peer->request[0], one, 0);
        }
        headers = peer_find(peer, F_HEADERS, 1);
        ck_assert_int_eq(headers.flags, END_STREAM | END_HEADERS);
        ck_assert_int_eq(peer->request[0].is_answered, 1);
        buf_fini(&headers.payload);
        peer_free(peer);
    }
}
END_TEST

START_TEST(head_has_no_body)
{
    static const char *const fields[] = {":method", "HEAD",       ":scheme", "https", ":path",
                                         "/",       ":authority", "h",       NULL};
    struct peer *peer = peer_open();

    peer_headers(peer, 1, END_HEADERS | END_STREAM, fields);
    ck_assert_int_eq(peer_send(peer), 0);
    peer_write(&peer->request[0], OK_HEAD "Content-Length: 5000\r\nConnection: keep-alive\r\n\r\n",
               0);
    ck_assert_uint_eq(peer_count(peer, F_DATA, 1), 0);
    ck_assert_int_eq(peer->request[0].is_closed, 1);
    peer_free(peer);
}
END_TEST

/* What a handler cuts short, or garbles, is not a complete answer. */
START_TEST(broken_answers)
{
    static const char *const texts[] = {
        "",
        "HTTP/1.1 2",
        "nonsense\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        OK_HEAD "Content-Length: 5\r\n\r\nhel",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct peer *peer = peer_open();

        peer_ask(peer, 1);
        ck_assert_int_eq(peer_send(peer), 0);
        peer_write(&peer->request[0], texts[i], 1);
        ck_assert_uint_eq(peer_code(peer, F_RST, 1), INTERNAL_ERROR);
        ck_assert_int_eq(peer->request[0].is_closed, 1);
        ck_assert_int_eq(peer->request[0].is_answered, 0);
        peer_free(peer);
    }
}
END_TEST

START_TEST(bodies)
{
    static const char *const sized[] = {":method",        "POST", ":scheme",    "https",
                                        ":path",          "/",    ":authority", "h",
                                        "content-length", "5",    NULL};
    static const char *const open[] = {":method", "POST",       ":scheme", "https", ":path",
                                       "/",       ":authority", "h",       NULL};
    struct peer *peer = peer_open();

    peer_headers(peer, 1, END_HEADERS, sized);
    peer_frame(peer, F_DATA, END_STREAM, 1, "hello", 5);
    peer_headers(peer, 3, END_HEADERS, open);
    peer_frame(peer, F_DATA, 0, 3, "hello", 5);
    peer_frame(peer, F_DATA, END_STREAM, 3, NULL, 0);
    /* Not what content-length says. */
    peer_headers(peer, 5, END_HEADERS, sized);
    peer_frame(peer, F_DATA, END_STREAM, 5, "hell", 4);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_str_eq(peer_text(&peer->request[0]),
                     "POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 5\r\n\r\nhello");
    ck_assert_str_eq(peer_text(&peer->request[1]),
                     "POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n"
                     "5\r\nhello\r\n0\r\n\r\n");
    ck_assert_uint_eq(peer_code(peer, F_RST, 5), PROTOCOL_ERROR);
    peer_free(peer);
}
END_TEST

/* The peer may send one window of a body, and more only as the handler reads. */
START_TEST(body_waits_for_the_handler)
{
    static const char *const open[] = {":method", "POST",       ":scheme", "https", ":path",
                                       "/",       ":authority", "h",       NULL};
    static const uint8_t piece[HTTP2_FRAME_MAX];
    struct peer *peer = peer_open();

    peer_headers(peer, 1, END_HEADERS, open);
    for (int i = 0; i < 3; i++)
        peer_frame(peer, F_DATA, 0, 1, piece, sizeof(piece));
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_uint_eq(peer_count(peer, F_WINDOW, 1), 0);
    ck_assert_uint_le(peer->request[0].text.len, HTTP2_INPUT_MAX);
    http2_took(peer->h2, peer->request[0].stream);
    peer_take(peer);
    ck_assert_uint_eq(peer_count(peer, F_WINDOW, 1), 1);
    /* More than the windows allow. */
    for (int i = 0; i < 5; i++)
        peer_frame(peer, F_DATA, 0, 1, piece, sizeof(piece));
    (void)peer_send(peer);
    ck_assert_uint_eq(peer_code(peer, F_GOAWAY, 0), FLOW_CONTROL_ERROR);
    ck_assert_uint_le(peer->request[0].text.len, HTTP2_INPUT_MAX + 4 * HTTP2_FRAME_MAX);
    peer_free(peer);
}
END_TEST

/* A stream whose window is used up does not stop another one, and continues when it is opened. */
START_TEST(slow_stream)
{
    static const uint8_t small[6] = {0, 4, 0, 0, 0, 3}; /* INITIAL_WINDOW_SIZE */
    struct peer *peer = peer_open();
    struct peer_found data;

    peer_frame(peer, F_SETTINGS, 0, 0, small, sizeof(small));
    peer_ask(peer, 1);
    peer_ask(peer, 3);
    peer_word(peer, F_WINDOW, 3, 1000);
    ck_assert_int_eq(peer_send(peer), 0);
    peer_write(&peer->request[0], OK_HEAD "Content-Length: 10\r\n\r\n0123456789", 0);
    peer_write(&peer->request[1], OK_HEAD "Content-Length: 10\r\n\r\n0123456789", 0);
    data = peer_find(peer, F_DATA, 1);
    ck_assert_uint_eq(data.bytes, 3);
    buf_fini(&data.payload);
    ck_assert_uint_eq(peer->request[0].answer.len, 7);
    ck_assert_int_eq(peer->request[1].is_closed, 1);
    peer_word(peer, F_WINDOW, 1, 1000);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->request[0].is_closed, 1);
    peer_free(peer);
}
END_TEST

START_TEST(reset_by_the_peer)
{
    struct peer *peer = peer_open();

    peer_ask(peer, 1);
    peer_word(peer, F_RST, 1, CANCEL);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->request[0].is_closed, 1);
    ck_assert_uint_eq(http2_stream_count(peer->h2), 0);
    peer_free(peer);
}
END_TEST

START_TEST(cancelled_and_refused)
{
    struct peer *peer = peer_open();

    peer_ask(peer, 1);
    ck_assert_int_eq(peer_send(peer), 0);
    http2_cancel(peer->h2, peer->request[0].stream);
    peer_take(peer);
    ck_assert_uint_eq(peer_code(peer, F_RST, 1), INTERNAL_ERROR);
    ck_assert_int_eq(peer->request[0].is_closed, 1);
    peer->refuses = 1;
    peer_ask(peer, 3);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_uint_eq(peer_code(peer, F_RST, 3), REFUSED_STREAM);
    peer_free(peer);
}
END_TEST

/* After GOAWAY the streams that there are end in order, and new ones are not served. */
START_TEST(goes_away)
{
    struct peer *peer = peer_open();

    peer_ask(peer, 1);
    ck_assert_int_eq(peer_send(peer), 0);
    http2_go_away(peer->h2);
    http2_go_away(peer->h2);
    peer_take(peer);
    ck_assert_uint_eq(peer_count(peer, F_GOAWAY, 0), 1);
    ck_assert_uint_eq(peer_code(peer, F_GOAWAY, 0), NO_ERROR);
    ck_assert(http2_is_left(peer->h2));
    peer_ask(peer, 3);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->count, 1);
    ck_assert(!http2_is_over(peer->h2));
    peer_write(&peer->request[0], OK_HEAD "Content-Length: 2\r\n\r\nok", 0);
    ck_assert_int_eq(peer->request[0].is_closed, 1);
    ck_assert_uint_eq(http2_stream_count(peer->h2), 0);
    peer_free(peer);
}
END_TEST

START_TEST(freed_with_requests)
{
    struct peer *peer = peer_open();

    peer_ask(peer, 1);
    peer_ask(peer, 3);
    ck_assert_int_eq(peer_send(peer), 0);
    http2_free(peer->h2);
    peer->h2 = NULL;
    ck_assert_int_eq(peer->request[0].is_closed, 1);
    ck_assert_int_eq(peer->request[1].is_closed, 1);
    peer_free(peer);
}
END_TEST

Suite *check_http2_suite(void)
{
    Suite *suite = suite_create("http2");
    TCase *tcase = tcase_create("conversation");

    tcase_add_test(tcase, request_is_text);
    tcase_add_test(tcase, every_split);
    tcase_add_test(tcase, answers_in_each_framing);
    tcase_add_test(tcase, answers_without_body);
    tcase_add_test(tcase, head_has_no_body);
    tcase_add_test(tcase, broken_answers);
    tcase_add_test(tcase, bodies);
    tcase_add_test(tcase, body_waits_for_the_handler);
    tcase_add_test(tcase, slow_stream);
    tcase_add_test(tcase, reset_by_the_peer);
    tcase_add_test(tcase, cancelled_and_refused);
    tcase_add_test(tcase, goes_away);
    tcase_add_test(tcase, freed_with_requests);
    suite_add_tcase(suite, tcase);
    return suite;
}
