/*
 * Finds the sync point for a presentation time, by the rules of LAS (Live Adaptive Streaming 1.0)
 * for startPts. The points are ordered, so a search halves its range.
 *
 * The timeline of a stream ends long before 2^32 ms, but with time_jitter off the publisher's own
 * clock may wrap: points are kept unwrapped, and a client's time is put into the round that fits
 * best.
 */
#include "live/sync_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_INDEX_MIN 4u
#define PTS_ROUND      ((int64_t)1 << 32)

static struct sync_point *point_at(const struct sync_index *index, uint32_t i)
{
    return &index->point[(index->first + i) % index->cap];
}

static void drop_oldest(struct sync_index *index)
{
    struct sync_point *point = point_at(index, 0);

    blob_unref(point->preamble);
    point->preamble = NULL;
    index->first = (index->first + 1) % index->cap;
    index->count--;
}

void sync_index_clear(struct sync_index *index)
{
    while (index->count > 0)
        drop_oldest(index);
}

void sync_index_fini(struct sync_index *index)
{
    sync_index_clear(index);
    free(index->point);
    memset(index, 0, sizeof(*index));
}

void sync_index_trim(struct sync_index *index, uint64_t offset)
{
    while (index->count > 0 && point_at(index, 0)->offset < offset)
        drop_oldest(index);
}

/* Room for one more point: 0, or -1 without memory. */
static int make_room(struct sync_index *index)
{
    uint32_t cap = index->cap > 0 ? index->cap * 2 : SYNC_INDEX_MIN;
    struct sync_point *wider;

    if (index->count < index->cap)
        return 0;
    if (index->cap >= SYNC_INDEX_MAX) {
        drop_oldest(index);
        return 0;
    }
    wider = malloc(cap * sizeof(*wider));
    if (wider == NULL)
        return -1;
    for (uint32_t i = 0; i < index->count; i++)
        wider[i] = *point_at(index, i);
    free(index->point);
    index->point = wider;
    index->cap = cap;
    index->first = 0;
    return 0;
}

const struct sync_point *sync_index_newest(const struct sync_index *index)
{
    return index->count > 0 ? point_at(index, index->count - 1) : NULL;
}

/* The unwrapped time that is nearest to that of the newest point. */
static int64_t unwrap_near(const struct sync_point *point, uint32_t pts)
{
    return point->pts + (int32_t)(pts - (uint32_t)point->pts);
}

void sync_index_add(struct sync_index *index, uint64_t offset, uint32_t pts, struct blob *preamble)
{
    const struct sync_point *newest = sync_index_newest(index);
    int64_t unwrapped = newest != NULL ? unwrap_near(newest, pts) : pts;
    struct sync_point *point;

    assert(newest == NULL || offset > newest->offset);
    if (newest != NULL && unwrapped < newest->pts) {
        sync_index_clear(index);
        unwrapped = pts;
    }
    if (make_room(index) != 0)
        return;
    point = point_at(index, index->count++);
    point->offset = offset;
    point->pts = unwrapped;
    point->preamble = preamble != NULL ? blob_ref(preamble) : NULL;
}

void sync_index_set_preamble(struct sync_index *index, struct blob *preamble)
{
    struct sync_point *point;

    if (index->count == 0)
        return;
    point = point_at(index, index->count - 1);
    if (preamble != NULL)
        blob_ref(preamble);
    blob_unref(point->preamble);
    point->preamble = preamble;
}

/* How many points are at this time or before it. */
static uint32_t count_until(const struct sync_index *index, int64_t pts)
{
    uint32_t low = 0, high = index->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (point_at(index, middle)->pts <= pts)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The greatest point at this time or before it, else the first one after it. */
static const struct sync_point *point_until(const struct sync_index *index, int64_t pts)
{
    uint32_t count = count_until(index, pts);

    return point_at(index, count > 0 ? count - 1 : 0);
}

/* The point nearest to this time; of two the earlier one. */
static const struct sync_point *point_near(const struct sync_index *index, int64_t pts)
{
    uint32_t count = count_until(index, pts);
    const struct sync_point *before;
    const struct sync_point *after;

    if (count == 0 || count == index->count)
        return point_until(index, pts);
    before = point_at(index, count - 1);
    after = point_at(index, count);
    return after->pts - pts < pts - before->pts ? after : before;
}

const struct sync_point *sync_index_from(const struct sync_index *index, uint64_t offset)
{
    uint32_t low = 0, high = index->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (point_at(index, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->count ? point_at(index, low) : NULL;
}

const struct sync_point *sync_index_near(const struct sync_index *index, int64_t pts,
                                         int64_t within)
{
    const struct sync_point *point = index->count > 0 ? point_near(index, pts) : NULL;

    return point != NULL && point->pts >= pts - within && point->pts <= pts + within ? point : NULL;
}

/* A client's time in the round of the newest frame, or in the one before or after it. */
static int64_t pts_in_round(int64_t pts, int64_t newest)
{
    int64_t in_round;

    if (pts >= PTS_ROUND)
        return pts;
    in_round = newest - newest % PTS_ROUND + pts;
    if (newest >= PTS_ROUND && in_round - newest > PTS_ROUND / 2)
        return in_round - PTS_ROUND;
    return newest - in_round > PTS_ROUND / 2 ? in_round + PTS_ROUND : in_round;
}

enum sync_index_find sync_index_find(const struct sync_index *index,
                                     const struct source_start *start, uint32_t newest,
                                     const struct sync_point **out)
{
    const struct sync_point *last = sync_index_newest(index);
    int64_t now;
    int64_t pts;

    assert(start->kind != SOURCE_START_DEFAULT && start->ms >= 0);
    if (last == NULL)
        return SYNC_INDEX_EMPTY;
    now = unwrap_near(last, newest);
    if (now < last->pts)
        now = last->pts;
    switch ((enum source_start_kind)start->kind) {
    case SOURCE_START_AT:
        pts = pts_in_round(start->ms, now);
        if (pts > now + SYNC_INDEX_FAR_MS)
            return SYNC_INDEX_FAR;
        *out = point_until(index, pts);
        break;
    case SOURCE_START_BACK:
        *out = point_near(index, now - start->ms);
        break;
    default:
        *out = last;
        break;
    }
    return SYNC_INDEX_FOUND;
}
