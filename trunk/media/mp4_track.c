/*
 * From sequence headers to what a movie header says about a track. Only what the players need to
 * know before the first frame is read; the configuration itself goes into the sample entry as it
 * was published.
 *
 * Timescales depend on the configuration alone, because all viewers share the fragments: video has
 * the publisher's milliseconds, audio has its sample rate, so that frames follow each other
 * exactly. MP3 frames may change their rate: 90 kHz.
 */
#include "media/mp4_track.h"

#include "media/aac.h"
#include "media/av1.h"
#include "media/avc.h"
#include "media/hevc.h"
#include "media/opus.h"

#include <assert.h>
#include <string.h>

#define VIDEO_TIMESCALE 1000
#define MP3_TIMESCALE   90000
#define MP3_RATE        44100
#define OPUS_TIMESCALE  48000
#define HEVC_NAL_SPS    33

int mp4_track_carries(enum codec codec)
{
    switch (codec) {
    case CODEC_H264:
    case CODEC_HEVC:
    case CODEC_AV1:
    case CODEC_AAC:
    case CODEC_MP3:
    case CODEC_OPUS:
        return 1;
    default:
        return 0;
    }
}

static int describe_avc(struct mp4_track *out)
{
    struct avc_config config;
    struct avc_sps sps;

    if (avc_config_parse(&config, out->config, out->config_len) != SCAN_DONE)
        return -1;
    if (config.sps_count > 0 &&
        avc_sps_parse(&sps, config.sps[0].data, config.sps[0].len) == SCAN_DONE) {
        out->width = sps.width;
        out->height = sps.height;
    }
    return 0;
}

static int describe_hevc(struct mp4_track *out)
{
    struct hevc_config config;
    struct hevc_sps sps;

    if (hevc_config_parse(&config, out->config, out->config_len) != SCAN_DONE)
        return -1;
    for (int i = 0; i < config.nal_count; i++) {
        if (config.nals[i].type != HEVC_NAL_SPS ||
            hevc_sps_parse(&sps, config.nals[i].data, config.nals[i].len) != SCAN_DONE)
            continue;
        out->width = sps.width;
        out->height = sps.height;
        break;
    }
    return 0;
}

static int describe_av1(struct mp4_track *out)
{
    struct av1_config config;

    if (av1_config_parse(&config, out->config, out->config_len) != SCAN_DONE)
        return -1;
    out->width = config.width;
    out->height = config.height;
    return 0;
}

static int describe_aac(struct mp4_track *out)
{
    struct aac_config config;

    if (aac_config_parse(&config, out->config, out->config_len) != SCAN_DONE ||
        config.sample_rate == 0)
        return -1;
    out->sample_rate = config.sample_rate;
    out->timescale = config.sample_rate;
    out->channels = config.channels > 0 ? config.channels : 2;
    return 0;
}

static int describe_opus(struct mp4_track *out)
{
    struct opus_config config;

    if (opus_config_parse(&config, out->config, out->config_len) != SCAN_DONE)
        return -1;
    out->sample_rate = OPUS_TIMESCALE;
    out->timescale = OPUS_TIMESCALE;
    out->channels = config.channels;
    return 0;
}

static int describe_codec(struct mp4_track *out)
{
    switch (out->codec) {
    case CODEC_H264:
        return describe_avc(out);
    case CODEC_HEVC:
        return describe_hevc(out);
    case CODEC_AV1:
        return describe_av1(out);
    case CODEC_AAC:
        return describe_aac(out);
    case CODEC_OPUS:
        return describe_opus(out);
    case CODEC_MP3:
        out->timescale = MP3_TIMESCALE;
        out->sample_rate = MP3_RATE;
        out->channels = 2;
        return 0;
    default:
        return -1;
    }
}

int mp4_track_describe(struct mp4_track *out, const struct mux_track *track)
{
    assert(out != NULL && track != NULL);
    memset(out, 0, sizeof(*out));
    out->codec = track->codec;
    out->timescale = VIDEO_TIMESCALE;
    out->config = track->config;
    out->config_len = track->config_len;
    if (mp4_track_carries(track->codec) && (track->config != NULL || track->codec == CODEC_MP3) &&
        describe_codec(out) == 0)
        return 0;
    out->codec = CODEC_NONE;
    return -1;
}
