#ifndef LIVE_VIEWER_MEASURE_H
#define LIVE_VIEWER_MEASURE_H

/* Measures viewers, for metrics. Pure, never yields. */
#include "live/viewer.h"

/* How much older the next bytes of this viewer are than the newest ones of its stream (us); -1
 * before it has begun. Exact to a part of a ring block. */
usec_t viewer_measure_lag(const struct viewer *viewer);

/* Calls fn for each rendition that has viewers. */
void viewer_measure_formats(const struct source *source,
                            void (*fn)(const struct mux *mux, size_t viewers, void *arg),
                            void *arg);

#endif
