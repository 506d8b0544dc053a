#ifndef APP_CLUSTER_EDGE_PUBLISH_H
#define APP_CLUSTER_EDGE_PUBLISH_H

/* A publisher at an edge, or at an origin that does not have its stream: relayed to the origin. */
#include "app/rtmp/rtmp_session.h"

/* The row. */
extern const struct rtmp_route edge_publish_route;

#endif
