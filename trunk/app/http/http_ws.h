#ifndef APP_HTTP_HTTP_WS_H
#define APP_HTTP_HTTP_WS_H

/*
 * A viewer over WebSocket: the upgrade, and the frames that the client sends. The fan-out sends the
 * media (FANOUT_WEBSOCKET).
 */
#include "app/http/http_exchange.h"
#include "app/stream/fanout.h"

struct http_ws;

/*
 * Answers an upgrade request: 101 and *out, or a refusal (400, or 426 for a version other than 13)
 * and *out NULL. On an error *out is NULL too. Free it with http_ws_free().
 */
struct err *http_ws_accept(struct http_exchange *x, struct http_ws **out, usec_t timeout);
void http_ws_free(struct http_ws *ws); /* NULL is allowed */

/*
 * Reads what has arrived, without waiting: answers pings, ignores messages, answers a close (the
 * pump then ends), closes after a protocol error. 0, or -1 when the peer is gone.
 */
int http_ws_input(struct http_ws *ws, struct net_conn *conn, struct fanout_viewer *fv);

/* NULL, or the reason why the client's side has ended (constant). */
const char *http_ws_ended(const struct http_ws *ws);

/* Closes a connection before any media was sent, then waits as http_ws_linger() does. */
void http_ws_close(struct http_ws *ws, struct net_conn *conn, int code, const char *reason,
                   usec_t timeout);

/*
 * Refuses a stream: answers as http_answer_error() does, or a WebSocket request with the upgrade
 * and a close with 4000 + status and the reason, since pages cannot read a plain answer.
 */
struct err *http_ws_refuse(struct http_exchange *x, int status, const char *headers,
                           const char *reason, usec_t timeout);

/* After our close frame: waits at most `timeout` for the peer's close frame or disconnect. */
void http_ws_linger(struct http_ws *ws, struct net_conn *conn, usec_t timeout);

#endif
