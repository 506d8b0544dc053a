#ifndef APP_CLUSTER_PULL_DEDUP_H
#define APP_CLUSTER_PULL_DEDUP_H

/*
 * Recognizes frames that a pull has already delivered. An origin begins with its newest GOP; if it
 * has nothing newer, it has stalled like the one before. Pure: the time is an argument.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "media/frame.h"

struct pull_dedup;

/* NULL without memory. */
struct pull_dedup *pull_dedup_new(void);
void pull_dedup_free(struct pull_dedup *past);

/* A new connection begins: held frames are dropped. */
void pull_dedup_begin(struct pull_dedup *past);

/*
 * An audio or video frame before any frame of this connection was delivered. 1: it is held, because
 * only known frames have arrived so far; 0: the stream continues, first with the held frames, then
 * with this one.
 */
int pull_dedup_hold(struct pull_dedup *past, const struct frame *frame, usec_t now);

/* The held frames that the stream needs, one per call: *at starts at 0. Valid until the next
 * pull_dedup_begin(). 1, or 0 after the last. */
int pull_dedup_take(const struct pull_dedup *past, size_t *at, struct frame *frame);

/* Whether the frame that ended the hold follows the last delivered frame. */
int pull_dedup_is_exact(const struct pull_dedup *past);

/* Records that this frame was delivered. */
void pull_dedup_note(struct pull_dedup *past, const struct frame *frame);

#endif
