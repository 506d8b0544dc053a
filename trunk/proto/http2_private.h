#ifndef PROTO_HTTP2_PRIVATE_H
#define PROTO_HTTP2_PRIVATE_H

/* Private to http2.c, http2_request.c and http2_answer.c. */
#include "base/buf.h"
#include "proto/http.h"
#include "proto/http2.h"

#include <nghttp2/nghttp2.h>

struct http2 {
    nghttp2_session *session;
    const struct http2_events *events;
    void *arg;
    struct http2_stream *streams; /* that nghttp2 has not closed */
    size_t stream_count;
    usec_t points_at; /* when points were last added */
    int64_t points;
    const char *reason; /* the connection has failed; NULL: it has not */
    int is_leaving;     /* GOAWAY is sent */
};

struct http2_stream {
    struct http2_stream *prev, *next;
    int32_t id;
    void *own; /* NULL: the caller does not know it, or not any more */
    /* The request's head, freed once it is complete. */
    char method[16];
    struct buf target, authority, fields, cookie;
    size_t header_bytes;
    uint8_t has_length, has_host, is_bad, is_large, has_head;
    uint8_t is_head;    /* the method is HEAD */
    uint8_t is_chunked; /* the body is passed on in chunks */
    uint8_t has_answer; /* its head is submitted */
    uint8_t is_whole;   /* the answer's last byte is consumed */
    size_t owed;        /* bytes of the body that http2_took() will allow again */
    struct http_in *in; /* reads the answer; NULL: none yet */
};

/* ---- http2_request.c ---- */

void http2_request_init(struct http2_stream *stream);
void http2_request_fini(struct http2_stream *stream);
/* One header field. Sets is_bad or is_large in place of an error. */
void http2_request_field(struct http2_stream *stream, const nghttp2_nv *field);
/* The text of the complete head: 0, or the status to answer in its place (400, 405, 431, 503). */
int http2_request_text(struct http2_stream *stream, int has_body, struct buf *out);

/* ---- http2_answer.c ---- */

/* Reads the answer's head, and submits it, if it is complete. */
void http2_answer_begin(struct http2 *h2, struct http2_stream *stream);
/* Answers with a status and no body. */
void http2_answer_status(struct http2 *h2, struct http2_stream *stream, int status);

#endif
