#ifndef APP_SERVER_CONNECTION_H
#define APP_SERVER_CONNECTION_H

/*
 * The connections of a server. Private to this folder.
 */
#include "app/core/endpoint.h"
#include "app/core/server.h"
#include "co/net.h"

struct connection {
    struct server *server;
    struct net_conn *conn;
    struct co *co;
    struct server_peer *peer; /* NULL: not counted by address */
    struct admission admission;
    struct connection *prev, *next;
    enum server_kind kind;
    int refused; /* 0, or the status that says beyond which limit it is; then it is not counted */
    int is_evicted; /* nor is one that was closed for another one */
};

/* Takes conn over: a coroutine serves it, or it is refused and closed. Never yields. */
void connection_begin(struct server *server, struct net_conn *conn, enum server_kind kind);

#endif
