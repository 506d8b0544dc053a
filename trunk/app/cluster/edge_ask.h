#ifndef APP_CLUSTER_EDGE_ASK_H
#define APP_CLUSTER_EDGE_ASK_H

/* token_traverse: asks an origin whether it would let a viewer play. */
#include "app/cluster/pull.h"

struct config_vhost;

/*
 * Asks the origins in turn until one answers: HEAD over HTTP, play over RTMP; the addresses carry
 * the viewer's parameters. ERR_DENIED with the origin's reason; NULL: the viewer may play, or no
 * origin answers, and the pull will find out.
 */
struct err *edge_ask_origins(struct server *server, const struct config_vhost *vhost,
                             const struct pull_origin *origins, int count, usec_t timeout);

#endif
