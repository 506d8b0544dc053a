/*
 * RTMP play as a rendition. Each frame is one message: a type 0 chunk header,
 * so that a player may begin at any of them, and type 3 headers where the
 * message is cut. Audio, video and data have chunk streams of their own; players
 * are told the chunk size before the first byte (Adobe's RTMP specification 1.0,
 * section 5.3).
 */
#include "proto/rtmp_mux.h"

#include "proto/rtmp_chunk.h"

#include <assert.h>
#include <stdlib.h>

#define CSID_AUDIO 4
#define CSID_VIDEO 6
#define CSID_DATA  5

#define MESSAGE_LEN_MAX 0xffffff
/* Room for most frames' spans; longer ones get theirs when they come. */
#define SPANS_USUAL 32

struct mux_state {
    size_t chunk_size;
    struct iovec usual[SPANS_USUAL];
};

static struct mux_state *rtmp_mux_open(void)
{
    struct mux_state *state = malloc(sizeof(*state));

    if (state != NULL)
        state->chunk_size = RTMP_MUX_CHUNK_SIZE;
    return state;
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
                                   .stream_id = RTMP_MUX_STREAM_ID,
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

const struct mux rtmp_mux = {
    .name = "rtmp",
    .extension = NULL,
    .content_type = "application/x-rtmp",
    .unit = 1,
    .in_band = 1,
    .open = rtmp_mux_open,
    .close = rtmp_mux_close,
    .chunk_size = rtmp_mux_chunk_size,
    .frame = rtmp_mux_frame,
};
