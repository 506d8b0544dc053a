#ifndef APP_SERVER_SERVER_PROXY_H
#define APP_SERVER_SERVER_PROXY_H

/*
 * The PROXY header before a connection's first byte, where proxy_protocol is on.
 */
#include "app/core/server.h"
#include "co/net.h"

/*
 * Before anything else was read, TLS included. A trusted proxy must send a header, and it is taken;
 * nobody else may, and who does not is served as it is. 1: conn->ip and port are now those of
 * the client that the header names; 0: they are the peer's; -1: there is an end to it, which is
 * logged, with *why, what to tell the peer (constant), or NULL for nothing. Yields.
 */
int server_proxy_accept(struct server *server, struct net_conn *conn, const char **why,
                        usec_t timeout);

#endif
