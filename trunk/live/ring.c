/*
 * The ring of blocks of a rendition. All viewers share one list of bytes and are only positions in
 * it: a slow viewer costs no more than its position, and beginning at a keyframe means setting a
 * cursor.
 *
 * A block counts its cursors (`holds`). Dropping from the old end stops at the first held block,
 * unless age or size force it: then the block leaves the ring, and its memory is freed with its
 * last holder.
 */
#include "live/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks that ring_trim() drops at once: 4 MB of them take about a millisecond. */
#define RING_TRIM_MAX 64
#define RING_PAGE     ((size_t)4096)
/* A block with its header is 64 KB; a larger unit gets a block of its own. */
#define RING_BLOCK_CAP ((uint32_t)(65536 - sizeof(struct ring_block) - 16))

void ring_init(struct ring *ring, const struct ring_limits *limits)
{
    assert(ring != NULL && limits != NULL);
    memset(ring, 0, sizeof(*ring));
    ring_set_limits(ring, limits);
}

void ring_set_limits(struct ring *ring, const struct ring_limits *limits)
{
    assert(limits->bytes_max > 0 && limits->bytes_max <= UINT32_MAX / 2);
    ring->limits = *limits;
}

static void ring_block_free(struct ring *ring, struct ring_block *block)
{
    assert(block->holds == 0);
    if (!block->attached)
        ring->detached -= block->cap;
    free(block);
}

void ring_fini(struct ring *ring)
{
    while (ring->tail != NULL) {
        struct ring_block *block = ring->tail;

        ring->tail = block->next;
        ring_block_free(ring, block);
    }
    assert(ring->detached == 0);
    ring->head = NULL;
    ring->sync_block = NULL;
}

void ring_block_hold(struct ring_block *block)
{
    assert(block->holds < UINT32_MAX);
    block->holds++;
}

void ring_block_release(struct ring *ring, struct ring_block *block)
{
    assert(block->holds > 0);
    block->holds--;
    if (block->holds == 0 && !block->attached)
        ring_block_free(ring, block);
}

/* Takes the oldest block out of the ring, even under cursors. */
static void ring_drop_tail(struct ring *ring)
{
    struct ring_block *block = ring->tail;

    assert(block != NULL && block != ring->head);
    ring->tail = block->next;
    ring->bytes -= block->cap;
    if (ring->sync_block == block) {
        ring->sync_block = NULL;
        ring->sync_loss = RING_LOSS_BYTES;
    }
    block->next = NULL;
    block->attached = 0;
    ring->detached += block->cap;
    if (block->holds == 0)
        ring_block_free(ring, block);
}

static int ring_is_over(const struct ring *ring, usec_t now)
{
    if (ring->bytes > ring->limits.bytes_max)
        return 1;
    /* Without the sync point no viewer could jump: a long GOP is kept whole. */
    if (ring->tail == ring->sync_block)
        return 0;
    /* A block is too old when all of it is: when its successor's first unit is. */
    return now - ring->tail->next->time > ring->limits.lag_max;
}

void ring_trim(struct ring *ring, usec_t now)
{
    for (int i = 0; i < RING_TRIM_MAX && ring->tail != ring->head; i++) {
        int is_wanted = ring->tail->holds > 0 || ring->tail == ring->sync_block ||
                        (now - ring->tail->next->time < ring->limits.keep &&
                         (ring->limits.keep_bytes == 0 || ring->bytes <= ring->limits.keep_bytes));

        if (is_wanted && !ring_is_over(ring, now))
            break;
        ring_drop_tail(ring);
    }
}

/* Gives the pages of a block back now: free() would do that for all of them with the last one. */
static void ring_block_empty(struct ring_block *block)
{
    size_t page = RING_PAGE;
    size_t skip = (page - (uintptr_t)block->data % page) % page;

    if (skip < block->cap && block->cap - skip >= page)
        (void)madvise(block->data + skip, (block->cap - skip) / page * page, MADV_DONTNEED);
}

int ring_discard(struct ring *ring, int blocks)
{
    for (; ring->tail != ring->head && ring->tail->holds == 0; blocks--) {
        if (blocks == 0)
            return 1;
        ring_block_empty(ring->tail);
        ring_drop_tail(ring);
    }
    return 0;
}

size_t ring_shrink(struct ring *ring)
{
    size_t before = ring->bytes;

    while (ring->tail != ring->head && ring->tail != ring->sync_block)
        ring_drop_tail(ring);
    return before - ring->bytes;
}

static struct ring_block *ring_grow(struct ring *ring, size_t len, usec_t now)
{
    uint32_t usual = ring->limits.block_cap > 0 ? ring->limits.block_cap : RING_BLOCK_CAP;
    uint32_t cap = len > usual ? (uint32_t)len : usual;
    struct ring_block *block = malloc(sizeof(*block) + cap);

    if (block == NULL)
        return NULL;
    memset(block, 0, sizeof(*block));
    block->offset = ring->end;
    block->time = now;
    block->cap = cap;
    block->attached = 1;
    if (ring->head != NULL) {
        ring->head->sealed = 1;
        ring->head->next = block;
    } else {
        ring->tail = block;
    }
    ring->head = block;
    ring->bytes += cap;
    return block;
}

/* The block for a unit of len bytes; NULL without memory. */
static struct ring_block *ring_room(struct ring *ring, size_t len, usec_t now)
{
    struct ring_block *head = ring->head;

    if (head == NULL || head->sealed || len > head->cap - head->len)
        return ring_grow(ring, len, now);
    if (head->len == 0)
        head->time = now;
    return head;
}

int ring_append(struct ring *ring, const struct iovec *iov, int n, int is_sync, usec_t now)
{
    struct ring_block *block;
    size_t len = 0;

    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len > ring->limits.bytes_max - len)
            return -1;
        len += iov[i].iov_len;
    }
    block = ring_room(ring, len, now);
    if (block == NULL)
        return -1;
    if (is_sync) {
        ring->sync = ring->end;
        ring->sync_block = block;
        ring->sync_units = 0;
        ring->sync_loss = RING_LOSS_NONE;
    } else if (ring->sync_block != NULL && ++ring->sync_units > ring->limits.sync_units_max) {
        ring->sync_block = NULL;
        ring->sync_loss = RING_LOSS_UNITS;
    }
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len > 0)
            memcpy(block->data + block->len, iov[i].iov_base, iov[i].iov_len);
        block->len += (uint32_t)iov[i].iov_len;
    }
    ring->end += len;
    ring_trim(ring, now);
    return 0;
}

void ring_seal(struct ring *ring)
{
    if (ring->head != NULL && ring->head->len > 0)
        ring->head->sealed = 1;
}

void ring_drop_sync(struct ring *ring)
{
    ring->sync_block = NULL;
    ring->sync_loss = RING_LOSS_NONE;
}

/* The block with the byte at this offset; NULL: it was dropped, or does not exist yet. */
static struct ring_block *ring_find(const struct ring *ring, uint64_t offset)
{
    struct ring_block *block = ring->tail;

    while (block != NULL && offset >= block->offset + block->len)
        block = block->next;
    return block != NULL && offset >= block->offset ? block : NULL;
}

int ring_set_sync(struct ring *ring, uint64_t offset)
{
    struct ring_block *block = ring_find(ring, offset);

    if (block == NULL)
        return -1;
    ring->sync = offset;
    ring->sync_block = block;
    ring->sync_units = 0;
    ring->sync_loss = RING_LOSS_NONE;
    return 0;
}

static void ring_cursor_put(struct ring *ring, struct ring_cursor *cursor, struct ring_block *block,
                            uint32_t at)
{
    ring_block_hold(block);
    if (cursor->block != NULL)
        ring_block_release(ring, cursor->block);
    cursor->block = block;
    cursor->at = at;
}

int ring_cursor_sync(struct ring *ring, struct ring_cursor *cursor)
{
    struct ring_block *block = ring->sync_block;

    if (block == NULL)
        return -1;
    ring_cursor_put(ring, cursor, block, (uint32_t)(ring->sync - block->offset));
    return 0;
}

int ring_cursor_end(struct ring *ring, struct ring_cursor *cursor)
{
    if (ring->head == NULL && ring_grow(ring, 0, 0) == NULL)
        return -1;
    ring_cursor_put(ring, cursor, ring->head, ring->head->len);
    return 0;
}

int ring_cursor_since(struct ring *ring, struct ring_cursor *cursor, usec_t since, uint64_t from)
{
    struct ring_block *found = NULL;

    for (struct ring_block *block = ring->tail; block != NULL; block = block->next) {
        if (block->offset < from || block->len == 0)
            continue;
        if (found != NULL && block->time > since)
            break;
        found = block;
    }
    if (found == NULL)
        return -1;
    ring_cursor_put(ring, cursor, found, 0);
    return 0;
}

int ring_cursor_at(struct ring *ring, struct ring_cursor *cursor, uint64_t offset)
{
    struct ring_block *block = ring_find(ring, offset);

    if (block == NULL)
        return -1;
    ring_cursor_put(ring, cursor, block, (uint32_t)(offset - block->offset));
    return 0;
}

void ring_cursor_copy(struct ring *ring, struct ring_cursor *cursor,
                      const struct ring_cursor *other)
{
    assert(other->block != NULL);
    ring_cursor_put(ring, cursor, other->block, other->at);
}

void ring_cursor_leave(struct ring *ring, struct ring_cursor *cursor)
{
    if (cursor->block != NULL)
        ring_block_release(ring, cursor->block);
    cursor->block = NULL;
    cursor->at = 0;
}
