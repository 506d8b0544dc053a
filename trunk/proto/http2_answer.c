/*
 * Answers: HTTP/1.1 text becomes a HEADERS frame and DATA frames. The fields that concern the
 * connection of HTTP/1 are left out (RFC 9113, section 8.2.2), and so is its framing. nghttp2 asks
 * for bytes of a body when the peer's windows allow it; then they are taken out of the text.
 */
#include "proto/http2_private.h"

#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names in lower case, of one head. */
#define NAMES_MAX 4096

static const char *const hop_names[] = {"connection", "keep-alive", "transfer-encoding", "upgrade",
                                        "proxy-connection"};

static int is_hop(const char *name)
{
    for (size_t i = 0; i < sizeof(hop_names) / sizeof(hop_names[0]); i++)
        if (str_ieq(name, hop_names[i]))
            return 1;
    return 0;
}

static nghttp2_nv field_of(const char *name, size_t name_len, const char *value)
{
    /* nghttp2 copies both and does not modify them. */
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, name_len,
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void answer_done(struct http2 *h2, struct http2_stream *stream)
{
    if (stream->is_whole)
        return;
    stream->is_whole = 1;
    if (stream->own != NULL)
        h2->events->answered(h2->arg, stream->own);
}

/* ---- the body ---- */

/* One step of the answer's text, at most `max` bytes of it; *out gets the bytes of the body, *len
 * of them. SCAN_MORE: no bytes are there. */
static enum scan body_step(struct http2 *h2, struct http2_stream *stream, uint8_t *out, size_t max,
                           size_t *len, enum http_event *event, int *is_over)
{
    static const uint8_t none[1];
    const uint8_t *data = NULL;
    const uint8_t *body = NULL;
    size_t used = 0;
    size_t n = h2->events->peek(h2->arg, stream->own, &data, is_over);
    enum scan scan;

    *len = 0;
    *is_over = *is_over && n == 0;
    n = n < max ? n : max;
    /* Without bytes, too: the end of a body is an event of its own. */
    scan = http_in_feed(stream->in, n > 0 ? data : none, n, &used, event, &body, len);
    if (scan == SCAN_DONE && *event == HTTP_EVENT_BODY)
        memcpy(out, body, *len);
    else
        *len = 0;
    if (used > 0)
        h2->events->consume(h2->arg, stream->own, used);
    return scan == SCAN_MORE && n > 0 ? SCAN_DONE : scan;
}

/* Takes up to max bytes of the body. Sets *flags at the end of the answer. */
static ssize_t body_take(struct http2 *h2, struct http2_stream *stream, uint8_t *out, size_t max,
                         uint32_t *flags)
{
    size_t total = 0;

    while (total < max && stream->own != NULL) {
        enum http_event event = HTTP_EVENT_BODY;
        size_t len = 0;
        int is_over = 0;
        enum scan scan = body_step(h2, stream, out + total, max - total, &len, &event, &is_over);

        total += len;
        if (scan == SCAN_BAD)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        if (scan == SCAN_MORE && is_over && http_in_is_inside(stream->in) && total == 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        if ((scan == SCAN_DONE && event == HTTP_EVENT_END) ||
            (scan == SCAN_MORE && is_over && !http_in_is_inside(stream->in))) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            answer_done(h2, stream);
            return (ssize_t)total;
        }
        if (scan == SCAN_MORE)
            break;
    }
    return total > 0 ? (ssize_t)total : NGHTTP2_ERR_DEFERRED;
}

static ssize_t body_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    (void)session;
    (void)id;
    return body_take(arg, source->ptr, out, max, flags);
}

/* ---- the head ---- */

static int submit(struct http2 *h2, struct http2_stream *stream, const struct http_message *head)
{
    nghttp2_nv fields[HTTP_HEADERS_MAX + 1];
    nghttp2_data_provider body = {{.ptr = stream}, body_read};
    char names[NAMES_MAX];
    char status[16];
    size_t count = 1;
    size_t at = 0;
    int is_empty = stream->is_head || head->status == 204 || head->status == 304 ||
                   (head->content_length == 0 && !head->is_chunked);

    (void)str_format(status, sizeof(status), "%d", head->status);
    fields[0] = field_of(":status", strlen(":status"), status);
    for (size_t i = 0; i < head->header_count; i++) {
        const char *name = head->headers[i].name;
        size_t len = strlen(name);

        if (is_hop(name))
            continue;
        if (len > sizeof(names) - at)
            return -1;
        for (size_t k = 0; k < len; k++)
            names[at + k] = (char)tolower((unsigned char)name[k]);
        fields[count++] = field_of(names + at, len, head->headers[i].value);
        at += len;
    }
    if (nghttp2_submit_response(h2->session, stream->id, fields, count, is_empty ? NULL : &body) !=
        0)
        return -1;
    stream->has_answer = 1;
    if (is_empty)
        answer_done(h2, stream);
    return 0;
}

void http2_answer_status(struct http2 *h2, struct http2_stream *stream, int status)
{
    char text[16];
    nghttp2_nv field;

    (void)str_format(text, sizeof(text), "%d", status);
    field = field_of(":status", strlen(":status"), text);
    if (nghttp2_submit_response(h2->session, stream->id, &field, 1, NULL) != 0)
        http2_cancel(h2, stream);
    stream->has_answer = 1;
}

/* Reads on until the head of the final answer is complete: SCAN_DONE. */
static enum scan head_read(struct http2 *h2, struct http2_stream *stream, int *is_over)
{
    for (;;) {
        const uint8_t *data = NULL;
        const uint8_t *body = NULL;
        enum http_event event = HTTP_EVENT_END;
        size_t used = 0;
        size_t len = 0;
        size_t n = h2->events->peek(h2->arg, stream->own, &data, is_over);
        enum scan scan;

        if (n == 0)
            return SCAN_MORE;
        scan = http_in_feed(stream->in, data, n, &used, &event, &body, &len);
        if (used > 0)
            h2->events->consume(h2->arg, stream->own, used);
        if (scan != SCAN_DONE)
            return scan;
        if (event == HTTP_EVENT_HEAD && http_in_message(stream->in)->status >= 200)
            return SCAN_DONE;
        /* 101 would hand the connection over, which HTTP/2 does not have. */
        if (event == HTTP_EVENT_HEAD && http_in_message(stream->in)->status == 101)
            return SCAN_BAD;
    }
}

void http2_answer_begin(struct http2 *h2, struct http2_stream *stream)
{
    enum scan scan;
    int is_over = 0;

    if (stream->in == NULL)
        stream->in = http_in_new(HTTP_RESPONSES, SIZE_MAX);
    if (stream->in == NULL) {
        http2_cancel(h2, stream);
        return;
    }
    scan = head_read(h2, stream, &is_over);
    if (scan == SCAN_MORE && !is_over)
        return;
    if (scan != SCAN_DONE || submit(h2, stream, http_in_message(stream->in)) != 0)
        http2_cancel(h2, stream);
}
