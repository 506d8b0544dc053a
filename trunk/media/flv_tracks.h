#ifndef MEDIA_FLV_TRACKS_H
#define MEDIA_FLV_TRACKS_H

/*
 * The tracks of one multitrack message ("Enhanced RTMP v2", multitrack), and each of them as an
 * ordinary message: the legacy form for H.264, AAC and MP3, the enhanced form of one track for
 * other codecs. Pure.
 */
#include "base/buf.h"
#include "base/bytes.h"
#include "media/frame.h"

struct flv_tracks {
    enum frame_type type;
    uint8_t frame_type;  /* of video: key, inter, … */
    uint8_t packet_type; /* of every track */
    uint8_t kind;
    uint32_t fourcc;
    uint32_t timestamp;
    struct bytes rest;
};

struct flv_track {
    uint8_t id;
    uint32_t fourcc;
    const uint8_t *body; /* borrowed from the message */
    size_t len;
};

/* Starts a walk over the tracks of the message. 0, or -1 when it is not a multitrack message. */
int flv_tracks_open(struct flv_tracks *tracks, const struct frame *frame);

/* The next track: 1, or 0 at the end, or -1 where the message is truncated. */
int flv_tracks_next(struct flv_tracks *tracks, struct flv_track *track);

/* Whether one of the message's tracks has this id. */
int flv_tracks_have(const struct frame *frame, uint8_t id);

/*
 * The track as an ordinary message: appended to `out`, which must be empty, and described in
 * *frame, which borrows it. 0, or -1 for what has no ordinary form (further configuration of H.264
 * or AAC), beyond the buffer's maximum, or without memory.
 */
int flv_tracks_unwrap(const struct flv_tracks *tracks, const struct flv_track *track,
                      struct buf *out, struct frame *frame);

#endif
