/*
 * Measures viewers for metrics. Nothing is counted while bytes are sent: a viewer's lag follows
 * from its place in the ring, since each block of a ring has the time of its first unit.
 */
#include "live/viewer_measure.h"

#include "live/viewer_private.h"

usec_t viewer_measure_lag(const struct viewer *viewer)
{
    const struct rendition *rendition = viewer->rendition;
    const struct ring_block *block = viewer->cursor.block;
    usec_t until = rendition->pushed_at;
    usec_t span;

    if (!viewer->has_begun)
        return -1;
    if (block == NULL || block->len == 0 ||
        (block->next == NULL && viewer->cursor.at == block->len))
        return 0;
    if (block->next != NULL && block->next->len > 0)
        until = block->next->time;
    span = until > block->time ? until - block->time : 0;
    return rendition->pushed_at - block->time - span * viewer->cursor.at / block->len;
}

static void measure_one(const struct mux *mux, size_t viewers,
                        void (*fn)(const struct mux *mux, size_t viewers, void *arg), void *arg)
{
    if (viewers > 0)
        fn(mux, viewers, arg);
}

void viewer_measure_formats(const struct source *source,
                            void (*fn)(const struct mux *mux, size_t viewers, void *arg), void *arg)
{
    measure_one(source->native.mux, source->native.viewer_count - source->native.uncounted, fn,
                arg);
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        measure_one(r->mux, r->viewer_count - r->uncounted, fn, arg);
}
