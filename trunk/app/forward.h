#ifndef APP_FORWARD_H
#define APP_FORWARD_H

/*
 * Forwarding: what is published here is published on to other servers, or
 * other vhosts of this one, over RTMP. Each destination of a stream is a coroutine and a
 * viewer of it: it holds a position, no queue, and takes nothing from the publisher.
 */
#include "base/clock.h"

struct stream;
struct viewer;
struct server;

/* The stream is published: its vhost's destinations get it from now on. Never yields. */
void forward_on_publish(struct stream *stream);
/* It has new frames, or an end. */
void forward_on_data(struct stream *stream);
/* This viewer holds too much dropped memory. */
void forward_on_evict(struct stream *stream, const struct viewer *viewer);

/* Ends all, and waits for them. */
void forward_stop(struct server *server, usec_t timeout);

#endif
