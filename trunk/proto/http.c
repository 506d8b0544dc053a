/*
 * HTTP/1 messages, RFC 9112. A head is collected as a whole, within its limits, and then parsed in
 * one pass (http_head.c), so that no parser state lives across reads and every split of the input
 * gives the same result. The body is followed here: by length, by chunks (section 7.1, strictly:
 * only CRLF ends a chunk's line), or until the connection closes.
 */
#include "proto/http.h"

#include "base/str.h"
#include "proto/http_head.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_FIRST_LINE_MAX  (HTTP_TARGET_MAX + 32) /* method and version next to the target */
#define HTTP_EMPTY_LINES_MAX 8 /* bytes of CR and LF before a request line, section 2.2 */
#define HTTP_CHUNK_LINE_MAX  256
#define HTTP_TRAILER_MAX     8192

enum http_state {
    HTTP_IN_HEAD,
    HTTP_IN_LENGTH, /* `left` bytes of body */
    HTTP_IN_UNTIL_CLOSE,
    HTTP_IN_CHUNK_SIZE, /* before the first digit */
    HTTP_IN_CHUNK_DIGITS,
    HTTP_IN_CHUNK_EXT,
    HTTP_IN_CHUNK_LF,
    HTTP_IN_CHUNK_DATA,
    HTTP_IN_CHUNK_DATA_CR,
    HTTP_IN_CHUNK_DATA_LF,
    HTTP_IN_TRAILER,      /* at the beginning of a line */
    HTTP_IN_TRAILER_TEXT, /* within a line */
    HTTP_IN_TRAILER_LF,
    HTTP_IN_LAST_LF,
    HTTP_IN_END, /* END is still to be reported */
    HTTP_IN_UPGRADED,
    HTTP_IN_BAD
};

struct http_in {
    enum http_side side;
    enum http_state state;
    size_t body_max;
    int (*is_stream)(const struct http_message *request);
    uint64_t limit;  /* of this message's body */
    struct buf text; /* the head; the message points into it */
    int has_head;
    int has_first_line;
    size_t empty_len; /* bytes of leading empty lines */
    struct http_head head;
    uint64_t left;   /* of the body or the chunk */
    uint64_t total;  /* body bytes announced by chunks so far */
    size_t line_len; /* of a chunk's line or the trailer */
    int status;
    const char *reason;
};

const char *http_message_header(const struct http_message *message, const char *name)
{
    assert(message != NULL && name != NULL);
    for (size_t i = 0; i < message->header_count; i++)
        if (str_ieq(message->headers[i].name, name))
            return message->headers[i].value;
    return NULL;
}

struct http_in *http_in_new(enum http_side side, size_t body_max)
{
    struct http_in *in = calloc(1, sizeof(*in));

    if (in == NULL)
        return NULL;
    in->side = side;
    in->body_max = body_max;
    buf_init(&in->text, HTTP_HEAD_MAX);
    return in;
}

void http_in_allow_streams(struct http_in *in, int (*is_stream)(const struct http_message *request))
{
    in->is_stream = is_stream;
}

void http_in_free(struct http_in *in)
{
    if (in == NULL)
        return;
    if (in->has_head)
        http_head_fini(&in->head);
    buf_fini(&in->text);
    free(in);
}

const struct http_message *http_in_message(const struct http_in *in)
{
    assert(in->has_head);
    return &in->head.message;
}

int http_in_status(const struct http_in *in)
{
    return in->status;
}

const char *http_in_reason(const struct http_in *in)
{
    return in->reason != NULL ? in->reason : "";
}

int http_in_is_inside(const struct http_in *in)
{
    if (in->state == HTTP_IN_HEAD)
        return in->text.len > 0 || in->empty_len > 0;
    return in->state != HTTP_IN_UNTIL_CLOSE && in->state != HTTP_IN_UPGRADED;
}

static enum scan in_bad(struct http_in *in, int status, const char *reason)
{
    in->state = HTTP_IN_BAD;
    in->status = status;
    in->reason = reason;
    return SCAN_BAD;
}

/* Sets the state that follows the head. */
static enum scan body_begin(struct http_in *in)
{
    const struct http_message *message = &in->head.message;
    int is_response = in->side == HTTP_RESPONSES;

    if (is_response ? message->status == 101 : message->upgrade == HTTP_UPGRADE_WEBSOCKET) {
        in->state = HTTP_IN_UPGRADED;
        return SCAN_DONE;
    }
    in->total = 0;
    in->left = 0;
    in->limit = in->is_stream != NULL && in->is_stream(message) ? UINT64_MAX : in->body_max;
    if (is_response &&
        (message->status < 200 || message->status == 204 || message->status == 304)) {
        in->state = HTTP_IN_END;
    } else if (message->is_chunked) {
        in->state = HTTP_IN_CHUNK_SIZE;
        in->line_len = 0;
    } else if (message->content_length >= 0) {
        in->left = (uint64_t)message->content_length;
        in->state = in->left > 0 ? HTTP_IN_LENGTH : HTTP_IN_END;
        if (in->left > in->limit)
            return in_bad(in, 413, "body too large");
    } else {
        in->state = is_response ? HTTP_IN_UNTIL_CLOSE : HTTP_IN_END;
    }
    return SCAN_DONE;
}

/* "ICY 200 OK", as SHOUTcast servers answer: an HTTP/1.0 status line otherwise. 0 or -1. */
static int head_of_icy(struct http_in *in)
{
    static const char icy[4] = {'I', 'C', 'Y', ' '};
    static const char http[9] = {'H', 'T', 'T', 'P', '/', '1', '.', '0', ' '};
    size_t len = in->text.len;
    uint8_t *p;

    if (len < sizeof(icy) || memcmp(buf_data(&in->text), icy, sizeof(icy)) != 0)
        return 0;
    if (buf_append(&in->text, http, sizeof(http) - sizeof(icy)) != 0)
        return -1;
    p = buf_data(&in->text);
    memmove(p + sizeof(http), p + sizeof(icy), len - sizeof(icy));
    memcpy(p, http, sizeof(http));
    return 0;
}

static enum scan head_finish(struct http_in *in)
{
    if (in->side == HTTP_RESPONSES && head_of_icy(in) != 0)
        return in_bad(in, 431, "headers too large");
    in->has_head = 1;
    if (http_head_parse(&in->head, in->side, (char *)buf_data(&in->text), in->text.len) != 0)
        return in_bad(in, in->head.status, in->head.reason);
    return body_begin(in);
}

/* Skips a few empty lines before the message; *used counts them. */
static enum scan head_begin(struct http_in *in, const uint8_t *data, size_t len, size_t *used)
{
    while (*used < len && (data[*used] == '\r' || data[*used] == '\n')) {
        if (++in->empty_len > HTTP_EMPTY_LINES_MAX)
            return in_bad(in, 400, "empty lines instead of a request");
        ++*used;
    }
    if (*used == len)
        return SCAN_MORE;
    /* TLS or RTMP on the wrong port: refused at once instead of waiting for the end of a line. */
    if (!http_head_is_token(data[*used]))
        return in_bad(in, 400, "this is not HTTP");
    in->has_first_line = 0;
    return SCAN_DONE;
}

static enum scan head_feed(struct http_in *in, const uint8_t *data, size_t len, size_t *used)
{
    if (in->text.len == 0) {
        enum scan scan = head_begin(in, data, len, used);

        if (scan != SCAN_DONE)
            return scan;
    }
    while (*used < len) {
        const uint8_t *p = data + *used;
        const uint8_t *lf = memchr(p, '\n', len - *used);
        size_t n = lf != NULL ? (size_t)(lf - p) + 1 : len - *used;
        uint8_t *end;

        if (!in->has_first_line && in->text.len + n > HTTP_FIRST_LINE_MAX)
            return in_bad(in, 414, "request target too long");
        if (in->text.len + n > HTTP_HEAD_MAX)
            return in_bad(in, 431, "headers too large");
        if (buf_append(&in->text, p, n) != 0)
            return in_bad(in, 503, "out of memory");
        *used += n;
        if (lf == NULL)
            return SCAN_MORE;
        /* HTTP/0.9: the request ends here and the client waits for the answer. */
        if (!in->has_first_line && in->side == HTTP_REQUESTS &&
            memmem(buf_data(&in->text), in->text.len, " HTTP/", 6) == NULL)
            return in_bad(in, 400, "malformed request line");
        in->has_first_line = 1;
        end = buf_data(&in->text) + in->text.len;
        if (end[-2] == '\n' || (end[-2] == '\r' && end[-3] == '\n'))
            return head_finish(in);
    }
    return SCAN_MORE;
}

/* A chunk's line has ended: its size is known. */
static enum scan chunk_size_done(struct http_in *in)
{
    if (in->left == 0) {
        in->state = HTTP_IN_TRAILER;
        in->line_len = 0;
        return SCAN_MORE;
    }
    if (in->left > in->limit - in->total)
        return in_bad(in, 413, "body too large");
    in->total += in->left;
    in->state = HTTP_IN_CHUNK_DATA;
    return SCAN_MORE;
}

/* One byte of a chunk's first line. */
static enum scan chunk_line_step(struct http_in *in, uint8_t c)
{
    int digit = str_hex_digit((char)c);

    if (++in->line_len > HTTP_CHUNK_LINE_MAX)
        return in_bad(in, 400, "chunk line too long");
    if (in->state == HTTP_IN_CHUNK_LF)
        return c == '\n' ? chunk_size_done(in) : in_bad(in, 400, "bare CR in a chunk line");
    if (in->state != HTTP_IN_CHUNK_EXT && digit >= 0) {
        if (in->state == HTTP_IN_CHUNK_SIZE)
            in->left = 0;
        if (in->left > (UINT64_MAX >> 8))
            return in_bad(in, 413, "chunk too large");
        in->left = in->left << 4 | (uint64_t)digit;
        in->state = HTTP_IN_CHUNK_DIGITS;
        return SCAN_MORE;
    }
    if (in->state == HTTP_IN_CHUNK_SIZE)
        return in_bad(in, 400, "malformed chunk size");
    if (c == '\r')
        in->state = HTTP_IN_CHUNK_LF;
    else if (in->state == HTTP_IN_CHUNK_DIGITS && (c == ';' || c == ' ' || c == '\t'))
        in->state = HTTP_IN_CHUNK_EXT;
    else if (in->state == HTTP_IN_CHUNK_DIGITS || (c < 0x20 && c != '\t') || c == 0x7f)
        return in_bad(in, 400, "malformed chunk line");
    return SCAN_MORE;
}

/* One byte of the trailer, which is ignored. */
static enum scan trailer_step(struct http_in *in, uint8_t c)
{
    if (++in->line_len > HTTP_TRAILER_MAX)
        return in_bad(in, 431, "trailer too large");
    if (in->state == HTTP_IN_TRAILER_LF || in->state == HTTP_IN_LAST_LF) {
        if (c != '\n')
            return in_bad(in, 400, "bare CR in the trailer");
        in->state = in->state == HTTP_IN_LAST_LF ? HTTP_IN_END : HTTP_IN_TRAILER;
    } else if (c == '\r') {
        in->state = in->state == HTTP_IN_TRAILER ? HTTP_IN_LAST_LF : HTTP_IN_TRAILER_LF;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
        return in_bad(in, 400, "control character in the trailer");
    } else {
        in->state = HTTP_IN_TRAILER_TEXT;
    }
    return SCAN_MORE;
}

static enum scan chunk_step(struct http_in *in, uint8_t c)
{
    switch (in->state) {
    case HTTP_IN_CHUNK_SIZE:
    case HTTP_IN_CHUNK_DIGITS:
    case HTTP_IN_CHUNK_EXT:
    case HTTP_IN_CHUNK_LF:
        return chunk_line_step(in, c);
    case HTTP_IN_CHUNK_DATA_CR:
    case HTTP_IN_CHUNK_DATA_LF:
        if (c != (in->state == HTTP_IN_CHUNK_DATA_CR ? '\r' : '\n'))
            return in_bad(in, 400, "chunk longer than announced");
        in->state = in->state == HTTP_IN_CHUNK_DATA_CR ? HTTP_IN_CHUNK_DATA_LF : HTTP_IN_CHUNK_SIZE;
        in->line_len = 0;
        return SCAN_MORE;
    default:
        return trailer_step(in, c);
    }
}

static int is_body(enum http_state state)
{
    return state == HTTP_IN_LENGTH || state == HTTP_IN_UNTIL_CLOSE || state == HTTP_IN_CHUNK_DATA;
}

/* A piece of the body: as many of the len bytes as belong to it. */
static size_t body_take(struct http_in *in, size_t len)
{
    if (in->state == HTTP_IN_UNTIL_CLOSE)
        return len;
    if (len > in->left)
        len = (size_t)in->left;
    in->left -= len;
    if (in->left == 0)
        in->state = in->state == HTTP_IN_LENGTH ? HTTP_IN_END : HTTP_IN_CHUNK_DATA_CR;
    return len;
}

static void message_reset(struct http_in *in)
{
    http_head_fini(&in->head);
    in->has_head = 0;
    buf_consume(&in->text, in->text.len);
    in->empty_len = 0;
    in->has_first_line = 0;
}

enum scan http_in_feed(struct http_in *in, const uint8_t *data, size_t len, size_t *used,
                       enum http_event *event, const uint8_t **body, size_t *body_len)
{
    assert(in != NULL && (data != NULL || len == 0) && used != NULL);
    assert(event != NULL && body != NULL && body_len != NULL);
    *used = 0;
    if (in->state == HTTP_IN_BAD)
        return SCAN_BAD;
    if (in->state == HTTP_IN_UPGRADED)
        return SCAN_MORE;
    if (in->state == HTTP_IN_HEAD) {
        if (in->has_head)
            message_reset(in);
        *event = HTTP_EVENT_HEAD;
        return head_feed(in, data, len, used);
    }
    while (in->state != HTTP_IN_END) {
        if (*used == len)
            return SCAN_MORE;
        if (is_body(in->state)) {
            *event = HTTP_EVENT_BODY;
            *body = data + *used;
            *body_len = body_take(in, len - *used);
            *used += *body_len;
            return SCAN_DONE;
        }
        if (chunk_step(in, data[(*used)++]) == SCAN_BAD)
            return SCAN_BAD;
    }
    in->state = HTTP_IN_HEAD;
    *event = HTTP_EVENT_END;
    return SCAN_DONE;
}
