#ifndef APP_SERVER_SHED_H
#define APP_SERVER_SHED_H

/*
 * max_memory: what the server gives up, and in which order, when memory is short. From 90 % of the
 * limit on it refuses new clients. At the limit it takes one step after another until memory is
 * below: closes viewers that wait for an unpublished stream; drops what streams keep beyond their
 * last GOP; closes the stream that uses the most memory, one at a time. Never yields.
 */
#include "app/core/server.h"

#define SHED_TICK ((usec_t)200 * USEC_PER_MS)

/* Measures memory, sheds, and returns freed memory to the system when the server has time. */
void shed_tick(struct server *server, usec_t now);

#endif
