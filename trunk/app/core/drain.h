#ifndef APP_CORE_DRAIN_H
#define APP_CORE_DRAIN_H

/* The servers to which a draining server redirects new clients (grace_redirect). Never yields. */
#include "app/core/server.h"

#define DRAIN_HOST_SIZE 258

/* One of these servers, a different one as time passes; NULL: the list is empty, or this server
 * does not drain. */
const char *drain_pick(const struct server *server, const struct config_strings *list);

/* Splits "host" or "host:port"; *port is unchanged where none is given. An IPv6 host gets brackets.
 * 0 or -1. */
int drain_split(const char *place, char host[DRAIN_HOST_SIZE], int *port);

#endif
