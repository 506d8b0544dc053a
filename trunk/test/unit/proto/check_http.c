/* HTTP messages: whole, in pieces, truncated, and hostile. */
#include "proto/http.h"

#include "base/str.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 100

Suite *check_http_suite(void);

/* What came out of a text, as one line: "H GET /path|B hello|E" or "!400". */
struct transcript {
    char text[40000];
    size_t len;
    int in_body;
};

static void note(struct transcript *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note(struct transcript *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    t->len += (size_t)vsnprintf(t->text + t->len, sizeof(t->text) - t->len, fmt, ap);
    va_end(ap);
    ck_assert(t->len < sizeof(t->text));
}

static void note_event(struct transcript *t, const struct http_in *in, enum http_event event,
                       const uint8_t *body, size_t body_len)
{
    const struct http_message *m;

    if (event == HTTP_EVENT_BODY) {
        ck_assert_uint_gt(body_len, 0);
        if (!t->in_body)
            note(t, "B ");
        note(t, "%.*s", (int)body_len, (const char *)body);
        t->in_body = 1;
        return;
    }
    if (t->in_body)
        note(t, "|");
    t->in_body = 0;
    if (event == HTTP_EVENT_END) {
        note(t, "E|");
        return;
    }
    m = http_in_message(in);
    if (m->status != 0)
        note(t, "H %d", m->status);
    else
        note(t, "H %s %s?%s @%s:%d", m->method, m->path, m->query, m->host, m->port);
    note(t, " 1.%d%s%s%s%s", m->minor, m->keep_alive ? " keep" : "",
         m->expect_continue ? " expect" : "", m->upgrade == HTTP_UPGRADE_WEBSOCKET ? " ws" : "",
         m->upgrade == HTTP_UPGRADE_OTHER ? " other" : "");
    for (size_t i = 0; i < m->header_count; i++)
        note(t, " %s=%s", m->headers[i].name, m->headers[i].value);
    note(t, "|");
}

/* Feeds one piece, in a block of its own so that the sanitizer sees each byte too far. */
static enum scan feed_piece(struct transcript *t, struct http_in *in, const char *p, size_t len)
{
    uint8_t *piece = malloc(len > 0 ? len : 1);
    size_t at = 0;
    enum scan scan = SCAN_DONE;

    ck_assert_ptr_nonnull(piece);
    if (len > 0)
        memcpy(piece, p, len);
    while (scan == SCAN_DONE) {
        enum http_event event = HTTP_EVENT_END;
        const uint8_t *body = NULL;
        size_t body_len = 0;
        size_t used = 0;

        scan = http_in_feed(in, piece + at, len - at, &used, &event, &body, &body_len);
        ck_assert_uint_le(used, len - at);
        at += used;
        if (scan == SCAN_DONE)
            note_event(t, in, event, body, body_len);
    }
    if (scan == SCAN_BAD)
        note(t, "!%d", http_in_status(in));
    free(piece);
    return scan;
}

static void run(struct transcript *t, enum http_side side, const char *text, size_t len, size_t cut,
                size_t step)
{
    struct http_in *in = http_in_new(side, BODY_MAX);
    size_t at = 0;

    ck_assert_ptr_nonnull(in);
    memset(t, 0, sizeof(*t));
    while (at < len) {
        size_t n = at < cut && cut < len ? cut - at : step;

        if (n > len - at)
            n = len - at;
        if (feed_piece(t, in, text + at, n) == SCAN_BAD)
            break;
        at += n;
    }
    if (t->in_body && strchr(t->text, '!') == NULL)
        note(t, "|");
    if (http_in_is_inside(in) && t->len > 0 && strchr(t->text, '!') == NULL)
        note(t, "...");
    http_in_free(in);
}

/* Whole, split in two at every position, and byte by byte: always the same. */
static void side_is(enum http_side side, const char *text, size_t len, const char *want)
{
    static struct transcript t;

    run(&t, side, text, len, len, len);
    ck_assert_str_eq(t.text, want);
    for (size_t cut = 1; cut<len; cut += len> 2000 ? 97 : 1) {
        run(&t, side, text, len, cut, len);
        ck_assert_msg(strcmp(t.text, want) == 0, "cut at %zu: %s", cut, t.text);
    }
    run(&t, side, text, len, len, 1);
    ck_assert_str_eq(t.text, want);
}

static void request_is(const char *text, const char *want)
{
    side_is(HTTP_REQUESTS, text, strlen(text), want);
}

static void response_is(const char *text, const char *want)
{
    side_is(HTTP_RESPONSES, text, strlen(text), want);
}

#define HOST                      "Host: h\r\n"
#define NO(line, status)          request_is(line, status)
#define NO_HEADER(header, status) request_is("GET / HTTP/1.1\r\n" HOST header "\r\n\r\n", status)

START_TEST(requests_good)
{
    request_is("GET /live/s.flv?a=b HTTP/1.1\r\nHost: H.com:8080\r\n\r\n",
               "H GET /live/s.flv?a=b @h.com:8080 1.1 keep Host=H.com:8080|E|");
    request_is("GET / HTTP/1.0\r\n\r\n", "H GET /? @:0 1.0|E|");
    request_is("GET / HTTP/1.0\nConnection: keep-alive\n\n",
               "H GET /? @:0 1.0 keep Connection=keep-alive|E|");
    request_is("\r\n\r\nHEAD / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
               "H HEAD /? @::1:80 1.1 Host=[::1]:80 Connection=close|E|");
    request_is("GET / HTTP/1.1\r\nHost: my_host-1.example.:8080\r\n\r\n",
               "H GET /? @my_host-1.example.:8080 1.1 keep Host=my_host-1.example.:8080|E|");
    request_is("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "H OPTIONS *? @:0 1.1 keep Host=|E|");
    request_is("GET http://V.com:81/a/../b%20c?x#f HTTP/1.1\r\nHost: other\r\n\r\n",
               "H GET /b c?x#f @v.com:81 1.1 keep Host=other|E|");
    request_is("GET https://v HTTP/1.1\r\nHost: v\r\n\r\n", "H GET /? @v:0 1.1 keep Host=v|E|");
    request_is("GET /?q HTTP/1.1\r\n" HOST "X:\t a  b \t\r\nE: \r\nF:g\r\n\r\n",
               "H GET /?q @h:0 1.1 keep Host=h X=a  b E= F=g|E|");
    request_is("GET /#frag HTTP/1.1\r\n" HOST "\r\n", "H GET /? @h:0 1.1 keep Host=h|E|");
    request_is("GET /\xc3\xa9 HTTP/1.7\r\n" HOST "\r\n",
               "H GET /\xc3\xa9? @h:0 1.7 keep Host=h|E|");
}
END_TEST

START_TEST(requests_with_body)
{
    request_is("POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n" HOST
               "\r\n",
               "H POST /a? @h:0 1.1 keep Host=h Content-Length=5|B hello|E|"
               "H GET /b? @h:0 1.1 keep Host=h|E|");
    request_is("POST /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\nExpect: 100-Continue\r\n\r\n",
               "H POST /a? @h:0 1.1 keep expect Host=h Content-Length=0 Expect=100-Continue|E|");
    request_is("PUT /a HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
               "5\r\nhello\r\n00a ; x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\nU: w\r\n\r\n"
               "GET /b HTTP/1.0\r\n\r\n",
               "H PUT /a? @h:0 1.1 keep Host=h Transfer-Encoding=Chunked|B hello0123456789|E|"
               "H GET /b? @:0 1.0|E|");
    request_is("PUT /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
               "H PUT /a? @h:0 1.1 keep Host=h Transfer-Encoding=chunked|E|");
}
END_TEST

START_TEST(requests_upgrade)
{
    request_is("GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\nUpgrade: "
               "WebSocket\r\n\r\n\x81\x05xyz",
               "H GET /? @h:0 1.1 keep ws Host=h Connection=keep-alive, Upgrade "
               "Upgrade=WebSocket|");
    /* An upgrade that is not supported is a plain request (RFC 9110, section 7.8). */
    request_is("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
               "GET /2 HTTP/1.1\r\n" HOST "\r\n",
               "H GET /? @h:0 1.1 keep other Host=h Connection=Upgrade Upgrade=h2c|E|"
               "H GET /2? @h:0 1.1 keep Host=h|E|");
    request_is("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n",
               "H GET /? @h:0 1.1 keep Host=h Upgrade=websocket|E|");
    request_is("POST / HTTP/1.1\r\n" HOST
               "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
               "H POST /? @h:0 1.1 keep other Host=h Connection=upgrade Upgrade=websocket "
               "Content-Length=1|B x|E|");
}
END_TEST

START_TEST(requests_hostile)
{
    NO("\x16\x03\x01", "!400");
    NO("\x03", "!400");
    NO(" GET / HTTP/1.1\r\n\r\n", "!400");
    NO("\r\n\r\n\r\n\r\n\r\nGET", "!400");
    NO("GET\r\n\r\n", "!400");
    NO("GET \r\n\r\n", "!400");
    NO("GET /\r\n\r\n", "!400");
    NO("GET / \r\n\r\n", "!400");
    NO("GET  / HTTP/1.1\r\n\r\n", "!400");
    NO("GET /  HTTP/1.1\r\n\r\n", "!400");
    NO("GET / HTTP/1.1 \r\n\r\n", "!400");
    NO("GET\t/\tHTTP/1.1\r\n\r\n", "!400");
    NO("GET / http/1.1\r\n\r\n", "!400");
    NO("GET / HTTP/11\r\n\r\n", "!400");
    NO("GET / HTTP/1.10\r\n\r\n", "!400");
    NO("GET / HTTP/2.0\r\n" HOST "\r\n", "!505");
    NO("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!505");
    NO("BREW / HTTP/1.1\r\n" HOST "\r\n", "!501");
    NO("get / HTTP/1.1\r\n" HOST "\r\n", "!501");
    NO("ABCDEFGHIJKLMNOP / HTTP/1.1\r\n" HOST "\r\n", "!501");
    NO("CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n", "!501");
    NO("GET * HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET a HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET http:///a HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET http://a:b/ HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET /../x HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET /%2e%2e/x HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET /a%00 HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET /a\\b HTTP/1.1\r\n" HOST "\r\n", "!400");
    NO("GET / HTTP/1.1\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\n" HOST HOST "\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a\x0b"
       "b\r\n\r\n",
       "!400");
    NO("GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a\xc3\xa9\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a%41\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a<b>\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a\"\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: [127.0.0.1]\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "!400");
    NO("GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", "!400");
    NO("GET http://a%00/ HTTP/1.1\r\nHost: b\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "!400");
    NO("GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", "!400");
    NO_HEADER("A", "!400");
    NO_HEADER(": b", "!400");
    NO_HEADER("A : b", "!400");
    NO_HEADER("A b: c", "!400");
    NO_HEADER("A: b\r\n folded", "!400");
    NO_HEADER("A: b\rc: d", "!400");
    NO_HEADER("A: b\x01", "!400");
    NO_HEADER("A: b\x7f", "!400");
    NO_HEADER("\xc3: b", "!400");
    side_is(HTTP_REQUESTS, "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n", 35, "!400");
}
END_TEST

START_TEST(requests_smuggling)
{
    NO_HEADER("Content-Length: 5\r\nContent-Length: 5", "!400");
    NO_HEADER("Content-Length: 5, 5", "!400");
    NO_HEADER("Content-Length: +5", "!400");
    NO_HEADER("Content-Length: -1", "!400");
    NO_HEADER("Content-Length: -0", "!400");
    NO_HEADER("Content-Length: 0x5", "!400");
    NO_HEADER("Content-Length:", "!400");
    NO_HEADER("Content-Length: 99999999999999999999", "!400");
    NO_HEADER("Content-Length: 101", "!413");
    NO_HEADER("Content-Length: 5\r\nTransfer-Encoding: chunked", "!400");
    NO_HEADER("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "!400");
    NO_HEADER("Transfer-Encoding: gzip", "!501");
    NO_HEADER("Transfer-Encoding: gzip, chunked", "!501");
    NO("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "!400");
#define CHUNKS(text, want)                                                          \
    request_is("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" text, \
               "H PUT /? @h:0 1.1 keep Host=h Transfer-Encoding=chunked|" want)
    CHUNKS("x\r\n", "!400");
    CHUNKS("\r\n", "!400");
    CHUNKS(";a\r\n", "!400");
    CHUNKS("-1\r\n", "!400");
    CHUNKS("0x1\r\n", "!400");
    CHUNKS("1\na\n0\n\n", "!400");
    CHUNKS("1\rX", "!400");
    CHUNKS("1;\x01\r\n", "!400");
    CHUNKS("1\r\nab\r\n", "B a!400");
    CHUNKS("1\r\na\rb", "B a!400");
    CHUNKS("1\r\na\n", "B a!400");
    CHUNKS("65\r\n", "!413");
    CHUNKS("ffffffffffffffff\r\n", "!413");
    CHUNKS("fffffffffffffffff\r\n", "!413");
    CHUNKS("0\r\nA: b\n\r\n", "!400");
    CHUNKS("0\r\nA\rb\r\n", "!400");
    CHUNKS("0\r\n\rx", "!400");
}
END_TEST

static void fill(char *text, size_t cap, const char *front, char c, size_t n, const char *back)
{
    size_t front_len = strlen(front);

    ck_assert_uint_lt(front_len + n + strlen(back), cap);
    memcpy(text, front, front_len);
    memset(text + front_len, c, n);
    memcpy(text + front_len + n, back, strlen(back) + 1);
}

static int status_of(const char *text)
{
    static struct transcript t;
    const char *mark;

    run(&t, HTTP_REQUESTS, text, strlen(text), strlen(text), strlen(text));
    mark = strchr(t.text, '!');
    return mark != NULL ? (int)strtol(mark + 1, NULL, 10) : t.len > 0 ? 200 : 0;
}

START_TEST(requests_at_limits)
{
    static char text[40000];
    size_t at;

    fill(text, sizeof(text), "GET /", 'a', HTTP_TARGET_MAX - 1, " HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_eq(status_of(text), 200);
    fill(text, sizeof(text), "GET /", 'a', HTTP_TARGET_MAX, " HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_eq(status_of(text), 414);
    fill(text, sizeof(text), "GET /", 'a', 20000, "");
    request_is(text, "!414");
    fill(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "A: ", 'b', HTTP_HEAD_MAX - 16 - 9 - 3 - 4,
         "\r\n\r\n");
    ck_assert_uint_eq(strlen(text), HTTP_HEAD_MAX);
    ck_assert_int_eq(status_of(text), 200);
    fill(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "A: ", 'b', HTTP_HEAD_MAX - 16 - 9 - 3 - 3,
         "\r\n\r\n");
    ck_assert_int_eq(status_of(text), 431);
    fill(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "A: ", 'b', 30000, "");
    request_is(text, "!431");
    for (size_t n = HTTP_HEADERS_MAX - 1; n <= HTTP_HEADERS_MAX; n++) {
        at = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST);
        for (size_t i = 0; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "A: b\r\n");
        snprintf(text + at, sizeof(text) - at, "\r\n");
        ck_assert_int_eq(status_of(text), n < HTTP_HEADERS_MAX ? 200 : 431);
    }
    /* The body's own limits: exactly as much as is allowed, in one and in several chunks. */
    fill(text, sizeof(text), "PUT / HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\n", 'b', 100, "");
    ck_assert_int_eq(status_of(text), 200);
    fill(text, sizeof(text), "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n63\r\n",
         'b', 99, "\r\n1\r\nx\r\n0\r\n\r\n");
    ck_assert_int_eq(status_of(text), 200);
    fill(text, sizeof(text), "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n63\r\n",
         'b', 99, "\r\n2\r\nxy\r\n0\r\n\r\n");
    ck_assert_int_eq(status_of(text), 413);
    fill(text, sizeof(text), "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;", 'b',
         300, "");
    ck_assert_int_eq(status_of(text), 400);
    fill(text, sizeof(text), "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", '0',
         300, "");
    ck_assert_int_eq(status_of(text), 400);
    fill(text, sizeof(text), "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n",
         'b', 10000, "");
    ck_assert_int_eq(status_of(text), 431);
}
END_TEST

/* Truncated at every length: the parser waits, knows that it is inside, and reports no error. */
START_TEST(requests_truncated)
{
    const char whole[] = "PUT /a?b HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n0\r\nT: u\r\n\r\n";
    size_t len = sizeof(whole) - 1;
    struct http_in *in;
    static struct transcript t;

    for (size_t n = 0; n <= len; n++) {
        in = http_in_new(HTTP_REQUESTS, BODY_MAX);
        ck_assert_ptr_nonnull(in);
        ck_assert_int_eq(http_in_is_inside(in), 0);
        memset(&t, 0, sizeof(t));
        ck_assert_int_eq(feed_piece(&t, in, whole, n), SCAN_MORE);
        ck_assert_int_eq(http_in_is_inside(in), n > 0 && n < len);
        http_in_free(in);
    }
}
END_TEST

START_TEST(bad_stays_bad)
{
    struct http_in *in = http_in_new(HTTP_REQUESTS, BODY_MAX);
    static struct transcript t;

    ck_assert_ptr_nonnull(in);
    ck_assert_str_eq(http_in_reason(in), "");
    ck_assert_int_eq(feed_piece(&t, in, "\x01", 1), SCAN_BAD);
    ck_assert_str_ne(http_in_reason(in), "");
    ck_assert_int_eq(feed_piece(&t, in, "GET / HTTP/1.0\r\n\r\n", 18), SCAN_BAD);
    ck_assert_int_eq(http_in_status(in), 400);
    http_in_free(in);
    http_in_free(NULL);
}
END_TEST

START_TEST(responses)
{
    response_is("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 Not Found\r\n"
                "Content-Length: 0\r\n\r\n",
                "H 200 1.1 keep Content-Length=3|B abc|E|H 404 1.1 keep Content-Length=0|E|");
    response_is("HTTP/1.0 200 OK\r\n\r\nabc\r\n", "H 200 1.0|B abc\r\n|");
    response_is("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                "H 200 1.1 keep Transfer-Encoding=chunked|B a|E|");
    response_is("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
                "H 100 1.1 keep|E|H 204 1.1 keep|E|H 304 1.1 keep Content-Length=9|E|");
    response_is("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                "websocket\r\n\r\n\x82\x01x",
                "H 101 1.1 keep other Connection=Upgrade Upgrade=websocket|");
    response_is("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "H 200 1.1 keep Content-Length=0|E|");
    response_is("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
                "H 200 1.1 keep Content-Length=1|...");
    /* For answers of SHOUTcast; not for requests or other words. */
    response_is("ICY 200 OK\r\nContent-Type: video/x-flv\r\n\r\nabc",
                "H 200 1.0 Content-Type=video/x-flv|B abc|");
    response_is("ICY 404 no\r\nContent-Length: 1\r\n\r\na", "H 404 1.0 Content-Length=1|B a|E|");
    response_is("ICY\r\n\r\n", "!400");
    response_is("ICY x\r\n\r\n", "!400");
    NO("ICY 200 OK\r\n\r\n", "!400");
    response_is("HTTP/1.1 abc\r\n\r\n", "!400");
    response_is("RTSP/1.0 200 OK\r\n\r\n", "!400");
    response_is("HTTP/1.1 200 O\x01K\r\n\r\n", "!400");
    response_is("GET / HTTP/1.1\r\n\r\n", "!400");
}
END_TEST

START_TEST(header_lookup)
{
    struct http_in *in = http_in_new(HTTP_REQUESTS, BODY_MAX);
    const char text[] = "GET /x HTTP/1.1\r\nHOST: h\r\nX-A: 1\r\nx-a: 2\r\n\r\n";
    enum http_event event;
    const uint8_t *body;
    size_t body_len;
    size_t used;

    ck_assert_ptr_nonnull(in);
    ck_assert_int_eq(
        http_in_feed(in, (const uint8_t *)text, sizeof(text) - 1, &used, &event, &body, &body_len),
        SCAN_DONE);
    ck_assert_uint_eq(used, sizeof(text) - 1);
    ck_assert_int_eq(event, HTTP_EVENT_HEAD);
    ck_assert_str_eq(http_message_header(http_in_message(in), "x-A"), "1");
    ck_assert_ptr_null(http_message_header(http_in_message(in), "x"));
    ck_assert_str_eq(http_in_message(in)->target, "/x");
    ck_assert_int_eq((int)http_in_message(in)->content_length, -1);
    http_in_free(in);
}
END_TEST

Suite *check_http_suite(void)
{
    Suite *suite = suite_create("http");
    TCase *tc = tcase_create("http");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, requests_good);
    tcase_add_test(tc, requests_with_body);
    tcase_add_test(tc, requests_upgrade);
    tcase_add_test(tc, requests_hostile);
    tcase_add_test(tc, requests_smuggling);
    tcase_add_test(tc, requests_at_limits);
    tcase_add_test(tc, requests_truncated);
    tcase_add_test(tc, bad_stays_bad);
    tcase_add_test(tc, responses);
    tcase_add_test(tc, header_lookup);
    suite_add_tcase(suite, tc);
    return suite;
}
