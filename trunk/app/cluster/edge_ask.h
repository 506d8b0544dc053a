#ifndef APP_CLUSTER_EDGE_ASK_H
#define APP_CLUSTER_EDGE_ASK_H

/* token_traverse: asking an origin whether it would let somebody play. */
#include "app/cluster/pull.h"

struct config_vhost;

/*
 * The origins are asked in turn until one answers, HEAD over HTTP, play over RTMP; their addresses
 * bear the viewer's parameters. ERR_DENIED with the origin's reason; NULL: it may play, or nobody
 * answers, and the pull will tell.
 */
struct err *edge_ask_origins(struct server *server, const struct config_vhost *vhost,
                             const struct pull_origin *origins, int count, usec_t timeout);

#endif
