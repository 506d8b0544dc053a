#ifndef APP_RTMP_RTMP_SESSION_H
#define APP_RTMP_RTMP_SESSION_H

/*
 * One RTMP connection, from the handshake to its end: publishes or plays streams, one after
 * another, as the peer requests.
 */
#include "app/core/server.h"
#include "base/yield.h"
#include "co/net.h"

/*
 * Runs in the connection's coroutine and returns when the connection is over. conn is borrowed: the
 * caller frees it. Yields.
 */
MAY_YIELD void rtmp_session_run(struct server *server, struct net_conn *conn);

/*
 * Publishes an encoder's stream at another server: at an edge always at the origin, otherwise at
 * the server that already has the stream. A row of the tables.
 */
struct rtmp_request;
struct rtmp_session;
struct rtmp_route_request {
    struct source *source; /* the local source into which viewers would pull the stream */
    const struct config_vhost *vhost;
    const struct rtmp_request *request;
    const char *app, *stream, *param;
    const char *at;   /* "host:port" of the server to use; NULL: find the one that has the stream */
    int is_unreached; /* result: that server was unreachable; the encoder has not been answered */
};

struct rtmp_route {
    /* Whether all encoders of this vhost are relayed. */
    int (*is_used)(const struct config_vhost *vhost);
    /*
     * Runs until the encoder ends it (NULL: its connection may continue) or one of the two sides
     * fails. If the other server refuses, the encoder gets that server's answer. Yields.
     */
    MAY_YIELD struct err *(*run)(struct rtmp_session *session, struct rtmp_route_request *request);
};

#endif
