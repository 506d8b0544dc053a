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
/* Spans of a message as long as FLV and RTMP allow: a header before each chunk. */
#define SPANS_MAX (2 * (MESSAGE_LEN_MAX / RTMP_MUX_CHUNK_SIZE + 1))

struct mux_state {
    struct iovec span[SPANS_MAX];
};

static struct mux_state *rtmp_mux_open(void)
{
    return malloc(sizeof(struct mux_state));
}

static void rtmp_mux_close(struct mux_state *state)
{
    free(state);
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
    size_t next_len, done = 0;
    int n = 0;

    assert(state != NULL && frame != NULL && emit != NULL);
    if (frame->len > MESSAGE_LEN_MAX)
        return;
    state->span[n++] = (struct iovec){head, rtmp_chunk_header_write(head, &message)};
    next_len = rtmp_chunk_continue_write(next, &message);
    while (done < frame->len) {
        size_t len = frame->len - done;

        if (len > RTMP_MUX_CHUNK_SIZE)
            len = RTMP_MUX_CHUNK_SIZE;
        if (done > 0)
            state->span[n++] = (struct iovec){next, next_len};
        assert(n < SPANS_MAX);
        state->span[n++] = (struct iovec){(void *)(frame->data + done), len};
        done += len;
    }
    emit(arg, state->span, n);
}

const struct mux rtmp_mux = {
    .name = "rtmp",
    .extension = NULL,
    .content_type = "application/x-rtmp",
    .unit = 1,
    .in_band = 1,
    .open = rtmp_mux_open,
    .close = rtmp_mux_close,
    .frame = rtmp_mux_frame,
};
