/*
 * Where a new viewer begins: at the publication start if it has waited for it, else at the newest
 * sync point, or as far back as the configuration says. Without a keyframe to start at it may get
 * the audio meanwhile (viewer_audio.c).
 */
#include "live/renditions.h"
#include "live/viewer_private.h"

#include <assert.h>

void viewer_since(struct viewer *viewer, usec_t since)
{
    const struct source *source = viewer->rendition->source;

    if (!source->has_key || since <= source->first_key_at)
        viewer->publishes = source->stat.publishes - 1;
}

/* The publication start, if this viewer has waited for it; NULL: it may begin at a newer place. */
static const struct ring_cursor *viewer_held_start(const struct viewer *viewer)
{
    const struct rendition *rendition = viewer->rendition;
    const struct ring_cursor *held = &rendition->start;

    if (viewer->publishes == rendition->source->stat.publishes || held->block == NULL ||
        ring_cursor_is_lost(held) || rendition->start_is_sync != rendition_has_sync(rendition))
        return NULL;
    return held;
}

/* Begins with the next frame: what the ring has before it is in the preamble. 0, or -1. */
static int viewer_begin_at_end(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;

    assert(viewer->preamble == NULL);
    if (ring_cursor_end(&rendition->ring, &viewer->cursor) != 0)
        return -1;
    viewer->preamble = source_init_data_at_end(rendition->source, rendition);
    return 0;
}

/* Another server gets what the ring has, as far back as its viewers may ask for. 0, or -1. */
static int viewer_begin_original(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;
    const struct ring_cursor *held = viewer_held_start(viewer);

    if (held != NULL) {
        ring_cursor_copy(&rendition->ring, &viewer->cursor, held);
    } else if (rendition->source->config.fast_cache > 0 || !rendition_has_sync(rendition)) {
        usec_t back = rendition->source->config.fast_cache;
        usec_t since = rendition->is_deep ? rendition->pushed_at - back : 0;

        if (ring_cursor_since(&rendition->ring, &viewer->cursor, since, rendition->epoch_offset) !=
            0)
            return viewer_begin_at_end(viewer);
    } else if (rendition->ring.sync < viewer->min_sync ||
               ring_cursor_sync(&rendition->ring, &viewer->cursor) != 0) {
        /* Its viewers wait for the next keyframe there. */
        if (viewer_begin_at_end(viewer) != 0)
            return -1;
    }
    rendition_mark(rendition);
    return 0;
}

/* Begins at the publication start or the newest sync point. 0, or -1. */
static int viewer_begin_at_sync(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;
    const struct ring_cursor *held = viewer_held_start(viewer);

    if (held != NULL) {
        ring_cursor_copy(&rendition->ring, &viewer->cursor, held);
        return 0;
    }
    return rendition->ring.sync < viewer->min_sync
               ? -1
               : ring_cursor_sync(&rendition->ring, &viewer->cursor);
}

/* Audio-only: start fast_cache seconds back, else at the next frame. */
static int viewer_begin_anywhere(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;
    usec_t back = rendition->source->config.fast_cache;
    const struct ring_cursor *held = viewer_held_start(viewer);

    if (mux_is_audio_only(rendition->mux) && back > 0 &&
        ring_cursor_since(&rendition->ring, &viewer->cursor, rendition->pushed_at - back,
                          rendition->epoch_offset) == 0)
        return 0;
    /* A viewer that has waited gets everything since then. */
    if (held != NULL) {
        ring_cursor_copy(&rendition->ring, &viewer->cursor, held);
        return 0;
    }
    if (viewer->cursor.block != NULL && !ring_cursor_is_lost(&viewer->cursor))
        return 0;
    return ring_cursor_end(&rendition->ring, &viewer->cursor);
}

/* Places a viewer at the live end: as gop_cache says. 0, or -1: it cannot begin yet. */
static int viewer_begin_live(struct viewer *viewer, enum viewer_place *place)
{
    const struct rendition *rendition = viewer->rendition;

    if (rendition->source->state != SOURCE_LIVE)
        return -1;
    if (mux_is_original(rendition->mux))
        return viewer_begin_original(viewer);
    if (!rendition_has_sync(rendition))
        return viewer_begin_anywhere(viewer);
    if (viewer_begin_at_sync(viewer) == 0)
        return 0;
    *place = VIEWER_AUDIO;
    return viewer_audio_begin(viewer);
}

/* Whether the ring is about to be emptied: the next pull from another worker brings the past again,
 * unless a viewer has a part of it. */
static int is_replaced(const struct source *source)
{
    return source->state == SOURCE_INTERRUPTED && source->config.is_worker_pull &&
           renditions_started(source) == 0;
}

int viewer_begin(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;
    struct source *source = rendition->source;
    enum viewer_place place = VIEWER_RUN;
    struct blob *preamble = NULL;

    assert(viewer->place == VIEWER_NEW);
    if (rendition->preamble == NULL || source->state == SOURCE_IDLE || source->is_filling ||
        rendition_is_filling(rendition) || is_replaced(source))
        return -1;
    if (!source->is_decided && !mux_is_audio_only(rendition->mux))
        return -1;
    if (source_fit(source, rendition->mux, rendition->only) != SOURCE_FITS)
        return -1;
    if (viewer->start.kind != SOURCE_START_DEFAULT)
        preamble = viewer_start_begin(viewer);
    if (viewer->is_far || (preamble == NULL && viewer_begin_live(viewer, &place) != 0))
        return -1;
    viewer->epoch = rendition->epoch;
    viewer->place = (uint8_t)place;
    viewer->has_begun = 1;
    rendition->started++;
    rendition->uncounted_started += viewer->is_uncounted;
    source_report_watched(rendition->source);
    source_report_begin(rendition->source, viewer);
    if (viewer->preamble == NULL)
        viewer->preamble = blob_ref(preamble != NULL ? preamble : rendition->preamble);
    return 0;
}
