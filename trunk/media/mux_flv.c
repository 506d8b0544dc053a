/*
 * FLV as a rendition: the 11 bytes before and the 4 bytes after a publisher's message ("Video File
 * Format Specification v10.1", E.4.1). It has no state: every tag stands alone, so one ring serves
 * all viewers. The file header and metadata are written only into a viewer's preamble, never into
 * the ring.
 *
 * mux_flv_all is for players that support multitrack and ask for all tracks as published.
 * mux_original is for other servers and workers of ours: the same bytes, with sequence headers and
 * metadata at the places where they were published. The last server filters out what players do not
 * support.
 */
#include "media/flv.h"
#include "media/mux.h"

#include <assert.h>
#include <stdlib.h>

struct mux_state {
    char none;
};

static struct mux_state *mux_flv_open(void)
{
    return calloc(1, sizeof(struct mux_state));
}

static void mux_flv_close(struct mux_state *state)
{
    free(state);
}

static void mux_flv_header(struct mux_state *state, const struct mux_tracks *tracks, mux_emit emit,
                           void *arg)
{
    uint8_t header[FLV_HEADER_SIZE];
    struct iovec iov = {header, sizeof(header)};

    (void)state;
    flv_header_write(header, tracks->audio.is_announced, tracks->video.is_announced);
    emit(arg, &iov, 1);
}

static void mux_flv_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                          mux_emit emit, void *arg)
{
    uint8_t header[FLV_TAG_HEADER_SIZE];
    uint8_t trailer[FLV_TAG_TRAILER_SIZE];
    struct iovec iov[3];

    (void)state;
    assert(frame != NULL && emit != NULL);
    /* Too long for a tag; the publisher's limit is lower unless configured otherwise. */
    if (frame->len > FLV_BODY_MAX)
        return;
    flv_tag_header_write(header, frame->type, timestamp, frame->len);
    flv_tag_trailer_write(trailer, frame->len);
    iov[0].iov_base = header;
    iov[0].iov_len = sizeof(header);
    iov[1].iov_base = (void *)frame->data;
    iov[1].iov_len = frame->len;
    iov[2].iov_base = trailer;
    iov[2].iov_len = sizeof(trailer);
    emit(arg, iov, 3);
}

/* The piece is one tag. */
static size_t mux_flv_piece(const struct mux_state *state, const uint8_t *p, size_t len,
                            enum mux_piece *kind)
{
    struct frame frame;
    size_t body;

    (void)state;
    if (len < FLV_TAG_HEADER_SIZE + FLV_TAG_TRAILER_SIZE)
        return 0;
    body = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (body > len - FLV_TAG_HEADER_SIZE - FLV_TAG_TRAILER_SIZE)
        return 0;
    flv_frame_parse(&frame, (enum frame_type)p[0], 0, p + FLV_TAG_HEADER_SIZE, body);
    *kind = frame.type == FRAME_VIDEO && !frame.is_header && !frame.is_meta ? MUX_PIECE_VIDEO
                                                                            : MUX_PIECE_OTHER;
    return FLV_TAG_HEADER_SIZE + body + FLV_TAG_TRAILER_SIZE;
}

const struct mux mux_flv = {
    .name = "flv",
    .extension = ".flv",
    .content_type = "video/x-flv",
    .unit = 1,
    .kind = MUX_PREAMBLE,
    .has_stamps = 1,
    .open = mux_flv_open,
    .close = mux_flv_close,
    .header = mux_flv_header,
    .frame = mux_flv_frame,
    .piece = mux_flv_piece,
};

const struct mux mux_flv_all = {
    .name = "flv",
    .extension = ".flv",
    .content_type = "video/x-flv",
    .unit = 1,
    .kind = MUX_AS_PUBLISHED,
    .has_stamps = 1,
    .open = mux_flv_open,
    .close = mux_flv_close,
    .header = mux_flv_header,
    .frame = mux_flv_frame,
    .piece = mux_flv_piece,
};

const struct mux mux_original = {
    .name = "original",
    .extension = NULL,
    .content_type = "video/x-flv",
    .unit = 1,
    .kind = MUX_ORIGINAL,
    .has_stamps = 1,
    .open = mux_flv_open,
    .close = mux_flv_close,
    .header = mux_flv_header,
    .frame = mux_flv_frame,
};
