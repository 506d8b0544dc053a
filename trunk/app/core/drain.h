#ifndef APP_CORE_DRAIN_H
#define APP_CORE_DRAIN_H

/* Where newcomers are sent by a server that is about to end (grace_redirect). Never yields. */
#include "app/core/server.h"

#define DRAIN_HOST_SIZE 258

/* One of these servers, in turn as time goes by; NULL: there are none, or this one does not drain.
 */
const char *drain_pick(const struct server *server, const struct config_strings *list);

/* "host" or "host:port" apart; *port stays where none is given. The host is in brackets if need be.
 * 0 or -1. */
int drain_split(const char *place, char host[DRAIN_HOST_SIZE], int *port);

#endif
