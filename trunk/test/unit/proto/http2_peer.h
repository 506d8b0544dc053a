#ifndef TEST_HTTP2_PEER_H
#define TEST_HTTP2_PEER_H

/*
 * A client of HTTP/2 made of plain frames (RFC 9113, section 4.1), so that a test can send what no
 * client would; and handlers that write down what they get. Headers are literals without an index
 * (RFC 7541, section 6.2.2).
 */
#include "base/buf.h"
#include "proto/http2.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum {
    F_DATA,
    F_HEADERS,
    F_PRIORITY,
    F_RST,
    F_SETTINGS,
    F_PUSH,
    F_PING,
    F_GOAWAY,
    F_WINDOW,
    F_CONT
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum {
    NO_ERROR,
    PROTOCOL_ERROR,
    INTERNAL_ERROR,
    FLOW_CONTROL_ERROR,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    FRAME_SIZE_ERROR,
    REFUSED_STREAM,
    CANCEL,
    COMPRESSION_ERROR,
    CONNECT_ERROR,
    ENHANCE_YOUR_CALM
};

#define PEER_REQUESTS 128

struct peer;

struct peer_request {
    struct peer *peer;
    struct http2_stream *stream;
    struct buf text, answer;
    int is_over, is_answered, is_closed;
};

struct peer {
    struct http2 *h2;
    struct buf in;  /* frames for the server */
    struct buf out; /* what it has sent */
    struct peer_request request[PEER_REQUESTS];
    int count; /* of requests */
    int refuses;
    usec_t now;
};

static inline void *peer_on_request(void *arg, struct http2_stream *stream, const void *text,
                                    size_t len)
{
    struct peer *peer = arg;
    struct peer_request *request = &peer->request[peer->count % PEER_REQUESTS];

    if (peer->refuses)
        return NULL;
    peer->count++;
    buf_fini(&request->text);
    buf_fini(&request->answer);
    memset(request, 0, sizeof(*request));
    buf_init(&request->text, 1024 * 1024);
    buf_init(&request->answer, 1024 * 1024);
    request->peer = peer;
    request->stream = stream;
    ck_assert_int_eq(buf_append(&request->text, text, len), 0);
    return request;
}

static inline int peer_on_body(void *arg, void *own, const void *data, size_t len)
{
    struct peer_request *request = own;

    (void)arg;
    return buf_append(&request->text, data, len);
}

static inline size_t peer_on_peek(void *arg, void *own, const uint8_t **data, int *is_over)
{
    const struct peer_request *request = own;

    (void)arg;
    *is_over = request->is_over;
    *data = request->answer.len > 0 ? buf_data(&request->answer) : NULL;
    return request->answer.len;
}

static inline void peer_on_consume(void *arg, void *own, size_t n)
{
    struct peer_request *request = own;

    (void)arg;
    ck_assert_uint_le(n, request->answer.len);
    buf_consume(&request->answer, n);
}

static inline void peer_on_answered(void *arg, void *own)
{
    struct peer_request *request = own;

    (void)arg;
    ck_assert_int_eq(request->is_answered++, 0);
}

static inline void peer_on_closed(void *arg, void *own)
{
    struct peer_request *request = own;

    (void)arg;
    ck_assert_int_eq(request->is_closed++, 0);
}

static const struct http2_events peer_events = {.request = peer_on_request,
                                                .body = peer_on_body,
                                                .peek = peer_on_peek,
                                                .consume = peer_on_consume,
                                                .answered = peer_on_answered,
                                                .closed = peer_on_closed};

/* ---- frames ---- */

static inline void peer_frame(struct peer *peer, unsigned type, unsigned flags, uint32_t id,
                              const void *payload, size_t len)
{
    const uint8_t head[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
                             (uint8_t)type,        (uint8_t)flags,      (uint8_t)(id >> 24),
                             (uint8_t)(id >> 16),  (uint8_t)(id >> 8),  (uint8_t)id};

    ck_assert_int_eq(buf_append(&peer->in, head, sizeof(head)), 0);
    if (len > 0)
        ck_assert_int_eq(buf_append(&peer->in, payload, len), 0);
}

static inline void peer_word(struct peer *peer, unsigned type, uint32_t id, uint32_t value)
{
    const uint8_t word[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                             (uint8_t)value};

    peer_frame(peer, type, 0, id, word, sizeof(word));
}

/* Appends a header field; len of each below 127. */
static inline void peer_field(struct buf *block, const char *name, const char *value)
{
    const uint8_t head[2] = {0, (uint8_t)strlen(name)};
    uint8_t len = (uint8_t)strlen(value);

    ck_assert_int_eq(buf_append(block, head, 2), 0);
    ck_assert_int_eq(buf_append(block, name, head[1]), 0);
    ck_assert_int_eq(buf_append(block, &len, 1), 0);
    if (len > 0)
        ck_assert_int_eq(buf_append(block, value, len), 0);
}

/* Fields as "name", "value", …, NULL. */
static inline void peer_headers(struct peer *peer, uint32_t id, unsigned flags,
                                const char *const *fields)
{
    struct buf block;

    buf_init(&block, 1024 * 1024);
    for (; fields[0] != NULL; fields += 2)
        peer_field(&block, fields[0], fields[1]);
    peer_frame(peer, F_HEADERS, flags, id, buf_data(&block), block.len);
    buf_fini(&block);
}

static const char *const peer_get[] = {":method", "GET",        ":scheme", "https", ":path",
                                       "/a?b=1",  ":authority", "h:1",     NULL};

static inline void peer_ask(struct peer *peer, uint32_t id)
{
    peer_headers(peer, id, END_HEADERS | END_STREAM, peer_get);
}

/* ---- the conversation ---- */

static inline void peer_take(struct peer *peer)
{
    const uint8_t *data;
    size_t n;

    while ((n = http2_pull(peer->h2, &data)) > 0)
        ck_assert_int_eq(buf_append(&peer->out, data, n), 0);
}

/* Sends the frames and takes what the server sends. 0, or -1 if the connection has failed. */
static inline int peer_send(struct peer *peer)
{
    int rc = http2_feed(peer->h2, buf_data(&peer->in), peer->in.len, peer->now);

    buf_reset(&peer->in);
    peer_take(peer);
    return rc;
}

static inline struct peer *peer_new(void)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    ck_assert_ptr_nonnull(peer);
    buf_init(&peer->in, 16 * 1024 * 1024);
    buf_init(&peer->out, 16 * 1024 * 1024);
    peer->now = USEC_PER_SEC;
    peer->h2 = http2_new(&peer_events, peer, peer->now);
    ck_assert_ptr_nonnull(peer->h2);
    return peer;
}

/* With the preface and the settings exchanged. */
static inline struct peer *peer_open(void)
{
    struct peer *peer = peer_new();

    ck_assert_int_eq(buf_append(&peer->in, PREFACE, strlen(PREFACE)), 0);
    peer_frame(peer, F_SETTINGS, 0, 0, NULL, 0);
    peer_frame(peer, F_SETTINGS, ACK, 0, NULL, 0);
    ck_assert_int_eq(peer_send(peer), 0);
    buf_reset(&peer->out);
    return peer;
}

static inline void peer_free(struct peer *peer)
{
    http2_free(peer->h2);
    for (int i = 0; i < PEER_REQUESTS; i++) {
        buf_fini(&peer->request[i].text);
        buf_fini(&peer->request[i].answer);
    }
    buf_fini(&peer->in);
    buf_fini(&peer->out);
    free(peer);
}

/* The handler writes, and may end. */
static inline void peer_write(struct peer_request *request, const char *text, int is_over)
{
    ck_assert_int_eq(buf_append(&request->answer, text, strlen(text)), 0);
    request->is_over = is_over;
    http2_ready(request->peer->h2, request->stream);
    peer_take(request->peer);
}

struct peer_found {
    size_t count, bytes; /* frames, and bytes of their payloads */
    unsigned flags;      /* of all of them */
    uint32_t code;       /* the last RST_STREAM's or GOAWAY's error */
    struct buf payload;
};

/* What the server has sent of this type on this stream; the caller frees payload. */
static inline struct peer_found peer_find(const struct peer *peer, unsigned type, uint32_t id)
{
    struct peer_found found = {.code = UINT32_MAX};
    const uint8_t *p = peer->out.len > 0 ? buf_data(&peer->out) : NULL;
    size_t left = peer->out.len;

    buf_init(&found.payload, 16 * 1024 * 1024);
    while (left >= 9) {
        size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        uint32_t to = (uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
        const uint8_t *end = p + 9 + len;

        ck_assert_uint_ge(left, 9 + len);
        if (p[3] == type && to == id) {
            found.count++;
            found.bytes += len;
            found.flags |= p[4];
            if ((type == F_RST && len == 4) || (type == F_GOAWAY && len >= 8)) {
                const uint8_t *at = p + 9 + (type == F_RST ? 0 : 4);

                found.code =
                    (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
            }
            if (len > 0)
                ck_assert_int_eq(buf_append(&found.payload, p + 9, len), 0);
        }
        p = end;
        left -= 9 + len;
    }
    ck_assert_uint_eq(left, 0);
    return found;
}

static inline size_t peer_count(const struct peer *peer, unsigned type, uint32_t id)
{
    struct peer_found found = peer_find(peer, type, id);

    buf_fini(&found.payload);
    return found.count;
}

/* The error of an RST_STREAM or GOAWAY; UINT32_MAX: none was sent. */
static inline uint32_t peer_code(const struct peer *peer, unsigned type, uint32_t id)
{
    struct peer_found found = peer_find(peer, type, id);

    buf_fini(&found.payload);
    return found.code;
}

static inline const char *peer_text(struct peer_request *request)
{
    ck_assert_int_eq(buf_append(&request->text, "", 1), 0);
    request->text.len--;
    return (const char *)buf_data(&request->text);
}

#endif
