/*
 * Repair of H.264 and HEVC messages (ISO/IEC 14496-15, 5.3 and 8.3: lengths before NAL units and
 * the configuration record; ITU-T H.264 and H.265, annex B: start codes). A message that is valid
 * with lengths is read with lengths, although a length of 256 to 511 looks like a start code of
 * three bytes, and a length of 1 like one of four.
 */
#include "media/nal_repair.h"

#include "media/avc.h"
#include "media/hevc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_SIZE_USUAL 4
#define SETS_MAX          16 /* parameter sets of one sequence header */

/* nal_unit_type, H.264 table 7-1 and H.265 table 7-1. */
#define AVC_SPS  7
#define AVC_PPS  8
#define HEVC_VPS 32
#define HEVC_SPS 33
#define HEVC_PPS 34

/* The byte of each record whose last two bits are the length size. */
#define AVC_LENGTH_AT  4
#define HEVC_LENGTH_AT 21

struct nal {
    const uint8_t *data;
    size_t len;
};

/* Any number of zeros may stand before a start code (annex B.1). */
static int starts_with_code(const uint8_t *p, size_t len)
{
    size_t zeros = 0;

    while (zeros < len && p[zeros] == 0)
        zeros++;
    return zeros >= 2 && zeros < len && p[zeros] == 1;
}

/* The next start code of three bytes; `end` when there is none. */
static const uint8_t *find_code(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 3) {
        p = memchr(p + 2, 1, (size_t)(end - p - 2));
        if (p == NULL)
            return end;
        if (p[-1] == 0 && p[-2] == 0)
            return p - 2;
        p--;
    }
    return end;
}

/* The next NAL unit of a byte stream, without trailing zeros: 1, or 0 at the end. *p is at a start
 * code, or at the end. */
static int next_unit(const uint8_t **p, const uint8_t *end, struct nal *nal)
{
    const uint8_t *stop;

    if (*p == end)
        return 0;
    nal->data = *p + 3;
    stop = find_code(nal->data, end);
    *p = stop;
    while (stop > nal->data && stop[-1] == 0)
        stop--;
    nal->len = (size_t)(stop - nal->data);
    return 1;
}

static size_t read_length(const uint8_t *p, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n = n << 8 | p[i];
    return n;
}

static size_t length_size(const struct nal_repair *repair)
{
    return repair->nal_length_size != 0 ? repair->nal_length_size : LENGTH_SIZE_USUAL;
}

/* Whether the picture consists of length-prefixed units; *has_empty: some of them are empty. */
static int is_walkable(const struct frame *frame, size_t size, int *has_empty)
{
    const uint8_t *p = frame->payload;
    size_t left = frame->payload_len;
    int empty = 0, full = 0;

    while (left >= size) {
        size_t n = read_length(p, size);

        if (n > left - size)
            break;
        empty |= n == 0;
        full |= n > 0;
        p += size + n;
        left -= size + n;
    }
    *has_empty = empty && full;
    return left == 0;
}

static enum nal_fault look_at_header(struct nal_repair *repair, const struct frame *frame)
{
    size_t at = frame->codec == CODEC_H264 ? AVC_LENGTH_AT : HEVC_LENGTH_AT;

    /* Version 0 of HEVC's record begins with a zero, too, but not with zeros and a one. */
    if (starts_with_code(frame->payload, frame->payload_len))
        return NAL_RAW_HEADER;
    if (frame->payload_len > at)
        repair->nal_length_size = (frame->payload[at] & 3) + 1;
    return NAL_INTACT;
}

enum nal_fault nal_repair_look(struct nal_repair *repair, const struct frame *frame)
{
    int has_empty;

    assert(repair != NULL && frame != NULL);
    if ((frame->codec != CODEC_H264 && frame->codec != CODEC_HEVC) || frame->is_multi ||
        frame->is_meta || frame->payload_len == 0)
        return NAL_INTACT;
    if (frame->is_header)
        return look_at_header(repair, frame);
    if (is_walkable(frame, length_size(repair), &has_empty))
        return has_empty ? NAL_EMPTY_UNITS : NAL_INTACT;
    if (starts_with_code(frame->payload, frame->payload_len))
        return NAL_START_CODES;
    return NAL_INTACT;
}

const char *nal_repair_fault_name(enum nal_fault fault)
{
    switch (fault) {
    case NAL_START_CODES:
        return "start codes instead of NAL unit lengths";
    case NAL_EMPTY_UNITS:
        return "empty NAL units";
    case NAL_RAW_HEADER:
        return "start codes in the sequence header";
    case NAL_INTACT:
        break;
    }
    return "nothing wrong";
}

/* ---- pictures ---- */

static int put_unit(struct buf *out, const struct nal *nal, size_t size)
{
    uint8_t length[4];

    if (size < sizeof(size_t) && nal->len >> (8 * size) != 0)
        return -1;
    for (size_t i = 0; i < size; i++)
        length[i] = (uint8_t)(nal->len >> (8 * (size - 1 - i)));
    if (buf_append(out, length, size) != 0)
        return -1;
    return buf_append(out, nal->data, nal->len);
}

static int write_from_codes(const struct frame *frame, size_t size, struct buf *out)
{
    const uint8_t *end = frame->payload + frame->payload_len;
    const uint8_t *p = find_code(frame->payload, end);
    struct nal nal;

    while (next_unit(&p, end, &nal))
        if (nal.len > 0 && put_unit(out, &nal, size) != 0)
            return -1;
    return 0;
}

/* Repairs a picture of length-prefixed units. */
static int write_without_empty(const struct frame *frame, size_t size, struct buf *out)
{
    const uint8_t *p = frame->payload;
    size_t left = frame->payload_len;

    while (left > 0) {
        struct nal nal = {p + size, read_length(p, size)};

        if (nal.len > 0 && put_unit(out, &nal, size) != 0)
            return -1;
        p += size + nal.len;
        left -= size + nal.len;
    }
    return 0;
}

/* ---- sequence headers ---- */

struct sets {
    struct nal nal[SETS_MAX];
    int kind[SETS_MAX]; /* nal_unit_type */
    int count;
};

static int is_set(enum codec codec, int kind)
{
    if (codec == CODEC_H264)
        return kind == AVC_SPS || kind == AVC_PPS;
    return kind >= HEVC_VPS && kind <= HEVC_PPS;
}

/* 0, or -1 for a parameter set that does not fit a record, or too many. */
static int read_sets(const struct frame *frame, struct sets *sets)
{
    const uint8_t *end = frame->payload + frame->payload_len;
    const uint8_t *p = find_code(frame->payload, end);
    struct nal nal;

    sets->count = 0;
    while (next_unit(&p, end, &nal)) {
        int kind;

        if (nal.len == 0)
            continue;
        kind = frame->codec == CODEC_H264 ? nal.data[0] & 0x1f : nal.data[0] >> 1 & 0x3f;
        if (!is_set(frame->codec, kind))
            continue;
        if (nal.len > UINT16_MAX || sets->count == SETS_MAX)
            return -1;
        sets->kind[sets->count] = kind;
        sets->nal[sets->count++] = nal;
    }
    return 0;
}

static int sets_of(const struct sets *sets, int kind)
{
    int count = 0;

    for (int i = 0; i < sets->count; i++)
        count += sets->kind[i] == kind;
    return count;
}

static const struct nal *first_set(const struct sets *sets, int kind)
{
    for (int i = 0; i < sets->count; i++)
        if (sets->kind[i] == kind)
            return &sets->nal[i];
    return NULL;
}

static int put_sets(struct buf *out, const struct sets *sets, int kind)
{
    for (int i = 0; i < sets->count; i++)
        if (sets->kind[i] == kind && put_unit(out, &sets->nal[i], 2) != 0)
            return -1;
    return 0;
}

static int write_avc_record(const struct sets *sets, struct buf *out)
{
    const struct nal *sps = first_set(sets, AVC_SPS);
    int pps_count = sets_of(sets, AVC_PPS);
    uint8_t head[6] = {1, 0, 0, 0, 0xfc | (LENGTH_SIZE_USUAL - 1), 0xe0};
    uint8_t pps = (uint8_t)pps_count;

    if (sps == NULL || sps->len < 4 || pps_count == 0)
        return -1;
    memcpy(head + 1, sps->data + 1, 3); /* profile, constraints, level */
    head[5] |= (uint8_t)sets_of(sets, AVC_SPS);
    if (buf_append(out, head, sizeof(head)) != 0 || put_sets(out, sets, AVC_SPS) != 0 ||
        buf_append(out, &pps, 1) != 0)
        return -1;
    return put_sets(out, sets, AVC_PPS);
}

static int write_hevc_record(const struct sets *sets, struct buf *out)
{
    const struct nal *nal = first_set(sets, HEVC_SPS);
    uint8_t head[23] = {1};
    struct hevc_sps sps;

    if (nal == NULL || sets_of(sets, HEVC_VPS) == 0 || sets_of(sets, HEVC_PPS) == 0 ||
        hevc_sps_parse(&sps, nal->data, nal->len) != SCAN_DONE)
        return -1;
    memcpy(head + 1, sps.general, sizeof(sps.general));
    head[13] = 0xf0; /* min_spatial_segmentation_idc 0: not said */
    head[15] = 0xfc; /* parallelismType 0: not said */
    head[16] = 0xfc | sps.chroma_format;
    head[17] = (uint8_t)(0xf8 | (sps.bit_depth_luma - 8));
    head[18] = (uint8_t)(0xf8 | (sps.bit_depth_chroma - 8));
    head[HEVC_LENGTH_AT] =
        (uint8_t)(sps.sub_layers << 3 | sps.is_nested << 2 | (LENGTH_SIZE_USUAL - 1));
    head[22] = HEVC_PPS - HEVC_VPS + 1;
    if (buf_append(out, head, sizeof(head)) != 0)
        return -1;
    for (int kind = HEVC_VPS; kind <= HEVC_PPS; kind++) {
        uint8_t array[3] = {(uint8_t)(0x80 | kind), 0, (uint8_t)sets_of(sets, kind)};

        if (buf_append(out, array, sizeof(array)) != 0 || put_sets(out, sets, kind) != 0)
            return -1;
    }
    return 0;
}

static int write_header(struct nal_repair *repair, const struct frame *frame, struct buf *out)
{
    struct sets sets;
    int rc;

    if (read_sets(frame, &sets) != 0)
        return -1;
    rc = frame->codec == CODEC_H264 ? write_avc_record(&sets, out) : write_hevc_record(&sets, out);
    if (rc == 0)
        repair->nal_length_size = LENGTH_SIZE_USUAL;
    return rc;
}

int nal_repair_write(struct nal_repair *repair, const struct frame *frame, enum nal_fault fault,
                     struct buf *out)
{
    size_t front = (size_t)(frame->payload - frame->data);
    int rc;

    assert(fault != NAL_INTACT && out->len == 0);
    if (buf_append(out, frame->data, front) != 0)
        return -1;
    if (fault == NAL_RAW_HEADER)
        rc = write_header(repair, frame, out);
    else if (fault == NAL_START_CODES)
        rc = write_from_codes(frame, length_size(repair), out);
    else
        rc = write_without_empty(frame, length_size(repair), out);
    return rc == 0 && out->len > front ? 0 : -1;
}
