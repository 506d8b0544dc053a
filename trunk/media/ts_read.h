#ifndef MEDIA_TS_READ_H
#define MEDIA_TS_READ_H

/*
 * Reads the packets that ts.c writes (ISO/IEC 13818-1, section 2.4.3): as much as is needed to cut
 * a transport stream at its sync points. Pure.
 */
#include "media/ts.h"

#include <stddef.h>
#include <stdint.h>

struct ts_packet {
    uint16_t pid;
    uint8_t is_start;         /* a PES packet or a section begins here */
    uint8_t is_random_access; /* a decoder may start here */
    uint8_t has_time;         /* a PES packet with a time begins here: */
    uint64_t dts;             /* 90 kHz ticks, modulo 2^33; the PTS where there is no DTS */
    const uint8_t *payload;   /* NULL: none */
    size_t payload_len;
};

/* Reads a packet of TS_PACKET_SIZE bytes. 0, or -1 if it is malformed. */
int ts_read_packet(struct ts_packet *packet, const uint8_t *p);

/* Whether the payload of a packet with the PMT lists a video stream. A malformed one lists none. */
int ts_read_has_video(const struct ts_packet *packet);

#endif
