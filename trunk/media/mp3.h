#ifndef MEDIA_MP3_H
#define MEDIA_MP3_H

/* The header of an MPEG-1/2/2.5 audio frame (ISO/IEC 11172-3, 2.4.1.3). Pure. */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define MP3_HEADER_SIZE 4

struct mp3_header {
    uint8_t version; /* 1, 2 or 25 (2.5) */
    uint8_t layer;   /* 1, 2 or 3 */
    uint32_t sample_rate;
    uint32_t bit_rate; /* bits per second */
    uint8_t channels;
    uint16_t samples; /* per frame */
    size_t frame_len; /* header included */
};

/* SCAN_MORE below 4 bytes, SCAN_BAD for free format or no header. */
enum scan mp3_header_parse(struct mp3_header *header, const uint8_t *p, size_t len);

#endif
