/*
 * Operations on all renditions of a source: feeding, limits, ending, releasing.
 *
 * There are three kinds. FLV (the native rendition and those of one track) and MP4 get frames as
 * FLV players accept them (source_push_main.c). RTMP gets them as published. Formats that stand
 * alone (TS, MP3, AAC) get them as published, too; TS only after the tracks are known, so that its
 * tables are right from the first byte on.
 */
#include "live/renditions.h"

#include "live/viewer_private.h"

#include <assert.h>
#include <stdlib.h>

/* A ring with more than this is freed in steps of so many blocks: about a millisecond each. */
#define RENDITION_FREE_BYTES  ((size_t)2 * 1024 * 1024)
#define RENDITION_FREE_BLOCKS 16

/* Whether it gets frames of this type from the main track. */
static int rendition_takes_main(const struct rendition *rendition, enum frame_type type)
{
    return rendition_takes(rendition, type) &&
           (type == FRAME_SCRIPT ||
            !rendition->is_extra[type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO]);
}

/* The message that the rendition gets instead of this frame; NULL: it already got it. */
static const struct frame *rendition_original(const struct rendition *rendition,
                                              const struct frame *frame)
{
    const struct source *source = rendition->source;

    if (source->original == NULL || !rendition->select.is_all)
        return frame;
    return source->original_sent ? NULL : source->original;
}

/*
 * FLV players stall at a sequence header that they already have; those that come before the header
 * is decided are part of the init data.
 */
static int rendition_has_had(const struct rendition *rendition, const struct frame *frame)
{
    const struct source *source = rendition->source;

    return frame->is_header && rendition->mux == &mux_flv_all &&
           (source->is_repeat || !source->is_decided);
}

static void rendition_push_main(struct rendition *rendition, const struct frame *frame, int64_t ms,
                                usec_t now)
{
    const struct frame *original = rendition_original(rendition, frame);

    if (original != NULL && !rendition_has_had(rendition, original))
        rendition_push(rendition, original, (uint32_t)ms, now);
}

void renditions_push_original(struct source *source, const struct frame *frame, int64_t ms,
                              usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (mux_is_in_band(r->mux) && r->is_fed && rendition_takes_main(r, frame->type))
            rendition_push_main(r, frame, ms, now);
    source->original_sent = 1;
}

void renditions_push_rtmp_only(struct source *source, const struct frame *frame, int64_t ms,
                               usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!mux_is_container(r->mux) && rendition_is_eager(r) && !rendition_is_filling(r) &&
            rendition_takes_main(r, frame->type))
            rendition_push_main(r, frame, ms, now);
    source->original_sent = 1;
}

void renditions_push_flv(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    rendition_push(&source->native, frame, (uint32_t)ms, now);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!mux_is_in_band(r->mux) && r->is_fed && rendition_takes_main(r, frame->type))
            rendition_push(r, frame, (uint32_t)ms, now);
}

void renditions_push_all_tracks(struct source *source, const struct frame *frame, int64_t ms,
                                usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->select.is_all && !rendition_is_filling(r) && rendition_takes(r, frame->type) &&
            !rendition_has_had(r, frame))
            rendition_push(r, frame, (uint32_t)ms, now);
}

void renditions_push_stamp(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    rendition_push(&source->native, frame, (uint32_t)ms, now);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->mux->has_stamps && r->is_fed && !rendition_is_filling(r))
            rendition_push(r, frame, (uint32_t)ms, now);
}

void renditions_fill_step(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (rendition_is_filling(r))
            (void)rendition_fill_step(r);
}

void renditions_fill_end(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_fill_end(r);
}

void renditions_note_change(struct source *source)
{
    renditions_fill_end(source);
    source->native.unmixed_offset = source->native.ring.end;
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        r->unmixed_offset = r->ring.end;
}

void renditions_starve(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        r->is_fed = rendition_is_eager(r);
}

void renditions_set_limits(struct source *source)
{
    rendition_set_limits(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_set_limits(r);
}

/* ---- the publication start ---- */

int renditions_have_waiting(const struct source *source)
{
    return renditions_started(source) + source->attending <
           source->stat.viewers + source->uncounted;
}

/* Whether a viewer waits for the start. With several workers, a pull that comes later may, too. */
static int renditions_want_start(const struct source *source)
{
    return source->config.keeps_start || renditions_have_waiting(source);
}

void renditions_hold_start(struct source *source)
{
    if (!renditions_want_start(source))
        return;
    source->holds_start = 1;
    rendition_hold_start(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_hold_start(r);
}

void renditions_drop_start(struct source *source)
{
    if (!source->holds_start)
        return;
    source->holds_start = 0;
    rendition_drop_start(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_drop_start(r);
}

/* What a worker pull has delivered until now is the past: no viewer has waited for where it begins,
 * nor for its audio. They begin at its newest sync point, whatever comes meanwhile. */
static void rendition_forget_places(struct rendition *rendition)
{
    int is_held = rendition->start_is_sync;

    for (struct viewer *v = rendition->viewers; v != NULL; v = v->next)
        if (v->place == VIEWER_NEW)
            ring_cursor_leave(&rendition->ring, &v->cursor);
    ring_cursor_leave(&rendition->ring, &rendition->start);
    if (is_held && ring_cursor_sync(&rendition->ring, &rendition->start) != 0)
        rendition_drop_start(rendition);
}

void renditions_forget_places(struct source *source)
{
    /* Audio only: the worker pull has delivered earlier audio than viewers should begin with. */
    if (!rendition_has_sync(&source->native))
        renditions_drop_start(source);
    rendition_forget_places(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_forget_places(r);
}

/* ---- ending ---- */

void renditions_drop_flv_sync(struct source *source)
{
    renditions_drop_start(source);
    ring_drop_sync(&source->native.ring);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!mux_is_in_band(r->mux))
            ring_drop_sync(&r->ring);
}

void renditions_drop_sync(struct source *source)
{
    renditions_drop_start(source);
    ring_drop_sync(&source->native.ring);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        ring_drop_sync(&r->ring);
}

static int rendition_restore_sync(struct rendition *rendition)
{
    const struct source_start newest = {SOURCE_START_NEWEST, 0};
    const struct sync_point *point = NULL;

    return rendition_has_sync(rendition) &&
           rendition_find(rendition, &newest, &point) == SYNC_INDEX_FOUND &&
           ring_set_sync(&rendition->ring, point->offset) == 0;
}

int renditions_restore_sync(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        (void)rendition_restore_sync(r);
    return rendition_restore_sync(&source->native);
}

static int rendition_must_end(const struct rendition *rendition, enum renditions_cut which)
{
    switch (which) {
    case RENDITIONS_CUT_CHANGE:
        return !mux_is_in_band(rendition->mux) ||
               source_fit(rendition->source, rendition->mux, rendition->only) == SOURCE_UNFIT;
    case RENDITIONS_CUT_ALL:
        break;
    }
    return 1;
}

void renditions_cut(struct source *source, enum renditions_cut which)
{
    renditions_fill_end(source);
    renditions_drop_start(source);
    rendition_cut(&source->native);
    source->repeats_sets = 0;
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (rendition_must_end(r, which))
            rendition_cut(r);
}

int renditions_cut_original(struct source *source)
{
    int has_any = 0;

    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        if (!mux_is_original(r->mux))
            continue;
        rendition_fill_end(r);
        rendition_cut(r);
        has_any = 1;
    }
    return has_any;
}

size_t renditions_started(const struct source *source)
{
    size_t started = source->native.started;

    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        started += r->started;
    return started;
}

static void renditions_unlink(struct source *source, struct rendition *rendition)
{
    struct rendition **link = &source->others;

    while (*link != rendition)
        link = &(*link)->next;
    *link = rendition->next;
    if (source->full == rendition) {
        renditions_fill_end(source);
        source->full = NULL;
    }
    if (rendition->ring.bytes > RENDITION_FREE_BYTES) {
        rendition_release(rendition);
        rendition->next = source->leaving;
        source->leaving = rendition;
        return;
    }
    rendition_fini(rendition);
    free(rendition);
}

int renditions_discard(struct source *source)
{
    struct rendition *rendition = source->leaving;

    if (rendition == NULL)
        return source->state == SOURCE_IDLE && source->native.ring.bytes > RENDITION_FREE_BYTES &&
               ring_discard(&source->native.ring, RENDITION_FREE_BLOCKS);
    if (!ring_discard(&rendition->ring, RENDITION_FREE_BLOCKS)) {
        source->leaving = rendition->next;
        rendition_fini(rendition);
        free(rendition);
    }
    return 1;
}

void renditions_discard_all(struct source *source)
{
    while (source->leaving != NULL)
        (void)renditions_discard(source);
}

void renditions_leave(struct source *source, struct rendition *rendition)
{
    if (rendition != &source->native && rendition->viewer_count == 0 && !rendition->is_kept)
        renditions_unlink(source, rendition);
}

void renditions_drop_full(struct source *source)
{
    struct rendition *full = source->full;

    if (full == NULL)
        return;
    renditions_fill_end(source);
    source->full = NULL;
    full->is_kept = 0;
    renditions_leave(source, full);
}

void renditions_let_go(struct source *source)
{
    struct rendition *next;

    for (struct rendition *r = source->others; r != NULL; r = next) {
        next = r->next;
        r->is_kept = 0;
        renditions_leave(source, r);
    }
}
