#ifndef APP_RTMP_SESSION_H
#define APP_RTMP_SESSION_H

/*
 * One RTMP connection, from the handshake to its end: publishes into a source,
 * or plays one, and again as long as the peer asks.
 */
#include "app/server.h"
#include "co/net.h"

/*
 * Runs on the connection's coroutine and returns when the connection is over.
 * conn is borrowed: whoever accepted it frees it. Yields.
 */
void rtmp_session_run(struct server *server, struct net_conn *conn);

/* Another publisher has taken the stream over: the one that holds it here, if any, lets go of it at
 * once and is told. Never yields. */
struct stream;
void rtmp_publish_put_out(struct stream *stream);

/* The connection of a stream's publisher; NULL: nobody publishes here, or not over RTMP. */
struct net_conn *rtmp_publish_conn(const struct stream *stream);

/* Bytes held of its publisher's messages that are not whole yet; 0: nobody publishes here. */
size_t rtmp_publish_pending(const struct stream *stream);

/* Who publishes a stream here: what hooks and backends are told. Valid until the next yield. */
struct rtmp_publisher {
    const char *id; /* the log's context id */
    const char *ip;
    const char *tc_url;
    const char *param; /* "?a=b", or "" */
    const char *relay; /* what a server of ours has said of itself; "" for all others */
};

/* 0, or -1 when nobody does, or not over RTMP. */
int rtmp_publish_who(const struct stream *stream, struct rtmp_publisher *out);

#endif
