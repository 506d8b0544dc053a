/*
 * Viewers that begin in the past: where the ring still has it, a viewer is a cursor at an earlier
 * sync point, and costs no more than any other.
 */
#include "live/renditions.h"
#include "live/viewer_private.h"

struct blob *viewer_start_begin(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;
    const struct sync_point *point = NULL;

    switch (rendition_find(rendition, &viewer->start, &point)) {
    case SYNC_INDEX_FOUND:
        break;
    case SYNC_INDEX_FAR:
        /* While there is no publisher: its next frames may reach the start. */
        viewer->is_far = rendition->source->state == SOURCE_LIVE;
        return NULL;
    default:
        return NULL;
    }
    if (ring_cursor_at(&rendition->ring, &viewer->cursor, point->offset) != 0)
        return NULL;
    if (mux_is_original(rendition->mux))
        rendition_mark(rendition);
    return point->preamble != NULL ? point->preamble : rendition->preamble;
}

int viewer_prepare(struct viewer *viewer)
{
    if (!rendition_is_filling(viewer->rendition))
        return 0;
    if (rendition_fill_step(viewer->rendition))
        return 1;
    source_report_data(viewer->rendition->source);
    return 0;
}

int viewer_is_far(const struct viewer *viewer)
{
    return viewer->is_far;
}
