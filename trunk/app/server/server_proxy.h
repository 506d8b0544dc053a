#ifndef APP_SERVER_SERVER_PROXY_H
#define APP_SERVER_SERVER_PROXY_H

/*
 * The PROXY header at the start of a connection, where proxy_protocol is on.
 */
#include "app/core/server.h"
#include "co/net.h"

/*
 * Call this before anything else is read, TLS included. A trusted proxy must send a header, which
 * is consumed; all other peers must not, and are served as usual without one. 1: conn->ip and port
 * are now those of the client that the header names; 0: they are the peer's; -1: refused, which is
 * logged; *why is the reason to answer with (constant), or NULL for none. Yields.
 */
int server_proxy_accept(struct server *server, struct net_conn *conn, const char **why,
                        usec_t timeout);

#endif
