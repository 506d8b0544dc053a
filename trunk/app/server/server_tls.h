#ifndef APP_SERVER_SERVER_TLS_H
#define APP_SERVER_SERVER_TLS_H

/*
 * The server's TLS identities: the one of the HTTPS listeners and that of RTMPS.
 */
#include "app/core/server.h"
#include "co/net.h"

/* Reads the certificates of what is switched on; the error says how to make one that is missing. */
struct tls;

struct err *server_tls_open(struct server *server);
void server_tls_close(struct server *server);

/* Reads them again; what is wrong is logged and changes nothing. */
void server_tls_reload(struct server *server);

/* TLS on an accepted connection: 0, or -1 when the handshake failed, which is logged. Yields. */
int server_tls_accept(struct server *server, struct tls *tls, struct net_conn *conn,
                      usec_t timeout);

#endif
