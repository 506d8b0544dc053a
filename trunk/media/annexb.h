#ifndef MEDIA_ANNEXB_H
#define MEDIA_ANNEXB_H

/*
 * Pictures of H.264 and HEVC as a byte stream with start codes (ITU-T H.264 and
 * H.265, annex B), made from frames with lengths before their NAL units and the
 * configuration record that goes with them. Each picture begins with an access
 * unit delimiter; a keyframe that brings no parameter sets gets the record's. Pure.
 */
#include "base/buf.h"
#include "media/frame.h"

#define ANNEXB_SETS 3 /* VPS, SPS, PPS */

struct annexb {
    enum codec codec;             /* of the record; CODEC_NONE: none yet */
    uint8_t nal_length_size;      /* 0: not known: no frame can be read */
    struct buf sets[ANNEXB_SETS]; /* with start codes */
};

/* Knows nothing yet. fini gives back what headers took. */
void annexb_init(struct annexb *annexb);
void annexb_fini(struct annexb *annexb);

/* A sequence header of H.264 or HEVC. One that is broken leaves nothing known. */
void annexb_header(struct annexb *annexb, const struct frame *frame);

/* How a picture will be written. */
struct annexb_picture {
    size_t len;             /* of all its bytes; 0: there is no picture in the frame */
    int wants[ANNEXB_SETS]; /* sets that go before its own NAL units */
};

/*
 * NAL units up to the first whose length leaves the frame count, empty ones and
 * the frame's own delimiters do not.
 */
void annexb_measure(const struct annexb *annexb, const struct frame *frame,
                    struct annexb_picture *picture);

/* Hands picture->len bytes to put, in pieces. */
void annexb_write(const struct annexb *annexb, const struct frame *frame,
                  const struct annexb_picture *picture,
                  void (*put)(void *arg, const void *data, size_t len), void *arg);

#endif
