/* HTTP/2 from hostile peers: floods, limits, and frames that break the protocol. */
#include "proto/http2.h"

#include "http2_peer.h"

Suite *check_http2_limits_suite(void);

/* ---- floods ---- */

static void rapid_reset(struct peer *peer, uint32_t i)
{
    peer_ask(peer, 2 * i + 1);
    peer_word(peer, F_RST, 2 * i + 1, CANCEL);
}

static void ping(struct peer *peer, uint32_t i)
{
    (void)i;
    peer_frame(peer, F_PING, 0, 0, "12345678", 8);
}

static void settings(struct peer *peer, uint32_t i)
{
    (void)i;
    peer_frame(peer, F_SETTINGS, 0, 0, NULL, 0);
}

/* On a request with a body that the peer never ends. */
static void empty_data(struct peer *peer, uint32_t i)
{
    static const char *const post[] = {":method", "POST",       ":scheme", "https", ":path",
                                       "/",       ":authority", "h",       NULL};

    if (i == 0)
        peer_headers(peer, 1, END_HEADERS, post);
    peer_frame(peer, F_DATA, 0, 1, NULL, 0);
}

static void window(struct peer *peer, uint32_t i)
{
    if (i == 0)
        peer_ask(peer, 1);
    peer_word(peer, F_WINDOW, 1, 1);
}

static void priority(struct peer *peer, uint32_t i)
{
    peer_frame(peer, F_PRIORITY, 0, 2 * i + 1, "\0\0\0\0\1", 5);
}

static void (*const floods[])(struct peer *peer, uint32_t i) = {rapid_reset, ping,   settings,
                                                                empty_data,  window, priority};

/* The peer reads all answers; the connection ends all the same, long before 10,000 frames. */
START_TEST(flood_ends)
{
    struct peer *peer = peer_open();
    uint32_t i = 0;
    int failed = 0;

    while (!failed && i < 10000) {
        floods[_i](peer, i++);
        failed = peer_send(peer) != 0;
    }
    ck_assert(failed);
    ck_assert_uint_ge(i, 300);
    ck_assert_uint_le(i, HTTP2_POINTS_MAX + 1);
    ck_assert_uint_eq(peer_code(peer, F_GOAWAY, 0), ENHANCE_YOUR_CALM);
    ck_assert_str_ne(http2_reason(peer->h2), "");
    ck_assert(http2_is_over(peer->h2));
    peer_free(peer);
}
END_TEST

/* The same at a rate that a player may have is none. */
START_TEST(slow_flood_is_none)
{
    struct peer *peer = peer_open();

    for (uint32_t i = 0; i < 5000; i++) {
        peer->now += 25 * USEC_PER_MS;
        floods[_i](peer, i);
        ck_assert_int_eq(peer_send(peer), 0);
        buf_reset(&peer->out);
    }
    peer_free(peer);
}
END_TEST

/* A peer that reads no answer: those that wait are limited. */
START_TEST(unread_pings)
{
    struct peer *peer = peer_open();
    int failed = 0;

    for (int i = 0; i < 1000; i++)
        ping(peer, 0);
    failed = peer_send(peer);
    ck_assert_int_eq(failed, -1);
    ck_assert_uint_le(peer_count(peer, F_PING, 0), 100);
    ck_assert_uint_eq(peer_code(peer, F_GOAWAY, 0), ENHANCE_YOUR_CALM);
    peer_free(peer);
}
END_TEST

START_TEST(continuation_flood)
{
    static const uint8_t field[] = {0, 1, 'a', 1, 'b'};
    struct peer *peer = peer_open();
    int failed = 0;

    peer_headers(peer, 1, END_STREAM, peer_get);
    for (int i = 0; i < 10000 && !failed; i++) {
        peer_frame(peer, F_CONT, 0, 1, field, sizeof(field));
        failed = peer_send(peer) != 0 || peer_count(peer, F_GOAWAY, 0) > 0;
    }
    ck_assert(failed);
    ck_assert_int_eq(peer->count, 0);
    peer_free(peer);
}
END_TEST

/* ---- limits ---- */

START_TEST(too_many_streams)
{
    struct peer *peer = peer_open();

    for (uint32_t i = 0; i <= HTTP2_STREAMS_MAX; i++)
        peer_ask(peer, 2 * i + 1);
    (void)peer_send(peer);
    ck_assert_int_eq(peer->count, HTTP2_STREAMS_MAX);
    ck_assert_uint_eq(http2_stream_count(peer->h2), HTTP2_STREAMS_MAX);
    /* The peer knew the limit: RFC 9113, section 5.1.2. */
    ck_assert_uint_eq(peer_code(peer, F_GOAWAY, 0), PROTOCOL_ERROR);
    peer_free(peer);
}
END_TEST

/* Many header fields get an answer, and the connection continues. */
START_TEST(large_head)
{
    struct peer *peer = peer_open();
    struct peer_found headers;
    struct buf block;

    buf_init(&block, 1024 * 1024);
    for (int i = 0; i < 8; i += 2)
        peer_field(&block, peer_get[i], peer_get[i + 1]);
    while (block.len < HTTP2_HEADERS_MAX - 200)
        peer_field(&block, "x-name", "a value that makes the head longer and longer and longer");
    ck_assert_uint_le(block.len, HTTP2_FRAME_MAX);
    peer_frame(peer, F_HEADERS, END_HEADERS | END_STREAM, 1, buf_data(&block), block.len);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->count, 0);
    headers = peer_find(peer, F_HEADERS, 1);
    ck_assert_uint_eq(headers.count, 1);
    ck_assert_ptr_nonnull(memmem(buf_data(&headers.payload), headers.payload.len, "431", 3) != NULL
                              ? buf_data(&headers.payload)
                              : NULL);
    buf_fini(&headers.payload);
    peer_ask(peer, 3);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->count, 1);
    buf_fini(&block);
    peer_free(peer);
}
END_TEST

/* ---- frames that end the connection ---- */

static void bad_preface(struct peer *peer)
{
    ck_assert_int_eq(buf_append(&peer->in, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27), 0);
}

static void preface(struct peer *peer)
{
    ck_assert_int_eq(buf_append(&peer->in, PREFACE, strlen(PREFACE)), 0);
}

static void no_settings(struct peer *peer)
{
    preface(peer);
    peer_ask(peer, 1);
}

static void greet(struct peer *peer)
{
    preface(peer);
    peer_frame(peer, F_SETTINGS, 0, 0, NULL, 0);
}

static void frame_too_large(struct peer *peer)
{
    static const uint8_t data[HTTP2_FRAME_MAX + 1];

    greet(peer);
    peer_ask(peer, 1);
    peer_frame(peer, F_DATA, 0, 1, data, sizeof(data));
}

static void odd_settings(struct peer *peer)
{
    greet(peer);
    peer_frame(peer, F_SETTINGS, 0, 0, "12345", 5);
}

static void settings_on_a_stream(struct peer *peer)
{
    greet(peer);
    peer_frame(peer, F_SETTINGS, 0, 1, NULL, 0);
}

static void window_too_large(struct peer *peer)
{
    static const uint8_t entry[6] = {0, 4, 0xff, 0xff, 0xff, 0xff};

    greet(peer);
    peer_frame(peer, F_SETTINGS, 0, 0, entry, sizeof(entry));
}

static void data_on_idle(struct peer *peer)
{
    greet(peer);
    peer_frame(peer, F_DATA, 0, 1, "a", 1);
}

static void reset_of_idle(struct peer *peer)
{
    greet(peer);
    peer_word(peer, F_RST, 1, CANCEL);
}

static void even_stream(struct peer *peer)
{
    greet(peer);
    peer_ask(peer, 2);
}

static void headers_on_connection(struct peer *peer)
{
    greet(peer);
    peer_ask(peer, 0);
}

static void bad_compression(struct peer *peer)
{
    greet(peer);
    peer_frame(peer, F_HEADERS, END_HEADERS | END_STREAM, 1, "\xff\xff\xff\xff\xff\xff\xff", 7);
}

static void short_ping(struct peer *peer)
{
    greet(peer);
    peer_frame(peer, F_PING, 0, 0, "1234", 4);
}

static void push(struct peer *peer)
{
    greet(peer);
    peer_frame(peer, F_PUSH, END_HEADERS, 1, "\0\0\0\2", 4);
}

static void lone_continuation(struct peer *peer)
{
    greet(peer);
    peer_frame(peer, F_CONT, END_HEADERS, 1, NULL, 0);
}

static void interrupted_headers(struct peer *peer)
{
    greet(peer);
    peer_headers(peer, 1, END_STREAM, peer_get);
    peer_frame(peer, F_PING, 0, 0, "12345678", 8);
}

static void window_overflow(struct peer *peer)
{
    greet(peer);
    peer_word(peer, F_WINDOW, 0, 0x7fffffff);
}

static void window_by_nothing(struct peer *peer)
{
    greet(peer);
    peer_word(peer, F_WINDOW, 0, 0);
}

static const struct {
    void (*send)(struct peer *peer);
    uint32_t code;
} breaks[] = {{bad_preface, PROTOCOL_ERROR},
              {no_settings, PROTOCOL_ERROR},
              {frame_too_large, FRAME_SIZE_ERROR},
              {odd_settings, FRAME_SIZE_ERROR},
              {settings_on_a_stream, PROTOCOL_ERROR},
              {window_too_large, FLOW_CONTROL_ERROR},
              {data_on_idle, PROTOCOL_ERROR},
              {reset_of_idle, PROTOCOL_ERROR},
              {even_stream, PROTOCOL_ERROR},
              {headers_on_connection, PROTOCOL_ERROR},
              {bad_compression, COMPRESSION_ERROR},
              {short_ping, FRAME_SIZE_ERROR},
              {push, PROTOCOL_ERROR},
              {lone_continuation, PROTOCOL_ERROR},
              {interrupted_headers, PROTOCOL_ERROR},
              {window_overflow, FLOW_CONTROL_ERROR},
              {window_by_nothing, PROTOCOL_ERROR}};

#define BREAKS (int)(sizeof(breaks) / sizeof(breaks[0]))

START_TEST(connection_errors)
{
    struct peer *peer = peer_new();

    breaks[_i].send(peer);
    (void)peer_send(peer);
    ck_assert_uint_eq(peer_code(peer, F_GOAWAY, 0), breaks[_i].code);
    ck_assert(http2_is_over(peer->h2) || http2_stream_count(peer->h2) > 0);
    peer_free(peer);
}
END_TEST

/* ---- requests that are malformed (RFC 9113, sections 8.1 to 8.3): the connection continues ----
 */

#define M ":method", "GET"
#define S ":scheme", "https"
#define P ":path", "/"
#define A ":authority", "h"

static const char *const malformed[][16] = {
    {S, P, A, NULL},
    {M, P, A, NULL},
    {M, S, A, NULL},
    {M, S, P, NULL}, /* neither :authority nor Host */
    {M, M, S, P, A, NULL},
    {M, S, ":path", "", A, NULL},
    {M, S, ":path", "/a b", A, NULL},
    {M, S, ":path", "/a\r\nX: y", A, NULL},
    {M, S, P, A, ":status", "200", NULL},
    {M, S, P, A, ":other", "1", NULL},
    {M, S, P, "a", "b", A, NULL}, /* a pseudo-header field after a field */
    {M, S, P, A, "connection", "close", NULL},
    {M, S, P, A, "transfer-encoding", "chunked", NULL},
    {M, S, P, A, "upgrade", "websocket", NULL},
    {M, S, P, A, "keep-alive", "1", NULL},
    {M, S, P, A, "te", "gzip", NULL},
    {M, S, P, A, "Upper", "1", NULL},
    {M, S, P, A, "host", "other", NULL},
    {M, S, P, A, "content-length", "x", NULL},
    {":method", "G T", S, P, A, NULL},
};

#define MALFORMED (int)(sizeof(malformed) / sizeof(malformed[0]))

START_TEST(malformed_requests)
{
    struct peer *peer = peer_open();

    peer_headers(peer, 1, END_HEADERS | END_STREAM, malformed[_i]);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->count, 0);
    ck_assert_uint_eq(peer_code(peer, F_RST, 1), PROTOCOL_ERROR);
    peer_ask(peer, 3);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->count, 1);
    peer_free(peer);
}
END_TEST

/* A value cannot add a line to the text of the request. */
START_TEST(no_line_in_a_value)
{
    static const char *const fields[] = {M, S, P, A, "x", "a\r\nTransfer-Encoding: chunked", NULL};
    struct peer *peer = peer_open();

    peer_headers(peer, 1, END_HEADERS | END_STREAM, fields);
    (void)peer_send(peer);
    if (peer->count > 0)
        ck_assert_ptr_null(strstr(peer_text(&peer->request[0]), "Transfer-Encoding"));
    peer_free(peer);
}
END_TEST

/* A stream whose number is below that of another one is closed (RFC 9113, section 5.1.1). */
START_TEST(older_stream_is_not_served)
{
    struct peer *peer = peer_open();

    peer_ask(peer, 5);
    peer_ask(peer, 3);
    (void)peer_send(peer);
    ck_assert_int_eq(peer->count, 1);
    ck_assert_uint_eq(http2_stream_count(peer->h2), 1);
    peer_free(peer);
}
END_TEST

START_TEST(connect_is_not_served)
{
    static const char *const fields[] = {":method", "CONNECT", A, NULL};
    struct peer *peer = peer_open();

    peer_headers(peer, 1, END_HEADERS, fields);
    ck_assert_int_eq(peer_send(peer), 0);
    ck_assert_int_eq(peer->count, 0);
    ck_assert_uint_eq(peer_count(peer, F_HEADERS, 1), 1);
    ck_assert_uint_eq(http2_stream_count(peer->h2), 0);
    peer_free(peer);
}
END_TEST

Suite *check_http2_limits_suite(void)
{
    Suite *suite = suite_create("http2_limits");
    TCase *tcase = tcase_create("limits");
    int count = (int)(sizeof(floods) / sizeof(floods[0]));

    tcase_add_loop_test(tcase, flood_ends, 0, count);
    tcase_add_loop_test(tcase, slow_flood_is_none, 0, count);
    tcase_add_test(tcase, unread_pings);
    tcase_add_test(tcase, continuation_flood);
    tcase_add_test(tcase, too_many_streams);
    tcase_add_test(tcase, large_head);
    tcase_add_loop_test(tcase, connection_errors, 0, BREAKS);
    tcase_add_loop_test(tcase, malformed_requests, 0, MALFORMED);
    tcase_add_test(tcase, no_line_in_a_value);
    tcase_add_test(tcase, older_stream_is_not_served);
    tcase_add_test(tcase, connect_is_not_served);
    suite_add_tcase(suite, tcase);
    return suite;
}
