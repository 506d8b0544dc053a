#ifndef MEDIA_MP4_FRAGMENT_H
#define MEDIA_MP4_FRAGMENT_H

/* A fragment of one sample: moof, and mdat around the sample's bytes. Pure. */
#include <stddef.h>
#include <stdint.h>

/* What mp4_fragment_write() writes at most. */
#define MP4_FRAGMENT_HEAD_MAX 128
/* A sample of this size still fits into an mdat with a size of 32 bits. */
#define MP4_FRAGMENT_SAMPLE_MAX ((size_t)1 << 30)

struct mp4_fragment {
    uint32_t sequence;
    uint32_t track;    /* id */
    uint64_t dts;      /* in ticks of the track's timescale */
    int32_t offset;    /* presentation time - dts */
    uint32_t duration; /* in ticks */
    uint32_t size;     /* of the sample, in bytes */
    uint8_t is_video, is_key;
};

/* Writes all that precedes the sample. Returns the length. */
size_t mp4_fragment_write(const struct mp4_fragment *fragment, uint8_t out[MP4_FRAGMENT_HEAD_MAX]);

/* Reads a fragment of this file: its whole length, and the track's id. 0: it is not whole. */
size_t mp4_fragment_read(const uint8_t *p, size_t len, uint32_t *track);

#endif
