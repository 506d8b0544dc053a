/*
 * The header of an MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3; the
 * half rates of ISO/IEC 13818-3 and the quarter rates known as MPEG 2.5). Reserved values are
 * refused, so that 11 set bits in a damaged stream are not mistaken for a frame.
 */
#include "media/mp3.h"

#include <assert.h>
#include <string.h>

/* kbit/s by index; MPEG-1 layers I, II, III, then MPEG-2 layer I, and its II and III. */
static const uint16_t BIT_RATES[5][15] = {
    {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
};

static const uint16_t SAMPLE_RATES[3] = {44100, 48000, 32000};

static uint16_t samples_of(uint8_t version, uint8_t layer)
{
    if (layer == 1)
        return 384;
    return layer == 3 && version != 1 ? 576 : 1152;
}

static uint32_t bit_rate_of(uint8_t version, uint8_t layer, unsigned index)
{
    int row;

    if (version == 1)
        row = layer - 1;
    else
        row = layer == 1 ? 3 : 4;
    return BIT_RATES[row][index] * 1000u;
}

enum scan mp3_header_parse(struct mp3_header *header, const uint8_t *p, size_t len)
{
    unsigned version_bits, layer_bits, rate_bits, index, padding;

    assert(header != NULL && (p != NULL || len == 0));
    memset(header, 0, sizeof(*header));
    if ((len > 0 && p[0] != 0xff) || (len > 1 && (p[1] & 0xe0) != 0xe0))
        return SCAN_BAD;
    if (len < MP3_HEADER_SIZE)
        return SCAN_MORE;
    version_bits = p[1] >> 3 & 3;
    layer_bits = p[1] >> 1 & 3;
    index = p[2] >> 4;
    rate_bits = p[2] >> 2 & 3;
    padding = p[2] >> 1 & 1;
    /* Reserved: version 1, layer 0, rate 3, bit rate 15, emphasis 2. Bit rate 0 is free format. */
    if (version_bits == 1 || layer_bits == 0 || rate_bits == 3 || index == 15 || index == 0 ||
        (p[3] & 3) == 2)
        return SCAN_BAD;
    header->version = version_bits == 3 ? 1 : version_bits == 2 ? 2 : 25;
    header->layer = (uint8_t)(4 - layer_bits);
    header->sample_rate = SAMPLE_RATES[rate_bits];
    if (header->version != 1)
        header->sample_rate /= header->version == 2 ? 2 : 4;
    header->bit_rate = bit_rate_of(header->version, header->layer, index);
    header->channels = p[3] >> 6 == 3 ? 1 : 2;
    header->samples = samples_of(header->version, header->layer);
    if (header->layer == 1)
        header->frame_len = (12 * header->bit_rate / header->sample_rate + padding) * 4;
    else
        header->frame_len = header->samples / 8 * header->bit_rate / header->sample_rate + padding;
    assert(header->frame_len >= MP3_HEADER_SIZE);
    return SCAN_DONE;
}
