#ifndef MEDIA_AAC_H
#define MEDIA_AAC_H

/* AAC's AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) and ADTS header (1.A.2.2). Pure. */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define AAC_ADTS_HEADER_SIZE 7
#define AAC_ADTS_FRAME_MAX   8191 /* aac_frame_length is 13 bits, header included */

struct aac_config {
    uint8_t object_type;       /* of the core: 2 = LC also under SBR and PS signalling */
    uint8_t extension_type;    /* 5 SBR, 29 PS, else 0 */
    uint32_t sample_rate;      /* of the core, in Hz */
    uint8_t sample_rate_index; /* 15: the rate follows explicitly */
    uint32_t output_rate;      /* with SBR the output rate, else sample_rate */
    uint8_t channels;          /* 0: in a program config element */
    uint8_t channel_config;
};

/* SCAN_DONE, or SCAN_BAD when it is truncated or uses reserved values. Trailing bytes are ignored.
 */
enum scan aac_config_parse(struct aac_config *config, const uint8_t *data, size_t len);

/*
 * The header of a raw frame of frame_len bytes (without the header). 0, or -1 when ADTS cannot
 * express it (object type over 4, explicit rate, channel configuration over 7, frame too long).
 */
int aac_adts_write(const struct aac_config *config, size_t frame_len,
                   uint8_t out[AAC_ADTS_HEADER_SIZE]);

/* "LC", "HE", "HEv2", "Main", … never NULL. */
const char *aac_profile_name(const struct aac_config *config);

#endif
