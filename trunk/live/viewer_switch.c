/*
 * A viewer on its way from one ring to another. On the old ring it stops before a keyframe whose
 * presentation time the new ring has, too; if the new one comes later, it waits a moment. On the
 * new ring it begins a block before the keyframe, since each encoder interleaves audio in its own
 * way: of that block it takes only the audio that it has not had.
 */
#include "live/viewer_switch.h"

#include "live/parameter_sets.h"
#include "live/renditions.h"
#include "live/viewer_private.h"
#include "media/flv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Encoders round timestamps: keyframes, or audio frames, this close are the same one, ms. */
#define SWITCH_SAME_MS 5
/* How long the viewer waits before a keyframe for that of the other stream: so much of its own
 * stream has come meanwhile, ms. */
#define SWITCH_HOLD_MS 300
/* So much of the new stream's past is kept meanwhile: encoders send audio up to so much earlier or
 * later than the video of its time. */
#define SWITCH_KEEP USEC_PER_SEC
/* Without audio after the keyframe, the viewer is like any other after so long, ms. */
#define SWITCH_SEAM_MS 2000

struct viewer_switch {
    struct source *to;       /* held, and attended to, until the viewer is there; then NULL */
    struct ring_cursor kept; /* on the new ring: what came shortly before now stays there */
    uint8_t is_hasty;        /* VIEWER_SWITCH_HASTE */
    uint8_t lacks_video;     /* video was left out: without the switch it waits for a keyframe */
    uint32_t video_ms;       /* the first that was left out */
    uint8_t is_given_up;
    uint8_t is_done;      /* everything that follows on the new ring is for the viewer */
    uint64_t from_offset; /* sync points before this one have been decided on */
    uint64_t key_offset;  /* the keyframe where it begins, on the new ring */
    uint32_t key_ms;
    uint32_t next_ms[JITTER_TRACKS]; /* what it has had of each track is before this time; */
    uint8_t has_next[JITTER_TRACKS]; /* the old ring has more of it */
};

static int is_before(uint32_t ms, uint32_t than)
{
    return (int32_t)(ms - than) < -SWITCH_SAME_MS;
}

/* ---- a walk along a ring, unit by unit ---- */

/* Whether the viewer gets this tag, which begins at this offset. */
typedef int (*switch_wants)(struct viewer_switch *change, const struct flv_tag *tag,
                            uint64_t offset);

static int wants_all(struct viewer_switch *change, const struct flv_tag *tag, uint64_t offset)
{
    (void)change;
    (void)tag;
    (void)offset;
    return 1;
}

static int wants_audio(struct viewer_switch *change, const struct flv_tag *tag, uint64_t offset)
{
    (void)offset;
    if (tag->type != FRAME_VIDEO)
        return 1;
    if (!change->lacks_video)
        change->video_ms = tag->timestamp;
    change->lacks_video = 1;
    return 0;
}

/* The beginning of the new stream. */
static int wants_seam(struct viewer_switch *change, const struct flv_tag *tag, uint64_t offset)
{
    int is_after = offset >= change->key_offset;
    struct frame frame;

    if (tag->type != FRAME_AUDIO) {
        change->is_done |= is_after && (int32_t)(tag->timestamp - change->key_ms) > SWITCH_SEAM_MS;
        return is_after;
    }
    flv_frame_parse(&frame, tag->type, tag->timestamp, tag->data, tag->len);
    if (frame.is_header || frame.is_meta)
        return is_after;
    if (is_before(tag->timestamp, change->next_ms[JITTER_AUDIO]))
        return 0;
    change->is_done |= is_after;
    return 1;
}

/* Adds the wanted units of one block; returns where that ends. */
static uint32_t walk_block(const struct viewer *viewer, const struct ring_block *block, uint32_t at,
                           switch_wants wants, uint64_t limit, struct viewer_batch *batch)
{
    while (at < block->len && block->offset + at < limit) {
        struct flv_tag tag;
        size_t used = 0;

        if (flv_tag_read(block->data + at, block->len - at, &tag, &used) != SCAN_DONE)
            return block->len; /* a ring has whole tags only */
        if (wants(viewer->change, &tag, block->offset + at) &&
            viewer_put(batch, block->data + at, used) != 0)
            break;
        at += (uint32_t)used;
    }
    return at;
}

/* Fills the batch from one block, which the cursor holds, and sets the end of the batch. */
static void walk(struct viewer *viewer, switch_wants wants, uint64_t limit,
                 struct viewer_batch *batch)
{
    struct ring_block *block = viewer->cursor.block;
    size_t before = batch->len;
    uint32_t at;

    if (limit > viewer_limit(viewer))
        limit = viewer_limit(viewer);
    at = walk_block(viewer, block, viewer->cursor.at, wants, limit, batch);
    while (batch->len == before && at == block->len && block->next != NULL &&
           block->next->offset < limit) {
        block = block->next;
        viewer_move(viewer, block, 0);
        at = walk_block(viewer, block, 0, wants, limit, batch);
    }
    viewer->batch_last = block;
    viewer->batch_at = at;
}

/* ---- what the viewer has had ---- */

static void note_next(struct viewer *viewer)
{
    const struct source *source = viewer->rendition->source;
    struct viewer_switch *change = viewer->change;
    uint64_t limit = viewer_limit(viewer);
    uint32_t at = viewer->cursor.at;

    for (int i = 0; i < JITTER_TRACKS; i++) {
        change->has_next[i] = 0;
        change->next_ms[i] = source->track[i].has_frames
                                 ? (uint32_t)source->track[i].last_ms + SWITCH_SAME_MS + 1
                                 : 0;
    }
    for (const struct ring_block *block = viewer->cursor.block;
         block != NULL && !(change->has_next[0] && change->has_next[1]);
         block = block->next, at = 0) {
        struct flv_tag tag;
        size_t used = 0;

        for (; at < block->len && block->offset + at < limit; at += (uint32_t)used) {
            int i;

            if (flv_tag_read(block->data + at, block->len - at, &tag, &used) != SCAN_DONE)
                break; /* a ring has whole tags only */
            i = tag.type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;
            if (tag.type == FRAME_SCRIPT || change->has_next[i])
                continue;
            change->next_ms[i] = tag.timestamp;
            change->has_next[i] = 1;
        }
    }
    if (change->lacks_video)
        change->next_ms[JITTER_VIDEO] = change->video_ms;
}

/* ---- the way there ---- */

/* Whether the viewer needs this tag of the new stream's preamble: a sequence header that it does
 * not have. Of H.264 the parameter sets are in-band, and a second header stops players. */
static int seam_wants(const struct blob *old, const struct flv_tag *tag)
{
    struct frame frame;

    if (tag->type == FRAME_SCRIPT ||
        (old != NULL && memmem(old->data, old->len, tag->data, tag->len) != NULL))
        return 0;
    flv_frame_parse(&frame, tag->type, tag->timestamp, tag->data, tag->len);
    return frame.codec != CODEC_H264;
}

/* The sequence headers that the viewer needs, at the time of the keyframe. */
static struct blob *seam_new(const struct blob *old, const struct blob *preamble, uint32_t ms)
{
    uint8_t *seam = malloc(preamble->len > 0 ? preamble->len : 1);
    size_t at = FLV_HEADER_SIZE, len = 0, used = 0;
    struct flv_tag tag;
    struct blob *blob = NULL;

    if (seam == NULL)
        return NULL;
    while (at < preamble->len &&
           flv_tag_read(preamble->data + at, preamble->len - at, &tag, &used) == SCAN_DONE) {
        if (seam_wants(old, &tag)) {
            memcpy(seam + len, preamble->data + at, used);
            flv_tag_header_write(seam + len, tag.type, ms, tag.len);
            len += used;
        }
        at += used;
    }
    blob = blob_new(seam, len);
    free(seam);
    return blob;
}

/* Keeps the last second of the new ring. */
static void keep_past(struct viewer_switch *change)
{
    struct rendition *rendition = &change->to->native;

    (void)ring_cursor_since(&rendition->ring, &change->kept, rendition->pushed_at - SWITCH_KEEP,
                            rendition->epoch_offset);
}

/* Where the walk on the new ring begins: at the kept past, else at the keyframe. */
static int seam_begin(struct viewer_switch *change, uint64_t offset, struct ring_cursor *at)
{
    struct rendition *rendition = &change->to->native;

    if (change->kept.block != NULL && !ring_cursor_is_lost(&change->kept) &&
        change->kept.block->offset >= rendition->epoch_offset &&
        ring_cursor_offset(&change->kept) <= offset) {
        ring_cursor_copy(&rendition->ring, at, &change->kept);
        return 0;
    }
    return ring_cursor_at(&rendition->ring, at, offset);
}

/* The time of the tag at this offset. 0, or -1: the ring does not have it any more. */
static int tag_time(struct ring *ring, uint64_t offset, uint32_t *ms)
{
    struct ring_cursor at = {NULL, 0};
    struct flv_tag tag;
    size_t used = 0;
    int rc = -1;

    if (ring_cursor_at(ring, &at, offset) != 0)
        return -1;
    if (flv_tag_read(at.block->data + at.at, at.block->len - at.at, &tag, &used) == SCAN_DONE) {
        *ms = tag.timestamp;
        rc = 0;
    }
    ring_cursor_leave(ring, &at);
    return rc;
}

/* The viewer leaves its ring for this keyframe of the new one. 0, or -1: it stays. */
static int jump(struct viewer *viewer, const struct sync_point *point)
{
    struct viewer_switch *change = viewer->change;
    struct source *to = change->to;
    const struct blob *preamble = point->preamble != NULL ? point->preamble : to->native.preamble;
    struct ring_cursor at = {NULL, 0};
    struct blob *seam;

    if (preamble == NULL)
        return -1;
    seam = seam_new(viewer->rendition->preamble, preamble, change->key_ms);
    if (seam == NULL || seam_begin(change, point->offset, &at) != 0) {
        blob_unref(seam);
        return -1;
    }
    change->key_offset = point->offset;
    ring_cursor_leave(&to->native.ring, &change->kept);
    change->to = NULL;
    viewer_delist(viewer);
    viewer->rendition = &to->native;
    viewer->cursor = at;
    viewer->epoch = to->native.epoch;
    viewer->min_sync = 0;
    viewer->is_evicted = 0;
    viewer->publishes = to->stat.publishes;
    viewer->preamble = seam;
    viewer_enlist(viewer);
    source_depart(to);
    source_report_watched(to);
    source_unref(to);
    return 0;
}

int viewer_switch_fits(const struct source *from, const struct source *to)
{
    for (int i = 0; i < JITTER_TRACKS; i++)
        if (from->track[i].codec != to->track[i].codec ||
            from->track[i].is_announced != to->track[i].is_announced)
            return 0;
    return to->state == SOURCE_LIVE && to->is_decided && !to->is_filling &&
           from->track[JITTER_VIDEO].is_announced &&
           (to->track[JITTER_VIDEO].codec != CODEC_H264 ||
            parameter_sets_fit(from->track[JITTER_VIDEO].header, to->track[JITTER_VIDEO].header));
}

/* Whether the viewer can begin at this point of the new stream, after what it has had. */
static int is_usable(struct viewer *viewer, const struct sync_point *point)
{
    struct viewer_switch *change = viewer->change;
    struct source *to = change->to;

    if (to->track[JITTER_VIDEO].codec == CODEC_H264 &&
        (!to->repeats_sets || point->offset < to->sets_offset))
        return 0;
    if (tag_time(&to->native.ring, point->offset, &change->key_ms) != 0)
        return 0;
    note_next(viewer);
    return !is_before(change->key_ms, change->next_ms[JITTER_VIDEO]);
}

/* Whether the viewer waits before this keyframe, which the new stream may still get. */
static int is_held(const struct viewer *viewer, const struct sync_point *here)
{
    struct rendition *rendition = viewer->rendition;
    const struct source *to = viewer->change->to;
    const struct sync_point *newest = sync_index_newest(&to->native.index);
    uint32_t ms = 0;

    if (!viewer_switch_fits(rendition->source, to) ||
        (newest != NULL && newest->pts > here->pts - SWITCH_SAME_MS) ||
        tag_time(&rendition->ring, here->offset, &ms) != 0)
        return 0;
    return (int32_t)(rendition->newest_ms - ms) < SWITCH_HOLD_MS;
}

/* The keyframe of the new stream where the viewer can begin now; NULL: there is none. */
static const struct sync_point *find_there(struct viewer *viewer, const struct sync_point *here)
{
    static const struct source_start newest = {SOURCE_START_NEWEST, 0};
    struct source *to = viewer->change->to;
    const struct sync_point *there = NULL;

    /* A publication that began meanwhile has ended that. */
    if (to->state == SOURCE_LIVE)
        source_repeat_sets(to);
    if (!viewer_switch_fits(viewer->rendition->source, to) ||
        rendition_find(&to->native, &newest, &there) != SYNC_INDEX_FOUND)
        return NULL;
    if (here != NULL)
        there = sync_index_near(&to->native.index, here->pts, SWITCH_SAME_MS);
    return there != NULL && is_usable(viewer, there) ? there : NULL;
}

/* Whether the old ring has, or will soon have, audio from before the keyframe. */
static int lacks_audio(const struct viewer *viewer)
{
    const struct viewer_switch *change = viewer->change;
    const struct rendition *rendition = viewer->rendition;

    if (!rendition->source->track[JITTER_AUDIO].has_frames ||
        !is_before(change->next_ms[JITTER_AUDIO], change->key_ms))
        return 0;
    return change->has_next[JITTER_AUDIO] ||
           (rendition->source->state == SOURCE_LIVE &&
            (int32_t)(rendition->newest_ms - change->key_ms) < SWITCH_HOLD_MS);
}

/* On the old ring. 0: the viewer continues there, or is on the new one. -1: it waits. */
static int step_away(struct viewer *viewer)
{
    struct viewer_switch *change = viewer->change;
    uint64_t offset = ring_cursor_offset(&viewer->cursor);
    const struct sync_point *here = NULL;
    const struct sync_point *there;

    if (!change->is_hasty) {
        here = sync_index_from(&viewer->rendition->index, offset);
        if (here == NULL || here->offset != offset || offset < change->from_offset)
            return 0;
    }
    keep_past(change);
    there = find_there(viewer, here);
    if (there != NULL && !(change->is_hasty && lacks_audio(viewer)) && jump(viewer, there) == 0)
        return 0;
    if (here != NULL && is_held(viewer, here))
        return -1;
    if (here != NULL)
        change->from_offset = offset + 1;
    return 0;
}

/* The switch is over; without the keyframe of the new stream the viewer needs one of its own. */
static void stay(struct viewer *viewer)
{
    struct rendition *rendition = viewer->rendition;

    if (viewer->change->lacks_video && !viewer->change->is_done &&
        !ring_cursor_is_lost(&viewer->cursor)) {
        ring_cursor_leave(&rendition->ring, &viewer->cursor);
        viewer->place = VIEWER_LOST;
        viewer->min_sync = rendition->ring.end;
    } else {
        viewer->place = VIEWER_RUN;
    }
    viewer_switch_drop(viewer);
}

int viewer_switch_step(struct viewer *viewer)
{
    const struct viewer_switch *change = viewer->change;

    if (change->is_done || change->is_given_up || ring_cursor_is_lost(&viewer->cursor) ||
        viewer->epoch != viewer->rendition->epoch)
        stay(viewer);
    else if (change->to != NULL)
        return step_away(viewer);
    return 0;
}

void viewer_switch_fill(struct viewer *viewer, size_t max, struct viewer_batch *batch)
{
    struct viewer_switch *change = viewer->change;
    const struct sync_point *next;
    uint64_t offset = ring_cursor_offset(&viewer->cursor);

    (void)max; /* a block is less than that, or one unit */
    if (change->to == NULL) {
        walk(viewer, wants_seam, UINT64_MAX, batch);
        return;
    }
    if (change->is_hasty) {
        walk(viewer, wants_audio, UINT64_MAX, batch);
        return;
    }
    if (offset < change->from_offset)
        offset = change->from_offset;
    next = sync_index_from(&viewer->rendition->index, offset);
    walk(viewer, wants_all, next != NULL ? next->offset : UINT64_MAX, batch);
}

/* The other stream is not wanted any more. */
static void let_go(struct viewer_switch *change)
{
    if (change->to == NULL)
        return;
    ring_cursor_leave(&change->to->native.ring, &change->kept);
    source_depart(change->to);
    source_unref(change->to);
    change->to = NULL;
}

void viewer_switch_drop(struct viewer *viewer)
{
    if (viewer->change == NULL)
        return;
    let_go(viewer->change);
    free(viewer->change);
    viewer->change = NULL;
}

int viewer_switch_begin(struct viewer *viewer, struct source *to, enum viewer_switch_way way)
{
    const struct rendition *rendition = viewer->rendition;
    struct viewer_switch *change = viewer->change;

    if (rendition != &rendition->source->native || to == rendition->source ||
        viewer->epoch != rendition->epoch)
        return -1;
    if (viewer->place == VIEWER_RUN) {
        change = calloc(1, sizeof(*change));
        if (change == NULL)
            return -1;
    } else if (viewer->place != VIEWER_SWITCH || change->to == NULL) {
        return -1;
    }
    source_ref(to);
    source_attend(to);
    let_go(change);
    change->to = to;
    change->is_hasty = way == VIEWER_SWITCH_HASTE || change->lacks_video;
    change->from_offset = 0;
    viewer->change = change;
    viewer->place = VIEWER_SWITCH;
    source_repeat_sets(to);
    return 0;
}

void viewer_switch_cancel(struct viewer *viewer)
{
    if (viewer->change == NULL || viewer->change->to == NULL)
        return;
    let_go(viewer->change);
    viewer->change->is_given_up = 1;
}

int viewer_switch_is_pending(const struct viewer *viewer)
{
    return viewer->change != NULL;
}
