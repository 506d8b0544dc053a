/*
 * Opus: the identification header (RFC 7845, 5.1), which enhanced RTMP sends as
 * the sequence header, and the table of contents of a packet (RFC 6716, 3.1).
 */
#include "media/opus.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

#define MAPPING_SILENT 255

static uint16_t read_u16le(struct bytes *b)
{
    return __builtin_bswap16(bytes_u16(b));
}

/* 5.1.1: streams and which of them each channel plays. 0 or -1. */
static int check_mapping(struct bytes *b, uint8_t channels)
{
    unsigned streams = bytes_u8(b);
    unsigned coupled = bytes_u8(b);
    const uint8_t *mapping = bytes_take(b, channels);

    if (b->bad || streams == 0 || coupled > streams || streams + coupled > 255)
        return -1;
    for (unsigned i = 0; i < channels; i++) {
        if (mapping[i] != MAPPING_SILENT && mapping[i] >= streams + coupled)
            return -1;
    }
    return 0;
}

enum scan opus_config_parse(struct opus_config *config, const uint8_t *data, size_t len)
{
    struct bytes b = bytes_of(data, len);
    const uint8_t *magic = bytes_take(&b, 8);
    uint8_t version, family;

    assert(config != NULL);
    memset(config, 0, sizeof(*config));
    if (magic == NULL || memcmp(magic, "OpusHead", 8) != 0)
        return SCAN_BAD;
    version = bytes_u8(&b);
    config->channels = bytes_u8(&b);
    config->pre_skip = read_u16le(&b);
    config->sample_rate = bytes_u32le(&b);
    bytes_u16(&b); /* output gain */
    family = bytes_u8(&b);
    /* Only a change of the upper half of the version is incompatible. */
    if (b.bad || version >> 4 != 0 || config->channels == 0)
        return SCAN_BAD;
    if (family == 0)
        return config->channels <= 2 ? SCAN_DONE : SCAN_BAD;
    return check_mapping(&b, config->channels) == 0 ? SCAN_DONE : SCAN_BAD;
}

/* RFC 6716, 3.1: the duration that each configuration gives a frame, in samples at 48 kHz. */
static uint32_t frame_samples(uint8_t toc)
{
    unsigned config = toc >> 3;

    if (config < 12) /* SILK */
        return (config & 3) == 3 ? 2880 : 480u << (config & 3);
    if (config < 16) /* hybrid */
        return 480u << (config & 1);
    return 120u << (config & 3); /* CELT */
}

uint32_t opus_packet_samples(const uint8_t *p, size_t len)
{
    uint32_t samples, count;

    if (len == 0)
        return 0;
    samples = frame_samples(p[0]);
    switch (p[0] & 3) {
    case 0:
        count = 1;
        break;
    case 3:
        count = len > 1 ? p[1] & 0x3f : 0;
        break;
    default:
        count = 2;
    }
    return samples * count <= OPUS_PACKET_SAMPLES_MAX ? samples * count : 0;
}
