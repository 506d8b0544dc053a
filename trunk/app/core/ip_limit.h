#ifndef APP_CORE_IP_LIMIT_H
#define APP_CORE_IP_LIMIT_H

/*
 * What one address has at once, against max_connections_per_ip: connections of its own, and
 * requests that a trusted proxy passes on. Never yields.
 */
#include "app/core/server.h"

struct ip_limit;

/*
 * Counts one more of this address (as in struct net_conn) in. NULL, and *out is what to leave with:
 * NULL too where nothing is counted, be it without a limit or for a trusted proxy. Else what is in
 * the way (constant): "max_connections_per_ip", "memory".
 */
const char *ip_limit_enter(struct server *server, const char *ip, struct ip_limit **out);
/* NULL is allowed. */
void ip_limit_leave(struct server *server, struct ip_limit *entry);

#endif
