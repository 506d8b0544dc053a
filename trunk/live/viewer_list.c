/*
 * A viewer on the list of its rendition, and in the counts of rendition and source; what viewers
 * share that walk along a ring unit by unit.
 */
#include "live/renditions.h"
#include "live/viewer_private.h"

static void count(const struct viewer *viewer)
{
    struct source *source = viewer->rendition->source;

    if (!viewer->is_uncounted) {
        source_count_viewer(source, 1);
        return;
    }
    viewer->rendition->uncounted++;
    source->uncounted++;
}

void viewer_enlist(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;

    viewer->prev = NULL;
    viewer->next = rendition->viewers;
    if (viewer->next != NULL)
        viewer->next->prev = viewer;
    rendition->viewers = viewer;
    rendition->viewer_count++;
    if (viewer->has_begun) {
        rendition->started++;
        rendition->uncounted_started += viewer->is_uncounted;
    }
    source_ref(rendition->source);
    count(viewer);
}

void viewer_delist(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;
    struct source *source = rendition->source;

    ring_cursor_leave(&rendition->ring, &viewer->cursor);
    if (viewer->prev != NULL)
        viewer->prev->next = viewer->next;
    else
        rendition->viewers = viewer->next;
    if (viewer->next != NULL)
        viewer->next->prev = viewer->prev;
    rendition->viewer_count--;
    if (viewer->has_begun) {
        rendition->started--;
        rendition->uncounted_started -= viewer->is_uncounted;
    }
    rendition->uncounted -= viewer->is_uncounted;
    source->uncounted -= viewer->is_uncounted;
    renditions_leave(source, rendition);
    if (!viewer->is_uncounted)
        source_count_viewer(source, -1);
    source_report_watched(source);
    source_unref(source);
}

int viewer_put(struct viewer_batch *batch, const uint8_t *p, size_t len)
{
    struct iovec *last = batch->count > 0 ? &batch->span[batch->count - 1] : NULL;

    if (last != NULL && (const uint8_t *)last->iov_base + last->iov_len == p) {
        last->iov_len += len;
        batch->len += len;
        return 0;
    }
    if (batch->count == VIEWER_SPANS_MAX)
        return -1;
    viewer_add(batch, p, len);
    return 0;
}
