/*
 * HTTP/2 connections: frames to requests. nghttp2 keeps the state of the connection and of its
 * streams, checks frames, and compresses headers; this file limits what a peer may cost.
 *
 * A peer can ask for much work with few bytes: resets of new requests ("rapid reset"), pings,
 * settings, empty frames of data, header blocks in many pieces. They all cost points; a peer that
 * plays or loads pages earns more than it spends.
 */
#include "proto/http2.h"

#include "proto/http2_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The largest piece that is fed at once: points are counted between two pieces. */
#define FEED_MAX 4096
/* Answers to pings and settings that wait to be sent. */
#define ACKS_MAX              100
#define SETTINGS_IN_FRAME_MAX 32

/* ---- points ---- */

static int64_t frame_cost(const nghttp2_frame_hd *frame)
{
    switch (frame->type) {
    case NGHTTP2_DATA:
        return frame->length == 0 && !(frame->flags & NGHTTP2_FLAG_END_STREAM) ? 2 : 0;
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_SETTINGS:
    case NGHTTP2_CONTINUATION:
        return 4;
    case NGHTTP2_PING:
        return 2;
    default:
        return 1;
    }
}

static void points_earn(struct http2 *h2, int64_t count)
{
    h2->points = h2->points + count < HTTP2_POINTS_MAX ? h2->points + count : HTTP2_POINTS_MAX;
}

static void points_of_time(struct http2 *h2, usec_t now)
{
    int64_t count = (now - h2->points_at) * HTTP2_POINTS_RATE / USEC_PER_SEC;

    if (count <= 0)
        return;
    points_earn(h2, count < HTTP2_POINTS_MAX ? count : HTTP2_POINTS_MAX);
    h2->points_at = now;
}

/* ---- streams ---- */

static struct http2_stream *stream_of(struct http2 *h2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h2->session, id);
}

static struct http2_stream *stream_new(struct http2 *h2, int32_t id)
{
    struct http2_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL)
        return NULL;
    stream->id = id;
    http2_request_init(stream);
    stream->next = h2->streams;
    if (stream->next != NULL)
        stream->next->prev = stream;
    h2->streams = stream;
    h2->stream_count++;
    return stream;
}

static void stream_free(struct http2 *h2, struct http2_stream *stream)
{
    if (stream->own != NULL)
        h2->events->closed(h2->arg, stream->own);
    if (stream->prev != NULL)
        stream->prev->next = stream->next;
    else
        h2->streams = stream->next;
    if (stream->next != NULL)
        stream->next->prev = stream->prev;
    h2->stream_count--;
    http2_request_fini(stream);
    http_in_free(stream->in);
    free(stream);
}

/* The head is complete: passes it on, or answers in place of the caller. */
static void stream_begin(struct http2 *h2, struct http2_stream *stream, int has_body)
{
    struct buf text;
    int status;

    buf_init(&text, HTTP2_HEADERS_MAX + 8192);
    status = http2_request_text(stream, has_body, &text);
    stream->has_head = 1;
    http2_request_fini(stream);
    if (status == 400)
        (void)nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_PROTOCOL_ERROR);
    else if (status != 0)
        http2_answer_status(h2, stream, status);
    else
        stream->own = h2->events->request(h2->arg, stream, buf_data(&text), text.len);
    if (status == 0 && stream->own == NULL)
        (void)nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_REFUSED_STREAM);
    buf_fini(&text);
}

/* A piece of the body; len 0: its end. */
static void stream_body(struct http2 *h2, struct http2_stream *stream, const uint8_t *data,
                        size_t len)
{
    struct buf frame;
    int bad = 0;

    if (stream->own == NULL || stream->is_whole || (len == 0 && !stream->is_chunked))
        return;
    buf_init(&frame, 64);
    if (stream->is_chunked)
        bad = buf_printf(&frame, len > 0 ? "%zx\r\n" : "%zx\r\n\r\n", len) != 0 ||
              h2->events->body(h2->arg, stream->own, buf_data(&frame), frame.len) != 0;
    if (!bad && len > 0)
        bad = h2->events->body(h2->arg, stream->own, data, len) != 0;
    if (!bad && len > 0 && stream->is_chunked)
        bad = h2->events->body(h2->arg, stream->own, "\r\n", 2) != 0;
    buf_fini(&frame);
    if (bad)
        http2_cancel(h2, stream);
}

/* ---- callbacks of nghttp2 ---- */

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *arg)
{
    struct http2 *h2 = arg;

    (void)session;
    h2->points -= frame_cost(frame);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2_stream *stream;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    stream = stream_new(arg, frame->hd.stream_id);
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *arg)
{
    struct http2_stream *stream = stream_of(arg, frame->hd.stream_id);
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);
    nghttp2_nv field = {n.base, v.base, n.len, v.len, flags};

    (void)session;
    /* Trailers are not passed on. */
    if (stream != NULL && !stream->has_head)
        http2_request_field(stream, &field);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    int is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct http2_stream *stream;

    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    stream = stream_of(arg, frame->hd.stream_id);
    if (stream == NULL)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && !stream->has_head)
        stream_begin(arg, stream, !is_end);
    else if (is_end)
        stream_body(arg, stream, NULL, 0);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *arg)
{
    struct http2_stream *stream = stream_of(arg, id);

    (void)flags;
    if (stream == NULL || stream->own == NULL || stream->is_whole) {
        (void)nghttp2_session_consume(session, id, len);
        return 0;
    }
    stream->owed += len;
    stream_body(arg, stream, data, len);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct http2_stream *stream = stream_of(arg, id);

    (void)code;
    if (stream == NULL)
        return 0;
    if (stream->owed > 0)
        (void)nghttp2_session_consume_connection(session, stream->owed);
    stream_free(arg, stream);
    return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2_stream *stream;

    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    points_earn(arg, frame->hd.type == NGHTTP2_DATA ? 1 : 0);
    stream = stream_of(arg, frame->hd.stream_id);
    /* The answer is complete and the peer still sends: it need not (RFC 9113, section 8.1). */
    if (stream != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
        nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                        NGHTTP2_NO_ERROR);
    return 0;
}

/* ---- life ---- */

static int session_new(struct http2 *h2, nghttp2_session_callbacks *callbacks,
                       nghttp2_option *option)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
    nghttp2_option_set_max_settings(option, SETTINGS_IN_FRAME_MAX);
    return nghttp2_session_server_new2(&h2->session, callbacks, h2, option);
}

static int session_open(struct http2 *h2)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEADERS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_WINDOW},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int bad = nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0 ||
              session_new(h2, callbacks, option) != 0 ||
              nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                                      sizeof(settings) / sizeof(settings[0])) != 0;

    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return bad ? -1 : 0;
}

struct http2 *http2_new(const struct http2_events *events, void *arg, usec_t now)
{
    struct http2 *h2 = calloc(1, sizeof(*h2));

    assert(events != NULL);
    if (h2 == NULL)
        return NULL;
    h2->events = events;
    h2->arg = arg;
    h2->points = HTTP2_POINTS_MAX;
    h2->points_at = now;
    if (session_open(h2) != 0) {
        http2_free(h2);
        return NULL;
    }
    return h2;
}

void http2_free(struct http2 *h2)
{
    if (h2 == NULL)
        return;
    for (struct http2_stream *stream = h2->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        stream_free(h2, stream);
    }
    nghttp2_session_del(h2->session);
    free(h2);
}

/* ---- bytes ---- */

static int session_fail(struct http2 *h2, uint32_t code, const char *reason)
{
    h2->reason = reason;
    (void)nghttp2_session_terminate_session(h2->session, code);
    return -1;
}

static int feed_failed(struct http2 *h2, int code)
{
    if (code == NGHTTP2_ERR_FLOODED)
        return session_fail(h2, NGHTTP2_ENHANCE_YOUR_CALM, "too many frames wait for an answer");
    if (code == NGHTTP2_ERR_NOMEM)
        return session_fail(h2, NGHTTP2_INTERNAL_ERROR, "no memory");
    return session_fail(h2, NGHTTP2_PROTOCOL_ERROR, nghttp2_strerror(code));
}

int http2_feed(struct http2 *h2, const void *data, size_t len, usec_t now)
{
    const uint8_t *p = data;

    if (h2->reason != NULL)
        return -1;
    points_of_time(h2, now);
    while (len > 0) {
        size_t part = len < FEED_MAX ? len : FEED_MAX;
        ssize_t used = nghttp2_session_mem_recv(h2->session, p, part);

        if (used < 0)
            return feed_failed(h2, (int)used);
        assert((size_t)used == part);
        p += part;
        len -= part;
        if (h2->points < 0)
            return session_fail(h2, NGHTTP2_ENHANCE_YOUR_CALM, "too many frames without data");
    }
    return 0;
}

const char *http2_reason(const struct http2 *h2)
{
    return h2->reason != NULL ? h2->reason : "";
}

size_t http2_pull(struct http2 *h2, const uint8_t **data)
{
    ssize_t n = nghttp2_session_mem_send(h2->session, data);

    if (n < 0 && h2->reason == NULL)
        h2->reason = nghttp2_strerror((int)n);
    return n > 0 ? (size_t)n : 0;
}

int http2_is_over(const struct http2 *h2)
{
    return !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session);
}

int http2_is_left(const struct http2 *h2)
{
    return h2->is_leaving;
}

size_t http2_stream_count(const struct http2 *h2)
{
    return h2->stream_count;
}

void http2_ready(struct http2 *h2, struct http2_stream *stream)
{
    if (!stream->has_answer)
        http2_answer_begin(h2, stream);
    else
        (void)nghttp2_session_resume_data(h2->session, stream->id);
}

void http2_took(struct http2 *h2, struct http2_stream *stream)
{
    if (stream->owed > 0)
        (void)nghttp2_session_consume(h2->session, stream->id, stream->owed);
    stream->owed = 0;
}

void http2_cancel(struct http2 *h2, struct http2_stream *stream)
{
    (void)nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id,
                                    NGHTTP2_INTERNAL_ERROR);
}

void http2_go_away(struct http2 *h2)
{
    if (h2->is_leaving)
        return;
    h2->is_leaving = 1;
    (void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(h2->session),
                                NGHTTP2_NO_ERROR, NULL, 0);
}
