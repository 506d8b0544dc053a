/*
 * The headers of codecs, chosen by the first byte. What is found whole lies in
 * its bytes and is within what the rest of the server counts on: sides below
 * 65537, lengths that advance, units that are written as long as they were said.
 */
#include "media/aac.h"
#include "media/av1.h"
#include "media/avc.h"
#include "media/flv.h"
#include "media/hevc.h"
#include "media/mp3.h"
#include "media/nal_repair.h"
#include "media/opus.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const uint8_t *p, size_t n, const uint8_t *data, size_t size)
{
    assert(n > 0 && p >= data && p + n <= data + size);
}

static void check_avc_sps(const uint8_t *data, size_t size)
{
    struct avc_sps sps;

    if (avc_sps_parse(&sps, data, size) != SCAN_DONE)
        return;
    assert(sps.width > 0 && sps.width <= SIDE_MAX && sps.height > 0 && sps.height <= 2 * SIDE_MAX);
    assert((sps.num_units_in_tick == 0) == (sps.time_scale == 0));
}

static void check_avc(const uint8_t *data, size_t size)
{
    struct avc_config config;
    size_t units;
    uint8_t *out;

    if (avc_config_parse(&config, data, size) != SCAN_DONE)
        return;
    assert(config.nal_length_size != 3 && config.nal_length_size <= 4);
    for (size_t i = 0; i < config.sps_count; i++) {
        check_inside(config.sps[i].data, config.sps[i].len, data, size);
        check_avc_sps(config.sps[i].data, config.sps[i].len);
    }
    for (size_t i = 0; i < config.pps_count; i++)
        check_inside(config.pps[i].data, config.pps[i].len, data, size);
    units = avc_config_nals_size(&config);
    out = malloc(units > 0 ? units : 1);
    if (units > 0 && out != NULL)
        avc_config_nals_write(&config, out);
    free(out);
}

static void check_hevc(const uint8_t *data, size_t size)
{
    struct hevc_config config;
    struct hevc_sps sps;

    if (hevc_config_parse(&config, data, size) == SCAN_DONE) {
        assert(config.nal_count <= HEVC_NALS_MAX && config.nal_length_size != 3);
        for (size_t i = 0; i < config.nal_count; i++)
            check_inside(config.nals[i].data, config.nals[i].len, data, size);
    }
    if (hevc_sps_parse(&sps, data, size) == SCAN_DONE) {
        assert(sps.width > 0 && sps.width <= SIDE_MAX);
        assert(sps.height > 0 && sps.height <= SIDE_MAX);
    }
}

static void check_av1(const uint8_t *data, size_t size)
{
    struct av1_config config;

    if (av1_config_parse(&config, data, size) == SCAN_DONE)
        assert(config.width <= SIDE_MAX && (config.width == 0) == (config.height == 0));
}

static void check_aac(const uint8_t *data, size_t size)
{
    uint8_t header[AAC_ADTS_HEADER_SIZE];
    struct aac_config config;

    if (aac_config_parse(&config, data, size) == SCAN_DONE) {
        assert(config.object_type > 0 && config.sample_rate > 0 && config.output_rate > 0);
        assert(aac_profile_name(&config) != NULL);
        if (aac_adts_write(&config, size, header) == 0)
            assert(((size_t)(header[3] & 3) << 11 | (size_t)header[4] << 3 | header[5] >> 5) ==
                   size + sizeof(header));
    }
}

static void check_mp3(const uint8_t *data, size_t size)
{
    struct mp3_header header;
    size_t at = 0;

    while (at <= size && mp3_header_parse(&header, data + at, size - at) == SCAN_DONE) {
        assert(header.frame_len > MP3_HEADER_SIZE && header.frame_len <= 6 * 1024);
        assert(header.sample_rate >= 8000 && header.bit_rate >= 8000 && header.samples >= 384);
        at += header.frame_len;
    }
}

static void check_opus(const uint8_t *data, size_t size)
{
    struct opus_config config;

    if (opus_config_parse(&config, data, size) == SCAN_DONE)
        assert(config.channels > 0 && size >= 19);
}

/* What is repaired is valid, and hardly longer than the input: a code of 3 bytes becomes 4. */
static void check_nal_repair(const uint8_t *data, size_t size)
{
    struct nal_repair repair = {0};
    enum nal_fault fault;
    struct frame frame;
    struct buf out;

    flv_frame_parse(&frame, FRAME_VIDEO, 0, data, size);
    fault = nal_repair_look(&repair, &frame);
    if (fault == NAL_INTACT)
        return;
    buf_init(&out, 2 * size + 64);
    if (nal_repair_write(&repair, &frame, fault, &out) == 0) {
        uint8_t type = frame.is_header;

        assert(fault == NAL_RAW_HEADER || out.len <= size + size / 3);
        flv_frame_parse(&frame, FRAME_VIDEO, 0, buf_data(&out), out.len);
        assert(frame.is_header == type && nal_repair_look(&repair, &frame) == NAL_INTACT);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(const uint8_t *, size_t) = {
        check_avc, check_avc_sps, check_hevc, check_av1,
        check_aac, check_mp3,     check_opus, check_nal_repair,
    };
    uint8_t *copy;

    if (size == 0)
        return 0;
    /* A block of its own, so that ASan sees an access one byte before or after it. */
    copy = malloc(size > 1 ? size - 1 : 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, size - 1);
    checks[data[0] % (sizeof(checks) / sizeof(checks[0]))](copy, size - 1);
    free(copy);
    return 0;
}
