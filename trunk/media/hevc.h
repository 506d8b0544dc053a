#ifndef MEDIA_HEVC_H
#define MEDIA_HEVC_H

/*
 * HEVC's decoder configuration record (ISO/IEC 14496-15, 8.3.3.1) and the size
 * in its SPS (ITU-T H.265, 7.3.2.2). Pure.
 */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define HEVC_NALS_MAX 64

struct hevc_nal {
    uint8_t type; /* 32 VPS, 33 SPS, 34 PPS, … */
    const uint8_t *data;
    size_t len;
};

struct hevc_config {
    uint8_t profile, level;
    uint8_t nal_length_size; /* 1, 2 or 4 */
    uint8_t nal_count;
    struct hevc_nal nals[HEVC_NALS_MAX];
};

/* The NAL units point into data. SCAN_DONE, or SCAN_BAD when it is truncated, no record, or has
 * more than HEVC_NALS_MAX of them. */
enum scan hevc_config_parse(struct hevc_config *config, const uint8_t *data, size_t len);

struct hevc_sps {
    uint32_t width, height; /* after the conformance window */
    uint8_t general[12];    /* profile, compatibility, constraints and level, as in the record */
    uint8_t sub_layers;     /* 1 to 7 */
    uint8_t is_nested;      /* sps_temporal_id_nesting_flag */
    uint8_t chroma_format;
    uint8_t bit_depth_luma, bit_depth_chroma; /* 8 to 15 */
};

/* nal: the whole NAL unit, with emulation prevention bytes. SCAN_DONE or SCAN_BAD. */
enum scan hevc_sps_parse(struct hevc_sps *sps, const uint8_t *nal, size_t len);

/* "Main", "Main10", "Main Still Picture", "Rext", or "Other", as SRS's API names profiles. */
const char *hevc_profile_name(uint8_t profile);

#endif
