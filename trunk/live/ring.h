#ifndef LIVE_RING_H
#define LIVE_RING_H

/*
 * A stream's muxed bytes, written once and shared by all its viewers, each of
 * which is a cursor. Made of blocks; a unit (a tag, a message) never crosses a block,
 * so the bytes between a cursor and a block's end are contiguous and whole units.
 *
 * The ring keeps the last group of pictures, however old, and more only while a
 * cursor lags, up to lag_max; all of it up to bytes_max. A block that is dropped under a cursor
 * stays in memory until that cursor leaves ("detached"); detached_max bounds those. Pure, never
 * yields.
 */
#include "base/clock.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ring_block {
    struct ring_block *next;
    uint64_t offset;  /* of data[0], counted from the ring's birth */
    usec_t time;      /* when its first unit came */
    uint32_t len;     /* bytes written */
    uint32_t cap;     /* bytes allocated after the header */
    uint32_t holds;   /* cursors in it and batches over it */
    uint8_t attached; /* still part of the ring */
    uint8_t sealed;   /* takes no more units */
    uint8_t data[];
};

struct ring_limits {
    size_t bytes_max;   /* of attached blocks */
    usec_t lag_max;     /* age beyond which a block is dropped whoever is in it, unless it is part
                           of the last group of pictures */
    int sync_units_max; /* units after a start before it no longer counts as cached */
    usec_t keep;        /* blocks younger than this are kept though nobody is in them */
    uint32_t block_cap; /* of a block; 0: the usual 64 KB with its header */
};

/* The limit that made a ring forget its newest start before the next one came. */
enum ring_loss { RING_LOSS_NONE, RING_LOSS_UNITS, RING_LOSS_BYTES };

struct ring {
    struct ring_limits limits;
    struct ring_block *tail;       /* oldest */
    struct ring_block *head;       /* newest; units are appended here */
    uint64_t end;                  /* offset behind the last byte */
    uint64_t sync;                 /* offset of the newest start (keyframe) */
    struct ring_block *sync_block; /* NULL: no start is held */
    int sync_units;                /* units since it */
    enum ring_loss sync_loss;      /* why there is none though one was appended */
    size_t bytes;                  /* memory of attached blocks */
    size_t detached;               /* memory of dropped blocks that are still held */
};

/* A place in a ring. block == NULL: nowhere. */
struct ring_cursor {
    struct ring_block *block; /* held */
    uint32_t at;              /* position in the block */
};

/* Empty; takes no memory yet. */
void ring_init(struct ring *ring, const struct ring_limits *limits);
/* All cursors must have left. */
void ring_fini(struct ring *ring);
void ring_set_limits(struct ring *ring, const struct ring_limits *limits);

/*
 * Appends one unit made of n spans. is_sync: a viewer may begin here. 0; -1 without
 * memory or for a unit over bytes_max: nothing is appended.
 */
int ring_append(struct ring *ring, const struct iovec *iov, int n, int is_sync,
                usec_t now) ERR_MUST_CHECK;

/* The next unit begins a new block, so that a limit at ring->end falls on a block's edge. */
void ring_seal(struct ring *ring);

/* Forgets the newest start: nobody begins before the next one. */
void ring_drop_sync(struct ring *ring);

/* Drops all before the newest start (without one: before the newest block), whoever is in it.
 * Answers how many bytes that was. */
size_t ring_shrink(struct ring *ring);

/* Drops what nobody needs and what is over the limits. Called by ring_append() too. */
void ring_trim(struct ring *ring, usec_t now);

/* Puts a cursor at the newest start; -1 (cursor unchanged) if there is none. */
int ring_cursor_sync(struct ring *ring, struct ring_cursor *cursor);
/* Puts a cursor behind the last byte. -1 without memory. */
int ring_cursor_end(struct ring *ring, struct ring_cursor *cursor);
/*
 * Puts a cursor at the newest block that began at `since` or before, else at the oldest, but at
 * none below the offset `from`. -1 (cursor unchanged) if there is none.
 */
int ring_cursor_since(struct ring *ring, struct ring_cursor *cursor, usec_t since, uint64_t from);
/* Puts a cursor where another one is. */
void ring_cursor_copy(struct ring *ring, struct ring_cursor *cursor,
                      const struct ring_cursor *other);
void ring_cursor_leave(struct ring *ring, struct ring_cursor *cursor);

/* The cursor's place in bytes since the ring's birth. */
static inline uint64_t ring_cursor_offset(const struct ring_cursor *cursor)
{
    return cursor->block->offset + cursor->at;
}

/* True when what the cursor points at was dropped: it lags too far. */
static inline int ring_cursor_is_lost(const struct ring_cursor *cursor)
{
    return !cursor->block->attached;
}

/* Pins a block: it stays in memory, dropped or not, until as many releases. */
void ring_block_hold(struct ring_block *block);
void ring_block_release(struct ring *ring, struct ring_block *block);

#endif
