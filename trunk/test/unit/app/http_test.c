/* The memory connection and the hand-made server of http_test.h. */
#include "http_test.h"

#include "co/co.h"

#include <stdlib.h>
#include <string.h>

#define TEST_TIMEOUT (5 * USEC_PER_SEC)

static void log_nothing(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    (void)line;
    (void)len;
}

static struct http_test *test_of(struct io *io)
{
    return (struct http_test *)((char *)io - offsetof(struct http_test, conn));
}

static struct err *memory_read(struct io *io, void *buf, size_t len, size_t *got, usec_t timeout)
{
    (void)io;
    (void)buf;
    (void)len;
    (void)timeout;
    *got = 0;
    return err_new(ERR_CLOSED, "nothing to read");
}

static struct err *memory_writev(struct io *io, struct iovec *iov, int n, usec_t timeout)
{
    struct http_test *t = test_of(io);

    ck_assert_int_gt((int)timeout, 0);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(buf_append(&t->out, iov[i].iov_base, iov[i].iov_len), 0);
    return NULL;
}

static void memory_close(struct io *io)
{
    (void)io;
}

void http_test_init(struct http_test *t)
{
    static const struct io_ops ops = {memory_read, memory_writev, memory_close};
    static struct log_sink sink = {log_nothing};

    memset(t, 0, sizeof(*t));
    t->snapshot.refs = 1;
    t->vhost.name = "__defaultVhost__";
    t->vhost.enabled = 1;
    t->vhosts[0] = &t->vhost;
    t->config.vhost = t->vhosts;
    t->config.vhost_count = 1;
    t->config.http_server.crossdomain = 1;
    t->config.http_header_timeout = TEST_TIMEOUT;
    t->config.http_idle_timeout = TEST_TIMEOUT;
    t->log.level = LOG_DEBUG;
    t->log.sink = &sink;
    t->server.config = &t->config;
    t->server.log = &t->log;
    t->conn.io.ops = &ops;
    buf_init(&t->out, 4 * 1024 * 1024);
    buf_init(&t->x.extra, HTTP_EXTRA_MAX);
    http_test_request(t, "GET", "/");
}

void http_test_fini(struct http_test *t)
{
    buf_fini(&t->out);
    buf_fini(&t->x.extra);
}

void http_test_request(struct http_test *t, const char *method, const char *path)
{
    memset(&t->request, 0, sizeof(t->request));
    ck_assert_uint_lt(strlen(method), sizeof(t->request.method));
    memcpy(t->request.method, method, strlen(method) + 1);
    t->request.path = t->request.target = path;
    t->request.query = "";
    t->request.host = "h";
    t->request.minor = 1;
    t->request.content_length = -1;
    t->x.server = &t->server;
    t->x.conn = &t->conn;
    t->x.request = &t->request;
    t->x.is_head = strcmp(method, "HEAD") == 0;
    t->x.keep_alive = 1;
    t->x.has_answered = 0;
    t->x.is_granted = 0;
    t->x.has_target = 0;
    t->x.config = &t->config;
    t->x.stream = NULL;
    buf_reset(&t->x.extra);
    buf_reset(&t->out);
}

void http_test_header(struct http_test *t, const char *name, const char *value)
{
    ck_assert_uint_lt(t->request.header_count, HTTP_HEADERS_MAX);
    t->request.headers[t->request.header_count].name = name;
    t->request.headers[t->request.header_count].value = value;
    t->request.header_count++;
}

const char *http_test_out(struct http_test *t)
{
    if (t->out.len == 0)
        return "";
    /* A terminator that is not counted. */
    ck_assert_int_eq(buf_append(&t->out, "", 1), 0);
    t->out.len--;
    return (const char *)buf_data(&t->out);
}

int http_test_status(struct http_test *t)
{
    const char *out = http_test_out(t);

    ck_assert_msg(strncmp(out, "HTTP/1.1 ", 9) == 0, "%.40s", out);
    return (int)strtol(out + 9, NULL, 10);
}

int http_test_has_line(struct http_test *t, const char *line)
{
    const char *out = http_test_out(t);
    const char *end = strstr(out, "\r\n\r\n");
    size_t len = strlen(line);
    int n = 0;

    ck_assert_ptr_nonnull(end);
    for (const char *p = strstr(out, line); p != NULL && p < end; p = strstr(p + 1, line))
        n += p[-1] == '\n' && p[len] == '\r';
    return n == 1;
}

const char *http_test_body(struct http_test *t)
{
    const char *end = strstr(http_test_out(t), "\r\n\r\n");

    ck_assert_ptr_nonnull(end);
    return end + 4;
}

void http_test_serve(struct http_test *t, struct http_handler *handler)
{
    struct err *err = handler->serve(handler, &t->x, TEST_TIMEOUT);

    ck_assert_msg(err == NULL, "%s", err != NULL ? err_text(err) : "");
}

void http_test_runtime(void)
{
    static struct log_sink sink = {log_nothing};
    static struct log log = {.level = LOG_DEBUG, .sink = &sink};
    struct err *err = co_self() == NULL ? co_init(&log) : NULL;

    ck_assert_msg(err == NULL, "%s", err != NULL ? err_text(err) : "");
}
