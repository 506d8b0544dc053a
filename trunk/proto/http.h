#ifndef PROTO_HTTP_H
#define PROTO_HTTP_H

/*
 * HTTP/1 messages over http-parser: feed bytes, take a request (server) or a response (client),
 * then its body piece by piece. Strict where http-parser is lenient (RFC 9112: both Content-Length
 * and Transfer-Encoding, bare CR, folding, missing or double Host are 400). All sizes are limited.
 * Pure.
 */
#include "base/buf.h"
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_HEADERS_MAX 64
#define HTTP_TARGET_MAX  4096
#define HTTP_HEAD_MAX    16384 /* request line and headers together */

struct http_header {
    const char *name; /* as sent */
    const char *value;
};

enum http_upgrade { HTTP_UPGRADE_NONE, HTTP_UPGRADE_WEBSOCKET, HTTP_UPGRADE_OTHER };

struct http_message {
    /* request */
    char method[16];    /* "GET"; never CONNECT */
    const char *target; /* raw, as sent */
    const char *path;   /* decoded and cleaned by url_path_clean(); "*" with OPTIONS only */
    const char *query;  /* raw, without '?'; "" if none */
    const char *host;   /* lower case, without port; "" for HTTP/1.0 without Host */
    int port;           /* from the Host header or an absolute target; 0 if none */
    /* response */
    int status;
    /* both */
    int minor; /* HTTP/1.minor */
    int keep_alive;
    int expect_continue;
    enum http_upgrade upgrade;
    int64_t content_length; /* -1: none announced */
    int is_chunked;
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/* NULL if there is none; name is compared without case. */
const char *http_message_header(const struct http_message *message, const char *name);

struct http_in;

enum http_side { HTTP_REQUESTS, HTTP_RESPONSES };

/* body_max: bytes; a larger request body is 413. NULL without memory. */
struct http_in *http_in_new(enum http_side side, size_t body_max);
void http_in_free(struct http_in *in);

/* Requests for which is_stream returns 1 have bodies without a limit: the caller reads each piece
 * as it comes. */
void http_in_allow_streams(struct http_in *in,
                           int (*is_stream)(const struct http_message *request));

enum http_event { HTTP_EVENT_HEAD, HTTP_EVENT_BODY, HTTP_EVENT_END };

/*
 * Consumes *used bytes. SCAN_DONE: one event. HEAD: http_in_message() is set until the call after
 * END. BODY: *body, *body_len, valid until the next call (it points into data). END: the message is
 * complete, also when it had no body; the next one may follow in the same bytes. *used may be 0
 * with an event. After a HEAD with an upgrade to WebSocket (a request), or with status 101, nothing
 * more is consumed. SCAN_MORE: all consumed. SCAN_BAD, also for all later calls: http_in_status()
 * is the status to answer.
 */
enum scan http_in_feed(struct http_in *in, const uint8_t *data, size_t len, size_t *used,
                       enum http_event *event, const uint8_t **body, size_t *body_len);
const struct http_message *http_in_message(const struct http_in *in);
/* 400, 413, 414, 431, 501, 503 or 505 after SCAN_BAD; and the reason (constant). */
int http_in_status(const struct http_in *in);
const char *http_in_reason(const struct http_in *in);
/* True while a message is incomplete: an end of stream is then an error. False within a response
 * whose body lasts until the connection closes. */
int http_in_is_inside(const struct http_in *in);

/* "OK", "Not Found", … never NULL. */
const char *http_status_text(int status);

/* By the file name's extension, e.g. "video/x-flv"; else "application/octet-stream". */
const char *http_content_type(const char *path);

#endif
