#ifndef LIVE_PARAMETER_SETS_H
#define LIVE_PARAMETER_SETS_H

/*
 * H.264 parameter sets in front of a keyframe's own NAL units. A header is the tag body of a video
 * sequence header. Private to live. Pure.
 */
#include "live/blob.h"
#include "media/frame.h"

/* True when the new parameter sets may go in front of the keyframe's own NAL units. */
int parameter_sets_fit(const struct blob *old, const struct blob *new);

/* The body of the keyframe with the parameter sets of `header` before its own NAL units; its length
 * in *len, the caller frees it. NULL: there are none, or no memory. */
uint8_t *parameter_sets_insert(const struct frame *frame, const struct blob *header, size_t *len);

/* The same without the parameter sets that parameter_sets_insert() has put there. NULL also where
 * the keyframe does not begin with them. */
uint8_t *parameter_sets_remove(const struct frame *frame, const struct blob *header, size_t *len);

#endif
