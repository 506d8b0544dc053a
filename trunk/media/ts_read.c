/*
 * The reading side of ts.c, for its own output: one section in one packet, times in the first
 * packet of a PES packet (2.4.3.6). What does not fit that is malformed, or has no time; the bytes
 * are checked like those of a stranger all the same.
 */
#include "media/ts_read.h"

#include <assert.h>
#include <string.h>

#define SYNC_BYTE       0x47
#define CONTROL_PAYLOAD 0x10
#define CONTROL_ADAPTED 0x20
#define FLAG_RANDOM     0x40
#define PES_FIXED       9 /* bytes before the times */
#define PES_TIME        5
#define PMT_HEAD        12
#define PMT_STREAM      5
#define CRC_SIZE        4

/* A time of a PES header: 33 bits with marker bits between them. */
static uint64_t read_time(const uint8_t *p)
{
    return (uint64_t)(p[0] >> 1 & 7) << 30 | (uint64_t)p[1] << 22 | (uint64_t)(p[2] >> 1) << 15 |
           (uint64_t)p[3] << 7 | p[4] >> 1;
}

static void read_pes(struct ts_packet *packet)
{
    const uint8_t *p = packet->payload;
    size_t len = packet->payload_len;
    int flags;

    if (len < PES_FIXED + PES_TIME || p[0] != 0 || p[1] != 0 || p[2] != 1)
        return;
    flags = p[7] >> 6;
    if (flags < 2 || (flags == 3 && len < PES_FIXED + 2 * PES_TIME))
        return;
    packet->dts = read_time(p + PES_FIXED + (flags == 3 ? PES_TIME : 0));
    packet->has_time = 1;
}

int ts_read_packet(struct ts_packet *packet, const uint8_t *p)
{
    size_t at = 4;

    assert(packet != NULL && p != NULL);
    memset(packet, 0, sizeof(*packet));
    if (p[0] != SYNC_BYTE)
        return -1;
    packet->pid = (uint16_t)((p[1] & 0x1f) << 8 | p[2]);
    packet->is_start = (p[1] & 0x40) != 0;
    if (p[3] & CONTROL_ADAPTED) {
        at += 1 + (size_t)p[4];
        if (at > TS_PACKET_SIZE)
            return -1;
        packet->is_random_access = p[4] > 0 && (p[5] & FLAG_RANDOM) != 0;
    }
    if (!(p[3] & CONTROL_PAYLOAD) || at == TS_PACKET_SIZE)
        return 0;
    packet->payload = p + at;
    packet->payload_len = TS_PACKET_SIZE - at;
    if (packet->is_start && packet->pid != TS_PID_PAT && packet->pid != TS_PID_PMT)
        read_pes(packet);
    return 0;
}

int ts_read_has_video(const struct ts_packet *packet)
{
    const uint8_t *p = packet->payload;
    size_t len = packet->payload_len;
    size_t end, at;

    /* pointer_field 0, and a section that lies within the packet. */
    if (p == NULL || len < 1 + PMT_HEAD + CRC_SIZE || p[0] != 0)
        return 0;
    p++;
    end = 3 + ((size_t)(p[1] & 0x0f) << 8 | p[2]);
    if (end > len - 1 || end < PMT_HEAD + CRC_SIZE)
        return 0;
    end -= CRC_SIZE;
    at = PMT_HEAD + ((size_t)(p[10] & 0x0f) << 8 | p[11]);
    while (at + PMT_STREAM <= end) {
        if (((p[at + 1] & 0x1f) << 8 | p[at + 2]) == TS_PID_VIDEO)
            return 1;
        at += PMT_STREAM + ((size_t)(p[at + 3] & 0x0f) << 8 | p[at + 4]);
    }
    return 0;
}
