/*
 * The head of an HTTP/2 request as HTTP/1.1 text (RFC 9113, section 8.3; RFC 9110). nghttp2 has
 * checked the names, the order of pseudo-header fields, and that no field concerns a connection.
 * What would change the meaning of the text is checked again here: a byte that ends a line or a
 * word must not come from the peer.
 */
#include "proto/http2_private.h"

#include "base/str.h"
#include "proto/http_head.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a header field counts besides its bytes: RFC 9113, section 6.5.2. */
#define FIELD_COST 32

void http2_request_init(struct http2_stream *stream)
{
    buf_init(&stream->target, HTTP_TARGET_MAX);
    buf_init(&stream->authority, 512);
    buf_init(&stream->fields, 2 * HTTP2_HEADERS_MAX);
    buf_init(&stream->cookie, HTTP2_HEADERS_MAX);
}

void http2_request_fini(struct http2_stream *stream)
{
    buf_fini(&stream->target);
    buf_fini(&stream->authority);
    buf_fini(&stream->fields);
    buf_fini(&stream->cookie);
}

static int field_is(const nghttp2_nv *field, const char *name)
{
    return field->namelen == strlen(name) && memcmp(field->name, name, field->namelen) == 0;
}

/* Visible characters only: a word of a line. */
static int is_word(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] <= 0x20 || p[i] == 0x7f)
            return 0;
    return len > 0;
}

/* A token (RFC 9110, section 5.6.2). */
static int is_token(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!http_head_is_token(p[i]))
            return 0;
    return len > 0;
}

static int is_value(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
            return 0;
    return 1;
}

static void take_word(struct http2_stream *stream, struct buf *to, const nghttp2_nv *field)
{
    if (!is_word(field->value, field->valuelen))
        stream->is_bad = 1;
    else if (buf_append(to, field->value, field->valuelen) != 0)
        stream->is_large = 1;
}

static void take_method(struct http2_stream *stream, const nghttp2_nv *field)
{
    if (!is_token(field->value, field->valuelen) || field->valuelen >= sizeof(stream->method)) {
        stream->is_bad = 1;
        return;
    }
    memcpy(stream->method, field->value, field->valuelen);
    stream->method[field->valuelen] = '\0';
    stream->is_head = strcmp(stream->method, "HEAD") == 0;
}

static void take_pseudo(struct http2_stream *stream, const nghttp2_nv *field)
{
    if (field_is(field, ":method"))
        take_method(stream, field);
    else if (field_is(field, ":path"))
        take_word(stream, &stream->target, field);
    else if (field_is(field, ":authority"))
        take_word(stream, &stream->authority, field);
    else if (!field_is(field, ":scheme"))
        stream->is_bad = 1;
}

/* Host says the same as :authority (RFC 9113, section 8.3.1), or stands for it. */
static void take_host(struct http2_stream *stream, const nghttp2_nv *field)
{
    if (stream->authority.len == 0)
        take_word(stream, &stream->authority, field);
    else if (field->valuelen != stream->authority.len ||
             strncasecmp((const char *)field->value, (const char *)buf_data(&stream->authority),
                         field->valuelen) != 0)
        stream->is_bad = 1;
}

/* The pieces of a cookie become one again (RFC 9113, section 8.2.3). */
static void take_cookie(struct http2_stream *stream, const nghttp2_nv *field)
{
    if ((stream->cookie.len > 0 && buf_append(&stream->cookie, "; ", 2) != 0) ||
        (field->valuelen > 0 && buf_append(&stream->cookie, field->value, field->valuelen) != 0))
        stream->is_large = 1;
}

void http2_request_field(struct http2_stream *stream, const nghttp2_nv *field)
{
    stream->header_bytes += field->namelen + field->valuelen + FIELD_COST;
    if (stream->header_bytes > HTTP2_HEADERS_MAX)
        stream->is_large = 1;
    if (stream->is_large || stream->is_bad)
        return;
    if (field->namelen > 0 && field->name[0] == ':') {
        take_pseudo(stream, field);
        return;
    }
    if (!is_token(field->name, field->namelen) || !is_value(field->value, field->valuelen)) {
        stream->is_bad = 1;
        return;
    }
    if (field_is(field, "host")) {
        take_host(stream, field);
        return;
    }
    if (field_is(field, "cookie")) {
        take_cookie(stream, field);
        return;
    }
    /* Interim answers are not passed on, so none is asked for; te may only be "trailers". */
    if (field_is(field, "expect") || field_is(field, "te"))
        return;
    stream->has_length |= field_is(field, "content-length");
    if (buf_append(&stream->fields, field->name, field->namelen) != 0 ||
        buf_append(&stream->fields, ": ", 2) != 0 ||
        (field->valuelen > 0 && buf_append(&stream->fields, field->value, field->valuelen) != 0) ||
        buf_append(&stream->fields, "\r\n", 2) != 0)
        stream->is_large = 1;
}

static int append_buf(struct buf *out, const struct buf *from)
{
    return from->len > 0 ? buf_append(out, buf_data(from), from->len) : 0;
}

int http2_request_text(struct http2_stream *stream, int has_body, struct buf *out)
{
    int bad;

    if (stream->is_large)
        return 431;
    if (strcmp(stream->method, "CONNECT") == 0)
        return 405;
    if (stream->is_bad || stream->method[0] == '\0' || stream->target.len == 0 ||
        stream->authority.len == 0)
        return 400;
    stream->is_chunked = has_body && !stream->has_length;
    bad = buf_printf(out, "%s ", stream->method) != 0 || append_buf(out, &stream->target) != 0 ||
          buf_printf(out, " HTTP/1.1\r\nHost: ") != 0 || append_buf(out, &stream->authority) != 0 ||
          buf_printf(out, "\r\n") != 0 || append_buf(out, &stream->fields) != 0;
    if (!bad && stream->cookie.len > 0)
        bad = buf_printf(out, "cookie: ") != 0 || append_buf(out, &stream->cookie) != 0 ||
              buf_printf(out, "\r\n") != 0;
    if (!bad && stream->is_chunked)
        bad = buf_printf(out, "transfer-encoding: chunked\r\n") != 0;
    return bad || buf_printf(out, "\r\n") != 0 ? 431 : 0;
}
