/*
 * MPEG transport stream packets (ISO/IEC 13818-1: 2.4.3.2 packets, 2.4.3.4
 * adaptation fields, 2.4.3.6 PES, 2.4.4 tables).
 *
 * The payload of a PES packet arrives in pieces and is copied once, directly into its packets: its
 * length is known in advance, so the last packet's stuffing is placed when that packet begins.
 */
#include "media/ts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_BYTE        0x47
#define UNIT_START       0x4000 /* of the two bytes with the pid */
#define CONTROL_PAYLOAD  0x10
#define CONTROL_ADAPTED  0x20
#define FLAG_DISCONTINUE 0x80
#define FLAG_RANDOM      0x40
#define FLAG_PCR         0x10
#define PCR_SIZE         6
#define TABLE_PAT        0
#define TABLE_PMT        2
#define SECTION_MAX      (TS_PACKET_SIZE - 5)
#define TAG_REGISTRATION 5

uint32_t ts_crc32(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)data[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
    }
    return crc;
}

void ts_writer_init(struct ts_writer *writer)
{
    memset(writer, 0, sizeof(*writer));
}

void ts_writer_fini(struct ts_writer *writer)
{
    free(writer->data);
    writer->data = NULL;
    writer->packets_max = 0;
}

int ts_writer_begin(struct ts_writer *writer, size_t len)
{
    size_t need;

    assert(writer->left == 0);
    if (len > TS_PAYLOAD_MAX)
        return -1;
    need = (len + TS_PES_HEAD_MAX + 2 + PCR_SIZE) / (TS_PACKET_SIZE - 4) + 1 + TS_WRITER_OTHERS;
    if (need > writer->packets_max || writer->packets_max > 16 * need) {
        /* Memory of one huge frame is not kept for ever. */
        ts_writer_fini(writer);
        writer->data = malloc((need + need / 4) * TS_PACKET_SIZE);
        writer->packets_max = writer->data != NULL ? need + need / 4 : 0;
    }
    writer->packets = 0;
    return writer->data != NULL ? 0 : -1;
}

const uint8_t *ts_writer_end(struct ts_writer *writer, size_t *len)
{
    assert(writer->left == 0);
    *len = writer->packets * TS_PACKET_SIZE;
    return writer->data;
}

/* The next packet with its header's first three bytes. */
static uint8_t *writer_packet(struct ts_writer *writer, uint16_t pid, int is_start)
{
    uint8_t *packet = writer->data + writer->packets * TS_PACKET_SIZE;

    assert(writer->packets < writer->packets_max);
    writer->packets++;
    packet[0] = SYNC_BYTE;
    packet[1] = (uint8_t)((is_start ? UNIT_START >> 8 : 0) | pid >> 8);
    packet[2] = (uint8_t)pid;
    return packet;
}

static uint8_t *put_u16(uint8_t *p, unsigned v)
{
    *p++ = (uint8_t)(v >> 8);
    *p++ = (uint8_t)v;
    return p;
}

/* 2.4.3.5: base in 33 bits, six reserved ones, extension in 9 (always 0 here). */
static uint8_t *put_pcr(uint8_t *p, uint64_t pcr)
{
    pcr &= TS_CLOCK_MASK;
    *p++ = (uint8_t)(pcr >> 25);
    *p++ = (uint8_t)(pcr >> 17);
    *p++ = (uint8_t)(pcr >> 9);
    *p++ = (uint8_t)(pcr >> 1);
    *p++ = (uint8_t)((pcr & 1) << 7 | 0x7e);
    *p++ = 0;
    return p;
}

/* 2.4.3.7: four bits of prefix, then the time with three marker bits. */
static uint8_t *put_time(uint8_t *p, unsigned prefix, uint64_t time)
{
    time &= TS_CLOCK_MASK;
    *p++ = (uint8_t)(prefix << 4 | (unsigned)(time >> 29 & 0x0e) | 1);
    p = put_u16(p, (unsigned)(time >> 14 & 0xfffe) | 1);
    return put_u16(p, (unsigned)(time << 1 & 0xfffe) | 1);
}

/* ---- tables ---- */

/* Closes the section that begins at `section` and fills the rest of the packet. */
static void section_end(uint8_t *packet, uint8_t *section, uint8_t *end)
{
    size_t len = (size_t)(end - section);
    uint32_t crc;

    assert(len + 4 <= SECTION_MAX);
    put_u16(section + 1, 0xb000 | (unsigned)(len + 4 - 3));
    crc = ts_crc32(section, len);
    end = put_u16(end, crc >> 16);
    end = put_u16(end, crc & 0xffff);
    memset(end, 0xff, (size_t)(packet + TS_PACKET_SIZE - end));
}

/* Writes the common head of PAT and PMT; returns where their own fields begin. */
static uint8_t *section_begin(uint8_t *packet, uint8_t *cc, uint8_t table, unsigned version)
{
    uint8_t *p = packet + 3;

    *p++ = (uint8_t)(CONTROL_PAYLOAD | *cc);
    *cc = (*cc + 1) & 15;
    *p++ = 0; /* pointer_field: the section begins at once */
    *p++ = table;
    p = put_u16(p, 0); /* its length, when it is known */
    p = put_u16(p, TS_PROGRAM);
    *p++ = (uint8_t)(0xc1 | version << 1); /* current */
    return put_u16(p, 0);                  /* the only section */
}

static void write_pat(struct ts_writer *writer)
{
    uint8_t *packet = writer_packet(writer, TS_PID_PAT, 1);
    uint8_t *p = section_begin(packet, &writer->cc_pat, TABLE_PAT, 0);

    p = put_u16(p, TS_PROGRAM);
    p = put_u16(p, 0xe000 | TS_PID_PMT);
    section_end(packet, packet + 5, p);
}

static void write_pmt(struct ts_writer *writer, const struct ts_program *program)
{
    static const uint8_t hevc[4] = {'H', 'E', 'V', 'C'};
    uint8_t *packet = writer_packet(writer, TS_PID_PMT, 1);
    uint8_t *p = section_begin(packet, &writer->cc_pmt, TABLE_PMT, program->version);

    p = put_u16(p, 0xe000u | program->pcr_pid);
    p = put_u16(p, 0xf000);
    for (int i = 0; i < program->count; i++) {
        *p++ = (uint8_t)program->stream[i].type;
        p = put_u16(p, 0xe000u | program->stream[i].pid);
        if (program->stream[i].type == TS_TYPE_HEVC) {
            p = put_u16(p, 0xf006); /* registration_descriptor (2.6.8) */
            *p++ = TAG_REGISTRATION;
            *p++ = 4;
            memcpy(p, hevc, sizeof(hevc));
            p += 4;
        } else {
            p = put_u16(p, 0xf000);
        }
    }
    section_end(packet, packet + 5, p);
}

void ts_write_tables(struct ts_writer *writer, const struct ts_program *program)
{
    assert(writer->left == 0 && program->version < 32);
    assert(program->count > 0 && program->count <= TS_STREAMS_MAX);
    write_pat(writer);
    write_pmt(writer, program);
}

/* ---- streams ---- */

static uint8_t *stream_cc(struct ts_writer *writer, uint16_t pid)
{
    assert(pid == TS_PID_VIDEO || pid == TS_PID_AUDIO);
    return &writer->cc_stream[pid - TS_PID_VIDEO];
}

void ts_write_pcr(struct ts_writer *writer, uint16_t pid, uint64_t pcr, int is_discontinuity)
{
    uint8_t *packet = writer_packet(writer, pid, 0);
    uint8_t *p = packet + 3;

    assert(writer->left == 0);
    /* A packet without payload does not increment the counter. */
    *p++ = (uint8_t)(CONTROL_ADAPTED | ((*stream_cc(writer, pid) + 15) & 15));
    *p++ = TS_PACKET_SIZE - 5;
    *p++ = (uint8_t)(FLAG_PCR | (is_discontinuity ? FLAG_DISCONTINUE : 0));
    p = put_pcr(p, pcr);
    memset(p, 0xff, (size_t)(packet + TS_PACKET_SIZE - p));
}

void ts_write_gap(const struct ts_writer *writer, uint16_t pid, uint8_t out[TS_PACKET_SIZE])
{
    uint8_t next = pid == TS_PID_PAT   ? writer->cc_pat
                   : pid == TS_PID_PMT ? writer->cc_pmt
                                       : writer->cc_stream[pid - TS_PID_VIDEO];

    assert(pid == TS_PID_PAT || pid == TS_PID_PMT || pid == TS_PID_VIDEO || pid == TS_PID_AUDIO);
    memset(out, 0xff, TS_PACKET_SIZE);
    out[0] = SYNC_BYTE;
    out[1] = (uint8_t)(pid >> 8);
    out[2] = (uint8_t)pid;
    out[3] = (uint8_t)(CONTROL_ADAPTED | ((next + 15) & 15));
    out[4] = TS_PACKET_SIZE - 5;
    out[5] = FLAG_DISCONTINUE;
}

/* Begins a packet of the open PES packet; pes: its first one, else NULL. */
static void pes_packet(struct ts_writer *writer, const struct ts_pes *pes)
{
    uint8_t *packet = writer_packet(writer, writer->pid, pes != NULL);
    uint8_t *cc = stream_cc(writer, writer->pid);
    uint8_t *p = packet + 4;
    uint8_t flags = 0;
    size_t field = 0; /* bytes of the adaptation field, its length byte included */
    size_t room;

    if (pes != NULL) {
        flags =
            (uint8_t)((pes->is_random_access ? FLAG_RANDOM : 0) | (pes->has_pcr ? FLAG_PCR : 0) |
                      (pes->has_pcr && pes->is_discontinuity ? FLAG_DISCONTINUE : 0));
        field = flags != 0 ? 2 + (pes->has_pcr ? PCR_SIZE : 0) : 0;
    }
    room = TS_PACKET_SIZE - 4 - field;
    if (writer->left < room)
        field += room - writer->left; /* stuffing */
    packet[3] = (uint8_t)((field > 0 ? CONTROL_ADAPTED : 0) | CONTROL_PAYLOAD | *cc);
    *cc = (*cc + 1) & 15;
    if (field > 0)
        *p++ = (uint8_t)(field - 1);
    if (field > 1)
        *p++ = flags;
    if (flags & FLAG_PCR)
        p = put_pcr(p, pes->pcr);
    if (field > 0)
        memset(p, 0xff, (size_t)(packet + 4 + field - p));
    writer->at = packet + 4 + field;
    writer->room = TS_PACKET_SIZE - 4 - field;
}

void ts_pes_begin(struct ts_writer *writer, const struct ts_pes *pes)
{
    uint8_t head[TS_PES_HEAD_MAX] = {0, 0, 1, pes->stream_id};
    int has_dts = (pes->pts & TS_CLOCK_MASK) != (pes->dts & TS_CLOCK_MASK);
    size_t times = has_dts ? 10 : 5;
    size_t len = 3 + times + pes->len; /* after the length field */
    uint8_t *p = head + 6;

    assert(writer->left == 0 && pes->len > 0);
    assert(len <= TS_PES_LEN_MAX || pes->stream_id == TS_PES_VIDEO);
    put_u16(head + 4, len <= TS_PES_LEN_MAX ? (unsigned)len : 0);
    *p++ = 0x84; /* data_alignment: an access unit begins here */
    *p++ = has_dts ? 0xc0 : 0x80;
    *p++ = (uint8_t)times;
    p = put_time(p, has_dts ? 3 : 2, pes->pts);
    if (has_dts)
        p = put_time(p, 1, pes->dts);
    writer->pid = pes->pid;
    writer->left = (size_t)(p - head) + pes->len;
    pes_packet(writer, pes);
    ts_pes_put(writer, head, (size_t)(p - head));
}

void ts_pes_put(struct ts_writer *writer, const void *data, size_t len)
{
    const uint8_t *from = data;

    assert(len <= writer->left);
    while (len > 0) {
        size_t n;

        if (writer->room == 0)
            pes_packet(writer, NULL);
        n = len < writer->room ? len : writer->room;
        memcpy(writer->at, from, n);
        writer->at += n;
        writer->room -= n;
        writer->left -= n;
        from += n;
        len -= n;
    }
}
