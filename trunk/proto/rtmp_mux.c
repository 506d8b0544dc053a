/*
 * RTMP play as a rendition. Each frame is one message: a type 0 chunk header, so that a player may
 * start at any frame, and type 3 headers where the message is cut. Audio, video and data have
 * separate chunk streams; players get the chunk size before the first byte (Adobe's RTMP
 * specification 1.0, section 5.3).
 */
#include "proto/rtmp_mux.h"

#include "media/flv.h"
#include "proto/rtmp_chunk.h"

#include <assert.h>
#include <stdlib.h>

#define CSID_AUDIO 4
#define CSID_VIDEO 6
#define CSID_DATA  5

#define MESSAGE_LEN_MAX 0xffffff
/* Size for these chunk streams, whose ids take one byte. */
#define RTMP_CHUNK_HEADER_0 12
/* Enough spans for most frames; longer frames allocate theirs. */
#define SPANS_USUAL 32

struct mux_state {
    size_t chunk_size;
    uint32_t stream_id;
    struct iovec usual[SPANS_USUAL];
};

static struct mux_state *mux_open(uint32_t stream_id)
{
    struct mux_state *state = malloc(sizeof(*state));

    if (state == NULL)
        return NULL;
    state->chunk_size = RTMP_MUX_CHUNK_SIZE;
    state->stream_id = stream_id;
    return state;
}

static struct mux_state *rtmp_mux_open(void)
{
    return mux_open(RTMP_MUX_STREAM_ID);
}

static struct mux_state *rtmp_mux_open_2(void)
{
    return mux_open(2);
}

static struct mux_state *rtmp_mux_open_3(void)
{
    return mux_open(3);
}

static struct mux_state *rtmp_mux_open_4(void)
{
    return mux_open(4);
}

static void rtmp_mux_close(struct mux_state *state)
{
    free(state);
}

static void rtmp_mux_chunk_size(struct mux_state *state, uint32_t size)
{
    assert(state != NULL && size > 0);
    state->chunk_size = size;
}

static uint32_t frame_csid(enum frame_type type)
{
    switch (type) {
    case FRAME_AUDIO:
        return CSID_AUDIO;
    case FRAME_VIDEO:
        return CSID_VIDEO;
    default:
        return CSID_DATA;
    }
}

static void rtmp_mux_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                           mux_emit emit, void *arg)
{
    struct rtmp_message message = {.type = (uint8_t)frame->type,
                                   .timestamp = timestamp,
                                   .stream_id = state->stream_id,
                                   .csid = frame_csid(frame->type),
                                   .data = frame->data,
                                   .len = frame->len};
    uint8_t head[RTMP_CHUNK_HEADER_MAX];
    uint8_t next[RTMP_CHUNK_CONTINUE_MAX];
    /* A header before each chunk, at least one. */
    size_t spans = 2 * (frame->len / state->chunk_size + 1);
    struct iovec *span = state->usual;
    size_t next_len, done = 0;
    int n = 0;

    assert(frame->len == 0 || frame->data != NULL);
    if (frame->len > MESSAGE_LEN_MAX)
        return;
    if (spans > SPANS_USUAL) {
        span = malloc(spans * sizeof(*span));
        if (span == NULL)
            return;
    }
    span[n++] = (struct iovec){head, rtmp_chunk_header_write(head, &message)};
    next_len = rtmp_chunk_continue_write(next, &message);
    while (done < frame->len) {
        size_t len = frame->len - done;

        if (len > state->chunk_size)
            len = state->chunk_size;
        if (done > 0)
            span[n++] = (struct iovec){next, next_len};
        span[n++] = (struct iovec){(void *)(frame->data + done), len};
        done += len;
    }
    assert((size_t)n <= spans);
    emit(arg, span, n);
    if (span != state->usual)
        free(span);
}

/* The piece is one message, with the chunk headers in it. */
static size_t rtmp_mux_piece(const struct mux_state *state, const uint8_t *p, size_t len,
                             enum mux_piece *kind)
{
    size_t ext, head, body, cuts, first;
    struct frame frame;

    if (len < RTMP_CHUNK_HEADER_0)
        return 0;
    ext = p[1] == 0xff && p[2] == 0xff && p[3] == 0xff ? 4 : 0;
    head = RTMP_CHUNK_HEADER_0 + ext;
    body = (size_t)p[4] << 16 | (size_t)p[5] << 8 | p[6];
    cuts = body > 0 ? (body - 1) / state->chunk_size : 0;
    if (len < head + body + cuts * (1 + ext))
        return 0;
    first = body < state->chunk_size ? body : state->chunk_size;
    flv_frame_parse(&frame, (enum frame_type)p[7], 0, p + head, first);
    *kind = frame.type == FRAME_VIDEO && !frame.is_header && !frame.is_meta ? MUX_PIECE_VIDEO
                                                                            : MUX_PIECE_OTHER;
    return head + body + cuts * (1 + ext);
}

#define RTMP_MUX(open_stream)                                                                \
    {                                                                                        \
        .name = "rtmp", .extension = NULL, .content_type = "application/x-rtmp", .unit = 1,  \
        .kind = MUX_AS_PUBLISHED, .open = (open_stream), .close = rtmp_mux_close,            \
        .chunk_size = rtmp_mux_chunk_size, .frame = rtmp_mux_frame, .piece = rtmp_mux_piece, \
    }

const struct mux rtmp_mux = RTMP_MUX(rtmp_mux_open);

/* Few players play more than one stream: these renditions produce no bytes until one does. */
static const struct mux rtmp_mux_more[RTMP_STREAMS_MAX - 1] = {
    RTMP_MUX(rtmp_mux_open_2), RTMP_MUX(rtmp_mux_open_3), RTMP_MUX(rtmp_mux_open_4)};

const struct mux *rtmp_mux_of(uint32_t stream_id)
{
    return stream_id < 2 || stream_id > RTMP_STREAMS_MAX ? &rtmp_mux
                                                         : &rtmp_mux_more[stream_id - 2];
}
