#ifndef PROTO_HTTP2_H
#define PROTO_HTTP2_H

/*
 * The server's side of an HTTP/2 connection (RFC 9113) over nghttp2: feed bytes, take requests,
 * pull bytes to send. A request becomes HTTP/1.1 text, and its answer is read as HTTP/1.1 text, so
 * that everything that serves HTTP/1 serves HTTP/2 as well:
 *
 *   frames --> http2_feed() --> request(), body() --> the caller's HTTP/1 handler
 *   frames <-- http2_pull() <-- peek(), consume() <--
 *
 * Everything that a peer can make grow is limited, see the constants. Pure.
 */
#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

/* Concurrent requests of one connection; further ones are refused. */
#define HTTP2_STREAMS_MAX 100
/* Names and values of one request's header fields, and 32 bytes each: more is answered 431. */
#define HTTP2_HEADERS_MAX ((size_t)16 * 1024)
/* Bytes of a request's body that the peer may send before the handler has read them. */
#define HTTP2_WINDOW 65535
/* The size of the largest frame that is accepted (the protocol's minimum). */
#define HTTP2_FRAME_MAX 16384
/*
 * Frames that carry no data cost points. The peer has this many, gains HTTP2_POINTS_RATE of them a
 * second, and one with every frame of data that it receives; without points the connection ends
 * with ENHANCE_YOUR_CALM.
 */
#define HTTP2_POINTS_MAX  2000
#define HTTP2_POINTS_RATE 200

struct http2;
struct http2_stream;

/* All functions get the `arg` of http2_new(); none may call a function of this connection.
 * own: what request() returned. */
struct http2_events {
    /* A request's head as HTTP/1.1 text. Returns what stands for the request; NULL: refuse it. */
    void *(*request)(void *arg, struct http2_stream *stream, const void *text, size_t len);
    /* Bytes that follow the head: the body with its HTTP/1.1 framing, HTTP2_INPUT_MAX at most
     * together with the head before http2_took(). 0, or -1 to reset the stream. */
    int (*body)(void *arg, void *own, const void *data, size_t len);
    /* The bytes of the answer that are available, and whether nothing follows them. */
    size_t (*peek)(void *arg, void *own, const uint8_t **data, int *is_over);
    void (*consume)(void *arg, void *own, size_t n);
    /* The answer is complete: the handler may stop. */
    void (*answered)(void *arg, void *own);
    /* The stream has ended; the last call with this own. */
    void (*closed)(void *arg, void *own);
};

/* The largest head and body that request() and body() pass on before http2_took() must be called.
 */
#define HTTP2_INPUT_MAX ((size_t)2 * HTTP2_WINDOW + HTTP2_HEADERS_MAX + 8192)

/* NULL without memory. now: clock_now(). events is borrowed. */
struct http2 *http2_new(const struct http2_events *events, void *arg, usec_t now);
/* closed() is called for each stream that is left. NULL is allowed. */
void http2_free(struct http2 *h2);

/* Bytes from the peer. 0, or -1: the connection has failed; send what http2_pull() returns, and
 * close. http2_reason() says why. */
int http2_feed(struct http2 *h2, const void *data, size_t len, usec_t now);
const char *http2_reason(const struct http2 *h2);
/* The next bytes to send, valid until the next call; 0: none at present. */
size_t http2_pull(struct http2 *h2, const uint8_t **data);
/* Nothing is to be read or sent any more. */
int http2_is_over(const struct http2 *h2);
/* http2_go_away() was called. */
int http2_is_left(const struct http2 *h2);
size_t http2_stream_count(const struct http2 *h2);

/* More of the stream's answer is available, or it is over. */
void http2_ready(struct http2 *h2, struct http2_stream *stream);
/* The handler has read all of the body that was passed on: the peer may send more. */
void http2_took(struct http2 *h2, struct http2_stream *stream);
/* Ends the stream without an answer; `closed` follows in http2_pull(). */
void http2_cancel(struct http2 *h2, struct http2_stream *stream);
/* Accepts no further requests (GOAWAY); the streams that there are continue. */
void http2_go_away(struct http2 *h2);

#endif
