#ifndef MEDIA_OPUS_H
#define MEDIA_OPUS_H

/* Opus' identification header (RFC 7845, 5.1), and the duration of packets (RFC 6716, 3). Pure. */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

struct opus_config {
    uint8_t channels;
    uint16_t pre_skip;
    uint32_t sample_rate; /* of the input, informative */
};

/* SCAN_DONE, or SCAN_BAD when it is truncated or no header. */
enum scan opus_config_parse(struct opus_config *config, const uint8_t *data, size_t len);

/* 120 ms at 48 kHz. */
#define OPUS_PACKET_SAMPLES_MAX 5760

/* The duration of a packet in samples at 48 kHz; 0: it is malformed. */
uint32_t opus_packet_samples(const uint8_t *p, size_t len);

#endif
