#ifndef APP_HTTP_HTTP_WS_H
#define APP_HTTP_HTTP_WS_H

/*
 * A viewer over WebSocket: the upgrade, and what the client says afterwards. What it is sent is the
 * fan-out's affair (FANOUT_WEBSOCKET).
 */
#include "app/http/http_exchange.h"
#include "app/stream/fanout.h"

struct http_ws;

/*
 * Answers a request to upgrade: 101 and *out, or a refusal (400, or 426 for another version than
 * 13) and *out NULL. On an error *out is NULL too. Freed with http_ws_free().
 */
struct err *http_ws_accept(struct http_exchange *x, struct http_ws **out, usec_t timeout);
void http_ws_free(struct http_ws *ws); /* NULL is allowed */

/*
 * Reads what has come, without waiting: pings are answered, messages passed over, a close is
 * answered (the pump then ends), an error closed upon. 0, or -1 when the peer is gone.
 */
int http_ws_input(struct http_ws *ws, struct net_conn *conn, struct fanout_viewer *fv);

/* NULL, or why the client's side is over (constant). */
const char *http_ws_ended(const struct http_ws *ws);

/* Closes a connection of which nothing of the stream was sent yet, then as http_ws_linger(). */
void http_ws_close(struct http_ws *ws, struct net_conn *conn, int code, const char *reason,
                   usec_t timeout);

/*
 * Refuses a stream: the answer of http_answer_error(), or, to who asks for a WebSocket, the upgrade
 * and a close with 4000 + status and the reason, as browsers tell their pages nothing of an answer.
 */
struct err *http_ws_refuse(struct http_exchange *x, int status, const char *headers,
                           const char *reason, usec_t timeout);

/* Our close frame is out: waits for the peer's, or its end, at the most for timeout. */
void http_ws_linger(struct http_ws *ws, struct net_conn *conn, usec_t timeout);

#endif
