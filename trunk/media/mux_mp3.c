/*
 * HTTP-MP3 as a rendition: MPEG audio frames as published, after a small ID3 tag (id3.org, "ID3 tag
 * version 2.4.0", 3.1 and 4.2) that names the server: some players recognize MP3 only by those
 * first bytes.
 */
#include "base/version.h"
#include "media/mp3.h"
#include "media/mux.h"

#include <assert.h>
#include <stdlib.h>

#define ID3_SOFTWARE MILLRACE_NAME " " MILLRACE_VERSION
/* The encoding byte and the text, without its terminator. */
#define ID3_TEXT_SIZE  sizeof(ID3_SOFTWARE)
#define ID3_FRAME_SIZE (10 + ID3_TEXT_SIZE)

struct mux_state {
    char none;
};

static struct mux_state *mux_mp3_open(void)
{
    return calloc(1, sizeof(struct mux_state));
}

static void mux_mp3_close(struct mux_state *state)
{
    free(state);
}

static int mux_mp3_carries(enum codec codec)
{
    return codec == CODEC_MP3;
}

static void mux_mp3_header(struct mux_state *state, const struct mux_tracks *tracks, mux_emit emit,
                           void *arg)
{
    /* Sizes are below 128: they fit into one syncsafe byte (7 bits). */
    static const uint8_t head[] = {
        'I', 'D', '3',           4, 0, 0, 0, 0, 0, ID3_FRAME_SIZE, 'T', 'S', 'S', 'E', 0,
        0,   0,   ID3_TEXT_SIZE, 0, 0, 3};
    static const char text[] = ID3_SOFTWARE;
    struct iovec iov[2] = {{(void *)(uintptr_t)head, sizeof(head)},
                           {(void *)(uintptr_t)text, sizeof(text) - 1}};

    _Static_assert(ID3_FRAME_SIZE < 128, "an ID3 size has seven bits to a byte");
    (void)state;
    (void)tracks;
    emit(arg, iov, 2);
}

static void mux_mp3_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                          mux_emit emit, void *arg)
{
    struct mp3_header header;
    struct iovec iov;

    (void)state;
    (void)timestamp;
    assert(frame != NULL && emit != NULL);
    if (frame->type != FRAME_AUDIO || frame->codec != CODEC_MP3 || frame->is_header ||
        frame->is_meta)
        return;
    if (mp3_header_parse(&header, frame->payload, frame->payload_len) != SCAN_DONE)
        return;
    iov.iov_base = (void *)(uintptr_t)frame->payload;
    iov.iov_len = frame->payload_len;
    emit(arg, &iov, 1);
}

const struct mux mux_mp3 = {
    .name = "mp3",
    .extension = ".mp3",
    .content_type = "audio/mpeg",
    .unit = 1,
    .unfit = "the audio of this stream is not MP3",
    .kind = MUX_AUDIO,
    .open = mux_mp3_open,
    .close = mux_mp3_close,
    .header = mux_mp3_header,
    .frame = mux_mp3_frame,
    .carries = mux_mp3_carries,
};
