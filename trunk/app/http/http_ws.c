/*
 * WebSocket viewers, RFC 6455. The upgrade is answered at once, whether the stream is live or not:
 * a browser gives up on a handshake that hangs. A malformed upgrade gets a plain HTTP answer; a
 * client that may not play the stream is upgraded and gets a close code, the only answer that a
 * page can read. Of the client's frames only ping, pong, and close matter; messages are checked and
 * ignored.
 *
 * A browser that offers subprotocols fails when the server selects none of them (section 4.2.2).
 * They have no meaning here: the server selects the first one.
 *
 * The side that sends the second close frame may close the connection (section 7.1.1): the server
 * answers a client's close and closes; after its own close frame it waits for the client's, or a
 * reset could destroy data that was sent before.
 */
#include "app/http/http_ws.h"

#include "app/core/server.h"
#include "app/http/cors.h"
#include "base/str.h"
#include "proto/ws.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_WS_MESSAGE_MAX 65536 /* messages of clients are ignored */
#define HTTP_WS_VERSION     "13"
#define HTTP_WS_READS       16 /* per call, so that other coroutines run */
#define HTTP_WS_SCRATCH     1024
#define HTTP_WS_EARLY_MAX   65536 /* more than a session reads at once */
/* How long a refused client may take to answer the close. */
#define HTTP_WS_REFUSED_WAIT (2 * USEC_PER_SEC)

struct http_ws {
    struct ws_in in;
    struct buf early; /* bytes that came together with the request */
    const char *ended;
};

/* The only value of a header; NULL when there is none, or more than one. */
static const char *only_header(const struct http_message *request, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_ieq(request->headers[i].name, name))
            continue;
        if (value != NULL)
            return NULL;
        value = request->headers[i].value;
    }
    return value;
}

/* The first subprotocol of all headers. 0, or -1 when one is malformed. */
static int protocol_choose(const struct http_message *request, char out[WS_PROTOCOL_SIZE])
{
    char first[WS_PROTOCOL_SIZE];

    out[0] = '\0';
    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_ieq(request->headers[i].name, "Sec-WebSocket-Protocol"))
            continue;
        if (ws_protocol_first(request->headers[i].value, first) < 0)
            return -1;
        if (out[0] == '\0')
            memcpy(out, first, sizeof(first));
    }
    return 0;
}

static struct err *upgrade_send(struct http_exchange *x, const char *accept, const char *protocol,
                                usec_t timeout)
{
    struct err *err;
    struct buf head;

    buf_init(&head, HTTP_ANSWER_HEAD_MAX);
    if (http_upgrade_head(x, accept, protocol, &head) != 0) {
        err = err_new(ERR_LIMIT, "upgrade: head too large");
    } else {
        x->has_answered = 1;
        err = io_write(&x->conn->io, buf_data(&head), head.len, timeout);
    }
    buf_fini(&head);
    return err != NULL ? err_wrap(err, "upgrade") : NULL;
}

struct err *http_ws_accept(struct http_exchange *x, struct http_ws **out, usec_t timeout)
{
    const char *version = only_header(x->request, "Sec-WebSocket-Version");
    const char *key = only_header(x->request, "Sec-WebSocket-Key");
    char accept[WS_ACCEPT_SIZE];
    char protocol[WS_PROTOCOL_SIZE];
    struct http_ws *ws;
    struct err *err;

    *out = NULL;
    x->keep_alive = 0;
    if (!cors_allows_page(x))
        return http_answer_error(x, 403, NULL, timeout,
                                 "crossdomain is off: pages of other sites may not play");
    if (version == NULL || strcmp(version, HTTP_WS_VERSION) != 0)
        return http_answer_error(x, 426,
                                 "Upgrade: websocket\r\n"
                                 "Sec-WebSocket-Version: " HTTP_WS_VERSION "\r\n",
                                 timeout, "WebSocket version must be " HTTP_WS_VERSION);
    if (key == NULL || ws_accept(key, accept) != 0)
        return http_answer_error(x, 400, NULL, timeout, "malformed Sec-WebSocket-Key");
    if (protocol_choose(x->request, protocol) != 0)
        return http_answer_error(x, 400, NULL, timeout, "malformed Sec-WebSocket-Protocol");
    ws = calloc(1, sizeof(*ws));
    if (ws == NULL)
        return err_new(ERR_NOMEM, "WebSocket");
    ws_in_init(&ws->in, HTTP_WS_MESSAGE_MAX);
    buf_init(&ws->early, HTTP_WS_EARLY_MAX);
    if (x->rest_len > 0 && buf_append(&ws->early, x->rest, x->rest_len) != 0)
        err = err_new(ERR_NOMEM, "WebSocket");
    else
        err = upgrade_send(x, accept, protocol, timeout);
    if (err != NULL) {
        http_ws_free(ws);
        return err;
    }
    *out = ws;
    return NULL;
}

void http_ws_free(struct http_ws *ws)
{
    if (ws == NULL)
        return;
    buf_fini(&ws->early);
    free(ws);
}

const char *http_ws_ended(const struct http_ws *ws)
{
    return ws->ended;
}

/* Handles one event; fv NULL: only a close matters. 0 or -1. */
static int event_serve(struct http_ws *ws, const struct ws_event *event, struct fanout_viewer *fv)
{
    uint8_t frame[WS_CONTROL_FRAME_MAX];

    if (event->opcode == WS_CLOSE) {
        ws->ended = "viewer closed the connection";
        return fv != NULL ? fanout_viewer_finish(fv, frame, ws_close_answer(frame, event)) : 0;
    }
    if (event->opcode == WS_PING && fv != NULL && ws->ended == NULL)
        return fanout_viewer_inject(fv, frame,
                                    ws_control_write(frame, WS_PONG, event->data, event->len));
    return 0;
}

/* Reads frames; data is modified. 0, or -1 when the connection is unusable. */
static int bytes_serve(struct http_ws *ws, uint8_t *data, size_t len, struct fanout_viewer *fv)
{
    uint8_t frame[WS_CONTROL_FRAME_MAX];
    struct ws_event event;
    enum scan scan;
    size_t used;

    do {
        scan = ws_in_feed(&ws->in, data, len, &used, &event);
        data += used;
        len -= used;
        if (scan == SCAN_DONE && event_serve(ws, &event, fv) != 0)
            return -1;
    } while (scan == SCAN_DONE);
    if (scan != SCAN_BAD || ws->ended != NULL)
        return 0;
    ws->ended = ws->in.reason;
    if (fv == NULL)
        return 0;
    return fanout_viewer_finish(fv, frame, ws_close_write(frame, ws->in.code, ws->in.reason));
}

__attribute__((noinline)) int http_ws_input(struct http_ws *ws, struct net_conn *conn,
                                            struct fanout_viewer *fv)
{
    uint8_t scratch[HTTP_WS_SCRATCH];

    if (ws->early.len > 0) {
        if (bytes_serve(ws, buf_data(&ws->early), ws->early.len, fv) != 0)
            return -1;
        buf_reset(&ws->early);
    }
    for (int i = 0; i < HTTP_WS_READS; i++) {
        ssize_t got = net_try_read(conn, scratch, sizeof(scratch));

        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0 || bytes_serve(ws, scratch, (size_t)got, fv) != 0)
            return -1;
    }
    return 0;
}

__attribute__((noinline)) void http_ws_linger(struct http_ws *ws, struct net_conn *conn,
                                              usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    uint8_t scratch[HTTP_WS_SCRATCH];
    struct err *err = NULL;
    size_t got = 0;

    /* After a protocol error the client's close cannot be parsed: wait until it disconnects. */
    while (err == NULL && (ws->ended == NULL || ws->in.reason != NULL) && co_left(deadline) > 0) {
        err = io_read(&conn->io, scratch, sizeof(scratch), &got, co_left(deadline));
        if (err == NULL)
            (void)bytes_serve(ws, scratch, got, NULL);
    }
    err_free(err);
}

void http_ws_close(struct http_ws *ws, struct net_conn *conn, int code, const char *reason,
                   usec_t timeout)
{
    uint8_t frame[WS_CONTROL_FRAME_MAX];
    size_t len = ws_close_write(frame, (uint16_t)code, reason);
    struct err *err = io_write(&conn->io, frame, len, timeout);

    if (err == NULL)
        http_ws_linger(ws, conn, timeout);
    err_free(err);
}

struct err *http_ws_refuse(struct http_exchange *x, int status, const char *headers,
                           const char *reason, usec_t timeout)
{
    struct http_ws *ws = NULL;
    struct err *err;

    if (x->request->upgrade != HTTP_UPGRADE_WEBSOCKET)
        return http_answer_error(x, status, headers, timeout, "%s", reason);
    err = http_ws_accept(x, &ws, timeout);
    if (ws == NULL)
        return err;
    if (ws->early.len > 0)
        (void)bytes_serve(ws, buf_data(&ws->early), ws->early.len, NULL);
    http_ws_close(ws, x->conn, WS_CODE_REFUSED + status, reason, HTTP_WS_REFUSED_WAIT);
    http_ws_free(ws);
    return NULL;
}
