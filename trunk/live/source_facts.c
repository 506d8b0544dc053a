/*
 * The facts of a stream, and whether a format can carry it. The answer depends only on a few bytes
 * of facts, so that a process without the stream itself can compute it, too.
 */
#include "live/source_private.h"

#include <string.h>

enum source_fit source_facts_fit(const struct source_facts *facts, const struct mux *mux,
                                 enum source_only only)
{
    enum source_fit fit = SOURCE_UNFIT;

    if (mux->carries == NULL && only == SOURCE_BOTH)
        return SOURCE_FITS;
    if (!facts->is_decided && !(mux_is_audio_only(mux) && facts->codec[JITTER_AUDIO] != CODEC_NONE))
        return SOURCE_FIT_UNKNOWN;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        enum codec codec = facts->codec[i];

        if (i == JITTER_VIDEO ? mux_is_audio_only(mux) || only == SOURCE_AUDIO_ONLY
                              : only == SOURCE_VIDEO_ONLY)
            continue;
        if (codec != CODEC_NONE && (mux->carries == NULL || mux->carries(codec)))
            return SOURCE_FITS;
        if (codec == CODEC_NONE && (facts->is_announced[i] || !facts->is_settled))
            fit = SOURCE_FIT_UNKNOWN;
    }
    return fit;
}

static void facts_describe(const struct source *source, struct source_facts *out)
{
    const struct source_stat *stat = &source->stat;
    int is_avc = source->track[JITTER_VIDEO].codec == CODEC_H264;

    out->width = stat->width <= UINT16_MAX ? (uint16_t)stat->width : 0;
    out->height = stat->height <= UINT16_MAX ? (uint16_t)stat->height : 0;
    out->frame_rate = source->measure.frame_rate;
    out->profile = is_avc ? stat->avc_profile : stat->hevc_profile;
    out->compat = is_avc ? stat->avc_compat : 0;
    out->level = is_avc ? stat->avc_level : stat->hevc_level;
    out->aac_type = source->aac_type;
    out->gop_ms = source->measure.gop_ms;
    out->kbps = source->measure.kbps;
}

void source_facts(const struct source *source, struct source_facts *out)
{
    memset(out, 0, sizeof(*out));
    if (source->state != SOURCE_LIVE)
        return;
    out->is_decided = source->is_decided != 0;
    out->is_settled = source->is_settled != 0;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        out->is_announced[i] = source->track[i].is_announced != 0;
        out->codec[i] = (uint8_t)source->track[i].codec;
    }
    facts_describe(source, out);
}

enum source_fit source_fit(const struct source *source, const struct mux *mux,
                           enum source_only only)
{
    struct source_facts facts;

    source_facts(source, &facts);
    return source_facts_fit(&facts, mux, only);
}

void source_repeat_sets(struct source *source)
{
    if (source->repeats_sets)
        return;
    source->repeats_sets = 1;
    source->sets_offset = source->native.ring.end;
}
