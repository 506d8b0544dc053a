#ifndef APP_SERVER_SERVER_TLS_H
#define APP_SERVER_SERVER_TLS_H

/*
 * The server's TLS identities, one for each listener type that has TLS (app/core/listener.h).
 */
#include "app/core/server.h"
#include "co/net.h"

/* Reads the certificates of the types that are on; the error says how to make a missing one. */
struct err *server_tls_open(struct server *server);
void server_tls_close(struct server *server);

/* Reads all certificates again; an error is logged, and the old certificate is kept. */
void server_tls_reload(struct server *server);

/*
 * The TLS handshake on an accepted connection of this listener type (its place in the list), where
 * the type has one: 0, or -1 when it failed, which is logged. Yields.
 */
int server_tls_accept(struct server *server, int listener, struct net_conn *conn, usec_t timeout);

#endif
