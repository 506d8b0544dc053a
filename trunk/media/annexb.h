#ifndef MEDIA_ANNEXB_H
#define MEDIA_ANNEXB_H

/*
 * Pictures of H.264 and HEVC as a byte stream with start codes (ITU-T H.264 and
 * H.265, annex B), made from frames with length-prefixed NAL units and their configuration record.
 * Each picture begins with an access unit delimiter; a keyframe without parameter sets gets the
 * record's. Pure.
 */
#include "base/buf.h"
#include "media/frame.h"

#define ANNEXB_SETS 3 /* VPS, SPS, PPS */

struct annexb {
    enum codec codec;             /* of the record; CODEC_NONE: none yet */
    uint8_t nal_length_size;      /* 0: unknown; no frame can be read */
    struct buf sets[ANNEXB_SETS]; /* with start codes */
};

/* Without a record yet. fini frees the record. */
void annexb_init(struct annexb *annexb);
void annexb_fini(struct annexb *annexb);

/* Takes a sequence header of H.264 or HEVC. A malformed one removes the former one, too. 0, or -1
 * without memory: no frame can be read until it is taken again. */
int annexb_header(struct annexb *annexb, const struct frame *frame) ERR_MUST_CHECK;

/* How a picture will be written. */
struct annexb_picture {
    size_t len;             /* in bytes; 0: the frame contains no picture */
    int wants[ANNEXB_SETS]; /* parameter sets to put before its own NAL units */
};

/*
 * Includes NAL units up to the first with a length beyond the frame; skips empty ones and the
 * frame's own delimiters.
 */
void annexb_measure(const struct annexb *annexb, const struct frame *frame,
                    struct annexb_picture *picture);

/* Passes picture->len bytes to put(), in pieces. */
void annexb_write(const struct annexb *annexb, const struct frame *frame,
                  const struct annexb_picture *picture,
                  void (*put)(void *arg, const void *data, size_t len), void *arg);

#endif
