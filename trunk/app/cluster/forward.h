#ifndef APP_CLUSTER_FORWARD_H
#define APP_CLUSTER_FORWARD_H

/*
 * Forwarding: what is published here is published on to other servers, or other vhosts of this one,
 * over RTMP. Each destination of a stream is a coroutine and a viewer of it: it holds a position,
 * no queue, and takes nothing from the publisher.
 */
#include "app/stream/observer.h"

/* The row. */
extern const struct observer forward_observer;

#endif
