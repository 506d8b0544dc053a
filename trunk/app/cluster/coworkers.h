#ifndef APP_CLUSTER_COWORKERS_H
#define APP_CLUSTER_COWORKERS_H

/*
 * An origin in an origin cluster of SRS (cluster { origin_cluster on; coworkers …; }): for a stream
 * that is not published here it queries the API of each other origin, in turn. The other origins
 * query `clusters` of this server's API in the same way.
 */
#include "app/config/directory_place.h"
#include "app/core/server.h"
#include "app/stream/observer.h"

/* Timeout of a look-up at all coworkers together. */
#define COWORKERS_TIMEOUT (USEC_PER_SEC / 2)

/* The row: whether another origin has a stream. */
extern const struct observer coworkers_observer;

/* True for an origin's vhost that has coworkers. */
int coworkers_are_used(const struct config_vhost *vhost);

/* The coworker that has the stream of this key ("vhost/app/stream"). The caller holds the vhost's
 * configuration. 0 with *place, whose HTTP
 * addresses are ""; -1: none has it, or none answered in time. */
int coworkers_find(struct server *server, const struct config_vhost *vhost, const char *key,
                   struct directory_place *place, usec_t timeout);

#endif
