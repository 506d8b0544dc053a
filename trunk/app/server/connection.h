#ifndef APP_SERVER_CONNECTION_H
#define APP_SERVER_CONNECTION_H

/*
 * The connections of a server. Private to this folder.
 */
#include "app/core/listener.h"
#include "app/core/server.h"
#include "base/yield.h"
#include "co/net.h"

struct connection {
    struct server *server;
    struct net_conn *conn;
    struct co *co;
    struct ip_limit *peer; /* NULL: not counted by address */
    struct admission admission;
    struct connection *prev, *next;
    int listener; /* the type's place in the list; -1: carried by another connection */
    const struct listener_type *type;
    int refused; /* 0, or the status of the refusal; then it is not counted */
};

/*
 * Takes over conn, accepted at a listener of this type (its place in the list): a coroutine serves
 * it, or it is refused and closed. A full server waits a moment first if a connection that has only
 * just arrived would have to give way.
 */
MAY_YIELD void connection_begin(struct server *server, struct net_conn *conn, int listener);

/* The same for a connection that another one carries (HTTP/2): of this type, which has neither TLS
 * nor a PROXY header. For struct server. */
MAY_YIELD void connection_carry(struct server *server, struct net_conn *conn,
                                const struct listener_type *type);

/* For struct admissions. */
void connection_evicted(struct server *server, struct admission *admission, const char *limit);

#endif
