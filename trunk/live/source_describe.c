/*
 * Reads a stream's properties from its sequence headers, and makes onMetaData of them for a
 * publisher that sends none, since some players do not start without it.
 */
#include "base/buf.h"
#include "base/version.h"
#include "live/source_private.h"
#include "media/aac.h"
#include "media/av1.h"
#include "media/avc.h"
#include "media/hevc.h"
#include "media/mp3.h"
#include "media/opus.h"

#include <stdlib.h>
#include <string.h>

static void describe_avc(struct source *source, const struct frame *frame)
{
    struct source_stat *stat = &source->stat;
    struct avc_config *config = malloc(sizeof(*config));
    struct avc_sps sps;

    if (config == NULL)
        return;
    if (avc_config_parse(config, frame->payload, frame->payload_len) == SCAN_DONE) {
        stat->avc_profile = config->profile;
        stat->avc_compat = config->compat;
        stat->avc_level = config->level;
        if (config->sps_count > 0 &&
            avc_sps_parse(&sps, config->sps[0].data, config->sps[0].len) == SCAN_DONE) {
            stat->width = sps.width;
            stat->height = sps.height;
            if (sps.num_units_in_tick > 0)
                source->frame_rate = (double)sps.time_scale / 2 / sps.num_units_in_tick;
        }
    }
    free(config);
}

static void describe_hevc(struct source *source, const struct frame *frame)
{
    struct hevc_config *config = malloc(sizeof(*config));
    struct hevc_sps sps;

    if (config == NULL)
        return;
    if (hevc_config_parse(config, frame->payload, frame->payload_len) == SCAN_DONE) {
        source->stat.hevc_profile = config->profile;
        source->stat.hevc_level = config->level;
        for (int i = 0; i < config->nal_count; i++) {
            if (hevc_sps_parse(&sps, config->nals[i].data, config->nals[i].len) != SCAN_DONE)
                continue;
            source->stat.width = sps.width;
            source->stat.height = sps.height;
            break;
        }
    }
    free(config);
}

static void describe_video(struct source *source, const struct frame *frame)
{
    struct source_stat *stat = &source->stat;
    struct av1_config av1;

    if (!frame->is_header)
        return;
    stat->width = stat->height = 0;
    stat->avc_profile = stat->avc_compat = stat->avc_level = 0;
    stat->hevc_profile = stat->hevc_level = 0;
    source->frame_rate = 0;
    if (frame->codec == CODEC_H264) {
        describe_avc(source, frame);
    } else if (frame->codec == CODEC_HEVC) {
        describe_hevc(source, frame);
    } else if (frame->codec == CODEC_AV1 &&
               av1_config_parse(&av1, frame->payload, frame->payload_len) == SCAN_DONE) {
        stat->width = av1.width;
        stat->height = av1.height;
    }
}

static void describe_audio(struct source *source, const struct frame *frame)
{
    struct source_stat *stat = &source->stat;
    struct aac_config aac;
    struct opus_config opus;
    struct mp3_header mp3;

    if (frame->codec != CODEC_MP3 && !frame->is_header)
        return;
    stat->sample_rate = 0;
    stat->channels = 0;
    stat->audio_profile = NULL;
    source->aac_type = 0;
    if (frame->codec == CODEC_AAC &&
        aac_config_parse(&aac, frame->payload, frame->payload_len) == SCAN_DONE) {
        stat->sample_rate = aac.sample_rate;
        stat->channels = aac.channels;
        stat->audio_profile = aac_profile_name(&aac);
        source->aac_type = aac.extension_type != 0 ? aac.extension_type : aac.object_type;
    } else if (frame->codec == CODEC_OPUS &&
               opus_config_parse(&opus, frame->payload, frame->payload_len) == SCAN_DONE) {
        stat->sample_rate = 48000; /* the decoder's output rate, whatever the encoder's input was */
        stat->channels = opus.channels;
    } else if (frame->codec == CODEC_MP3 &&
               mp3_header_parse(&mp3, frame->payload, frame->payload_len) == SCAN_DONE) {
        stat->sample_rate = mp3.sample_rate;
        stat->channels = mp3.channels;
    }
}

void source_describe(struct source *source, const struct frame *frame)
{
    if (frame->type == FRAME_VIDEO)
        describe_video(source, frame);
    else
        describe_audio(source, frame);
}

void source_make_meta(struct source *source)
{
    const struct source_track *track = source->track;
    struct meta_made made = {.width = source->stat.width,
                             .height = source->stat.height,
                             .sample_rate = source->stat.sample_rate,
                             .channels = source->stat.channels,
                             .frame_rate = source->frame_rate};
    struct blob *meta = NULL;
    struct buf body;

    if (!source->config.makes_meta || (source->meta != NULL && !source->meta_is_made))
        return;
    made.video = track[JITTER_VIDEO].is_announced ? track[JITTER_VIDEO].codec : CODEC_NONE;
    made.audio = track[JITTER_AUDIO].is_announced ? track[JITTER_AUDIO].codec : CODEC_NONE;
    buf_init(&body, SOURCE_META_MAX);
    if (meta_make(&made, MILLRACE_NAME "/" MILLRACE_VERSION, &body) == 0)
        meta = blob_new(buf_data(&body), body.len);
    buf_fini(&body);
    if (meta == NULL)
        return;
    blob_unref(source->meta);
    source->meta = meta;
    source->meta_is_made = 1;
}
