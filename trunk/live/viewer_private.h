#ifndef LIVE_VIEWER_PRIVATE_H
#define LIVE_VIEWER_PRIVATE_H

/* The internals of a viewer: shared by viewer.c and viewer_audio.c, and read by renditions. Private
 * to live. */
#include "live/source_private.h"
#include "live/viewer.h"

enum viewer_place {
    VIEWER_NEW,   /* nothing sent yet */
    VIEWER_LOST,  /* waits for the next sync point */
    VIEWER_AUDIO, /* the same, and gets audio meanwhile (viewer_audio.c) */
    VIEWER_RUN,
    VIEWER_OVER
};

struct viewer {
    /* Fields read by each send come first, in one cache line. */
    struct rendition *rendition;
    struct ring_cursor cursor;
    uint64_t epoch;
    uint8_t place; /* enum viewer_place */
    uint8_t has_batch;
    uint8_t has_begun;
    uint8_t is_evicted;
    uint8_t lacks_init; /* gets audio, and has no init data yet */
    uint32_t skips;
    struct ring_block *batch_last; /* where the open batch ends */
    uint32_t batch_at;
    uint32_t batch_len;
    struct blob *preamble;        /* held while the open batch contains it */
    struct ring_block *pinned[2]; /* blocks of the open batch after the cursor's */
    struct viewer *prev, *next;
    void *owner;
    uint64_t min_sync;  /* sync points before this offset are not used */
    uint32_t publishes; /* the source's count when it came: it has waited for later publications */
};

/* Helpers for walking along the ring (viewer.c). */
uint64_t viewer_limit(const struct viewer *viewer);
void viewer_add(struct viewer_batch *batch, const void *data, size_t len);
void viewer_move(struct viewer *viewer, struct ring_block *block, uint32_t at);
void viewer_bridge(struct viewer *viewer);

/*
 * A viewer without a keyframe may get audio until the next one. Places it at the ring's end and
 * returns 0; -1: it has to wait.
 */
int viewer_audio_begin(struct viewer *viewer);
/* True when the next unit is a sync point. */
int viewer_audio_is_over(const struct viewer *viewer);
/* Adds the next audio to the batch and sets the end of the batch. */
void viewer_audio_fill(struct viewer *viewer, size_t max, struct viewer_batch *batch);

#endif
