#ifndef MEDIA_TS_H
#define MEDIA_TS_H

/*
 * MPEG transport stream packets (ISO/IEC 13818-1, ITU-T H.222.0): the program
 * tables, PES packets and clock references. Of codecs it only knows the stream types; mux_ts.c
 * decides what to write. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define TS_PACKET_SIZE  188
#define TS_STREAMS_MAX  2
#define TS_PID_PAT      0
#define TS_PID_PMT      0x1001
#define TS_PID_VIDEO    0x100
#define TS_PID_AUDIO    0x101
#define TS_PROGRAM      1
#define TS_PES_AUDIO    0xc0
#define TS_PES_VIDEO    0xe0
#define TS_PES_LEN_MAX  0xffff /* PES_packet_length is 16 bits; 0 is allowed for video */
#define TS_CLOCK_MASK   (((uint64_t)1 << 33) - 1) /* PTS, DTS and the PCR's base wrap here */
#define TS_TICKS_PER_MS 90
#define TS_PES_HEAD_MAX 19

/* stream_type (table 2-34). */
enum ts_type {
    TS_TYPE_NONE = 0,
    TS_TYPE_MPEG1_AUDIO = 0x03,
    TS_TYPE_MPEG2_AUDIO = 0x04,
    TS_TYPE_ADTS = 0x0f,
    TS_TYPE_H264 = 0x1b,
    TS_TYPE_HEVC = 0x24
};

/* CRC_32 of a section (annex A). 0 over a section with its CRC. */
uint32_t ts_crc32(const uint8_t *data, size_t len);

/* The content of the PMT. pcr_pid is one of the streams'. */
struct ts_program {
    uint8_t version; /* 0 to 31 */
    uint16_t pcr_pid;
    int count;
    struct {
        enum ts_type type;
        uint16_t pid;
    } stream[TS_STREAMS_MAX];
};

/* One PES packet. Times are 90 kHz ticks, taken modulo 2^33. */
struct ts_pes {
    uint16_t pid;
    uint8_t stream_id;
    uint8_t has_pcr;
    uint8_t is_random_access; /* a decoder may start here */
    uint8_t is_discontinuity; /* the clock jumps here; with has_pcr only */
    uint64_t pts, dts, pcr;
    size_t len; /* of the payload, the PES header not included */
};

/* Room for this many packets in addition to one PES packet. */
#define TS_WRITER_OTHERS 200
/* The longest payload of a PES packet. */
#define TS_PAYLOAD_MAX ((size_t)64 * 1024 * 1024)

/* Fills the packets of one frame, then those of the next. Holds the continuity counters. */
struct ts_writer {
    uint8_t cc_pat, cc_pmt, cc_stream[TS_STREAMS_MAX]; /* by pid - TS_PID_VIDEO */
    uint16_t pid;
    uint8_t *at; /* room in the open packet */
    size_t room;
    size_t left; /* bytes of the open PES packet still to come */
    uint8_t *data;
    size_t packets, packets_max;
};

/* Continuity counters at 0, no memory yet. fini frees it. */
void ts_writer_init(struct ts_writer *writer);
void ts_writer_fini(struct ts_writer *writer);

/* Empties it and makes room for one PES packet with a payload of len bytes and for TS_WRITER_OTHERS
 * others. 0, or -1 beyond TS_PAYLOAD_MAX or without memory. */
int ts_writer_begin(struct ts_writer *writer, size_t len);
/* The finished packets; owned by the writer, valid until it begins again. */
const uint8_t *ts_writer_end(struct ts_writer *writer, size_t *len);

/* The PAT and the PMT, one packet each. */
void ts_write_tables(struct ts_writer *writer, const struct ts_program *program);

/* A packet with nothing but a clock reference; counts no continuity (2.4.3.3). */
void ts_write_pcr(struct ts_writer *writer, uint16_t pid, uint64_t pcr, int is_discontinuity);

/* For a receiver that has missed packets: a packet that signals a discontinuity of this pid (a
 * stream's, or TS_PID_PAT, TS_PID_PMT), so that the following packets are accepted. */
void ts_write_gap(const struct ts_writer *writer, uint16_t pid, uint8_t out[TS_PACKET_SIZE]);

/*
 * A PES packet: first its header, then its payload in pieces, pes->len bytes in all. Its length is
 * written when it fits 16 bits, else 0, which only video may use: audio of more than TS_PES_LEN_MAX
 * - 16 bytes is the caller's error.
 */
void ts_pes_begin(struct ts_writer *writer, const struct ts_pes *pes);
void ts_pes_put(struct ts_writer *writer, const void *data, size_t len);

#endif
