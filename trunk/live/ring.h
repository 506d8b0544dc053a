#ifndef LIVE_RING_H
#define LIVE_RING_H

/*
 * A stream's muxed bytes, written once and shared by all its viewers. A viewer is a cursor:
 *
 *    tail                                      head
 *     |                                         |
 *  +--v------+   +---------+   +---------+   +--v------+
 *  | 0       |-->| 65 536  |-->| 131 000 |-->| 196 300 |    block.offset
 *  +---------+   +----^----+   +----^----+   +----^----+
 *                     |             |             |
 *   viewer A, lags ---+  ring.sync -+             +--- viewers B, C, D at ring.end
 *
 *  +---------+
 *  | 0       |  detached: dropped from the ring, kept until viewer E leaves it
 *  +----^----+
 *       +--- viewer E, lost: it continues at ring.sync
 *
 * A unit (a tag, a message) never crosses a block, so the bytes between a cursor and its block's
 * end are contiguous and whole units. A sync point is a unit where a viewer can begin (a keyframe);
 * ring.sync is the newest one.
 *
 * The ring keeps everything from the newest sync point on, however old, and more only while a
 * cursor lags, up to lag_max, or for viewers that may begin there, up to keep; all of it up to
 * bytes_max. The rendition bounds the detached blocks by evicting viewers. Pure, never yields.
 */
#include "base/clock.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ring_block {
    struct ring_block *next;
    uint64_t offset;  /* of data[0], counted from when the ring was made */
    usec_t time;      /* when its first unit was appended */
    uint32_t len;     /* bytes written */
    uint32_t cap;     /* bytes allocated after the header */
    uint32_t holds;   /* cursors in it and open batches that contain bytes of it */
    uint8_t attached; /* still part of the ring */
    uint8_t sealed;   /* takes no more units */
    uint8_t data[];
};

struct ring_limits {
    size_t bytes_max;   /* of attached blocks */
    usec_t lag_max;     /* an older block is dropped even under a cursor, unless it belongs to the
                           newest GOP */
    int sync_units_max; /* a sync point with more units than this after it is forgotten */
    usec_t keep;        /* blocks younger than this are kept even without a cursor in them, */
    size_t keep_bytes;  /* as long as all attached blocks are not more than this; 0: bytes_max */
    uint32_t block_cap; /* bytes of a block; 0: 64 KB with its header */
};

/* The limit that made a ring forget its sync point before the next one was appended. */
enum ring_loss { RING_LOSS_NONE, RING_LOSS_UNITS, RING_LOSS_BYTES };

struct ring {
    struct ring_limits limits;
    struct ring_block *tail;       /* oldest */
    struct ring_block *head;       /* newest; units are appended here */
    uint64_t end;                  /* offset after the last byte */
    uint64_t sync;                 /* offset of the newest sync point */
    struct ring_block *sync_block; /* the block of it; NULL: there is no sync point */
    int sync_units;                /* units appended since it */
    enum ring_loss sync_loss;      /* why it was forgotten */
    size_t bytes;                  /* memory of attached blocks */
    size_t detached;               /* memory of detached blocks */
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
 * Appends one unit made of n spans. is_sync: it is a sync point. 0; -1 without memory or for a unit
 * over bytes_max; nothing is appended then.
 */
int ring_append(struct ring *ring, const struct iovec *iov, int n, int is_sync,
                usec_t now) ERR_MUST_CHECK;

/* The next unit begins a new block, so that ring->end is the edge of a block. */
void ring_seal(struct ring *ring);

/* Forgets the sync point: no viewer begins before the next one. */
void ring_drop_sync(struct ring *ring);

/* Makes this offset, where a unit begins, the newest sync point again. -1: it was dropped. */
int ring_set_sync(struct ring *ring, uint64_t offset);

/* Drops all blocks before the newest sync point (without one: before the newest block), even under
 * cursors. Returns how many bytes that freed or detached. */
size_t ring_shrink(struct ring *ring);

/* Drops up to so many of the oldest blocks, but none with a cursor, nor the newest. 1 if more can
 * be dropped. */
int ring_discard(struct ring *ring, int blocks);

/* Drops blocks that no cursor needs and blocks over the limits, so many at once that it does not
 * take long. ring_append() calls it, too. */
void ring_trim(struct ring *ring, usec_t now);

/* Puts a cursor at the newest sync point; -1 (cursor unchanged) if there is none. */
int ring_cursor_sync(struct ring *ring, struct ring_cursor *cursor);
/* Puts a cursor after the last byte. -1 without memory. */
int ring_cursor_end(struct ring *ring, struct ring_cursor *cursor);
/*
 * Puts a cursor at the newest block that began at `since` or before, else at the oldest block;
 * never below the offset `from`. -1 (cursor unchanged) if there is no such block.
 */
int ring_cursor_since(struct ring *ring, struct ring_cursor *cursor, usec_t since, uint64_t from);
/* Puts a cursor at this offset, where a unit begins. -1 (cursor unchanged): it was dropped. */
int ring_cursor_at(struct ring *ring, struct ring_cursor *cursor, uint64_t offset);
/* Puts a cursor where another one is. */
void ring_cursor_copy(struct ring *ring, struct ring_cursor *cursor,
                      const struct ring_cursor *other);
void ring_cursor_leave(struct ring *ring, struct ring_cursor *cursor);

/* The cursor's offset in the ring. */
static inline uint64_t ring_cursor_offset(const struct ring_cursor *cursor)
{
    return cursor->block->offset + cursor->at;
}

/* True when the cursor's block was dropped: it lags too far. */
static inline int ring_cursor_is_lost(const struct ring_cursor *cursor)
{
    return !cursor->block->attached;
}

/* Pins a block: it stays in memory, attached or not, until it is released as often. */
void ring_block_hold(struct ring_block *block);
void ring_block_release(struct ring *ring, struct ring_block *block);

#endif
