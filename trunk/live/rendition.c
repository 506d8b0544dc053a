/*
 * A format's muxer and the ring that it fills. Every rendition is fed the same frames and muxes
 * them once, for all its viewers.
 */
#include "live/rendition.h"

#include "base/buf.h"
#include "live/source_private.h"
#include "live/viewer_private.h"
#include "media/flv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Limit of the detached blocks that slow viewers of one ring hold, in bytes. */
#define RENDITION_DETACHED_MAX ((size_t)4 * 1024 * 1024)
/* How much longer than `rewind` blocks stay under a viewer that reads them as they were made. */
#define RENDITION_REWIND_SLACK (5 * USEC_PER_SEC)
/* Without keyframes a viewer can begin at any frame; the index has one of them in so many ms. */
#define RENDITION_POINT_MS 100
/* Blocks of audio-only formats: a quarter of a second of audio, or less. */
#define RENDITION_AUDIO_BLOCK ((uint32_t)(2048 - sizeof(struct ring_block) - 16))
/* The most that a muxer makes of a body of len bytes: a header before each piece of 128 bytes (the
 * smallest chunk_size), and the head and trailer of the whole. */
#define RENDITION_PART_MAX(len) ((size_t)(len) + ((size_t)(len) / 128 + 1) * 8 + 32)
/* The file header, metadata, and all sequence headers that source_push_main.c and extra_track.c
 * keep. */
#define RENDITION_PREAMBLE_MAX                               \
    (FLV_HEADER_SIZE + RENDITION_PART_MAX(SOURCE_META_MAX) + \
     JITTER_TRACKS * RENDITION_PART_MAX(SOURCE_HEADER_MAX) + \
     EXTRA_TRACKS_MAX * RENDITION_PART_MAX(EXTRA_TRACK_HEADER_MAX))

/* The configured limits of one ring. */
static void source_ring_limits(const struct source *source, struct ring_limits *limits)
{
    const struct source_config *config = &source->config;

    limits->bytes_max = config->gop_cache_max_bytes;
    limits->lag_max = config->queue_length;
    limits->sync_units_max = config->gop_cache_max_frames;
    limits->block_cap = 0;
    limits->keep = 0;
    limits->keep_bytes = 0;
}

/* What a ring keeps for viewers that begin in the past. */
static void rewind_limits(const struct source_config *config, struct ring_limits *limits)
{
    if (limits->keep < config->rewind)
        limits->keep = config->rewind;
    limits->keep_bytes = config->rewind_max_bytes;
    if (limits->bytes_max < limits->keep_bytes)
        limits->bytes_max = limits->keep_bytes;
    /* A viewer that began at the far end must not lose its place at once. */
    if (limits->lag_max < limits->keep + RENDITION_REWIND_SLACK)
        limits->lag_max = limits->keep + RENDITION_REWIND_SLACK;
}

void rendition_set_limits(struct rendition *rendition)
{
    struct ring_limits limits;

    source_ring_limits(rendition->source, &limits);
    /* Other workers may request this much, for viewers of audio-only formats. */
    if (rendition->source->config.keeps_start &&
        (mux_is_original(rendition->mux) || rendition->mux == &mux_flv_all ||
         rendition == &rendition->source->native))
        limits.keep = rendition->source->config.fast_cache;
    if (mux_is_audio_only(rendition->mux)) {
        limits.block_cap = RENDITION_AUDIO_BLOCK;
        limits.keep = rendition->source->config.fast_cache;
        if (limits.lag_max < limits.keep)
            limits.lag_max = limits.keep;
    }
    if (rendition->is_deep && rendition->source->config.rewind > 0)
        rewind_limits(&rendition->source->config, &limits);
    ring_set_limits(&rendition->ring, &limits);
}

int rendition_init(struct rendition *rendition, struct source *source, const struct mux *mux)
{
    struct ring_limits limits;

    memset(rendition, 0, sizeof(*rendition));
    rendition->source = source;
    rendition->mux = mux;
    rendition->chunk_size = source->config.chunk_size;
    if (mux->open != NULL) {
        rendition->state = mux->open();
        if (rendition->state == NULL)
            return -1;
    }
    if (mux->chunk_size != NULL)
        mux->chunk_size(rendition->state, rendition->chunk_size);
    source_ring_limits(source, &limits);
    ring_init(&rendition->ring, &limits);
    rendition_set_limits(rendition);
    return 0;
}

void rendition_release(struct rendition *rendition)
{
    rendition_drop_start(rendition);
    if (rendition_is_filling(rendition))
        ring_cursor_leave(&rendition->backlog.from->ring, &rendition->backlog.at);
    rendition->backlog.from = NULL;
}

void rendition_fini(struct rendition *rendition)
{
    assert(rendition->viewers == NULL);
    rendition_release(rendition);
    sync_index_fini(&rendition->index);
    ring_fini(&rendition->ring);
    blob_unref(rendition->preamble);
    blob_unref(rendition->bridge);
    if (rendition->mux->close != NULL)
        rendition->mux->close(rendition->state);
}

/* The target of one muxer call. */
struct rendition_sink {
    struct rendition *rendition;
    usec_t now;
    int is_sync;
    int is_point; /* it goes into the index */
    uint32_t pts;
    size_t bridge_len;
    uint8_t bridge[MUX_BRIDGE_MAX];
};

/* The sync point has moved: the bridge to it changes, too. */
static void rendition_keep_bridge(struct rendition *rendition, const struct rendition_sink *sink)
{
    blob_unref(rendition->bridge);
    rendition->bridge = sink->bridge_len > 0 ? blob_new(sink->bridge, sink->bridge_len) : NULL;
}

/* Whether the unit that was just appended is the publication start. */
static void rendition_note_start(struct rendition *rendition, int is_sync, const struct iovec *iov,
                                 int n)
{
    struct ring *ring = &rendition->ring;
    struct ring_cursor place = {ring->head, ring->head->len};

    if (is_sync) {
        rendition->start_is_sync = ring_cursor_sync(ring, &rendition->start) == 0;
        return;
    }
    if (rendition->start.block != NULL || rendition_has_sync(rendition))
        return;
    for (int i = 0; i < n; i++)
        place.at -= (uint32_t)iov[i].iov_len;
    ring_cursor_copy(ring, &rendition->start, &place);
}

/* The unit that was just appended is a place where a viewer can begin. */
static void rendition_add_point(struct rendition *rendition, uint32_t pts, const struct iovec *iov,
                                int n)
{
    uint64_t offset = rendition->ring.end;

    for (int i = 0; i < n; i++)
        offset -= iov[i].iov_len;
    sync_index_trim(&rendition->index, rendition->ring.tail->offset);
    sync_index_add(&rendition->index, offset, pts, rendition->preamble);
}

static void rendition_take(void *arg, const struct iovec *iov, int n)
{
    struct rendition_sink *sink = arg;
    struct rendition *rendition = sink->rendition;

    if (ring_append(&rendition->ring, iov, n, sink->is_sync, sink->now) != 0) {
        source_count_drop(rendition->source);
    } else {
        if (sink->is_sync && rendition->mux->bridge != NULL)
            rendition_keep_bridge(rendition, sink);
        if (rendition->holds_start && !rendition->start_is_sync)
            rendition_note_start(rendition, sink->is_sync, iov, n);
        if (sink->is_point)
            rendition_add_point(rendition, sink->pts, iov, n);
    }
    if (rendition->mux->is_one_frame)
        ring_seal(&rendition->ring);
    /* A muxer may emit several units for one frame: only the first is a sync point. */
    sink->is_sync = 0;
    sink->is_point = 0;
}

void rendition_hold_start(struct rendition *rendition)
{
    ring_cursor_leave(&rendition->ring, &rendition->start);
    rendition->start_is_sync = 0;
    rendition->holds_start = 1;
}

void rendition_drop_start(struct rendition *rendition)
{
    ring_cursor_leave(&rendition->ring, &rendition->start);
    rendition->start_is_sync = 0;
    rendition->holds_start = 0;
}

void rendition_mark(struct rendition *rendition)
{
    static const uint8_t body[] = MUX_LIVE_MARK;
    struct frame mark;

    flv_frame_parse(&mark, FRAME_SCRIPT, 0, body, MUX_LIVE_MARK_SIZE);
    rendition_push(rendition, &mark, 0, rendition->pushed_at);
}

int rendition_takes(const struct rendition *rendition, enum frame_type type)
{
    if (type == FRAME_AUDIO)
        return rendition->only != SOURCE_VIDEO_ONLY;
    if (type == FRAME_VIDEO)
        return rendition->only != SOURCE_AUDIO_ONLY && !mux_is_audio_only(rendition->mux);
    /* RTMP metadata describes both tracks; FLV rings contain only data messages. */
    return rendition->only == SOURCE_BOTH || !mux_is_in_band(rendition->mux);
}

int rendition_is_eager(const struct rendition *rendition)
{
    return mux_is_audio_only(rendition->mux) ||
           (mux_is_in_band(rendition->mux) && !mux_is_container(rendition->mux));
}

int rendition_has_sync(const struct rendition *rendition)
{
    if (rendition->mux->is_sync != NULL)
        return 1;
    return rendition_takes(rendition, FRAME_VIDEO) &&
           rendition->source->track[JITTER_VIDEO].codec != CODEC_NONE;
}

enum sync_index_find rendition_find(struct rendition *rendition, const struct source_start *start,
                                    const struct sync_point **point)
{
    uint64_t oldest = rendition->epoch_offset;

    if (rendition->ring.tail != NULL && rendition->ring.tail->offset > oldest)
        oldest = rendition->ring.tail->offset;
    sync_index_trim(&rendition->index, oldest);
    return sync_index_find(&rendition->index, start, rendition->newest_ms, point);
}

/* Whether the frame, if it is no sync point, is one of those where a viewer can begin without. */
static int rendition_is_point(const struct rendition *rendition, const struct frame *frame,
                              uint32_t ms)
{
    const struct sync_point *newest = sync_index_newest(&rendition->index);

    if (frame->type != FRAME_AUDIO || frame->is_header || rendition_has_sync(rendition))
        return 0;
    return newest == NULL || ms - (uint32_t)newest->pts >= RENDITION_POINT_MS;
}

/* Before a keyframe: a muxer that had no memory for the sequence header gets it again. */
static void rendition_prime_again(struct rendition *rendition)
{
    const struct source *source = rendition->source;
    const struct extra_track *extra = NULL;

    if (!rendition->is_extra[JITTER_VIDEO]) {
        rendition_prime(rendition, FRAME_VIDEO, source->track[JITTER_VIDEO].header);
        return;
    }
    extra = extra_track_find(source, JITTER_VIDEO, rendition->select.id[JITTER_VIDEO]);
    if (extra != NULL)
        rendition_prime(rendition, FRAME_VIDEO, extra->header);
}

void rendition_push(struct rendition *rendition, const struct frame *frame, uint32_t ms, usec_t now)
{
    int is_sync = rendition->mux->is_sync != NULL
                      ? rendition->mux->is_sync(rendition->state, frame, ms)
                      : frame->type == FRAME_VIDEO && frame->is_key && !frame->is_header;
    struct rendition_sink sink;

    if (is_sync && rendition->mux->lacks_header != NULL &&
        rendition->mux->lacks_header(rendition->state))
        rendition_prime_again(rendition);
    sink.rendition = rendition;
    sink.now = now;
    sink.is_sync = is_sync;
    sink.is_point = is_sync || rendition_is_point(rendition, frame, ms);
    sink.pts = ms + (uint32_t)frame->cts;
    sink.bridge_len = 0;
    if (is_sync && rendition->mux->bridge != NULL)
        sink.bridge_len =
            rendition->mux->bridge(rendition->state, sink.bridge, sizeof(sink.bridge));
    rendition->pushed_at = now;
    if (frame->type != FRAME_SCRIPT && !frame->is_header)
        rendition->newest_ms = ms;
    rendition->mux->frame(rendition->state, frame, ms, rendition_take, &sink);
    if (rendition->ring.detached > RENDITION_DETACHED_MAX)
        rendition_evict(rendition);
}

/* A preamble under construction: complete, or not used. */
struct rendition_draft {
    struct buf buf;
    int is_broken; /* a part is missing: too long, or no memory */
};

/* Whether the draft is the same as the preamble in force: points of the index then share it. */
static int draft_is(const struct rendition_draft *draft, const struct blob *preamble)
{
    return draft->buf.len > 0 && blob_is(preamble, buf_data(&draft->buf), draft->buf.len);
}

static void rendition_collect(void *arg, const struct iovec *iov, int n)
{
    struct rendition_draft *draft = arg;

    for (int i = 0; i < n && !draft->is_broken; i++)
        draft->is_broken = buf_append(&draft->buf, iov[i].iov_base, iov[i].iov_len) != 0;
}

static void rendition_collect_body(struct rendition *rendition, enum frame_type type,
                                   const struct blob *body, struct rendition_draft *draft)
{
    size_t before = draft->buf.len;
    struct frame frame;

    if (body == NULL)
        return;
    flv_frame_parse(&frame, type, 0, body->data, body->len);
    rendition->mux->frame(rendition->state, &frame, 0, rendition_collect, draft);
    /* A muxer without memory emits nothing. */
    if (draft->buf.len == before)
        draft->is_broken = 1;
}

static enum frame_type extra_track_type(const struct extra_track *extra)
{
    return extra->which == JITTER_AUDIO ? FRAME_AUDIO : FRAME_VIDEO;
}

/* Metadata and sequence headers, for formats that need them first. A rendition of one track omits
 * metadata, which describes both: players would wait for the other. */
static void rendition_collect_bodies(struct rendition *rendition, const struct init_data *init,
                                     struct rendition_draft *draft)
{
    /* RTMP players may need them later, and they are not sent again then. */
    int is_lax = init->is_lax || mux_is_in_band(rendition->mux);

    if (rendition->only == SOURCE_BOTH)
        rendition_collect_body(rendition, FRAME_SCRIPT, init->meta, draft);
    if ((init->has_video || is_lax) && rendition_takes(rendition, FRAME_VIDEO))
        rendition_collect_body(rendition, FRAME_VIDEO, init->header[JITTER_VIDEO], draft);
    if ((init->has_audio || is_lax) && rendition_takes(rendition, FRAME_AUDIO))
        rendition_collect_body(rendition, FRAME_AUDIO, init->header[JITTER_AUDIO], draft);
    for (const struct extra_track *extra = init->extra_tracks; extra != NULL; extra = extra->next)
        if (rendition_takes(rendition, extra_track_type(extra)))
            rendition_collect_body(rendition, extra_track_type(extra), extra->original, draft);
}

/* The main track of this kind, if the rendition takes it. */
static void rendition_track(const struct rendition *rendition, const struct init_data *init,
                            enum jitter_track which, struct mux_track *out)
{
    enum frame_type type = which == JITTER_AUDIO ? FRAME_AUDIO : FRAME_VIDEO;
    const struct blob *body = init->header[which];
    struct frame frame;

    if (!rendition_takes(rendition, type))
        return;
    out->is_announced = which == JITTER_AUDIO ? init->has_audio : init->has_video;
    out->codec = init->codec[which];
    if (body == NULL)
        return;
    flv_frame_parse(&frame, type, 0, body->data, body->len);
    out->config = frame.payload;
    out->config_len = frame.payload_len;
}

struct blob *rendition_make_preamble(struct rendition *rendition, const struct init_data *init)
{
    struct mux_tracks tracks = {.audio.codec = CODEC_NONE, .video.codec = CODEC_NONE};
    struct rendition_draft draft = {.is_broken = 0};
    struct blob *preamble = NULL;

    rendition_track(rendition, init, JITTER_AUDIO, &tracks.audio);
    rendition_track(rendition, init, JITTER_VIDEO, &tracks.video);
    buf_init(&draft.buf, RENDITION_PREAMBLE_MAX);
    if (rendition->mux->header != NULL)
        rendition->mux->header(rendition->state, &tracks, rendition_collect, &draft);
    if (!mux_is_container(rendition->mux))
        rendition_collect_bodies(rendition, init, &draft);
    if (mux_is_fixed(rendition->mux) && draft.buf.len == 0)
        draft.is_broken = 1;
    if (!draft.is_broken && !draft_is(&draft, rendition->preamble))
        preamble = blob_new(draft.buf.len > 0 ? buf_data(&draft.buf) : NULL, draft.buf.len);
    else if (!draft.is_broken)
        preamble = blob_ref(rendition->preamble);
    buf_fini(&draft.buf);
    return preamble;
}

void rendition_set_init_data(struct rendition *rendition, const struct init_data *init)
{
    struct blob *preamble = rendition_make_preamble(rendition, init);

    /* The old preamble still works; half of a new one would break every player. */
    if (preamble == NULL) {
        source_count_drop(rendition->source);
        return;
    }
    blob_unref(rendition->preamble);
    rendition->preamble = preamble;
    sync_index_set_preamble(&rendition->index, preamble);
}

void rendition_prime(struct rendition *rendition, enum frame_type type, const struct blob *body)
{
    struct frame frame;

    if (body == NULL || !mux_is_container(rendition->mux) || !rendition_takes(rendition, type))
        return;
    flv_frame_parse(&frame, type, 0, body->data, body->len);
    rendition_push(rendition, &frame, 0, rendition->pushed_at);
}

void rendition_restart(struct rendition *rendition)
{
    struct mux_state *state = rendition->mux->open != NULL ? rendition->mux->open() : NULL;

    if (state == NULL)
        return;
    rendition->mux->close(rendition->state);
    rendition->state = state;
}

void rendition_cut(struct rendition *rendition)
{
    ring_seal(&rendition->ring);
    rendition->epoch++;
    rendition->epoch_offset = rendition->ring.end;
    rendition->unmixed_offset = rendition->ring.end;
    sync_index_clear(&rendition->index);
}

void rendition_evict(struct rendition *rendition)
{
    for (struct viewer *v = rendition->viewers; v != NULL; v = v->next) {
        if (v->cursor.block == NULL || v->cursor.block->attached || v->is_evicted)
            continue;
        v->is_evicted = 1;
        source_report_evict(rendition->source, v);
    }
}
