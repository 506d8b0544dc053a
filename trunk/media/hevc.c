/*
 * HEVC's decoder configuration record (ISO/IEC 14496-15, 8.3.3.1) and its
 * sequence parameter set (ITU-T H.265, 7.3.2.2) up to the sample depth, the last field that the
 * record repeats; the rest is not needed here.
 */
#include "media/hevc.h"

#include "base/bytes.h"
#include "media/bits.h"

#include <assert.h>
#include <string.h>

#define NAL_TYPE_SPS        33
#define SIDE_MAX            65536 /* pixels: far above any level */
#define SPS_COUNT           16
#define CHROMA_FORMAT_444   3
#define PROFILE_BITS        88 /* profile space to the reserved bit, general or of a sub-layer */
#define LEVEL_BITS          8
#define DEPTH_MORE_MAX      7 /* bits of a sample beyond 8, as many as the record can hold */
#define SUB_LAYERS_RESERVED 7

enum scan hevc_config_parse(struct hevc_config *config, const uint8_t *data, size_t len)
{
    struct bytes b = bytes_of(data, len);
    uint8_t version, arrays;

    assert(config != NULL);
    memset(config, 0, sizeof(*config));
    version = bytes_u8(&b);
    config->profile = bytes_u8(&b) & 0x1f;
    bytes_take(&b, 10); /* compatibility and constraint flags */
    config->level = bytes_u8(&b);
    bytes_take(&b, 8); /* segmentation, parallelism, chroma, depths, frame rate */
    config->nal_length_size = (uint8_t)((bytes_u8(&b) & 3) + 1);
    arrays = bytes_u8(&b);
    /* Encoders wrote version 0 before the standard was final; the record is the same. */
    if (b.bad || version > 1 || config->nal_length_size == 3)
        return SCAN_BAD;
    for (unsigned i = 0; i < arrays; i++) {
        uint8_t type = bytes_u8(&b) & 0x3f;
        uint16_t count = bytes_u16(&b);

        if (b.bad || count > HEVC_NALS_MAX - config->nal_count)
            return SCAN_BAD;
        for (unsigned n = 0; n < count; n++) {
            struct hevc_nal *nal = &config->nals[config->nal_count++];

            nal->type = type;
            nal->len = bytes_u16(&b);
            nal->data = bytes_take(&b, nal->len);
            if (b.bad || nal->len == 0)
                return SCAN_BAD;
        }
    }
    return SCAN_DONE;
}

/* 7.3.3: the profile and level of the stream, which are stored, and of each sub-layer. */
static void read_profile_tier_level(struct bits *b, unsigned sub_layers, uint8_t general[12])
{
    uint32_t flags[SUB_LAYERS_RESERVED] = {0}; /* two bits each: profile, level present */

    assert(sub_layers < SUB_LAYERS_RESERVED);
    for (unsigned i = 0; i < (PROFILE_BITS + LEVEL_BITS) / 8; i++)
        general[i] = (uint8_t)bits_u(b, 8);
    for (unsigned i = 0; i < sub_layers; i++)
        flags[i] = bits_u(b, 2);
    if (sub_layers > 0)
        bits_skip(b, 2 * (8 - sub_layers));
    for (unsigned i = 0; i < sub_layers; i++) {
        if (flags[i] & 2)
            bits_skip(b, PROFILE_BITS);
        if (flags[i] & 1)
            bits_skip(b, LEVEL_BITS);
    }
}

enum scan hevc_sps_parse(struct hevc_sps *sps, const uint8_t *nal, size_t len)
{
    uint64_t window_x = 0, window_y = 0, unit_x, unit_y;
    uint32_t sub_layers, chroma_format, width, height, luma, chroma;
    struct bits b;

    assert(sps != NULL);
    memset(sps, 0, sizeof(*sps));
    bits_init_nal(&b, nal, len);
    if ((bits_u(&b, 16) & 0xfe00) != NAL_TYPE_SPS << 9)
        return SCAN_BAD;
    bits_skip(&b, 4); /* sps_video_parameter_set_id */
    sub_layers = bits_u(&b, 3);
    sps->sub_layers = (uint8_t)(sub_layers + 1);
    sps->is_nested = (uint8_t)bits_u(&b, 1);
    if (b.bad || sub_layers == SUB_LAYERS_RESERVED)
        return SCAN_BAD;
    read_profile_tier_level(&b, sub_layers, sps->general);
    if (bits_ue(&b) >= SPS_COUNT)
        return SCAN_BAD;
    chroma_format = bits_ue(&b);
    if (chroma_format > CHROMA_FORMAT_444)
        return SCAN_BAD;
    unit_x = chroma_format == 1 || chroma_format == 2 ? 2 : 1;
    unit_y = chroma_format == 1 ? 2 : 1;
    if (chroma_format == CHROMA_FORMAT_444)
        bits_skip(&b, 1); /* separate_colour_plane_flag */
    width = bits_ue(&b);
    height = bits_ue(&b);
    if (bits_u(&b, 1)) {
        window_x = (uint64_t)bits_ue(&b);
        window_x += bits_ue(&b);
        window_y = (uint64_t)bits_ue(&b);
        window_y += bits_ue(&b);
    }
    luma = bits_ue(&b);
    chroma = bits_ue(&b);
    if (b.bad || luma > DEPTH_MORE_MAX || chroma > DEPTH_MORE_MAX || width > SIDE_MAX ||
        height > SIDE_MAX || window_x * unit_x >= width || window_y * unit_y >= height)
        return SCAN_BAD;
    sps->chroma_format = (uint8_t)chroma_format;
    sps->bit_depth_luma = (uint8_t)(8 + luma);
    sps->bit_depth_chroma = (uint8_t)(8 + chroma);
    sps->width = (uint32_t)(width - window_x * unit_x);
    sps->height = (uint32_t)(height - window_y * unit_y);
    return SCAN_DONE;
}

const char *hevc_profile_name(uint8_t profile)
{
    static const char *const names[] = {"Other", "Main", "Main10", "Main Still Picture", "Rext"};

    return profile < sizeof(names) / sizeof(names[0]) ? names[profile] : names[0];
}
