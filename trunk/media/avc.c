/*
 * H.264's decoder configuration record (ISO/IEC 14496-15, 5.3.3.1), which is the
 * payload of an AVC sequence header, and the sequence parameter set (ITU-T
 * H.264, 7.3.2.1.1 and E.1.1) up to the picture's size and frame rate.
 *
 * The record's profile extension after the PPS is not read: decoders do not need it, and several
 * encoders omit it or write it wrong.
 */
#include "media/avc.h"

#include "base/bytes.h"
#include "media/bits.h"

#include <assert.h>
#include <string.h>

#define NAL_TYPE_SPS      7
#define SIZE_MAX_MBS      4096 /* 65536 pixels a side: far above any level */
#define POC_CYCLE_MAX     255
#define SAR_EXTENDED      255
#define CHROMA_FORMAT_444 3

/* Reads count NAL units with 16-bit length prefixes. 0 or -1. */
static int read_nals(struct bytes *b, struct avc_nal *nals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        nals[i].len = bytes_u16(b);
        nals[i].data = bytes_take(b, nals[i].len);
        if (b->bad || nals[i].len == 0)
            return -1;
    }
    return 0;
}

enum scan avc_config_parse(struct avc_config *config, const uint8_t *data, size_t len)
{
    struct bytes b = bytes_of(data, len);
    uint8_t version;

    assert(config != NULL);
    memset(config, 0, sizeof(*config));
    version = bytes_u8(&b);
    config->profile = bytes_u8(&b);
    config->compat = bytes_u8(&b);
    config->level = bytes_u8(&b);
    config->nal_length_size = (uint8_t)((bytes_u8(&b) & 3) + 1);
    config->sps_count = bytes_u8(&b) & 0x1f;
    if (b.bad || version != 1 || config->nal_length_size == 3)
        return SCAN_BAD;
    if (read_nals(&b, config->sps, config->sps_count) != 0)
        return SCAN_BAD;
    config->pps_count = bytes_u8(&b);
    if (b.bad || read_nals(&b, config->pps, config->pps_count) != 0)
        return SCAN_BAD;
    return SCAN_DONE;
}

/* The bytes of all units of one kind; sets *fits to 0 when a length field is too short. */
static size_t nals_size(const struct avc_config *config, const struct avc_nal *nals, size_t count,
                        int *fits)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        if (config->nal_length_size == 1 && nals[i].len > 0xff)
            *fits = 0;
        size += config->nal_length_size + nals[i].len;
    }
    return size;
}

size_t avc_config_nals_size(const struct avc_config *config)
{
    int fits = 1;
    size_t size;

    assert(config != NULL);
    size = nals_size(config, config->sps, config->sps_count, &fits);
    size += nals_size(config, config->pps, config->pps_count, &fits);
    return fits ? size : 0;
}

static uint8_t *write_nals(uint8_t *out, size_t length_size, const struct avc_nal *nals,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t n = length_size; n > 0; n--)
            *out++ = (uint8_t)(nals[i].len >> (8 * (n - 1)));
        memcpy(out, nals[i].data, nals[i].len);
        out += nals[i].len;
    }
    return out;
}

void avc_config_nals_write(const struct avc_config *config, uint8_t *out)
{
    assert(config != NULL && out != NULL && avc_config_nals_size(config) > 0);
    out = write_nals(out, config->nal_length_size, config->sps, config->sps_count);
    write_nals(out, config->nal_length_size, config->pps, config->pps_count);
}

/* Skips a scaling list (7.3.2.1.1.1). */
static void skip_scaling_list(struct bits *b, int size)
{
    int32_t last = 8, next = 8;

    for (int i = 0; i < size && !b->bad; i++) {
        if (next != 0)
            next = (int32_t)(((int64_t)last + bits_se(b) + 256) & 0xff);
        if (next != 0)
            last = next;
    }
}

/* Reads the part that only high profiles have. Returns chroma_array_type. */
static uint32_t read_chroma(struct bits *b)
{
    uint32_t chroma_format = bits_ue(b);
    uint32_t separate = 0;
    int lists;

    if (chroma_format > CHROMA_FORMAT_444)
        b->bad = 1;
    if (chroma_format == CHROMA_FORMAT_444)
        separate = bits_u(b, 1);
    bits_ue(b);      /* bit_depth_luma_minus8 */
    bits_ue(b);      /* bit_depth_chroma_minus8 */
    bits_skip(b, 1); /* qpprime_y_zero_transform_bypass_flag */
    if (bits_u(b, 1)) {
        lists = chroma_format == CHROMA_FORMAT_444 ? 12 : 8;
        for (int i = 0; i < lists && !b->bad; i++) {
            if (bits_u(b, 1))
                skip_scaling_list(b, i < 6 ? 16 : 64);
        }
    }
    return separate ? 0 : chroma_format;
}

static int has_chroma(uint8_t profile)
{
    static const uint8_t HIGH[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};

    return memchr(HIGH, profile, sizeof(HIGH)) != NULL;
}

static void skip_picture_order(struct bits *b)
{
    uint32_t type = bits_ue(b);
    uint32_t cycle;

    if (type == 0) {
        bits_ue(b);
    } else if (type == 1) {
        bits_skip(b, 1);
        bits_se(b);
        bits_se(b);
        cycle = bits_ue(b);
        if (cycle > POC_CYCLE_MAX)
            b->bad = 1;
        for (uint32_t i = 0; i < cycle && !b->bad; i++)
            bits_se(b);
    } else if (type > 2) {
        b->bad = 1;
    }
}

/* Size and cropping (7.4.2.1.1). */
static void read_size(struct bits *b, struct avc_sps *sps, uint32_t chroma_array_type)
{
    uint64_t crop_x = 0, crop_y = 0, unit_x, unit_y, width, height;
    uint32_t mbs_x = bits_ue(b);
    uint32_t mbs_y = bits_ue(b);
    uint32_t frame_mbs_only = bits_u(b, 1);

    if (mbs_x >= SIZE_MAX_MBS || mbs_y >= SIZE_MAX_MBS)
        b->bad = 1;
    if (!frame_mbs_only)
        bits_skip(b, 1); /* mb_adaptive_frame_field_flag */
    bits_skip(b, 1);     /* direct_8x8_inference_flag */
    if (bits_u(b, 1)) {
        crop_x = (uint64_t)bits_ue(b);
        crop_x += bits_ue(b);
        crop_y = (uint64_t)bits_ue(b);
        crop_y += bits_ue(b);
    }
    unit_x = chroma_array_type == 1 || chroma_array_type == 2 ? 2 : 1;
    unit_y = (chroma_array_type == 1 ? 2 : 1) * (2 - (uint64_t)frame_mbs_only);
    width = ((uint64_t)mbs_x + 1) * 16;
    height = ((uint64_t)mbs_y + 1) * 16 * (2 - (uint64_t)frame_mbs_only);
    if (b->bad || crop_x * unit_x >= width || crop_y * unit_y >= height) {
        b->bad = 1;
        return;
    }
    sps->width = (uint32_t)(width - crop_x * unit_x);
    sps->height = (uint32_t)(height - crop_y * unit_y);
}

/* E.1.1 up to the timing. A truncated VUI does not make the SPS bad: the size is known. */
static void read_vui(struct bits *b, struct avc_sps *sps)
{
    uint32_t num_units_in_tick, time_scale;

    if (!bits_u(b, 1))
        return;
    if (bits_u(b, 1) && bits_u(b, 8) == SAR_EXTENDED)
        bits_skip(b, 32);
    if (bits_u(b, 1))
        bits_skip(b, 1); /* overscan_appropriate_flag */
    if (bits_u(b, 1)) {
        bits_skip(b, 4); /* video_format, video_full_range_flag */
        if (bits_u(b, 1))
            bits_skip(b, 24);
    }
    if (bits_u(b, 1)) {
        bits_ue(b); /* chroma_sample_loc_type_top_field */
        bits_ue(b);
    }
    if (!bits_u(b, 1))
        return;
    num_units_in_tick = bits_u(b, 32);
    time_scale = bits_u(b, 32);
    if (b->bad || num_units_in_tick == 0 || time_scale == 0)
        return;
    sps->num_units_in_tick = num_units_in_tick;
    sps->time_scale = time_scale;
}

enum scan avc_sps_parse(struct avc_sps *sps, const uint8_t *nal, size_t len)
{
    uint32_t chroma_array_type = 1; /* 4:2:0 by default */
    struct bits b;

    assert(sps != NULL);
    memset(sps, 0, sizeof(*sps));
    bits_init_nal(&b, nal, len);
    if ((bits_u(&b, 8) & 0x9f) != NAL_TYPE_SPS)
        return SCAN_BAD;
    sps->profile = (uint8_t)bits_u(&b, 8);
    bits_skip(&b, 8); /* constraint flags */
    sps->level = (uint8_t)bits_u(&b, 8);
    if (bits_ue(&b) >= AVC_SPS_MAX)
        return SCAN_BAD;
    if (has_chroma(sps->profile))
        chroma_array_type = read_chroma(&b);
    bits_ue(&b); /* log2_max_frame_num_minus4 */
    skip_picture_order(&b);
    bits_ue(&b);      /* max_num_ref_frames */
    bits_skip(&b, 1); /* gaps_in_frame_num_value_allowed_flag */
    read_size(&b, sps, chroma_array_type);
    if (b.bad)
        return SCAN_BAD;
    read_vui(&b, sps);
    return SCAN_DONE;
}

/* constraint_set3_flag, which makes these profiles intra-only (ITU-T H.264, A.2.8 to A.2.10). */
#define COMPAT_INTRA 0x10

const char *avc_profile_name(uint8_t profile, uint8_t compat)
{
    int is_intra = (compat & COMPAT_INTRA) != 0;

    switch (profile) {
    case 66:
        return "Baseline";
    case 77:
        return "Main";
    case 88:
        return "Extended";
    case 100:
        return "High";
    case 110:
        return is_intra ? "High(10+Intra)" : "High(10)";
    case 122:
        return is_intra ? "High(422+Intra)" : "High(422)";
    case 144:
        return "High(444)";
    case 244:
        return is_intra ? "High(444+Intra)" : "High(444+Predictive)";
    case 44:
        return "High(444+Intra)";
    default:
        return "Other";
    }
}
