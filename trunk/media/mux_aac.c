/*
 * HTTP-AAC as a rendition: raw AAC frames with an ADTS header before each (ISO/IEC 14496-3,
 * 1.A.2.2), so a decoder can start at any frame. ADTS names the core codec only: the decoder finds
 * SBR and PS in the frames themselves (1.6.5.3, implicit signalling), so HE-AAC is written with its
 * core's sample rate.
 */
#include "media/aac.h"
#include "media/mux.h"

#include <assert.h>
#include <stdlib.h>

struct mux_state {
    int has_config;
    struct aac_config config;
};

static struct mux_state *mux_aac_open(void)
{
    return calloc(1, sizeof(struct mux_state));
}

static void mux_aac_close(struct mux_state *state)
{
    free(state);
}

static int mux_aac_carries(enum codec codec)
{
    return codec == CODEC_AAC;
}

static void mux_aac_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                          mux_emit emit, void *arg)
{
    uint8_t header[AAC_ADTS_HEADER_SIZE];
    struct iovec iov[2];

    (void)timestamp;
    assert(state != NULL && frame != NULL && emit != NULL);
    if (frame->type != FRAME_AUDIO || frame->codec != CODEC_AAC || frame->is_meta)
        return;
    if (frame->is_header) {
        state->has_config =
            aac_config_parse(&state->config, frame->payload, frame->payload_len) == SCAN_DONE;
        return;
    }
    if (!state->has_config || frame->payload_len == 0 ||
        aac_adts_write(&state->config, frame->payload_len, header) != 0)
        return;
    iov[0].iov_base = header;
    iov[0].iov_len = sizeof(header);
    iov[1].iov_base = (void *)(uintptr_t)frame->payload;
    iov[1].iov_len = frame->payload_len;
    emit(arg, iov, 2);
}

const struct mux mux_aac = {
    .name = "aac",
    .extension = ".aac",
    .content_type = "audio/aac",
    .unit = 1,
    .unfit = "the audio of this stream is not AAC",
    .kind = MUX_AUDIO,
    .open = mux_aac_open,
    .close = mux_aac_close,
    .frame = mux_aac_frame,
    .carries = mux_aac_carries,
};
