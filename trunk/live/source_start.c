/*
 * The past of a stream: how clients name a place in it, and how much of it there is. A pull begins
 * with all of the past that is kept, so that viewers find the same at each edge and each worker.
 */
#include "live/source_private.h"

struct source_start source_start_pts(int64_t pts)
{
    struct source_start start = {SOURCE_START_NEWEST, 0};

    if (pts > 0) {
        start.kind = SOURCE_START_AT;
        start.ms = pts;
    } else if (pts < 0) {
        start.kind = SOURCE_START_BACK;
        start.ms = pts > -INT64_MAX ? -pts : INT64_MAX;
    }
    return start;
}

struct source_start source_pull_start(const struct source *source)
{
    struct source_start start = {SOURCE_START_DEFAULT, 0};

    if (source->config.rewind > 0) {
        start.kind = SOURCE_START_BACK;
        start.ms = source->config.rewind / USEC_PER_MS;
    }
    return start;
}

int64_t source_rewind_ms(const struct source *source)
{
    const struct source_start oldest = {SOURCE_START_BACK, INT32_MAX};
    struct rendition *native = (struct rendition *)(uintptr_t)&source->native;
    const struct sync_point *point;
    const struct sync_point *newest = sync_index_newest(&native->index);
    int32_t after;

    if (source->config.rewind == 0 || newest == NULL ||
        rendition_find(native, &oldest, &point) != SYNC_INDEX_FOUND)
        return 0;
    newest = sync_index_newest(&native->index);
    after = (int32_t)(native->newest_ms - (uint32_t)newest->pts);
    return newest->pts - point->pts + (after > 0 ? after : 0);
}
