/*
 * A format's ring and its muxer. Every format is fed the same frames; a format
 * that is asked for late is filled from the FLV ring, which is the stream's
 * replay buffer, so that its first viewer begins at a keyframe at once.
 */
#include "live/rendition.h"

#include "base/buf.h"
#include "live/source_private.h"
#include "media/flv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Memory of dropped blocks that slow viewers may still hold, per ring. */
#define RENDITION_DETACHED_MAX ((size_t)4 * 1024 * 1024)
/* Metadata and sequence headers together. */
#define RENDITION_PREAMBLE_MAX ((size_t)1024 * 1024)

struct blob *blob_new(const void *data, size_t len)
{
    struct blob *blob = malloc(sizeof(*blob) + len);

    if (blob == NULL)
        return NULL;
    blob->refs = 1;
    blob->len = len;
    if (len > 0)
        memcpy(blob->data, data, len);
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    assert(blob->refs > 0 && blob->refs < UINT32_MAX);
    blob->refs++;
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (blob != NULL && --blob->refs == 0)
        free(blob);
}

int rendition_init(struct rendition *rendition, struct source *source, const struct mux *mux)
{
    struct ring_limits limits;

    memset(rendition, 0, sizeof(*rendition));
    rendition->source = source;
    rendition->mux = mux;
    if (mux->open != NULL) {
        rendition->state = mux->open();
        if (rendition->state == NULL)
            return -1;
    }
    source_ring_limits(source, &limits);
    ring_init(&rendition->ring, &limits);
    return 0;
}

void rendition_fini(struct rendition *rendition)
{
    assert(rendition->viewers == NULL);
    ring_fini(&rendition->ring);
    blob_unref(rendition->preamble);
    if (rendition->mux->close != NULL)
        rendition->mux->close(rendition->state);
}

/* What one call of the muxer does with its output. */
struct rendition_sink {
    struct rendition *rendition;
    usec_t now;
    int is_start;
};

static void rendition_take(void *arg, const struct iovec *iov, int n)
{
    struct rendition_sink *sink = arg;

    if (ring_append(&sink->rendition->ring, iov, n, sink->is_start, sink->now) != 0)
        source_count_drop(sink->rendition->source);
    /* A muxer may give several units for one frame: only the first is the start. */
    sink->is_start = 0;
}

void rendition_push(struct rendition *rendition, const struct frame *frame, uint32_t ms, usec_t now)
{
    int is_start = frame->type == FRAME_VIDEO && frame->is_key && !frame->is_header;
    struct rendition_sink sink = {rendition, now, is_start};

    rendition->mux->frame(rendition->state, frame, ms, rendition_take, &sink);
    if (rendition->ring.detached > RENDITION_DETACHED_MAX)
        rendition_evict(rendition);
}

static void rendition_collect(void *arg, const struct iovec *iov, int n)
{
    struct buf *buf = arg;

    for (int i = 0; i < n; i++)
        (void)buf_append(buf, iov[i].iov_base, iov[i].iov_len);
}

static void rendition_collect_body(struct rendition *rendition, enum frame_type type,
                                   const struct blob *body, struct buf *out)
{
    struct frame frame;

    if (body == NULL)
        return;
    flv_frame_parse(&frame, type, 0, body->data, body->len);
    rendition->mux->frame(rendition->state, &frame, 0, rendition_collect, out);
}

void rendition_open_with(struct rendition *rendition, const struct rendition_opening *opening)
{
    struct buf buf;
    struct blob *preamble;

    buf_init(&buf, RENDITION_PREAMBLE_MAX);
    if (rendition->mux->header != NULL)
        rendition->mux->header(opening->has_audio, opening->has_video, rendition_collect, &buf);
    rendition_collect_body(rendition, FRAME_SCRIPT, opening->meta, &buf);
    if (opening->has_video)
        rendition_collect_body(rendition, FRAME_VIDEO, opening->header[JITTER_VIDEO], &buf);
    if (opening->has_audio)
        rendition_collect_body(rendition, FRAME_AUDIO, opening->header[JITTER_AUDIO], &buf);
    preamble = blob_new(buf.len > 0 ? buf_data(&buf) : NULL, buf.len);
    buf_fini(&buf);
    if (preamble == NULL)
        return;
    blob_unref(rendition->preamble);
    rendition->preamble = preamble;
}

void rendition_cut(struct rendition *rendition)
{
    ring_seal(&rendition->ring);
    rendition->epoch++;
    rendition->epoch_offset = rendition->ring.end;
}

void rendition_replay(struct rendition *rendition, const struct rendition *native, usec_t now)
{
    const struct ring *ring = &native->ring;
    const struct ring_block *block = ring->start_block;
    uint32_t at = block != NULL ? (uint32_t)(ring->start - block->offset) : 0;

    assert(native->mux == &mux_flv);
    for (; block != NULL; block = block->next, at = 0) {
        while (at < block->len) {
            const uint8_t *tag = block->data + at;
            size_t len = (size_t)tag[1] << 16 | (size_t)tag[2] << 8 | tag[3];
            uint32_t ms =
                (uint32_t)tag[7] << 24 | (uint32_t)tag[4] << 16 | (uint32_t)tag[5] << 8 | tag[6];
            struct frame frame;

            flv_frame_parse(&frame, (enum frame_type)tag[0], ms, tag + FLV_TAG_HEADER_SIZE, len);
            rendition_push(rendition, &frame, ms, now);
            at += (uint32_t)(FLV_TAG_HEADER_SIZE + len + FLV_TAG_TRAILER_SIZE);
        }
    }
}

void rendition_evict(struct rendition *rendition)
{
    struct source *source = rendition->source;

    for (struct viewer *v = rendition->viewers; v != NULL; v = v->next) {
        if (v->cursor.block == NULL || v->cursor.block->attached || v->is_evicted)
            continue;
        v->is_evicted = 1;
        if (source->events.on_evict != NULL)
            source->events.on_evict(source, v, source->events.arg);
    }
}
