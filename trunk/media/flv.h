#ifndef MEDIA_FLV_H
#define MEDIA_FLV_H

/*
 * FLV as Adobe's "Video File Format Specification v10.1" annex E and the
 * enhanced RTMP specification (v2) define it: the file header, tag headers and
 * the headers of tag bodies. Pure: bytes in, status out.
 */
#include "base/scan.h"
#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>

#define FLV_HEADER_SIZE      13 /* the 9-byte header and PreviousTagSize0 */
#define FLV_TAG_HEADER_SIZE  11
#define FLV_TAG_TRAILER_SIZE 4        /* PreviousTagSize */
#define FLV_BODY_MAX         0xffffff /* DataSize is 24 bits */

/* Writes header and PreviousTagSize0. E.2. */
void flv_header_write(uint8_t out[FLV_HEADER_SIZE], int has_audio, int has_video);

/* Writes a tag header: stream id 0, TimestampExtended. body_len <= FLV_BODY_MAX. E.4.1. */
void flv_tag_header_write(uint8_t out[FLV_TAG_HEADER_SIZE], enum frame_type type,
                          uint32_t timestamp, size_t body_len);

/* Writes PreviousTagSize for a body of body_len bytes. */
void flv_tag_trailer_write(uint8_t out[FLV_TAG_TRAILER_SIZE], size_t body_len);

/*
 * Parses a tag's body and fills *frame (all fields; data is borrowed). Never fails: an unknown
 * codec is CODEC_OTHER with neither flag set, an empty body is a frame with payload_len 0. A body
 * truncated after its codec id keeps the codec, with neither flag set and payload_len 0 or the
 * whole rest. The frame type and the packet types of an unknown codec are understood, so its
 * keyframes and headers are flagged. Legacy ids (AVC 7, HEVC 12, AAC 10, MP3 2 and 14), enhanced
 * video and audio (FourCC, CodedFramesX, Metadata, ModEx with its nanosecond offset skipped,
 * Multitrack: codec, track and payload are the first track's). A ModEx chain or multitrack that is
 * cut gives CODEC_OTHER. A command frame (frame type 5) and audio's MultichannelConfig are is_meta.
 */
void flv_frame_parse(struct frame *frame, enum frame_type type, uint32_t timestamp,
                     const uint8_t *data, size_t len);

/*
 * A parser for a whole FLV byte stream (a pull, a file): feed it, take tags.
 * It holds at most one tag of at most body_max bytes; memory grows with the data received, not with
 * the announced size.
 */
struct flv_in;

/* body_max in bytes. NULL without memory. */
struct flv_in *flv_in_new(size_t body_max);
void flv_in_free(struct flv_in *in);

struct flv_tag {
    enum frame_type type;
    uint32_t timestamp;
    const uint8_t *data; /* valid until the next call */
    size_t len;
};

/*
 * Walks whole tags in memory (blocks of a ring, a preamble): *tag is the first of len bytes, *used
 * its length with header and trailer. SCAN_MORE: no byte is left. SCAN_BAD: the bytes end within
 * the tag.
 */
enum scan flv_tag_read(const uint8_t *data, size_t len, struct flv_tag *tag, size_t *used);

/*
 * Consumes *used bytes. SCAN_DONE: *tag holds one; call again with the rest.
 * SCAN_MORE: all consumed. SCAN_BAD: no FLV, or a tag larger than body_max.
 * A filtered (encrypted) tag is SCAN_BAD; a wrong PreviousTagSize is ignored.
 * A tag of a reserved type is skipped. After SCAN_BAD every further call is SCAN_BAD.
 */
enum scan flv_in_feed(struct flv_in *in, const uint8_t *data, size_t len, size_t *used,
                      struct flv_tag *tag);

/* The header's flags once it was read: bit 0 video, bit 2 audio; -1 before. */
int flv_in_flags(const struct flv_in *in);
/* Bytes held of the current tag, or of the last one until the next begins. */
size_t flv_in_pending(const struct flv_in *in);

#endif
