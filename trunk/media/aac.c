/*
 * AAC's AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), which is the payload of
 * an AAC sequence header, and ADTS (1.A.2.2), which is AAC without one.
 *
 * SBR and PS are signalled either before the core's configuration ("hierarchical": object type 5 or
 * 29, then the core's) or after it, where old decoders do not look ("backward compatible"); both
 * are read.
 */
#include "media/aac.h"

#include "media/bits.h"

#include <assert.h>
#include <string.h>

#define OBJECT_ER_AAC_SCALABLE 20
#define OBJECT_ER_BSAC         22
#define OBJECT_SBR             5
#define OBJECT_PS              29
#define OBJECT_ESCAPE          31
#define RATE_WRITTEN_OUT       15
#define SYNC_SBR               0x2b7
#define SYNC_PS                0x548

static const uint32_t SAMPLE_RATES[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                        22050, 16000, 12000, 11025, 8000,  7350};
#define SAMPLE_RATES_COUNT (sizeof(SAMPLE_RATES) / sizeof(SAMPLE_RATES[0]))

/* Channels by channelConfiguration (table 1.19 and its later editions). */
static const uint8_t CHANNELS[] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 3, 4, 7, 8, 24, 8, 0};

static uint8_t read_object_type(struct bits *b)
{
    uint32_t type = bits_u(b, 5);

    if (type == OBJECT_ESCAPE)
        type = 32 + bits_u(b, 6);
    return (uint8_t)type;
}

/* Returns the rate in Hz, and its index; a reserved index is bad. */
static uint32_t read_sample_rate(struct bits *b, uint8_t *index)
{
    uint32_t rate;

    *index = (uint8_t)bits_u(b, 4);
    if (*index == RATE_WRITTEN_OUT)
        rate = bits_u(b, 24);
    else
        rate = *index < SAMPLE_RATES_COUNT ? SAMPLE_RATES[*index] : 0;
    if (rate == 0)
        b->bad = 1;
    return rate;
}

/* Object types that have a GASpecificConfig, the only ones in use for streams. */
static int is_general_audio(uint8_t type)
{
    return (type >= 1 && type <= 4) || type == 6 || type == 7 || type == 17 ||
           (type >= 19 && type <= 23);
}

/* 4.4.1, without a program config element. */
static void skip_general_audio(struct bits *b, uint8_t type)
{
    uint32_t extension;

    bits_skip(b, 1); /* frameLengthFlag */
    if (bits_u(b, 1))
        bits_skip(b, 14); /* coreCoderDelay */
    extension = bits_u(b, 1);
    if (type == 6 || type == OBJECT_ER_AAC_SCALABLE)
        bits_skip(b, 3); /* layerNr */
    if (!extension)
        return;
    if (type == OBJECT_ER_BSAC)
        bits_skip(b, 5 + 11);
    if (type == 17 || type == 19 || type == OBJECT_ER_AAC_SCALABLE || type == 23)
        bits_skip(b, 3);
    bits_skip(b, 1); /* extensionFlag3 */
}

/* Explicit signalling after the core; truncated or unknown data there is no error. */
static void read_sync_extension(struct bits *b, struct aac_config *config)
{
    uint8_t index;
    uint32_t rate;

    if (bits_left(b) < 16 || bits_u(b, 11) != SYNC_SBR || read_object_type(b) != OBJECT_SBR)
        return;
    if (!bits_u(b, 1))
        return;
    rate = read_sample_rate(b, &index);
    if (b->bad)
        return;
    config->extension_type = OBJECT_SBR;
    config->output_rate = rate;
    if (bits_left(b) >= 12 && bits_u(b, 11) == SYNC_PS && bits_u(b, 1))
        config->extension_type = OBJECT_PS;
}

enum scan aac_config_parse(struct aac_config *config, const uint8_t *data, size_t len)
{
    struct bits b;
    uint8_t index;

    assert(config != NULL);
    memset(config, 0, sizeof(*config));
    bits_init(&b, data, len);
    config->object_type = read_object_type(&b);
    config->sample_rate = read_sample_rate(&b, &config->sample_rate_index);
    config->output_rate = config->sample_rate;
    config->channel_config = (uint8_t)bits_u(&b, 4);
    if (config->object_type == OBJECT_SBR || config->object_type == OBJECT_PS) {
        config->extension_type = config->object_type;
        config->output_rate = read_sample_rate(&b, &index);
        config->object_type = read_object_type(&b);
        if (config->object_type == OBJECT_ER_BSAC)
            bits_skip(&b, 4); /* extensionChannelConfiguration */
    }
    config->channels = CHANNELS[config->channel_config];
    if (b.bad || config->object_type == 0)
        return SCAN_BAD;
    if (config->channel_config != 0 && config->channels == 0)
        return SCAN_BAD;
    /* A program config element would have to be read to find the extension after it. */
    if (!is_general_audio(config->object_type) || config->channel_config == 0)
        return SCAN_DONE;
    skip_general_audio(&b, config->object_type);
    if (b.bad)
        return SCAN_BAD;
    if (config->extension_type == 0)
        read_sync_extension(&b, config);
    return SCAN_DONE;
}

int aac_adts_write(const struct aac_config *config, size_t frame_len,
                   uint8_t out[AAC_ADTS_HEADER_SIZE])
{
    size_t len = AAC_ADTS_HEADER_SIZE + frame_len;
    uint8_t profile;

    assert(config != NULL && out != NULL);
    if (config->object_type < 1 || config->object_type > 4 || config->channel_config > 7 ||
        config->sample_rate_index >= SAMPLE_RATES_COUNT)
        return -1;
    if (frame_len > AAC_ADTS_FRAME_MAX - AAC_ADTS_HEADER_SIZE)
        return -1;
    profile = (uint8_t)(config->object_type - 1);
    out[0] = 0xff;
    out[1] = 0xf1; /* MPEG-4, layer 0, no CRC */
    out[2] = (uint8_t)(profile << 6 | config->sample_rate_index << 2 | config->channel_config >> 2);
    out[3] = (uint8_t)((config->channel_config & 3) << 6 | len >> 11);
    out[4] = (uint8_t)(len >> 3);
    out[5] = (uint8_t)((len & 7) << 5 | 0x1f); /* buffer fullness 0x7ff: variable rate */
    out[6] = 0xfc;                             /* the rest of it, and one raw data block */
    return 0;
}

const char *aac_profile_name(const struct aac_config *config)
{
    assert(config != NULL);
    if (config->extension_type == OBJECT_PS)
        return "HEv2";
    if (config->extension_type == OBJECT_SBR)
        return "HE";
    switch (config->object_type) {
    case 1:
        return "Main";
    case 2:
        return "LC";
    case 3:
        return "SSR";
    case 4:
        return "LTP";
    default:
        return "Other";
    }
}
