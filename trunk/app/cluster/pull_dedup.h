#ifndef APP_CLUSTER_PULL_DEDUP_H
#define APP_CLUSTER_PULL_DEDUP_H

/*
 * What a pull has given to its stream, to know it again: an origin begins with the newest group of
 * pictures that it has, and whoever has nothing else has stalled like the one that was left for it.
 * Pure, but for the clock that it is handed.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "media/frame.h"

struct pull_dedup;

/* NULL without memory. */
struct pull_dedup *pull_dedup_new(void);
void pull_dedup_free(struct pull_dedup *past);

/* Another connection: what is held is dropped. */
void pull_dedup_begin(struct pull_dedup *past);

/*
 * A sound or picture before anything of this connection has been given on. 1: it is held, for so
 * far nothing came but what is known; 0: the stream goes on, what is held comes first and then
 * this.
 */
int pull_dedup_hold(struct pull_dedup *past, const struct frame *frame, usec_t now);

/* The frames that were held and are needed for what comes now, one by one: *at counts from 0. Valid
 * until the next pull_dedup_begin(). 1, or 0 after the last. */
int pull_dedup_take(const struct pull_dedup *past, size_t *at, struct frame *frame);

/* This one was given on. */
void pull_dedup_note(struct pull_dedup *past, const struct frame *frame);

#endif
