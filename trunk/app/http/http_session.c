/*
 * HTTP/1.1 connections, RFC 9112. Two requirements shape this file. A viewer stays parked for hours
 * above http_session_run()'s stack frame, so that function keeps almost nothing; functions that
 * have returned by then hold the parser, buffers and exchange. And an idle keep-alive connection
 * holds no buffer: the memory is allocated at the first byte of a request and freed after its
 * answer.
 *
 * A head has one deadline in total, however slowly its bytes arrive. If the framing is lost or a
 * body was not read, the connection closes after the answer; the server reads and drops the rest
 * for a moment, or a TCP reset could destroy the answer (section 9.6).
 */
#include "app/http/http_session.h"

#include "app/config/trust.h"
#include "app/core/admission.h"
#include "app/core/ip_limit.h"
#include "app/core/log_limit.h"
#include "app/core/metrics.h"
#include "app/http/cors.h"
#include "app/http/http_publish.h"
#include "base/str.h"
#include "co/co.h"
#include "co/tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SESSION_BUFFER_SIZE  4096
#define SESSION_LINGER       (2 * USEC_PER_SEC)
#define SESSION_LINGER_BYTES (4 * 1024 * 1024)
#define SESSION_CONTINUE     "HTTP/1.1 100 Continue\r\n\r\n"

/* What happens to the connection next. */
enum session_next { SESSION_CLOSE, SESSION_LINGER_CLOSE, SESSION_IDLE, SESSION_STREAM };

/* What outlives the memory of the requests. */
struct session_takeover {
    http_stream_fn fn;
    void *arg;
    struct ip_limit *seat; /* of the client, if a proxy names one */
    char ip[IP_TEXT_MAX];  /* of the connected peer, which may be a proxy */
};

/* The memory of the requests that arrive in one burst. */
struct session {
    struct server *server;
    struct net_conn *conn;
    struct session_takeover *takeover;
    int is_tls, is_api, is_exporter, is_worker;
    struct http_in *in;
    struct buf body; /* of this request, as far as it fits */
    int is_body_cut;
    int is_stream, has_continued; /* the handler reads the body; 100 (Continue) is no longer due */
    const char *limit;            /* the limit that this request exceeds; NULL: none */
    usec_t deadline;              /* of this request's head, then of its body */
    size_t at, end;               /* bytes [at, end) of data are not parsed yet */
    uint8_t data[SESSION_BUFFER_SIZE];
};

static usec_t until(usec_t deadline)
{
    usec_t left = deadline - clock_now();

    return left > 0 ? left : 0;
}

/* Reads more bytes into the empty buffer. */
static MAY_YIELD struct err *session_fill(struct session *s)
{
    usec_t timeout = until(s->deadline);
    size_t got = 0;
    struct err *err;

    assert(s->at == s->end);
    if (timeout == 0)
        return err_new(ERR_TIMEOUT, "deadline");
    err = io_read(&s->conn->io, s->data, sizeof(s->data), &got, timeout);
    s->at = 0;
    s->end = err == NULL ? got : 0;
    return err;
}

/* The peer's address for the log. */
static const char *session_ip(const struct session *s)
{
    return s->conn->ip[0] != '\0' ? s->conn->ip : "unix";
}

static usec_t write_timeout(const struct session *s)
{
    return s->server->config->http_idle_timeout;
}

int http_session_refusal(struct server *server, int flags, int status, const char *reason,
                         struct buf *out)
{
    static const struct http_message nothing = {.minor = 1};
    struct http_exchange x;
    int bad;

    memset(&x, 0, sizeof(x));
    x.server = server;
    x.request = &nothing;
    x.is_tls = flags & HTTP_SESSION_TLS;
    x.is_api = (flags & HTTP_SESSION_API) != 0;
    buf_init(&x.extra, HTTP_EXTRA_MAX);
    bad = cors_append(&x) != 0;
    if (reason == NULL)
        reason = status == 429 ? "too many connections from this address" : "too many connections";
    if (status == 429 || status == 503)
        bad |= buf_printf(&x.extra, "Retry-After: 5\r\n") != 0;
    bad |= http_render_error(&x, status, reason, out) != 0;
    buf_fini(&x.extra);
    return bad ? -1 : 0;
}

/* Sends a refusal. It ignores errors. */
static MAY_YIELD void refusal_write(struct server *server, struct net_conn *conn, int flags,
                                    int status, const char *reason)
{
    struct buf answer;

    buf_init(&answer, HTTP_ANSWER_HEAD_MAX);
    if (http_session_refusal(server, flags, status, reason, &answer) == 0)
        err_free(
            io_write(&conn->io, buf_data(&answer), answer.len, server->config->http_idle_timeout));
    buf_fini(&answer);
}

/* Answers a request that could not be parsed. */
static MAY_YIELD void session_refuse(struct session *s, int status, const char *reason)
{
    int flags = (s->is_tls ? HTTP_SESSION_TLS : 0) | (s->is_api ? HTTP_SESSION_API : 0);

    log_peer(s->server, LOG_WARN, "bad HTTP request", s->conn->ip, "http: %s: %d %s", session_ip(s),
             status, reason);
    refusal_write(s->server, s->conn, flags, status, reason);
}

/* Keeps a part of the body, unless the whole does not fit. */
static void session_keep(struct session *s, const uint8_t *body, size_t len)
{
    if (!s->is_body_cut && buf_append(&s->body, body, len) == 0)
        return;
    s->is_body_cut = 1;
    buf_reset(&s->body);
}

/* The parser's next event; with HTTP_EVENT_BODY a part of the body, valid until the next call. */
static MAY_YIELD struct err *session_next_event(struct session *s, enum http_event *event,
                                                const uint8_t **body, size_t *len)
{
    for (;;) {
        size_t used = 0;
        enum scan scan =
            http_in_feed(s->in, s->data + s->at, s->end - s->at, &used, event, body, len);
        struct err *err;

        s->at += used;
        if (scan == SCAN_BAD)
            return err_new(ERR_PROTO, "%s", http_in_reason(s->in));
        if (scan == SCAN_DONE)
            return NULL;
        err = session_fill(s);
        if (err != NULL)
            return err;
    }
}

/* The same, except parts of a body, which it keeps. */
static MAY_YIELD struct err *session_event(struct session *s, enum http_event *event)
{
    for (;;) {
        const uint8_t *body;
        size_t len;
        struct err *err = session_next_event(s, event, &body, &len);

        if (err != NULL || *event != HTTP_EVENT_BODY)
            return err;
        session_keep(s, body, len);
    }
}

/* Answers a request that could not be parsed, if the peer can still receive the reason. */
static MAY_YIELD enum session_next session_broken(struct session *s, struct err *err)
{
    enum session_next next = SESSION_CLOSE;

    if (err_code(err) == ERR_PROTO) {
        session_refuse(s, http_in_status(s->in), http_in_reason(s->in));
        next = SESSION_LINGER_CLOSE;
    } else if (err_code(err) == ERR_TIMEOUT && http_in_is_inside(s->in)) {
        session_refuse(s, 408, "request timed out");
        next = SESSION_LINGER_CLOSE;
    } else if (http_in_is_inside(s->in)) {
        log_peer_err(s->server, LOG_INFO, "HTTP request ended early", s->conn->ip, err,
                     "http: %s: request incomplete: %s", session_ip(s), err_text(err));
    }
    err_free(err);
    return next;
}

/* Before the body is read: sends 100 (Continue) if the client expects it. */
static MAY_YIELD struct err *session_continue(struct session *s)
{
    const struct http_message *request = http_in_message(s->in);
    int has_body = request->is_chunked || request->content_length > 0;

    if (!has_body || !request->expect_continue || s->at != s->end)
        return NULL;
    return io_write(&s->conn->io, SESSION_CONTINUE, strlen(SESSION_CONTINUE), write_timeout(s));
}

static MAY_YIELD struct err *session_skip_body(struct session *s)
{
    enum http_event event;
    struct err *err;

    s->deadline = clock_now() + s->server->config->http_header_timeout;
    err = session_continue(s);
    return err != NULL ? err : session_event(s, &event);
}

/* The body of a stream, for its handler (struct http_exchange, read_body). */
static struct err *session_read_body(void *arg, const uint8_t **data, size_t *len, usec_t timeout)
{
    struct session *s = arg;
    enum http_event event;
    struct err *err = s->has_continued ? NULL : session_continue(s);

    s->has_continued = 1;
    s->deadline = clock_now() + timeout;
    if (err == NULL)
        err = session_next_event(s, &event, data, len);
    if (err == NULL && event != HTTP_EVENT_BODY)
        *len = 0;
    return err;
}

/* ---- proxies ---- */

/*
 * A proxy's connection carries requests of many clients. Until the end of this request, conn->ip is
 * the client's address, and the request counts as a connection of that client in
 * max_connections_per_ip.
 */
static void session_enter(struct session *s)
{
    const struct config_strings *trusted = &s->server->config->trusted_proxies;
    char client[IP_TEXT_MAX];

    s->limit = NULL;
    (void)str_copy(client, sizeof(client), s->takeover->ip);
    if (s->is_worker || !trust_client_find(trusted, http_in_message(s->in), client))
        return;
    (void)str_copy(s->conn->ip, sizeof(s->conn->ip), client);
    s->limit = ip_limit_enter(s->server, client, &s->takeover->seat);
    if (s->limit == NULL)
        return;
    metrics_add_label(s->server->metrics, METRICS_REFUSALS, s->limit, 1);
    log_peer(s->server, LOG_WARN, "connection refused", client, "refused %s: %s", client, s->limit);
}

static void session_leave(struct server *server, struct net_conn *conn,
                          struct session_takeover *takeover)
{
    ip_limit_leave(server, takeover->seat);
    takeover->seat = NULL;
    (void)str_copy(conn->ip, sizeof(conn->ip), takeover->ip);
}

static MAY_YIELD struct err *session_answer_full(struct session *s, struct http_exchange *x)
{
    (void)cors_append(x);
    return http_answer_error(x, 429, "Retry-After: 5\r\n", write_timeout(s),
                             "too many connections from this address");
}

static MAY_YIELD struct err *session_answer(struct session *s, struct http_exchange *x)
{
    struct http_handler *chain = x->is_worker ? s->server->worker_chain
                                 : x->is_api  ? s->server->api_chain
                                              : s->server->chain;
    struct err *err;

    /* The parser does not continue after this head: a request that does not upgrade closes the
     * connection. */
    if (x->request->upgrade == HTTP_UPGRADE_WEBSOCKET)
        x->keep_alive = 0;
    if (s->limit != NULL)
        return session_answer_full(s, x);
    err = chain->serve(chain, x, write_timeout(s));
    if (err == NULL && !x->has_answered && x->stream == NULL) {
        x->keep_alive = 0;
        err = http_answer_error(x, 503, NULL, write_timeout(s), "no handler for this address");
    }
    return err;
}

/* Passes one request through the chain; its head is read. */
static MAY_YIELD __attribute__((noinline)) enum session_next session_serve(struct session *s)
{
    const struct http_message *request = http_in_message(s->in);
    enum session_next next = SESSION_CLOSE;
    struct http_exchange x;
    struct err *err;

    memset(&x, 0, sizeof(x));
    x.server = s->server;
    x.config = config_ref(s->server->config);
    x.conn = s->conn;
    x.request = request;
    x.is_tls = s->is_tls;
    x.is_api = s->is_api;
    x.is_exporter = s->is_exporter;
    x.is_worker = s->is_worker;
    x.requested_at = co_now();
    x.body = s->body.len > 0 ? buf_data(&s->body) : NULL;
    x.body_len = s->body.len;
    x.is_head = strcmp(request->method, "HEAD") == 0;
    x.keep_alive = request->keep_alive && s->server->state == SERVER_RUNNING;
    if (s->is_stream) {
        x.keep_alive = 0; /* the rest of the body cannot be told from the next request */
        x.read_body = session_read_body;
        x.body_arg = s;
    }
    x.rest = s->data + s->at;
    x.rest_len = s->end - s->at;
    buf_init(&x.extra, HTTP_EXTRA_MAX);
    /* Log the path only: queries contain tokens. */
    log_debug(s->server->log, "http: %s: %s %s", session_ip(s), request->method, request->path);
    err = session_answer(s, &x);
    assert(x.err == NULL);
    if (err != NULL) {
        if (err_is_quiet(err))
            log_peer_err(s->server, LOG_INFO, "HTTP answer ended early", s->conn->ip, err,
                         "http: %s: %s: %s", session_ip(s), request->path, err_text(err));
        else
            log_peer_err(s->server, LOG_WARN, "HTTP answer failed", s->conn->ip, err,
                         "http: %s: %s: %s", session_ip(s), request->path, err_text(err));
        err_free(err);
    } else if (x.stream != NULL) {
        s->takeover->fn = x.stream;
        s->takeover->arg = x.stream_arg;
        next = SESSION_STREAM;
    } else {
        next = x.keep_alive ? SESSION_IDLE : SESSION_LINGER_CLOSE;
    }
    buf_fini(&x.extra);
    config_unref(x.config);
    return next;
}

/* Whether bytes of another request have arrived, here or in the socket. Does not wait. */
static int session_has_more(struct session *s)
{
    ssize_t n;

    if (s->at < s->end)
        return 1;
    n = net_try_read(s->conn, s->data, sizeof(s->data));
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    s->at = 0;
    s->end = n > 0 ? (size_t)n : 0;
    return n > 0 ? 1 : -1;
}

/* Handles what follows a head. */
static MAY_YIELD enum session_next session_request(struct session *s)
{
    struct err *err = NULL;

    s->is_stream = !s->is_api && !s->is_exporter && !s->is_worker &&
                   http_publish_is_stream(http_in_message(s->in));
    if (!s->is_stream && http_in_message(s->in)->upgrade != HTTP_UPGRADE_WEBSOCKET)
        err = session_skip_body(s);
    return err != NULL ? session_broken(s, err) : session_serve(s);
}

static MAY_YIELD enum session_next session_requests(struct session *s)
{
    enum session_next next;
    int more;

    do {
        enum http_event event;
        struct err *err;
        usec_t begin;

        s->deadline = clock_now() + s->server->config->http_header_timeout;
        err = session_event(s, &event);
        if (err != NULL)
            return session_broken(s, err);
        assert(event == HTTP_EVENT_HEAD);
        session_enter(s);
        /* Before the answer: with it the client may open a connection at another worker. */
        admission_touch(s->server, s->conn);
        begin = clock_now();
        next = session_request(s);
        buf_reset(&s->body);
        s->is_body_cut = 0;
        if (next == SESSION_STREAM)
            return next;
        session_leave(s->server, s->conn, s->takeover);
        if (clock_now() - begin >= ADMISSION_GRACE)
            admission_touch(s->server, s->conn);
        if (next != SESSION_IDLE)
            return next;
        more = session_has_more(s);
        if (more < 0)
            return SESSION_CLOSE;
    } while (more > 0);
    return SESSION_IDLE;
}

/* Shuts the sending side and reads for a while, so that the answer arrives. */
static MAY_YIELD __attribute__((noinline)) void session_linger(struct net_conn *conn)
{
    usec_t deadline = clock_now() + SESSION_LINGER;
    uint8_t scrap[1024];
    size_t total = 0;
    size_t got = 0;
    struct err *err = NULL;

    tls_finish(conn);
    shutdown(conn->fd, SHUT_WR);
    while (err == NULL && total < SESSION_LINGER_BYTES && until(deadline) > 0) {
        err = io_read(&conn->io, scrap, sizeof(scrap), &got, until(deadline));
        total += got;
    }
    err_free(err);
}

/* Handles all requests that have arrived; their memory is freed when this returns. */
static MAY_YIELD __attribute__((noinline)) enum session_next
session_burst(struct server *server, struct net_conn *conn, int flags,
              struct session_takeover *takeover)
{
    struct session *s = malloc(sizeof(*s));
    enum session_next next = SESSION_CLOSE;

    if (s != NULL) {
        memset(s, 0, offsetof(struct session, data));
        s->server = server;
        s->conn = conn;
        s->takeover = takeover;
        s->is_tls = flags & HTTP_SESSION_TLS;
        s->is_api = (flags & HTTP_SESSION_API) != 0;
        s->is_exporter = (flags & HTTP_SESSION_EXPORTER) != 0;
        s->is_worker = (flags & HTTP_SESSION_WORKER) != 0;
        buf_init(&s->body, HTTP_BODY_MAX);
        s->in = http_in_new(HTTP_REQUESTS, HTTP_SESSION_BODY_MAX);
        if (s->in != NULL && !s->is_api && !s->is_exporter && !s->is_worker)
            http_in_allow_streams(s->in, http_publish_is_stream);
        if (s->in != NULL)
            next = session_requests(s);
        http_in_free(s->in);
        buf_fini(&s->body);
    }
    free(s);
    if (next == SESSION_LINGER_CLOSE)
        session_linger(conn);
    return next;
}

void http_session_run(struct server *server, struct net_conn *conn, int flags)
{
    struct session_takeover takeover = {NULL, NULL, NULL, ""};
    enum session_next next = SESSION_IDLE;
    usec_t timeout = server->config->http_header_timeout;
    int events;

    assert(server->chain != NULL && conn != NULL);
    (void)str_copy(takeover.ip, sizeof(takeover.ip), conn->ip);
    while (next == SESSION_IDLE && (events = net_wait(conn, NET_IN, timeout)) > 0) {
        /* A kick makes idle connections check whether the server drains. */
        if (events == NET_KICK && server->state != SERVER_RUNNING && !server->is_retiring)
            break;
        if (events == NET_KICK)
            continue;
        next = session_burst(server, conn, flags, &takeover);
        timeout = server->config->http_idle_timeout;
        if (next == SESSION_IDLE)
            co_stack_trim();
    }
    if (next == SESSION_STREAM)
        takeover.fn(conn, takeover.arg);
    session_leave(server, conn, &takeover);
}

void http_session_turn_away(struct server *server, struct net_conn *conn, int flags, int status)
{
    refusal_write(server, conn, flags, status, NULL);
    session_linger(conn);
}
