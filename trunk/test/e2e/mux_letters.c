/*
 * A format that only test_new_format.py adds to the server: lines of text, one a
 * frame. Its header tells the tracks and the size of their configuration, as a format
 * like fragmented MP4 has to.
 */
#include "media/mux.h"

#include <stdio.h>
#include <stdlib.h>

struct mux_state {
    size_t frames;
};

static struct mux_state *mux_letters_open(void)
{
    return calloc(1, sizeof(struct mux_state));
}

static void mux_letters_close(struct mux_state *state)
{
    free(state);
}

static int mux_letters_carries(enum codec codec)
{
    return codec == CODEC_H264 || codec == CODEC_AAC;
}

static void mux_letters_header(struct mux_state *state, const struct mux_tracks *tracks,
                               mux_emit emit, void *arg)
{
    char line[128];
    int len =
        snprintf(line, sizeof(line), "letters %d: audio %d %zu, video %d %zu\n", state->frames > 0,
                 tracks->audio.codec == CODEC_AAC, tracks->audio.config_len,
                 tracks->video.codec == CODEC_H264, tracks->video.config_len);
    struct iovec iov = {line, (size_t)len};

    emit(arg, &iov, 1);
}

static void mux_letters_frame(struct mux_state *state, const struct frame *frame,
                              uint32_t timestamp, mux_emit emit, void *arg)
{
    char line[64];
    struct iovec iov = {line, 0};

    if (frame->is_header || frame->is_meta || frame->type == FRAME_SCRIPT)
        return;
    state->frames++;
    iov.iov_len = (size_t)snprintf(line, sizeof(line), "%c %u %zu\n",
                                   frame->type == FRAME_AUDIO ? 'a'
                                   : frame->is_key            ? 'K'
                                                              : 'v',
                                   timestamp, frame->payload_len);
    emit(arg, &iov, 1);
}

extern const struct mux mux_letters;
const struct mux mux_letters = {
    .name = "letters",
    .extension = ".abc",
    .content_type = "text/x-letters",
    .unfit = "no letters for this stream",
    .kind = MUX_CONTAINER,
    .unit = 1,
    .open = mux_letters_open,
    .close = mux_letters_close,
    .header = mux_letters_header,
    .frame = mux_letters_frame,
    .carries = mux_letters_carries,
};
