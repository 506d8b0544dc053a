#ifndef APP_HTTP_HTTP_SESSION_H
#define APP_HTTP_HTTP_SESSION_H

/*
 * One HTTP connection, on its own coroutine: passes requests one after another to a chain until the
 * connection ends or a handler takes it over for a stream. Returns when the connection is over; the
 * caller frees conn.
 */
#include "app/core/server.h"
#include "base/yield.h"

/* A request body up to this size is read; a longer one gets 413. Handlers see it up to
 * HTTP_BODY_MAX.
 */
#define HTTP_SESSION_BODY_MAX ((size_t)1024 * 1024)

/* The kind of connection; 0: plain HTTP at http_server's address. */
#define HTTP_SESSION_TLS    1
#define HTTP_SESSION_API    2 /* at http_api's own address: server->api_chain */
#define HTTP_SESSION_WORKER 4 /* from another worker: server->worker_chain */
/* Together with HTTP_SESSION_API: at the exporter's own address. */
#define HTTP_SESSION_EXPORTER 8

/*
 * If a trusted proxy names the client of a request, conn->ip is that client's address until the end
 * of the request; other requests of the connection may come from other clients. Yields for as long
 * as the connection lives; the configuration sets its timeouts. A connection that is idle between
 * requests closes when net_wake_owner() wakes it while the server drains.
 */
MAY_YIELD void http_session_run(struct server *server, struct net_conn *conn, int flags);

/*
 * Appends a whole error answer with Connection: close, for a peer that has sent no readable
 * request; 429 and 503 get Retry-After. reason NULL: too many connections. 0, or -1 if `out` is too
 * small.
 */
int http_session_refusal(struct server *server, int flags, int status, const char *reason,
                         struct buf *out) ERR_MUST_CHECK;

/*
 * Sends such an answer instead of serving the connection, and waits until it arrives. Yields, for
 * some seconds at most.
 */
MAY_YIELD void http_session_turn_away(struct server *server, struct net_conn *conn, int flags,
                                      int status);

#endif
