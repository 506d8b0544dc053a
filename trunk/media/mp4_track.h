#ifndef MEDIA_MP4_TRACK_H
#define MEDIA_MP4_TRACK_H

/* What a movie header says about a track: made from the track's sequence header. Pure. */
#include "media/mux.h"

#include <stddef.h>
#include <stdint.h>

struct mp4_track {
    enum codec codec;       /* CODEC_NONE: no such track */
    uint32_t timescale;     /* ticks per second of the track's times */
    uint32_t width, height; /* video; 0: unknown */
    uint32_t sample_rate;   /* audio, in Hz */
    uint8_t channels;
    const uint8_t *config; /* the configuration that the sample entry contains, or NULL; borrowed */
    size_t config_len;
};

/* Whether MP4 can carry the codec here. */
int mp4_track_carries(enum codec codec);

/*
 * Describes a track of the stream. 0; or -1: MP4 cannot carry it, or its sequence header is missing
 * or malformed, and *out is no track. `out->config` borrows the track's. MP3 has no sequence
 * header: the rate and channels are what the caller finds in its frames; 44.1 kHz stereo until
 * then.
 */
int mp4_track_describe(struct mp4_track *out, const struct mux_track *track);

#endif
