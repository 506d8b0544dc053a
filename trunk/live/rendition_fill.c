/*
 * A rendition that is made while the stream runs is filled from the FLV ring, which is the stream's
 * replay buffer, so its first viewer can begin at a keyframe at once. A rendition of selected
 * tracks is filled from the one that holds all tracks as published.
 *
 * The past that `rewind` keeps may be a gigabyte, so it is read in steps, between which others run;
 * frames that arrive meanwhile are read from the same ring. What cannot be read from there (a
 * change of the stream) ends this: the rendition then begins at the newest sync point.
 */
#include "live/parameter_sets.h"
#include "live/renditions.h"
#include "live/viewer_private.h"
#include "media/flv.h"
#include "media/flv_tracks.h"
#include "media/stamp.h"

#include <assert.h>
#include <stdlib.h>

/* So many bytes of the past are read at once, in addition to one tag. */
#define RENDITION_FILL_STEP ((size_t)128 * 1024)

/* Calls fn with the tags of the ring after *at, and their places; moves *at, which does not hold
 * its block. Ends when it has read `max` bytes: 1; at the end of the ring: 0. */
static int ring_each_tag(struct ring_cursor *at, size_t max,
                         void (*fn)(void *arg, const struct frame *frame,
                                    const struct ring_cursor *place),
                         void *arg)
{
    while (at->block != NULL) {
        struct flv_tag tag;
        struct frame frame;
        size_t used;

        if (flv_tag_read(at->block->data + at->at, at->block->len - at->at, &tag, &used) !=
            SCAN_DONE) {
            if (at->block->next == NULL)
                break;
            at->block = at->block->next;
            at->at = 0;
            continue;
        }
        flv_frame_parse(&frame, tag.type, tag.timestamp, tag.data, tag.len);
        fn(arg, &frame, at);
        at->at += (uint32_t)used;
        if (used >= max)
            return 1;
        max -= used;
    }
    return 0;
}

struct rendition_filler {
    struct rendition *rendition;
    const struct rendition *native; /* read from its ring */
    usec_t now;
    uint64_t audio_from; /* audio before this offset belongs to another configuration */
    struct ring_cursor from;
    uint64_t whole_from; /* before this offset: only audio, and only since from_ms */
    int64_t from_ms;
    int is_full; /* the source of the replay holds all tracks as published */
};

/* Replays one track's frame from a multitrack message. */
static void replay_track(struct rendition *rendition, const struct frame *frame, usec_t now)
{
    /* Formats without in-band sequence headers have them in their init data. */
    if (frame->is_header && !mux_is_in_band(rendition->mux))
        return;
    rendition_push(rendition, frame, frame->timestamp, now);
}

/* Replays a frame of `full` into a rendition of selected tracks. */
static void replay_chosen(struct rendition *rendition, const struct frame *frame, usec_t now)
{
    enum jitter_track which = frame->type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;
    uint8_t id = source_select_track(rendition, which);
    struct flv_tracks tracks;
    struct flv_track track;
    struct frame plain = *frame;

    assert(!source_select_is_default(&rendition->select));
    if (frame->type == FRAME_SCRIPT && !mux_is_in_band(rendition->mux))
        return;
    if (rendition->select.is_all || frame->type == FRAME_SCRIPT) {
        const struct source_track *main = &rendition->source->track[which];

        if (frame->is_multi ? !flv_tracks_have(frame, main->main) : main->main != 0)
            plain.is_key = 0;
        rendition_push(rendition, &plain, frame->timestamp, now);
        return;
    }
    if (!frame->is_multi) {
        if (id == 0)
            replay_track(rendition, frame, now);
        return;
    }
    if (flv_tracks_open(&tracks, frame) != 0)
        return;
    while (flv_tracks_next(&tracks, &track) == 1) {
        struct buf body;

        buf_init(&body, FLV_BODY_MAX);
        if (track.id == id && flv_tracks_unwrap(&tracks, &track, &body, &plain) == 0)
            replay_track(rendition, &plain, now);
        buf_fini(&body);
    }
}

static void rendition_note_header(void *arg, const struct frame *frame,
                                  const struct ring_cursor *place)
{
    struct rendition_filler *filler = arg;

    if (frame->type == FRAME_AUDIO && frame->is_header &&
        (!filler->is_full || (frame->is_multi ? frame->track : 0) ==
                                 source_select_track(filler->rendition, JITTER_AUDIO)))
        filler->audio_from = ring_cursor_offset(place);
}

/* The body of a keyframe as it was published, without inserted parameter sets; NULL: it has none.
 */
static uint8_t *replay_without_sets(const struct source *source, const struct frame *frame,
                                    size_t *len)
{
    const struct blob *header = source->track[JITTER_VIDEO].header;

    if (!source->repeats_sets || header == NULL)
        return NULL;
    return parameter_sets_remove(frame, header, len);
}

/* The publication start, if it is held, is not at the beginning of the past. */
static void rendition_fill_start(struct rendition *rendition, const struct rendition *native,
                                 uint64_t offset)
{
    if (native->holds_start && !rendition->holds_start && native->start.block != NULL &&
        offset >= ring_cursor_offset(&native->start))
        rendition_hold_start(rendition);
}

static void rendition_refill(void *arg, const struct frame *frame, const struct ring_cursor *place)
{
    struct rendition_filler *filler = arg;
    uint64_t offset = ring_cursor_offset(place);
    struct frame plain = *frame;
    uint8_t *data = NULL;

    if (!rendition_takes(filler->rendition, frame->type) ||
        (frame->type == FRAME_SCRIPT && !filler->rendition->mux->has_stamps &&
         stamp_is(frame->data, frame->len)) ||
        (frame->type == FRAME_AUDIO && offset < filler->audio_from))
        return;
    /* What is kept of the past is as old in the new ring as it was. */
    if (filler->rendition->is_deep) {
        filler->now = place->block->time;
        rendition_fill_start(filler->rendition, filler->native, offset);
    }
    if (offset < filler->whole_from &&
        (frame->type == FRAME_VIDEO || frame->timestamp < filler->from_ms))
        return;
    if (filler->is_full) {
        replay_chosen(filler->rendition, frame, filler->now);
        return;
    }
    /* As when live: formats that follow changes by themselves get frames as published. */
    if (plain.is_key && plain.type == FRAME_VIDEO && mux_is_in_band(filler->rendition->mux))
        data = replay_without_sets(filler->rendition->source, frame, &plain.len);
    if (data != NULL) {
        plain.data = data;
        plain.payload = data + (frame->payload - frame->data);
        plain.payload_len = plain.len - (size_t)(frame->payload - frame->data);
    }
    rendition_push(filler->rendition, &plain, frame->timestamp, filler->now);
    free(data);
}

/* The beginning of the current epoch in the ring. */
static void replay_epoch(const struct rendition *native, struct ring_cursor *from)
{
    from->block = native->ring.tail;
    from->at = 0;
    while (from->block != NULL && from->block->offset < native->epoch_offset)
        from->block = from->block->next;
}

/* The oldest frames of the newest configuration, the only one that a muxer knows. */
static void replay_past(const struct rendition *native, struct ring_cursor *from)
{
    const struct ring *ring = &native->ring;
    uint64_t offset = native->unmixed_offset;

    from->block = ring->tail;
    while (from->block != NULL && from->block->offset + from->block->len <= offset)
        from->block = from->block->next;
    from->at = from->block != NULL && from->block->offset < offset
                   ? (uint32_t)(offset - from->block->offset)
                   : 0;
}

/* Decides where to read the native ring from, without the past. The cursor does not hold its block,
 * since nothing is pushed meanwhile. */
static void replay_from(const struct rendition *rendition, const struct rendition *native,
                        struct rendition_filler *filler)
{
    const struct source *source = native->source;
    const struct ring *ring = &native->ring;
    struct ring_cursor *from = &filler->from;

    /* If no viewer has waited yet, the newest sync point is enough. */
    if ((mux_is_original(rendition->mux) || rendition->viewer_count > 0) &&
        native->start.block != NULL && native->start.block->attached &&
        native->start_is_sync == rendition_has_sync(native)) {
        *from = native->start;
    } else if (ring->sync_block != NULL) {
        from->block = ring->sync_block;
        from->at = (uint32_t)(ring->sync - ring->sync_block->offset);
    }
    if (!mux_is_original(rendition->mux) ||
        (rendition_has_sync(native) && source->config.fast_cache == 0))
        return;
    /* Another server gets what its viewers may ask for: earlier audio, too. */
    filler->whole_from = from->block != NULL ? ring_cursor_offset(from) : UINT64_MAX;
    filler->from_ms = source->jitter.last - source->config.fast_cache / USEC_PER_MS;
    if (native->holds_start && source->first_ms < filler->from_ms)
        filler->from_ms = source->first_ms;
    replay_epoch(native, from);
}

void rendition_fill_frames(struct rendition *rendition, const struct rendition *native, usec_t now)
{
    struct rendition_filler filler = {
        .rendition = rendition, .native = native, .now = now, .is_full = native->select.is_all};
    struct ring_cursor at;

    replay_from(rendition, native, &filler);
    if (native->holds_start)
        rendition_hold_start(rendition);
    /* The muxer knows the newest configuration only: frames of an older one cannot be used. */
    at = filler.from;
    if (mux_is_container(rendition->mux))
        (void)ring_each_tag(&at, SIZE_MAX, rendition_note_header, &filler);
    at = filler.from;
    (void)ring_each_tag(&at, SIZE_MAX, rendition_refill, &filler);
}

/* All of the past that can be used, in steps. */
static void rendition_fill_begin(struct rendition *rendition, struct rendition *native)
{
    struct rendition_filler filler = {
        .rendition = rendition, .native = native, .is_full = native->select.is_all};
    struct ring_cursor at = {NULL, 0};

    /* The selected video track's keyframe may come before the main one's. */
    if (rendition->is_deep)
        replay_past(native, &filler.from);
    else
        replay_epoch(native, &filler.from);
    if (!rendition->is_deep && native->holds_start)
        rendition_hold_start(rendition);
    at = filler.from;
    /* The past of the main tracks is of one configuration. */
    if (mux_is_container(rendition->mux) && (filler.is_full || !rendition->is_deep))
        (void)ring_each_tag(&at, SIZE_MAX, rendition_note_header, &filler);
    rendition->backlog.from = native;
    rendition->backlog.is_void = 0;
    rendition->backlog.audio_from = filler.audio_from;
    if (filler.from.block != NULL)
        ring_cursor_copy(&native->ring, &rendition->backlog.at, &filler.from);
}

/* It has what the ring has, and gets frames as they come from now on. */
static void rendition_fill_done(struct rendition *rendition)
{
    const struct source *source = rendition->source;

    if (rendition_is_filling(rendition)) {
        ring_cursor_leave(&rendition->backlog.from->ring, &rendition->backlog.at);
        if (rendition->backlog.from->holds_start && !rendition->holds_start)
            rendition_hold_start(rendition);
        /* No viewer begins live at a keyframe of the publication before. */
        if (rendition->backlog.from->ring.sync_block == NULL)
            ring_drop_sync(&rendition->ring);
        rendition->backlog.from = NULL;
        if (!source->config.gop_cache)
            for (struct viewer *v = rendition->viewers; v != NULL; v = v->next)
                v->min_sync = rendition->ring.end;
    }
    if (!rendition->is_extra[JITTER_VIDEO])
        rendition_prime(rendition, FRAME_VIDEO, source->track[JITTER_VIDEO].pending);
    if (!rendition->is_extra[JITTER_AUDIO])
        rendition_prime(rendition, FRAME_AUDIO, source->track[JITTER_AUDIO].pending);
    rendition->is_fed = 1;
}

/* Forgets what has been read: nobody has begun. */
static void rendition_fill_drop(struct rendition *rendition)
{
    rendition_drop_start(rendition);
    ring_drop_sync(&rendition->ring);
    rendition_cut(rendition);
}

int rendition_fill_step(struct rendition *rendition)
{
    struct rendition_backlog *backlog = &rendition->backlog;
    struct rendition_filler filler = {.rendition = rendition, .native = backlog->from};
    struct ring_cursor at = backlog->at;

    if (!rendition_is_filling(rendition))
        return 0;
    if (backlog->is_void) {
        rendition_fill_drop(rendition);
        rendition_release(rendition);
        rendition_fill(rendition);
        return rendition_is_filling(rendition);
    }
    filler.now = backlog->from->pushed_at;
    filler.audio_from = backlog->audio_from;
    filler.is_full = backlog->from->select.is_all;
    if (at.block != NULL && ring_cursor_is_lost(&at)) {
        /* It was dropped before it was read: the past begins after the gap. */
        rendition_fill_drop(rendition);
        at.block = backlog->from->ring.tail;
        at.at = 0;
    }
    if (ring_each_tag(&at, RENDITION_FILL_STEP, rendition_refill, &filler)) {
        ring_cursor_copy(&backlog->from->ring, &backlog->at, &at);
        return 1;
    }
    rendition_fill_done(rendition);
    return 0;
}

void rendition_fill_end(struct rendition *rendition)
{
    struct rendition *from = rendition->backlog.from;

    if (from == NULL)
        return;
    rendition_fill_drop(rendition);
    rendition_fill_frames(rendition, from, from->pushed_at);
    rendition_fill_done(rendition);
}

/* The rendition that this one is filled from. */
static struct rendition *replayed(const struct rendition *rendition)
{
    struct source *source = rendition->source;

    if (source->full == NULL || source->full == rendition ||
        source_select_is_default(&rendition->select))
        return &source->native;
    return source->full;
}

void rendition_fill(struct rendition *rendition)
{
    struct source *source = rendition->source;
    struct init_data init;

    source_init_data(source, rendition, &init);
    if (mux_is_container(rendition->mux))
        rendition_restart(rendition);
    rendition_prime(rendition, FRAME_VIDEO, init.header[JITTER_VIDEO]);
    rendition_prime(rendition, FRAME_AUDIO, init.header[JITTER_AUDIO]);
    rendition_set_init_data(rendition, &init);
    if (rendition->is_deep || rendition->is_extra[JITTER_VIDEO]) {
        rendition_fill_begin(rendition, replayed(rendition));
        (void)rendition_fill_step(rendition);
        return;
    }
    rendition_fill_frames(rendition, replayed(rendition), source->native.pushed_at);
    /* Frames may tell what the header says. */
    if (mux_is_fixed(rendition->mux))
        rendition_set_init_data(rendition, &init);
    rendition_fill_done(rendition);
}
