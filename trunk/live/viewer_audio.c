/*
 * Audio for a viewer without a keyframe to start at. Some encoders send keyframes a minute apart,
 * and the GOP may be too long to keep: such a viewer reads the ring from its end on, without the
 * video frames, up to the next keyframe. The bytes are still the ring's own; a skipped frame only
 * divides them into more spans.
 */
#include "live/viewer_private.h"

#include <assert.h>

/* Whether the stream has video and audio that this viewer's format carries. */
static int rendition_has_audio(const struct rendition *rendition)
{
    const struct source_track *audio = &rendition->source->track[JITTER_AUDIO];

    return audio->is_announced && audio->has_frames && audio->codec != CODEC_NONE &&
           rendition_takes(rendition, FRAME_AUDIO) && rendition_takes(rendition, FRAME_VIDEO) &&
           rendition->source->track[JITTER_VIDEO].is_announced &&
           (rendition->mux->carries == NULL || rendition->mux->carries(audio->codec));
}

int viewer_audio_begin(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;

    if (rendition->mux->piece == NULL || !rendition_has_audio(rendition) ||
        (rendition->ring.sync_loss == RING_LOSS_NONE && !source_lacks_key(rendition->source)))
        return -1;
    viewer->lacks_init = mux_is_container(rendition->mux) && !mux_is_fixed(rendition->mux);
    return ring_cursor_end(&rendition->ring, &viewer->cursor);
}

static int ring_syncs_at(const struct ring *ring, const struct ring_block *block, uint32_t at)
{
    return ring->sync_block != NULL && block->offset + at == ring->sync;
}

int viewer_audio_is_over(const struct viewer *viewer)
{
    return ring_syncs_at(&viewer->rendition->ring, viewer->cursor.block, viewer->cursor.at);
}

/* Adds the audio of one block; returns where that ends. */
static uint32_t block_fill(struct viewer *viewer, const struct ring_block *block, uint32_t at,
                           size_t max, struct viewer_batch *batch)
{
    const struct rendition *rendition = viewer->rendition;
    uint64_t limit = viewer_limit(viewer);

    while (at < block->len && block->offset + at < limit && batch->len < max &&
           !ring_syncs_at(&rendition->ring, block, at)) {
        enum mux_piece kind = MUX_PIECE_OTHER;
        size_t len =
            rendition->mux->piece(rendition->state, block->data + at, block->len - at, &kind);

        assert(len > 0); /* a muxer recognises its own pieces */
        if (kind == MUX_PIECE_INIT)
            viewer->lacks_init = 0;
        if (kind != MUX_PIECE_VIDEO && !viewer->lacks_init &&
            viewer_put(batch, block->data + at, len) != 0)
            break;
        at += (uint32_t)len;
    }
    return at;
}

void viewer_audio_fill(struct viewer *viewer, size_t max, struct viewer_batch *batch)
{
    struct ring_block *block = viewer->cursor.block;
    uint64_t limit = viewer_limit(viewer);
    size_t before = batch->len;
    uint32_t at = block_fill(viewer, block, viewer->cursor.at, max, batch);

    /* A batch comes from one block, which the cursor holds. */
    while (batch->len == before && at == block->len && block->next != NULL &&
           block->next->offset < limit) {
        block = block->next;
        viewer_move(viewer, block, 0);
        at = block_fill(viewer, block, 0, max, batch);
    }
    viewer->batch_last = block;
    viewer->batch_at = at;
}
