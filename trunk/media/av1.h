#ifndef MEDIA_AV1_H
#define MEDIA_AV1_H

/* AV1's configuration record ("AV1 Codec ISO Media File Format Binding", 2.3) and its sequence
 * header OBU. Pure. */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

struct av1_config {
    uint8_t profile, level, tier;
    uint32_t width, height; /* 0 when the record contains no sequence header */
};

/* SCAN_DONE, or SCAN_BAD when it is truncated or no record. */
enum scan av1_config_parse(struct av1_config *config, const uint8_t *data, size_t len);

#endif
