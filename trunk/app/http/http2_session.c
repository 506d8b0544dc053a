/*
 * HTTP/2 connections, RFC 9113.
 *
 *   client == TLS == http2_session_run() -- net_pipe -- http_session_run()   one for each request
 *                    proto/http2.c       -- net_pipe -- http_session_run()
 *
 * This coroutine alone reads and writes the client's connection. It never waits for a handler, and
 * a handler only for its own pipe: a viewer whose window is closed fills its pipe, and is then slow
 * as a viewer with a full socket is, while the others continue. What one connection may hold is
 * limited: its streams, the bytes in each pipe, and the bytes that wait for the socket.
 */
#include "app/http/http2_session.h"

#include "app/core/admission.h"
#include "app/core/listener.h"
#include "app/core/log_limit.h"
#include "app/http/http_session.h"
#include "base/buf.h"
#include "base/str.h"
#include "co/co.h"
#include "co/net_pipe.h"
#include "co/tls.h"
#include "proto/http2.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of answers in memory for each stream, before its handler waits. */
#define HTTP2_ANSWER_MAX ((size_t)128 * 1024)
/* Frames that are written at once, and that may wait for the socket. */
#define HTTP2_OUT_MAX  ((size_t)64 * 1024)
#define HTTP2_READ_MAX 16384
/* Turns of the loop in which handlers may end their answers when the server stops. */
#define HTTP2_LAST_TURNS 8

struct http2_session;

/* A request. */
struct http2_request {
    struct http2_session *session;
    struct http2_stream *stream;
    struct net_conn *conn; /* until its handler starts; then NULL */
    struct net_pipe *pipe;
    struct http2_request *next; /* of all */
    usec_t sent_at;             /* when the client last took bytes of the answer */
    uint8_t has_changed;        /* its pipe has */
};

struct http2_session {
    struct server *server;
    struct net_conn *conn;
    int flags;
    struct http2 *h2;
    struct http2_request *requests;
    struct buf out;     /* HTTP2_OUT_MAX and one frame at most */
    int has_changed;    /* a request has */
    int has_place;      /* the connection itself has a place: app/core/admission.h */
    usec_t idle_since;  /* when the last request ended */
    usec_t idle_for;    /* how long the connection may be without one */
    const char *reason; /* why it ends; NULL: the client has closed it */
};

/* ---- requests: what the limits and lists know as connections ---- */

static usec_t request_first_timeout(const struct config *config)
{
    return config->http_header_timeout;
}

static const struct listener_protocol request_protocol = {.serve = http_session_run,
                                                          .turn_away = http_session_turn_away,
                                                          .refusal = http_session_refusal,
                                                          .first_timeout = request_first_timeout,
                                                          .has_idle = 1};

static const struct listener_type request_type = {.name = "HTTP/2 request",
                                                  .protocol = &request_protocol,
                                                  .flags = HTTP_SESSION_TLS,
                                                  .quota = QUOTA_NEW};

static const struct listener_type api_request_type = {.name = "HTTP/2 API request",
                                                      .protocol = &request_protocol,
                                                      .flags = HTTP_SESSION_TLS | HTTP_SESSION_API,
                                                      .quota = QUOTA_API,
                                                      .is_admitted_always = 1};

/* ---- events of proto/http2.h ---- */

static void request_changed(void *arg)
{
    struct http2_request *request = arg;

    request->has_changed = 1;
    request->session->has_changed = 1;
    net_wake_owner(request->session->conn);
}

static void *on_request(void *arg, struct http2_stream *stream, const void *text, size_t len)
{
    struct http2_session *s = arg;
    struct http2_request *request = calloc(1, sizeof(*request));
    struct net_pipe_options options = {HTTP2_INPUT_MAX, HTTP2_ANSWER_MAX, request_changed, request};
    struct err *err;

    if (request == NULL)
        return NULL;
    err = net_pipe_new(&options, &request->conn, &request->pipe);
    if (err != NULL || net_pipe_put(request->pipe, text, len) != 0) {
        err_free(err);
        net_free(request->conn);
        net_pipe_free(request->pipe);
        free(request);
        return NULL;
    }
    request->session = s;
    request->stream = stream;
    request->sent_at = clock_now();
    request->next = s->requests;
    s->requests = request;
    (void)str_copy(request->conn->ip, sizeof(request->conn->ip), s->conn->ip);
    request->conn->port = s->conn->port;
    return request;
}

static int on_body(void *arg, void *own, const void *data, size_t len)
{
    struct http2_request *request = own;

    (void)arg;
    return net_pipe_put(request->pipe, data, len);
}

static size_t on_peek(void *arg, void *own, const uint8_t **data, int *is_over)
{
    const struct http2_request *request = own;

    (void)arg;
    *is_over = net_pipe_is_over(request->pipe);
    return net_pipe_peek(request->pipe, data);
}

static void on_consume(void *arg, void *own, size_t n)
{
    struct http2_request *request = own;

    (void)arg;
    request->sent_at = clock_now();
    net_pipe_consume(request->pipe, n);
}

static void on_answered(void *arg, void *own)
{
    struct http2_request *request = own;

    (void)arg;
    net_pipe_end(request->pipe);
}

static void on_closed(void *arg, void *own)
{
    struct http2_session *s = arg;
    struct http2_request *request = own;
    struct http2_request **at = &s->requests;

    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    net_pipe_free(request->pipe);
    net_free(request->conn);
    free(request);
    s->idle_since = clock_now();
}

static const struct http2_events session_events = {.request = on_request,
                                                   .body = on_body,
                                                   .peek = on_peek,
                                                   .consume = on_consume,
                                                   .answered = on_answered,
                                                   .closed = on_closed};

/* ---- the connection's place ---- */

/*
 * A connection without requests may be evicted for a new one. While it has some it must not be:
 * they have places of their own, and are evicted by themselves. 0, or -1 when there is no place.
 */
static int session_settle_place(struct http2_session *s)
{
    struct admission *admission = s->conn->owner;
    int has_place = s->requests == NULL;

    if (s->conn->closed)
        return -1; /* evicted */
    if (admission == NULL || has_place == s->has_place)
        return 0;
    s->has_place = has_place;
    if (!has_place) {
        admission_leave(s->server, admission);
        return 0;
    }
    return admission_enter(s->server, admission, s->conn, (enum quota_class)admission->class) ==
                   NULL
               ? 0
               : -1;
}

/* ---- the loop ---- */

/* Starts the handlers of new requests. Others may end meanwhile, and no new ones come. */
static MAY_YIELD void session_start(struct http2_session *s)
{
    const struct listener_type *type =
        s->flags & HTTP_SESSION_API ? &api_request_type : &request_type;
    struct http2_request *request = s->requests;

    while (request != NULL) {
        struct net_conn *conn = request->conn;

        if (conn == NULL) {
            request = request->next;
            continue;
        }
        request->conn = NULL;
        s->server->carry(s->server, conn, type);
    }
}

/* Passes on what the handlers have read and written. */
static void session_collect(struct http2_session *s)
{
    if (!s->has_changed)
        return;
    s->has_changed = 0;
    for (struct http2_request *request = s->requests; request != NULL; request = request->next) {
        if (!request->has_changed)
            continue;
        request->has_changed = 0;
        if (net_pipe_unread(request->pipe) == 0)
            http2_took(s->h2, request->stream);
        http2_ready(s->h2, request->stream);
    }
}

/* Reads what has arrived, up to a limit for each turn. 0, or -1 at the end of the connection. */
static __attribute__((noinline)) int session_read(struct http2_session *s)
{
    uint8_t *data = malloc(HTTP2_READ_MAX);
    ssize_t got;
    int failed = 0;

    if (data == NULL)
        return -1;
    got = net_try_read(s->conn, data, HTTP2_READ_MAX);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
        failed = 1;
    else if (got > 0 && http2_feed(s->h2, data, (size_t)got, clock_now()) != 0)
        s->reason = http2_reason(s->h2);
    free(data);
    return failed ? -1 : 0;
}

/* Sends frames as far as the socket accepts them. 0, or -1 when the connection has failed. */
static MAY_YIELD int session_write(struct http2_session *s)
{
    for (;;) {
        const uint8_t *data;
        struct iovec iov;
        ssize_t sent;
        size_t n;

        while (s->out.len < HTTP2_OUT_MAX && (n = http2_pull(s->h2, &data)) > 0)
            if (buf_append(&s->out, data, n) != 0)
                return -1;
        if (s->out.len == 0) {
            buf_reset(&s->out);
            return 0;
        }
        iov = (struct iovec){buf_data(&s->out), s->out.len};
        sent = net_try_writev(s->conn, &iov, 1);
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        buf_consume(&s->out, (size_t)sent);
        co_fair();
    }
}

/* Resets streams whose handler is done and whose client no longer takes the rest of the answer.
 * Handlers that still run notice it themselves. */
static void session_check_stalled(struct http2_session *s, usec_t now)
{
    for (struct http2_request *request = s->requests; request != NULL; request = request->next)
        if (net_pipe_is_over(request->pipe) && request->conn == NULL &&
            now - request->sent_at >= s->server->config->http_idle_timeout)
            http2_cancel(s->h2, request->stream);
}

/* Why the connection ends now; NULL: it does not. */
static const char *session_expired(const struct http2_session *s, usec_t now)
{
    if (s->out.len > 0 && now - s->conn->last_out >= s->server->config->http_idle_timeout)
        return "client stopped reading";
    if (s->requests == NULL && now - s->idle_since >= s->idle_for)
        return "idle";
    return NULL;
}

/* Until the next check of the time is due. */
static usec_t session_patience(const struct http2_session *s, usec_t now)
{
    usec_t left = s->requests == NULL ? s->idle_since + s->idle_for - now
                                      : s->server->config->http_idle_timeout;

    return left > USEC_PER_MS ? left : USEC_PER_MS;
}

/* One turn: 0, or -1 at the end. */
static MAY_YIELD int session_turn(struct http2_session *s, int events)
{
    usec_t now = clock_now();

    if ((events & (NET_IN | NET_HUP)) && session_read(s) != 0)
        return -1;
    if (s->requests != NULL)
        s->idle_for = s->server->config->http_idle_timeout;
    if (session_settle_place(s) != 0) {
        s->reason = "too many connections";
        return -1;
    }
    session_start(s);
    if (s->server->state != SERVER_RUNNING &&
        (!s->server->is_retiring || http2_stream_count(s->h2) > 0))
        http2_go_away(s->h2);
    session_check_stalled(s, now);
    session_collect(s);
    if (session_write(s) != 0)
        return -1;
    /* Streams that have ended in this write. */
    if (session_settle_place(s) != 0)
        return -1;
    if (s->reason == NULL)
        s->reason = session_expired(s, now);
    if (s->reason != NULL || http2_is_over(s->h2) || s->conn->closed)
        return -1;
    return http2_is_left(s->h2) && s->requests == NULL && s->out.len == 0 ? -1 : 0;
}

/* The server stops: handlers end their answers, as far as that is possible without waiting. */
static MAY_YIELD void session_stop(struct http2_session *s)
{
    http2_go_away(s->h2);
    for (int i = 0; i < HTTP2_LAST_TURNS && s->requests != NULL; i++) {
        co_yield ();
        session_collect(s);
        if (session_write(s) != 0)
            return;
    }
}

static MAY_YIELD __attribute__((noinline)) void session_loop(struct http2_session *s)
{
    int events = NET_IN;

    while (session_turn(s, events) == 0) {
        int wanted = NET_IN | (s->out.len > 0 ? NET_OUT : 0);

        events = net_wait(s->conn, wanted, session_patience(s, clock_now()));
        if (events < 0) {
            session_stop(s);
            break;
        }
    }
    if (s->reason != NULL) {
        log_peer(s->server, LOG_INFO, "HTTP/2 connection ended", s->conn->ip, "http2: %s: %s",
                 s->conn->ip, s->reason);
        http2_go_away(s->h2);
        (void)session_write(s);
    }
}

int http2_session_is_agreed(const struct net_conn *conn)
{
    char name[8] = "";

    if (conn->tls == NULL)
        return 0;
    tls_alpn(conn, name, sizeof(name));
    return strcmp(name, "h2") == 0;
}

void http2_session_run(struct server *server, struct net_conn *conn, int flags)
{
    struct http2_session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return;
    s->server = server;
    s->conn = conn;
    s->flags = flags;
    s->has_place = 1;
    s->idle_since = clock_now();
    s->idle_for = server->config->http_header_timeout;
    buf_init(&s->out, HTTP2_OUT_MAX + 2 * HTTP2_FRAME_MAX);
    s->h2 = http2_new(&session_events, s, s->idle_since);
    if (s->h2 != NULL)
        session_loop(s);
    http2_free(s->h2);
    assert(s->requests == NULL);
    buf_fini(&s->out);
    free(s);
}
