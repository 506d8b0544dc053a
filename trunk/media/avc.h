#ifndef MEDIA_AVC_H
#define MEDIA_AVC_H

/*
 * H.264's decoder configuration record (ISO/IEC 14496-15, 5.3.3.1) and the part
 * of its SPS (ITU-T H.264, 7.3.2.1.1) that describes the picture. Pure.
 */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define AVC_SPS_MAX 32  /* numOfSequenceParameterSets is 5 bits */
#define AVC_PPS_MAX 256 /* numOfPictureParameterSets is 8 bits */

struct avc_nal {
    const uint8_t *data; /* borrowed from the record */
    size_t len;
};

struct avc_config {
    uint8_t profile, compat, level;
    uint8_t nal_length_size; /* 1, 2 or 4 */
    uint8_t sps_count;
    uint16_t pps_count;
    struct avc_nal sps[AVC_SPS_MAX];
    struct avc_nal pps[AVC_PPS_MAX];
};

/* SCAN_DONE or SCAN_BAD (also for a length size of 3). Trailing bytes are ignored. */
enum scan avc_config_parse(struct avc_config *config, const uint8_t *data, size_t len);

/*
 * The size in bytes of all SPS and PPS as AVCC NAL units with the record's length size, and writing
 * them (out has that many bytes). 0 if there is none or one does not fit its length field; then do
 * not write.
 */
size_t avc_config_nals_size(const struct avc_config *config);
void avc_config_nals_write(const struct avc_config *config, uint8_t *out);

struct avc_sps {
    uint32_t width, height; /* after cropping */
    uint8_t profile, level;
    uint32_t num_units_in_tick, time_scale; /* 0 when there is no VUI timing */
};

/* One SPS NAL unit, with emulation prevention bytes. SCAN_DONE or SCAN_BAD. */
enum scan avc_sps_parse(struct avc_sps *sps, const uint8_t *nal, size_t len);

/* "Baseline", "Main", "High", … and never NULL, as SRS's API names profiles. compat: the record's
 * constraint flags. */
const char *avc_profile_name(uint8_t profile, uint8_t compat);

#endif
