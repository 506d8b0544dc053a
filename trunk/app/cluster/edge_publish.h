#ifndef APP_CLUSTER_EDGE_PUBLISH_H
#define APP_CLUSTER_EDGE_PUBLISH_H

/* A publisher that reached an edge, or an origin that has not its stream: relayed to the origin. */
#include "app/rtmp/rtmp_session.h"

/* The row. */
extern const struct rtmp_route edge_publish_route;

#endif
