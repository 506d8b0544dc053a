#ifndef LIVE_VIEWER_PRIVATE_H
#define LIVE_VIEWER_PRIVATE_H

/* The internals of a viewer: shared by viewer.c, viewer_begin.c and viewer_audio.c, and read by
 * renditions. Private to live. */
#include "live/source_private.h"
#include "live/viewer.h"

enum viewer_place {
    VIEWER_NEW,   /* nothing sent yet */
    VIEWER_LOST,  /* waits for the next sync point */
    VIEWER_AUDIO, /* the same, and gets audio meanwhile (viewer_audio.c) */
    VIEWER_RUN,
    VIEWER_SWITCH, /* on its way to another stream (viewer_switch.c) */
    VIEWER_OVER
};

struct viewer {
    /* Fields read by each send come first, in one cache line. */
    struct rendition *rendition;
    struct ring_cursor cursor;
    uint64_t epoch;
    uint8_t place; /* enum viewer_place */
    uint8_t has_batch;
    uint8_t is_uncounted; /* viewer_open_uncounted() */
    uint8_t has_begun;
    uint8_t is_evicted;
    uint8_t lacks_init; /* gets audio, and has no init data yet */
    uint8_t is_far;     /* its start is on no timeline of this stream */
    uint32_t skips;
    struct ring_block *batch_last; /* where the open batch ends */
    uint32_t batch_at;
    uint32_t batch_len;
    struct blob *preamble;        /* held while the open batch contains it */
    struct ring_block *pinned[2]; /* blocks of the open batch after the cursor's */
    struct viewer *prev, *next;
    void *owner;
    uint64_t min_sync; /* sync points before this offset are not used */
    struct source_start start;
    uint32_t publishes; /* the source's count when it came: it has waited for later publications */
    struct viewer_switch *change; /* only if place is VIEWER_SWITCH; else NULL */
};

/* Walking along the ring. They are inline because every batch of every viewer needs them. */

/* The offset where this viewer's bytes end: where the epoch after its own begins. */
static inline uint64_t viewer_limit(const struct viewer *viewer)
{
    const struct rendition *rendition = viewer->rendition;

    if (viewer->epoch == rendition->epoch)
        return UINT64_MAX;
    /* After two more epochs the end of its own epoch is no longer known, so the viewer ends where
     * it is. */
    return viewer->epoch + 1 == rendition->epoch ? rendition->epoch_offset : 0;
}

/* Adds a span; the caller has checked that the batch has room for it. */
static inline void viewer_add(struct viewer_batch *batch, const void *data, size_t len)
{
    batch->span[batch->count].iov_base = (void *)(uintptr_t)data;
    batch->span[batch->count].iov_len = len;
    batch->count++;
    batch->len += len;
}

/* Moves the viewer to `at` bytes into the block, and releases the block that it leaves. */
static inline void viewer_move(struct viewer *viewer, struct ring_block *block, uint32_t at)
{
    if (block != viewer->cursor.block) {
        ring_block_hold(block);
        ring_block_release(&viewer->rendition->ring, viewer->cursor.block);
        viewer->cursor.block = block;
    }
    viewer->cursor.at = at;
}

/*
 * Puts the viewer on the list of its rendition and into the counts; takes it out again, which lets
 * go of its place and may free the rendition and the source (viewer_list.c).
 */
void viewer_enlist(struct viewer *viewer);
void viewer_delist(struct viewer *viewer);

/* Adds one unit to the batch, joined to the one before it if they are adjacent. 0, or -1: no room.
 * (viewer_list.c) */
int viewer_put(struct viewer_batch *batch, const uint8_t *p, size_t len);

/*
 * viewer_switch.c: a step of a viewer in VIEWER_SWITCH before its next batch. 0, or -1: it waits.
 * The place may be another one afterwards.
 */
int viewer_switch_step(struct viewer *viewer);
/* Adds what comes next to the batch and sets the end of the batch. */
void viewer_switch_fill(struct viewer *viewer, size_t max, struct viewer_batch *batch);
/* Frees the state; the place stays. */
void viewer_switch_drop(struct viewer *viewer);

/* Places a new viewer, and gives it its init data (viewer_begin.c). 0, or -1: it cannot begin yet,
 * or, if viewer->is_far, never. */
int viewer_begin(struct viewer *viewer);

/*
 * Places a viewer at the start that it asks for, and returns what it gets first, borrowed. NULL:
 * there is no sync point yet, or, if viewer->is_far, the start is far after the newest frame.
 */
struct blob *viewer_start_begin(struct viewer *viewer);

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
