/*
 * AV1's configuration record ("AV1 Codec ISO Media File Format Binding" 1.2,
 * 2.3), and in the OBUs after its four bytes the sequence header ("AV1
 * Bitstream & Decoding Process Specification", 5.5.1), which contains the size after a chain of
 * optional fields, so it has to be read from its beginning.
 */
#include "media/av1.h"

#include "base/bytes.h"
#include "media/bits.h"

#include <assert.h>
#include <string.h>

#define RECORD_MARKER       0x81 /* marker bit and version 1 */
#define OBU_SEQUENCE_HEADER 1
#define LEB128_BYTES_MAX    8

struct obu {
    uint8_t type;
    const uint8_t *data;
    size_t len;
};

static uint64_t read_leb128(struct bytes *b)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < LEB128_BYTES_MAX; i++) {
        uint8_t byte = bytes_u8(b);

        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return v;
    }
    b->bad = 1;
    return 0;
}

/* 5.3. 0 or -1. */
static int read_obu(struct bytes *b, struct obu *obu)
{
    uint8_t header = bytes_u8(b);
    uint64_t size;

    if (header & 0x80)
        return -1;
    obu->type = header >> 3 & 0x0f;
    if (header & 0x04)
        bytes_u8(b); /* temporal and spatial id */
    size = header & 0x02 ? read_leb128(b) : bytes_left(b);
    if (b->bad || size > bytes_left(b))
        return -1;
    obu->len = (size_t)size;
    obu->data = bytes_take(b, obu->len);
    return 0;
}

/* 4.10.3: a count of zero bits, then that many bits. Only its length matters. */
static void skip_uvlc(struct bits *b)
{
    unsigned zeros = 0;

    while (!b->bad && bits_u(b, 1) == 0)
        zeros++;
    if (zeros < 32)
        bits_skip(b, zeros);
}

struct timing {
    uint32_t has_decoder_model;
    uint32_t delay_bits; /* buffer_delay_length_minus_1 + 1 */
};

/* 5.5.3 and 5.5.4. */
static void read_timing(struct bits *b, struct timing *timing)
{
    bits_skip(b, 32 + 32); /* num_units_in_display_tick, time_scale */
    if (bits_u(b, 1))
        skip_uvlc(b); /* num_ticks_per_picture_minus_1 */
    timing->has_decoder_model = bits_u(b, 1);
    if (!timing->has_decoder_model)
        return;
    timing->delay_bits = bits_u(b, 5) + 1;
    bits_skip(b, 32 + 5 + 5);
}

static void skip_operating_points(struct bits *b, const struct timing *timing)
{
    uint32_t has_display_delay = bits_u(b, 1);
    uint32_t count = bits_u(b, 5) + 1;

    for (uint32_t i = 0; i < count && !b->bad; i++) {
        bits_skip(b, 12); /* operating_point_idc */
        if (bits_u(b, 5) > 7)
            bits_skip(b, 1); /* seq_tier */
        if (timing->has_decoder_model && bits_u(b, 1))
            bits_skip(b, 2 * timing->delay_bits + 1);
        if (has_display_delay && bits_u(b, 1))
            bits_skip(b, 4);
    }
}

/* 0 or -1. */
static int read_sequence_header(struct av1_config *config, const struct obu *obu)
{
    struct timing timing = {0, 0};
    struct bits b;
    unsigned width_bits, height_bits;
    uint32_t is_reduced;

    bits_init(&b, obu->data, obu->len);
    bits_skip(&b, 3 + 1); /* seq_profile, still_picture */
    is_reduced = bits_u(&b, 1);
    if (is_reduced) {
        bits_skip(&b, 5); /* seq_level_idx */
    } else {
        if (bits_u(&b, 1))
            read_timing(&b, &timing);
        skip_operating_points(&b, &timing);
    }
    width_bits = bits_u(&b, 4) + 1;
    height_bits = bits_u(&b, 4) + 1;
    config->width = bits_u(&b, width_bits) + 1;
    config->height = bits_u(&b, height_bits) + 1;
    return b.bad ? -1 : 0;
}

enum scan av1_config_parse(struct av1_config *config, const uint8_t *data, size_t len)
{
    struct bytes b = bytes_of(data, len);
    struct obu obu;
    uint8_t marker, second, third;

    assert(config != NULL);
    memset(config, 0, sizeof(*config));
    marker = bytes_u8(&b);
    second = bytes_u8(&b);
    third = bytes_u8(&b);
    bytes_u8(&b); /* initial_presentation_delay */
    if (b.bad || marker != RECORD_MARKER)
        return SCAN_BAD;
    config->profile = second >> 5;
    config->level = second & 0x1f;
    config->tier = third >> 7;
    while (bytes_left(&b) > 0) {
        if (read_obu(&b, &obu) != 0)
            return SCAN_BAD;
        if (obu.type == OBU_SEQUENCE_HEADER)
            return read_sequence_header(config, &obu) == 0 ? SCAN_DONE : SCAN_BAD;
    }
    return SCAN_DONE;
}
