#ifndef APP_RTMP_RTMP_SESSION_H
#define APP_RTMP_RTMP_SESSION_H

/*
 * One RTMP connection, from the handshake to its end: publishes into a source,
 * or plays one, and again as long as the peer asks.
 */
#include "app/core/server.h"
#include "base/yield.h"
#include "co/net.h"

/*
 * Runs on the connection's coroutine and returns when the connection is over.
 * conn is borrowed: whoever accepted it frees it. Yields.
 */
MAY_YIELD void rtmp_session_run(struct server *server, struct net_conn *conn);

/*
 * Where an encoder's stream is published instead of here: at an edge always at the origin, and
 * elsewhere at the server that has the stream already. A row of the tables.
 */
struct rtmp_request;
struct rtmp_session;
struct rtmp_route_request {
    struct source *source; /* where the stream is pulled into, should somebody watch; no more */
    const struct config_vhost *vhost;
    const struct rtmp_request *request;
    const char *app, *stream, *param;
    const char *at;   /* "host:port" of the one that is to be asked; NULL: who has it, or may */
    int is_unreached; /* told afterwards: that one was not reached, and the encoder knows nothing */
};

struct rtmp_route {
    /* Whether all encoders of this vhost go there. */
    int (*is_used)(const struct config_vhost *vhost);
    /*
     * Until the encoder ends it (NULL: its connection may go on) or one of both sides fails; what
     * the other server says no to, the encoder is told in that server's words. Yields.
     */
    MAY_YIELD struct err *(*run)(struct rtmp_session *session, struct rtmp_route_request *request);
};

#endif
