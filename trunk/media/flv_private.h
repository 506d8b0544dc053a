#ifndef MEDIA_FLV_PRIVATE_H
#define MEDIA_FLV_PRIVATE_H

/* The fields of enhanced tag headers that flv_frame.c and flv_tracks.c share. */
#include "base/bytes.h"

#define FLV_FOURCC(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* VideoPacketType and AudioPacketType; the values below 3 and above 4 are shared. */
#define EX_SEQUENCE_START    0
#define EX_CODED_FRAMES      1
#define EX_SEQUENCE_END      2
#define EX_CODED_FRAMES_X    3 /* video */
#define EX_METADATA          4 /* video; in audio the MultichannelConfig */
#define EX_TS_SEQUENCE_START 5 /* video; in audio Multitrack */
#define EX_VIDEO_MULTITRACK  6
#define EX_AUDIO_MULTITRACK  5
#define EX_MOD_EX            7

#define VIDEO_EX_HEADER     0x80
#define VIDEO_FRAME_COMMAND 5
#define VIDEO_ID_AVC        7

#define AUDIO_ID_EX_HEADER 9

/*
 * Skips a chain of ModEx and returns the packet type after it. Each link is a size (one byte, or an
 * escape and two), that many bytes, and a byte with its own kind and the next packet type. It
 * always ends: every link takes at least 3 bytes.
 */
static inline uint8_t flv_skip_mod_ex(struct bytes *b, uint8_t packet_type)
{
    while (packet_type == EX_MOD_EX && !b->bad) {
        size_t size = (size_t)bytes_u8(b) + 1;

        if (size == 256)
            size = (size_t)bytes_u16(b) + 1;
        bytes_take(b, size);
        packet_type = bytes_u8(b) & 0x0f;
    }
    return packet_type;
}

#endif
