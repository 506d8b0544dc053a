#ifndef LIVE_VIEWER_SWITCH_H
#define LIVE_VIEWER_SWITCH_H

/*
 * Moves a viewer of FLV to another stream of the same programme, a rung of the same quality ladder:
 * both have one timeline and the same codecs. The player gets one response without a seam: the
 * keyframe with its parameter sets, no frame twice and no time back. Never yields.
 *
 *   old ring   ... v v a v a v | K v a v ...
 *                              |            the viewer stops here, before a keyframe that
 *   new ring   ... v a v v a v | K v a v    the new stream has, too, and continues there
 *                         `-> audio that it has not had yet
 */
#include "live/viewer.h"

/* What the viewer gets until it is on the other stream. */
enum viewer_switch_way {
    VIEWER_SWITCH_SMOOTH, /* everything up to a keyframe that both streams have */
    VIEWER_SWITCH_HASTE   /* audio alone, up to any keyframe of the new stream that is later than
                           * what it has had: for a viewer that cannot keep up */
};

/*
 * Begins to move the viewer; viewer_next() does it. From now on the viewer counts as one of both
 * streams, which keeps `to` pulled. 0; -1 without memory, or if the viewer has not begun, waits for
 * a keyframe, or does not get FLV with both tracks. A switch that is under way is replaced.
 */
int viewer_switch_begin(struct viewer *viewer, struct source *to, enum viewer_switch_way way);

/* Gives the switch up if the viewer is still on the old stream: it stays there. */
void viewer_switch_cancel(struct viewer *viewer);

/* 1 from viewer_switch_begin() until the viewer is like any other of the new stream, or the switch
 * was given up. viewer_source() tells where it is. */
int viewer_switch_is_pending(const struct viewer *viewer);

/* Whether a viewer of one stream can be moved to the other one as far as is known now: it is
 * published, with the same codecs and tracks. */
int viewer_switch_fits(const struct source *from, const struct source *to);

#endif
