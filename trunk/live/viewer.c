/*
 * A viewer's walk along a ring. It returns spans of the ring's own memory and holds their blocks
 * while they are being sent. When the ring has dropped its place, it continues at the newest sync
 * point, never inside a GOP.
 */
#include "live/viewer.h"

#include "live/renditions.h"
#include "live/viewer_private.h"

#include <assert.h>
#include <stdlib.h>

struct viewer *viewer_open(struct source *source, const struct mux *mux, usec_t now)
{
    return viewer_open_only(source, mux, SOURCE_BOTH, now);
}

struct viewer *viewer_open_only(struct source *source, const struct mux *mux, enum source_only only,
                                usec_t now)
{
    const struct source_select defaults = {0};

    return viewer_open_tracks(source, mux, only, &defaults, now);
}

static struct viewer *enter(struct source *source, struct rendition *rendition,
                            const struct source_start *start, int is_uncounted)
{
    struct viewer *viewer = calloc(1, sizeof(*viewer));

    if (viewer == NULL)
        return NULL;
    viewer->rendition = rendition;
    viewer->is_uncounted = is_uncounted != 0;
    viewer->place = VIEWER_NEW;
    viewer->start = *start;
    viewer->min_sync = source->config.gop_cache ? 0 : rendition->ring.end;
    viewer->publishes = source->stat.publishes;
    if (mux_is_audio_only(rendition->mux) || rendition->only == SOURCE_AUDIO_ONLY)
        (void)ring_cursor_end(&rendition->ring, &viewer->cursor);
    viewer_enlist(viewer);
    /* No frame of this publication has arrived yet: the viewer waits for it like for the next one.
     */
    if (source->state == SOURCE_LIVE && !source->has_first && viewer->publishes > 0) {
        viewer->publishes--;
        if (!source->holds_start)
            renditions_hold_start(source);
    }
    return viewer;
}

struct viewer *viewer_open_tracks(struct source *source, const struct mux *mux,
                                  enum source_only only, const struct source_select *select,
                                  usec_t now)
{
    const struct viewer_wish wish = {.only = only, .select = *select};

    return viewer_open_wish(source, mux, &wish, now);
}

struct viewer *viewer_open_wish(struct source *source, const struct mux *mux,
                                const struct viewer_wish *wish, usec_t now)
{
    struct rendition *rendition;
    struct viewer *viewer;

    assert(source != NULL && mux != NULL && wish != NULL);
    if (mux == &mux_flv && wish->select.is_all)
        mux = &mux_flv_all;
    rendition = source_rendition(source, mux, wish, now);
    viewer = rendition != NULL ? enter(source, rendition, &wish->start, 0) : NULL;
    if (viewer == NULL && rendition != NULL)
        renditions_leave(source, rendition);
    return viewer;
}

struct viewer *viewer_open_uncounted(struct source *source, const struct mux *mux, usec_t now)
{
    const struct viewer_wish wish = {.start = {SOURCE_START_DEFAULT, 0}};
    struct rendition *rendition = source_rendition(source, mux, &wish, now);
    struct viewer *viewer = rendition != NULL ? enter(source, rendition, &wish.start, 1) : NULL;

    if (viewer == NULL && rendition != NULL)
        renditions_leave(source, rendition);
    return viewer;
}

static void viewer_unpin(struct viewer *viewer)
{
    for (int i = 0; i < 2; i++) {
        if (viewer->pinned[i] != NULL)
            ring_block_release(&viewer->rendition->ring, viewer->pinned[i]);
        viewer->pinned[i] = NULL;
    }
    blob_unref(viewer->preamble);
    viewer->preamble = NULL;
    viewer->has_batch = 0;
}

void viewer_close(struct viewer *viewer)
{
    viewer_switch_drop(viewer);
    viewer_unpin(viewer);
    viewer_delist(viewer);
    free(viewer);
}

static void each_waiting(const struct rendition *rendition, void (*fn)(struct viewer *viewer))
{
    /* RTMP players wait for standby_timeout, and other workers have their own rules. */
    if (rendition->mux->extension == NULL)
        return;
    for (struct viewer *v = rendition->viewers; v != NULL; v = v->next)
        if (!v->has_begun)
            fn(v);
}

void viewer_each_waiting(struct source *source, void (*fn)(struct viewer *viewer))
{
    each_waiting(&source->native, fn);
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        each_waiting(r, fn);
}

void viewer_each(struct source *source, void (*fn)(struct viewer *viewer))
{
    for (struct viewer *v = source->native.viewers; v != NULL; v = v->next)
        fn(v);
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        for (struct viewer *v = r->viewers; v != NULL; v = v->next)
            fn(v);
}

/* The bridge to the newest sync point is sent first. */
static void viewer_bridge(struct viewer *viewer)
{
    struct blob *bridge = viewer->rendition->bridge;

    blob_unref(viewer->preamble);
    viewer->preamble = bridge != NULL ? blob_ref(bridge) : NULL;
}

void viewer_skip(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;

    assert(!viewer->has_batch);
    if (viewer->place != VIEWER_RUN && viewer->place != VIEWER_AUDIO)
        return;
    viewer->place = VIEWER_RUN;
    viewer->skips++;
    if (ring_cursor_sync(&rendition->ring, &viewer->cursor) == 0) {
        viewer_bridge(viewer);
        return;
    }
    ring_cursor_leave(&rendition->ring, &viewer->cursor);
    if (!rendition_has_sync(rendition) && ring_cursor_end(&rendition->ring, &viewer->cursor) == 0)
        return;
    viewer->place = VIEWER_LOST;
    viewer->min_sync = rendition->ring.end;
}

/* Adds spans from the cursor on, each to the end of a block, until max is reached. */
static void viewer_fill(struct viewer *viewer, size_t max, struct viewer_batch *batch)
{
    struct ring_block *block = viewer->cursor.block;
    uint32_t at = viewer->cursor.at;
    uint64_t limit = viewer_limit(viewer);
    int pins = 0;

    for (;;) {
        if (at < block->len && block->offset + at < limit) {
            if (block != viewer->cursor.block) {
                ring_block_hold(block);
                viewer->pinned[pins++] = block;
            }
            viewer_add(batch, block->data + at, block->len - at);
            at = block->len;
        }
        viewer->batch_last = block;
        viewer->batch_at = at;
        if (block->next == NULL || block->next->offset >= limit || batch->len >= max ||
            batch->count == VIEWER_SPANS_MAX || pins == 2 || viewer->rendition->mux->is_one_frame)
            break;
        /* The walk includes a block only together with some of its bytes, which pin it. */
        if (batch->len > 0 && (block->next->len == 0 || batch->len + block->next->len > max))
            break;
        block = block->next;
        at = 0;
    }
}

/* Adds audio up to the next sync point, or everything from there on. */
static void viewer_fill_audio(struct viewer *viewer, size_t max, struct viewer_batch *batch)
{
    viewer_audio_fill(viewer, max, batch);
    if (batch->len > 0)
        return;
    viewer_move(viewer, viewer->batch_last, viewer->batch_at);
    if (!viewer_audio_is_over(viewer))
        return;
    viewer->place = VIEWER_RUN;
    viewer_bridge(viewer);
    if (viewer->preamble != NULL)
        viewer_add(batch, viewer->preamble->data, viewer->preamble->len);
    viewer_fill(viewer, max, batch);
}

static enum viewer_status viewer_fill_or_wait(struct viewer *viewer, size_t max,
                                              struct viewer_batch *batch)
{
    struct rendition *rendition = viewer->rendition;

    if (viewer->place == VIEWER_AUDIO)
        viewer_fill_audio(viewer, max, batch);
    else if (viewer->place == VIEWER_SWITCH)
        viewer_switch_fill(viewer, max, batch);
    else
        viewer_fill(viewer, max, batch);
    if (batch->len == 0) {
        /* There is nothing to send, but the cursor releases a block that it has finished. */
        viewer_move(viewer, viewer->batch_last, viewer->batch_at);
        if (viewer->epoch == rendition->epoch)
            return VIEWER_WAIT;
        viewer->place = VIEWER_OVER;
        ring_cursor_leave(&rendition->ring, &viewer->cursor);
        return VIEWER_END;
    }
    viewer->batch_len = (uint32_t)batch->len;
    viewer->has_batch = 1;
    return VIEWER_BYTES;
}

/* Places a viewer that lost its place: at the newest sync point, or at the audio before the next
 * one. 0, or -1: not yet. */
static int viewer_find(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;

    if (rendition->ring.sync >= viewer->min_sync &&
        ring_cursor_sync(&rendition->ring, &viewer->cursor) == 0) {
        viewer->place = VIEWER_RUN;
        viewer_bridge(viewer);
        return 0;
    }
    /* A muxer with continuity counters would need a bridge here. */
    if (rendition->mux->bridge != NULL || viewer_audio_begin(viewer) != 0)
        return -1;
    viewer->place = VIEWER_AUDIO;
    return 0;
}

enum viewer_status viewer_next(struct viewer *viewer, size_t max, struct viewer_batch *batch)
{
    struct rendition *rendition = viewer->rendition;

    assert(!viewer->has_batch);
    batch->count = 0;
    batch->len = 0;
    if (viewer->place == VIEWER_SWITCH && viewer_switch_step(viewer) != 0)
        return VIEWER_WAIT;
    switch ((enum viewer_place)viewer->place) {
    case VIEWER_SWITCH:
        break;
    case VIEWER_NEW:
        if (viewer_begin(viewer) != 0) {
            if (!viewer->is_far &&
                source_fit(rendition->source, rendition->mux, rendition->only) != SOURCE_UNFIT)
                return VIEWER_WAIT;
            viewer->place = VIEWER_OVER;
            return VIEWER_END;
        }
        break;
    case VIEWER_LOST:
        if (viewer->epoch != rendition->epoch) {
            viewer->place = VIEWER_OVER;
            return VIEWER_END;
        }
        if (viewer_find(viewer) != 0)
            return VIEWER_WAIT;
        break;
    case VIEWER_AUDIO:
    case VIEWER_RUN:
        if (rendition->mux->is_one_frame) {
            viewer->place = VIEWER_OVER;
            ring_cursor_leave(&rendition->ring, &viewer->cursor);
            return VIEWER_END;
        }
        if (!ring_cursor_is_lost(&viewer->cursor))
            break;
        if (viewer->epoch != rendition->epoch) {
            viewer->place = VIEWER_OVER;
            ring_cursor_leave(&rendition->ring, &viewer->cursor);
            return VIEWER_END;
        }
        rendition->source->stat.jumps += !viewer->is_uncounted;
        viewer_skip(viewer);
        if (viewer->place == VIEWER_LOST)
            return VIEWER_WAIT;
        break;
    case VIEWER_OVER:
        return VIEWER_END;
    }
    if (viewer->preamble != NULL && viewer->preamble->len > 0)
        viewer_add(batch, viewer->preamble->data, viewer->preamble->len);
    return viewer_fill_or_wait(viewer, max, batch);
}

int viewer_shared_batch_get(const struct viewer *viewer, struct viewer_shared_batch *shared)
{
    assert(viewer->has_batch);
    if (viewer->preamble != NULL || viewer->place != VIEWER_RUN)
        return -1;
    shared->rendition = viewer->rendition;
    shared->from = viewer->cursor.block;
    shared->from_at = viewer->cursor.at;
    shared->to = viewer->batch_last;
    shared->to_at = viewer->batch_at;
    shared->len = viewer->batch_len;
    shared->epoch = viewer->epoch;
    shared->is_all =
        viewer->batch_last->next == NULL && viewer->batch_at == viewer->batch_last->len;
    return 0;
}

int viewer_shared_batch_fits(const struct viewer *viewer, const struct viewer_shared_batch *shared)
{
    return viewer->cursor.block == shared->from && viewer->cursor.at == shared->from_at &&
           viewer->place == VIEWER_RUN && viewer->rendition == shared->rendition &&
           viewer->epoch == shared->epoch && viewer->cursor.block->attached && !viewer->has_batch &&
           (viewer->preamble == NULL || viewer->preamble->len == 0);
}

void viewer_shared_batch_sent(struct viewer *viewer, const struct viewer_shared_batch *shared)
{
    assert(viewer_shared_batch_fits(viewer, shared));
    viewer_move(viewer, (struct ring_block *)(uintptr_t)shared->to, shared->to_at);
    viewer->rendition->source->stat.bytes_out += shared->len;
}

void viewer_sent(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;

    assert(viewer->has_batch);
    viewer_move(viewer, viewer->batch_last, viewer->batch_at);
    if (!viewer->is_uncounted)
        rendition->source->stat.bytes_out += viewer->batch_len;
    viewer_unpin(viewer);
}

int viewer_is_cut(const struct viewer *viewer)
{
    return viewer->has_begun && viewer->epoch != viewer->rendition->epoch;
}

uint32_t viewer_skips(const struct viewer *viewer)
{
    return viewer->skips;
}

const uint8_t *viewer_init_data(const struct viewer *viewer, size_t *len)
{
    const struct blob *preamble = viewer->rendition->preamble;

    *len = preamble != NULL ? preamble->len : 0;
    return preamble != NULL ? preamble->data : NULL;
}

void viewer_set_owner(struct viewer *viewer, void *owner)
{
    viewer->owner = owner;
}

void *viewer_owner(const struct viewer *viewer)
{
    return viewer->owner;
}

int viewer_has_begun(const struct viewer *viewer)
{
    return viewer->has_begun;
}

struct source *viewer_source(const struct viewer *viewer)
{
    return viewer->rendition->source;
}

uint32_t viewer_chunk_size(const struct viewer *viewer)
{
    return viewer->rendition->chunk_size;
}
