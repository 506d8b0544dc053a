#ifndef APP_HTTP_HTTP2_SESSION_H
#define APP_HTTP_HTTP2_SESSION_H

/*
 * One HTTP/2 connection, on its own coroutine. Each request is served by http_session_run() in
 * another coroutine, on a connection in memory (co/net_pipe.h): for limits, permissions, clients
 * and drains it is a connection of its own.
 */
#include "app/core/server.h"
#include "base/yield.h"

struct net_conn;

/* Whether the client has chosen HTTP/2 in its TLS handshake. */
int http2_session_is_agreed(const struct net_conn *conn);

/* flags: of app/http/http_session.h. Yields for as long as the connection lives. The caller frees
 * conn; requests that are still being served then lose their connection. */
MAY_YIELD void http2_session_run(struct server *server, struct net_conn *conn, int flags);

#endif
