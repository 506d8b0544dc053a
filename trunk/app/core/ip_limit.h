#ifndef APP_CORE_IP_LIMIT_H
#define APP_CORE_IP_LIMIT_H

/*
 * The number of connections of each address, against max_connections_per_ip: its own connections,
 * and requests that a trusted proxy forwards for it. Never yields.
 */
#include "app/core/server.h"

struct ip_limit;

/*
 * Counts one more connection of this address (as in struct net_conn). NULL on success; *out is for
 * ip_limit_leave(), and is NULL if nothing is counted: without a limit, or for a trusted proxy.
 * Else the limit that is reached (constant): "max_connections_per_ip", "memory".
 */
const char *ip_limit_enter(struct server *server, const char *ip, struct ip_limit **out);
/* NULL is allowed. */
void ip_limit_leave(struct server *server, struct ip_limit *entry);

#endif
