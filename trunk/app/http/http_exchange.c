/*
 * Writes answers. Every head of the server is written here, so that all of them have Server, Date,
 * Connection and the lines that middleware adds; errors and redirects too. A head and its body are
 * sent in one write.
 */
#include "app/http/http_exchange.h"

#include "app/core/server.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/version.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HTTP_REASON_MAX 512
#define HTTP_ALLOW      "GET, HEAD, OPTIONS"
#define HTTP_ERROR_TYPE "application/json"

/* IMF-fixdate (RFC 9110, section 5.6.7). The process stays in the C locale. */
static int date_append(struct buf *out)
{
    time_t now = (time_t)(clock_wall() / USEC_PER_SEC);
    struct tm tm;
    char text[40];

    if (gmtime_r(&now, &tm) == NULL ||
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        return 0;
    return buf_printf(out, "Date: %s\r\n", text);
}

static int head_begin(const struct http_exchange *x, int status, struct buf *out)
{
    /* Browsers must not guess another type than the declared one, such as a script's. */
    if (buf_printf(out,
                   "HTTP/1.1 %d %s\r\nServer: Millrace/%s\r\nX-Content-Type-Options: nosniff\r\n",
                   status, http_status_text(status), MILLRACE_VERSION) != 0 ||
        date_append(out) != 0)
        return -1;
    if (!x->keep_alive)
        return buf_printf(out, "Connection: close\r\n");
    /* Keep-alive is the default of HTTP/1.1. */
    return x->request->minor == 0 ? buf_printf(out, "Connection: keep-alive\r\n") : 0;
}

/* The CSP line that says which sites may frame this page. Only HTML can be clicked. */
static int frames_append(const struct http_exchange *x, const char *content_type, struct buf *out)
{
    const struct config_strings *list = &x->server->config->http_server.frame_ancestors;

    if (content_type == NULL || !str_starts(content_type, "text/html") || list->count == 0)
        return 0;
    if (buf_printf(out, "Content-Security-Policy: frame-ancestors") != 0)
        return -1;
    for (int i = 0; i < list->count; i++) {
        const char *item = list->item[i];
        const char *quote = strcmp(item, "self") == 0 || strcmp(item, "none") == 0 ? "'" : "";

        if (buf_printf(out, " %s%s%s", quote, item, quote) != 0)
            return -1;
    }
    return buf_printf(out, "\r\n");
}

static int head_end(const struct http_exchange *x, const char *headers, struct buf *out)
{
    if (x->extra.len > 0 && buf_append(out, buf_data(&x->extra), x->extra.len) != 0)
        return -1;
    return buf_printf(out, "%s\r\n", headers != NULL ? headers : "");
}

int http_head(const struct http_exchange *x, int status, const char *content_type,
              const char *headers, int64_t content_length, struct buf *out)
{
    assert(x != NULL && status >= 200 && status < 600 && out != NULL);
    if (head_begin(x, status, out) != 0)
        return -1;
    if (content_type != NULL && buf_printf(out, "Content-Type: %s\r\n", content_type) != 0)
        return -1;
    if (frames_append(x, content_type, out) != 0)
        return -1;
    if (content_length >= 0 &&
        buf_printf(out, "Content-Length: %lld\r\n", (long long)content_length) != 0)
        return -1;
    return head_end(x, headers, out);
}

struct err *http_answer(struct http_exchange *x, int status, const char *content_type,
                        const char *headers, const void *body, size_t len, usec_t timeout)
{
    struct iovec iov[2];
    struct buf head;
    struct err *err = NULL;

    assert(x != NULL && !x->has_answered && (body != NULL || len == 0));
    buf_init(&head, HTTP_ANSWER_HEAD_MAX);
    if (http_head(x, status, content_type, headers, status == 204 ? -1 : (int64_t)len, &head) !=
        0) {
        err = err_new(ERR_LIMIT, "answer %d: head too large", status);
        goto fini_head;
    }
    iov[0].iov_base = buf_data(&head);
    iov[0].iov_len = head.len;
    iov[1].iov_base = (void *)body;
    iov[1].iov_len = len;
    x->has_answered = 1;
    err = io_writev(&x->conn->io, iov, len > 0 && !x->is_head ? 2 : 1, timeout);
    if (err != NULL)
        err = err_wrap(err, "answer %d", status);
fini_head:
    buf_fini(&head);
    return err;
}

/* The body {"code":…,"reason":"…"}; characters that JSON does not allow in strings are escaped (RFC
 * 8259). */
static int error_body(struct buf *body, int status, const char *reason)
{
    if (buf_printf(body, "{\"code\":%d,\"reason\":\"", status) != 0)
        return -1;
    for (const char *p = reason; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        int bad;

        if (c == '"' || c == '\\')
            bad = buf_printf(body, "\\%c", c);
        else if (c < 0x20)
            bad = buf_printf(body, "\\u%04x", c);
        else
            bad = buf_append(body, p, 1);
        if (bad)
            return -1;
    }
    return buf_printf(body, "\"}\n");
}

/* The header lines and the body of an error; the lines end with a zero byte. 0 or -1. */
static int error_parts(int status, const char *reason, const char *headers, struct buf *lines,
                       struct buf *body)
{
    buf_init(body, 8 * HTTP_REASON_MAX);
    buf_init(lines, HTTP_EXTRA_MAX);
    /* A missing stream may exist a second later: caches must not store the error. */
    if (error_body(body, status, reason) != 0 ||
        buf_printf(lines, "Cache-Control: no-store\r\n%s%s",
                   status == 508 ? HTTP_VIA_HEADER ": " HTTP_VIA_LOOP "\r\n" : "",
                   headers != NULL ? headers : "") != 0)
        return -1;
    return buf_append(lines, "", 1);
}

struct err *http_answer_error(struct http_exchange *x, int status, const char *headers,
                              usec_t timeout, const char *reason_fmt, ...)
{
    char reason[HTTP_REASON_MAX];
    struct buf body;
    struct buf lines;
    struct err *err;
    va_list ap;

    assert(status >= 400);
    va_start(ap, reason_fmt);
    vsnprintf(reason, sizeof(reason), reason_fmt, ap);
    va_end(ap);
    if (error_parts(status, reason, headers, &lines, &body) != 0)
        err = err_new(ERR_NOMEM, "answer %d: no memory", status);
    else
        err = http_answer(x, status, HTTP_ERROR_TYPE, (const char *)buf_data(&lines),
                          buf_data(&body), body.len, timeout);
    buf_fini(&lines);
    buf_fini(&body);
    return err;
}

int http_render_error(struct http_exchange *x, int status, const char *reason, struct buf *out)
{
    int keep_alive = x->keep_alive;
    struct buf body;
    struct buf lines;
    int bad;

    assert(status >= 400 && reason != NULL && strlen(reason) < HTTP_REASON_MAX);
    x->keep_alive = 0;
    bad = error_parts(status, reason, NULL, &lines, &body) != 0 ||
          http_head(x, status, HTTP_ERROR_TYPE, (const char *)buf_data(&lines), (int64_t)body.len,
                    out) != 0 ||
          (!x->is_head && buf_append(out, buf_data(&body), body.len) != 0);
    x->keep_alive = keep_alive;
    buf_fini(&lines);
    buf_fini(&body);
    return bad ? -1 : 0;
}

const struct http_target *http_target(struct http_exchange *x)
{
    struct http_address address = {x->request->host, x->request->query, x->request->path};

    if (!x->has_target)
        http_target_find(x->config, &address, &x->target);
    x->has_target = 1;
    return &x->target;
}

int http_is_read(const struct http_exchange *x)
{
    return x->is_head || strcmp(x->request->method, "GET") == 0;
}

struct err *http_answer_method(struct http_exchange *x, usec_t timeout)
{
    return http_answer_error(x, 405, "Allow: " HTTP_ALLOW "\r\n", timeout,
                             "%s is not allowed here; use GET, HEAD or OPTIONS",
                             x->request->method);
}

int http_path_encode(struct buf *out, const char *path)
{
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        int is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       strchr("/-._~!$&'()*+,;=:@", c) != NULL;

        if ((is_plain ? buf_append(out, path, 1) : buf_printf(out, "%%%02X", c)) != 0)
            return -1;
    }
    return 0;
}

int http_stream_head(struct http_exchange *x, const char *content_type, struct buf *out,
                     int *is_chunked)
{
    assert(x != NULL && content_type != NULL && out != NULL && is_chunked != NULL);
    *is_chunked = x->request->minor >= 1;
    /* The parser is freed while a stream runs, and in HTTP/1.0 only a close can end the answer. */
    if (!x->is_head || !*is_chunked)
        x->keep_alive = 0;
    if (head_begin(x, 200, out) != 0 || buf_printf(out, "Content-Type: %s\r\n", content_type) != 0)
        return -1;
    if (*is_chunked && buf_printf(out, "Transfer-Encoding: chunked\r\n") != 0)
        return -1;
    return head_end(x, "Cache-Control: no-cache, no-store\r\nX-Accel-Buffering: no\r\n", out);
}

int http_upgrade_head(const struct http_exchange *x, const char *accept, const char *protocol,
                      struct buf *out)
{
    if (buf_printf(out, "HTTP/1.1 101 %s\r\nServer: Millrace/%s\r\n", http_status_text(101),
                   MILLRACE_VERSION) != 0 ||
        date_append(out) != 0 ||
        buf_printf(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                   accept) != 0 ||
        (protocol[0] != '\0' && buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", protocol) != 0))
        return -1;
    return head_end(x, NULL, out);
}
