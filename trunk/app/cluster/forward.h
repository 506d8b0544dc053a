#ifndef APP_CLUSTER_FORWARD_H
#define APP_CLUSTER_FORWARD_H

/*
 * Forwarding: streams published here are also published to other servers, or to other vhosts of
 * this one, over RTMP. Each destination of a stream is a coroutine and a viewer of it: it holds a
 * position, no queue, and costs the publisher nothing.
 */
#include "app/stream/observer.h"

/* The row. */
extern const struct observer forward_observer;

#endif
