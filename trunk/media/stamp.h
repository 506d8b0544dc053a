#ifndef MEDIA_STAMP_H
#define MEDIA_STAMP_H

/*
 * onMillraceTime, a script tag by which a player computes true latency: when a frame reached the
 * first server, and the encoder's own clock if its SEI messages contain one. Pure.
 */
#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>

#define STAMP_MAX 80 /* bytes of the longest body */

struct stamp {
    int64_t time_ms;    /* ms since 1970, UTC: when the frame reached the server */
    int64_t pts_ms;     /* its presentation time on the stream's timeline */
    int64_t encoder_ms; /* ms since 1970, UTC, by the encoder's clock; 0: none */
};

/* Writes the body: "onMillraceTime" and an object with time, pts and encoder (if there is one).
 * Returns its length. */
size_t stamp_write(const struct stamp *stamp, uint8_t out[STAMP_MAX]);

/* Reads such a body. 0, or -1 when it is none or its numbers are no times. */
int stamp_read(const uint8_t *data, size_t len, struct stamp *out);

/* Whether a script tag's body has this name, whatever follows it. */
int stamp_is(const uint8_t *data, size_t len);

/*
 * The encoder's clock in a video frame of H.264 or HEVC: a user_data_unregistered SEI message with
 * the precision time stamp of MISB ST 0604 ("MISPmicrosectime"). In ms since 1970; 0: none.
 * nal_length_size: 1 to 4, from the sequence header.
 */
int64_t stamp_encoder_ms(const struct frame *frame, int nal_length_size);

#endif
