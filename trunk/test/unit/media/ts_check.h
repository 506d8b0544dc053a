#ifndef TEST_TS_CHECK_H
#define TEST_TS_CHECK_H

/*
 * Reads transport stream packets back and asserts what must hold of each: sync,
 * continuity, CRC, table versions, stuffing, PES lengths and times. Shares no code
 * with the muxer. Every emitted unit is checked by itself: it must be whole packets with
 * whole PES packets in them.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ts_check {
    int cc[4]; /* by slot; -1: nothing yet */
    size_t packets, tables, clocks;
    int version;         /* of the last PMT; -1: none yet */
    uint8_t program[64]; /* its entries */
    size_t program_len;
    uint16_t pcr_pid;
    int is_jump; /* the last clock was flagged */
    /* The PES packet of the last unit. */
    uint16_t pid;
    uint64_t pts, dts, pcr;
    int has_pcr, is_random_access;
    size_t pes_len; /* header included; 0: none open */
    uint8_t *pes;   /* the caller's memory, pes_max bytes */
    size_t pes_max;
    size_t payload_at; /* where the payload begins in pes */
};

static inline void ts_check_init(struct ts_check *check, uint8_t *memory, size_t max)
{
    memset(check, 0, sizeof(*check));
    for (int i = 0; i < 4; i++)
        check->cc[i] = -1;
    check->version = -1;
    check->pes = memory;
    check->pes_max = max;
}

static inline int ts_check_slot(unsigned pid)
{
    return pid == 0 ? 0 : pid == 0x1001 ? 1 : pid == 0x100 ? 2 : pid == 0x101 ? 3 : -1;
}

static inline uint32_t ts_check_crc(const uint8_t *p, size_t len)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < 8 * len; i++) {
        uint32_t bit = (p[i / 8] >> (7 - i % 8) & 1u) ^ crc >> 31;

        crc = crc << 1 ^ (bit ? 0x04c11db7u : 0);
    }
    return crc;
}

static inline void ts_check_table(struct ts_check *check, unsigned pid, const uint8_t *p)
{
    size_t len = ((size_t)(p[2] & 15) << 8 | p[3]) + 3;

    assert(p[0] == 0 && p[2] >> 4 == 11 && len <= 183 && ts_check_crc(p + 1, len) == 0);
    for (size_t i = 1 + len; i < 184; i++)
        assert(p[i] == 0xff);
    assert(p[1] == (pid == 0 ? 0 : 2) && (p[6] & 0xc1) == 0xc1);
    if (pid == 0) {
        assert(len == 16 && memcmp(p + 9, "\x00\x01\xf0\x01", 4) == 0);
        return;
    }
    check->tables++;
    assert(len >= 21 && len - 16 <= sizeof(check->program));
    if (check->version >= 0 &&
        (len - 16 != check->program_len || memcmp(check->program, p + 13, len - 16) != 0 ||
         check->pcr_pid != ((p[9] & 31) << 8 | p[10])))
        assert((p[6] >> 1 & 31) == ((check->version + 1) & 31));
    else
        assert(check->version < 0 || (p[6] >> 1 & 31) == check->version);
    check->version = p[6] >> 1 & 31;
    check->program_len = len - 16;
    memcpy(check->program, p + 13, len - 16);
    check->pcr_pid = (uint16_t)((p[9] & 31) << 8 | p[10]);
}

static inline uint64_t ts_check_time(const uint8_t *p, unsigned prefix)
{
    assert(p[0] >> 4 == prefix && (p[0] & p[2] & p[4] & 1));
    return (uint64_t)(p[0] >> 1 & 7) << 30 | (uint64_t)p[1] << 22 | (uint64_t)(p[2] >> 1) << 15 |
           (uint64_t)p[3] << 7 | p[4] >> 1;
}

static inline void ts_check_pcr(struct ts_check *check, unsigned pid, const uint8_t *p, int is_jump)
{
    uint64_t pcr = (uint64_t)p[0] << 25 | (uint64_t)p[1] << 17 | (uint64_t)p[2] << 9 |
                   (uint64_t)p[3] << 1 | p[4] >> 7;

    assert((p[4] & 0x7f) == 0x7e && p[5] == 0 && check->version >= 0 && pid == check->pcr_pid);
    if (check->clocks > 0 && !is_jump) {
        uint64_t step = (pcr - check->pcr) & 0x1ffffffff;

        assert(step > 0 && step <= 100 * 90);
    }
    check->pcr = pcr;
    check->clocks++;
    check->is_jump = is_jump;
}

/* The adaptation field; answers its size, its length byte included. */
static inline size_t ts_check_field(struct ts_check *check, unsigned pid, const uint8_t *p)
{
    size_t len = p[4], at = 6;

    assert(len <= 183 && (p[3] & 0x10 || len == 183));
    if (len == 0)
        return 1;
    assert((p[5] & 0x2f) == 0);
    check->is_random_access |= p[5] >> 6 & 1;
    if (p[5] & 0x10) {
        ts_check_pcr(check, pid, p + 6, p[5] >> 7);
        check->has_pcr = p[3] & 0x10;
        at += 6;
    } else {
        assert(!(p[5] & 0x80));
    }
    assert(at <= 5 + len);
    for (; at < 5 + len; at++)
        assert(p[at] == 0xff);
    return 1 + len;
}

static inline void ts_check_packet(struct ts_check *check, const uint8_t *p)
{
    unsigned pid = (unsigned)(p[1] & 31) << 8 | p[2];
    int slot = ts_check_slot(pid);
    size_t skip = 0;

    assert(p[0] == 0x47 && slot >= 0 && (p[1] & 0x80) == 0 && p[3] >> 6 == 0 && p[3] & 0x30);
    check->packets++;
    if (p[3] & 0x10 && p[1] & 0x40 && slot >= 2) {
        assert(check->pes_len == 0);
        check->pid = (uint16_t)pid;
        check->has_pcr = check->is_random_access = 0;
    }
    if (p[3] & 0x20)
        skip = ts_check_field(check, pid, p);
    if (check->cc[slot] >= 0)
        assert((p[3] & 15) == (p[3] & 0x10 ? (check->cc[slot] + 1) & 15 : check->cc[slot]));
    if (check->cc[slot] >= 0 || p[3] & 0x10)
        check->cc[slot] = p[3] & 15;
    if (!(p[3] & 0x10))
        return;
    if (slot < 2) {
        assert(skip == 0 && p[1] & 0x40);
        ts_check_table(check, pid, p + 4);
        return;
    }
    assert(check->version >= 0 && pid == check->pid && (p[1] & 0x40 || check->pes_len > 0));
    assert(skip < 184 && check->pes_len + 184 - skip <= check->pes_max);
    memcpy(check->pes + check->pes_len, p + 4 + skip, 184 - skip);
    check->pes_len += 184 - skip;
}

/* The PES packet that a unit holds. */
static inline void ts_check_pes(struct ts_check *check)
{
    const uint8_t *p = check->pes;
    size_t said = (size_t)p[4] << 8 | p[5];

    assert(check->pes_len > 14 && p[0] == 0 && p[1] == 0 && p[2] == 1);
    assert(p[3] == (check->pid == 0x100 ? 0xe0 : 0xc0));
    assert(said == check->pes_len - 6 || (said == 0 && p[3] == 0xe0 && check->pes_len > 65541));
    assert(p[6] == 0x84 && (p[7] == 0x80 || p[7] == 0xc0) && p[8] == (p[7] == 0xc0 ? 10 : 5));
    check->pts = ts_check_time(p + 9, p[7] >> 6);
    check->dts = p[7] == 0xc0 ? ts_check_time(p + 14, 1) : check->pts;
    assert(((check->pts - check->dts) & 0x1ffffffff) < 0x100000000);
    check->payload_at = 9u + p[8];
    assert(check->payload_at < check->pes_len);
}

/* One emitted unit: whole packets, one whole PES packet at the end. */
static inline void ts_check_unit(struct ts_check *check, const uint8_t *data, size_t len)
{
    assert(len > 0 && len % 188 == 0);
    check->pes_len = 0;
    for (size_t at = 0; at < len; at += 188)
        ts_check_packet(check, data + at);
    ts_check_pes(check);
}

#endif
