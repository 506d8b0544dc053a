#ifndef LIVE_VIEWER_PRIVATE_H
#define LIVE_VIEWER_PRIVATE_H

/* A viewer from within: what viewer.c and viewer_sound.c share, and which of them a rendition looks
 * at. Private to live. */
#include "live/source_private.h"
#include "live/viewer.h"

enum viewer_place {
    VIEWER_NEW,   /* nothing sent yet */
    VIEWER_LOST,  /* waits for the next start */
    VIEWER_SOUND, /* the same, and takes the sound meanwhile (viewer_sound.c) */
    VIEWER_RUN,
    VIEWER_OVER
};

struct viewer {
    /* What each send looks at comes first, in one line of the cache. */
    struct rendition *rendition;
    struct ring_cursor cursor;
    uint64_t epoch;
    uint8_t place; /* enum viewer_place */
    uint8_t has_batch;
    uint8_t has_begun;
    uint8_t is_evicted;
    uint8_t lacks_init; /* takes sound, and has had nothing that opens the stream */
    uint32_t skips;
    struct ring_block *batch_last; /* where the open batch ends */
    uint32_t batch_at;
    uint32_t batch_len;
    struct blob *preamble;        /* held while it is in the open batch */
    struct ring_block *pinned[2]; /* blocks of the open batch behind the cursor's */
    struct viewer *prev, *next;
    void *owner;
    uint64_t min_sync;  /* a start before this offset is not taken */
    uint32_t publishes; /* of the source when it came: it has waited for later ones */
};

/* What a walk along the ring needs (viewer.c). */
uint64_t viewer_limit(const struct viewer *viewer);
void viewer_add(struct viewer_batch *batch, const void *data, size_t len);
void viewer_move(struct viewer *viewer, struct ring_block *block, uint32_t at);
void viewer_bridge(struct viewer *viewer);

/*
 * A viewer for whom there is no keyframe may have the sound until the next one comes. Puts it where
 * that begins: 0, or -1: it has to wait.
 */
int viewer_sound_begin(struct viewer *viewer);
/* True when the next keyframe is what comes next. */
int viewer_sound_is_over(const struct viewer *viewer);
/* Adds the sound that comes next to the batch, and sets where that ends. */
void viewer_sound_fill(struct viewer *viewer, size_t max, struct viewer_batch *batch);

#endif
