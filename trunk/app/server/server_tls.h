#ifndef APP_SERVER_SERVER_TLS_H
#define APP_SERVER_SERVER_TLS_H

/*
 * The server's TLS identities, one for each listener type that has TLS (app/core/listener.h).
 */
#include "app/core/listener.h"
#include "app/core/server.h"
#include "co/net.h"

/* Reads the certificates of the types that are on; the error says how to make a missing one. */
struct err *server_tls_open(struct server *server);
void server_tls_close(struct server *server);

/* A reload: reads the certificates of this configuration; the error is as above. Then either one of
 * the next two. */
struct server_tls_plan {
    struct tls *made[LISTENER_TYPES_MAX];
};
struct err *server_tls_prepare(struct server *server, const struct config *config,
                               struct server_tls_plan *plan);
void server_tls_abandon(struct server_tls_plan *plan);
/* New handshakes use them; connections keep the old ones. server->config is the new one. */
void server_tls_commit(struct server *server, const struct config *before,
                       struct server_tls_plan *plan);

/*
 * The TLS handshake on an accepted connection of this listener type (its place in the list), where
 * the type has one: 0, or -1 when it failed, which is logged. Yields.
 */
int server_tls_accept(struct server *server, int listener, struct net_conn *conn, usec_t timeout);

#endif
