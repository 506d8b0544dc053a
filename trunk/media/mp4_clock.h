#ifndef MEDIA_MP4_CLOCK_H
#define MEDIA_MP4_CLOCK_H

/*
 * The times of a track's samples, each known before the next sample comes. Pure. An all-zero
 * struct is ready for the first sample.
 */
#include <stdint.h>

struct mp4_clock {
    int64_t real;      /* time of the last sample, in ticks */
    int64_t dts;       /* its decoding time as written */
    uint32_t duration; /* its duration as written */
    uint8_t has_last;
};

struct mp4_times {
    uint64_t dts;
    int32_t offset; /* presentation time - dts */
    uint32_t duration;
};

/* A picture: times in ms, which are its ticks. */
void mp4_clock_video(struct mp4_clock *clock, uint32_t ms, int32_t cts, struct mp4_times *out);

/* An audio frame that lasts `duration` (> 0) ticks of a timescale of `scale` per second. */
void mp4_clock_audio(struct mp4_clock *clock, uint32_t ms, uint32_t scale, uint32_t duration,
                     struct mp4_times *out);

#endif
