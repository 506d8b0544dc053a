#ifndef LIVE_SYNC_INDEX_H
#define LIVE_SYNC_INDEX_H

/*
 * The sync points of a ring by presentation time, for viewers that begin in the past. Presentation
 * times are milliseconds of the stream's timeline; clients send and receive them modulo 2^32.
 * Private to live. Pure, never yields.
 */
#include "live/blob.h"
#include "live/source.h"

#include <stddef.h>
#include <stdint.h>

/* Points of one index; beyond it the oldest are forgotten. */
#define SYNC_INDEX_MAX 8192u
/* A start that is further after the newest frame than this belongs to another timeline, ms. */
#define SYNC_INDEX_FAR_MS 5000

struct sync_point {
    uint64_t offset;       /* in the ring */
    int64_t pts;           /* ms; unwrapped, so it may exceed 2^32 */
    struct blob *preamble; /* what a viewer gets before it; NULL: the rendition's current one */
};

struct sync_index {
    struct sync_point *point; /* a circular array, oldest at `first`; ascending offset and pts */
    uint32_t first, count, cap;
};

enum sync_index_find {
    SYNC_INDEX_FOUND,
    SYNC_INDEX_EMPTY, /* there is no sync point yet */
    SYNC_INDEX_FAR    /* the start is far after the newest frame */
};

/* All zero is an empty index, without memory. */
void sync_index_fini(struct sync_index *index);
/* Forgets all points; the memory stays. */
void sync_index_clear(struct sync_index *index);
/* Forgets points before this offset. */
void sync_index_trim(struct sync_index *index, uint64_t offset);

/*
 * Adds the newest point. A step back of the presentation time forgets all earlier points: they
 * belong to another timeline. The preamble is referenced; NULL is allowed. Without memory the point
 * is left out.
 */
void sync_index_add(struct sync_index *index, uint64_t offset, uint32_t pts, struct blob *preamble);

/* The newest point; NULL: none. */
const struct sync_point *sync_index_newest(const struct sync_index *index);
/* The first point at this offset or after it; NULL: none. */
const struct sync_point *sync_index_from(const struct sync_index *index, uint64_t offset);
/* The point nearest to this presentation time (ms, unwrapped) if it is at most `within` ms from it;
 * NULL: there is none. */
const struct sync_point *sync_index_near(const struct sync_index *index, int64_t pts,
                                         int64_t within);
/* A viewer that begins at the newest point gets this preamble from now on. */
void sync_index_set_preamble(struct sync_index *index, struct blob *preamble);

/* Finds the point for a start; newest: the newest frame's time, ms modulo 2^32. *out is valid only
 * for SYNC_INDEX_FOUND, until the index changes. */
enum sync_index_find sync_index_find(const struct sync_index *index,
                                     const struct source_start *start, uint32_t newest,
                                     const struct sync_point **out);

#endif
