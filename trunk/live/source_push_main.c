/*
 * Pushes frames of the main tracks into the rings.
 *
 * The rules for FLV viewers follow from what real players accept: a repeated sequence header is not
 * sent again; a changed H.264 one goes in-band before its keyframe; and a change that no player can
 * follow (a track that appears or disappears, another codec, the end of signed 32-bit time) ends
 * the responses cleanly and begins a new epoch, at which players reload.
 */
#include "live/parameter_sets.h"
#include "live/source_push.h"
#include "media/flv.h"

#include <stdlib.h>

/* Browsers read timestamps as signed: an epoch ends an hour before 2^31 ms. */
#define SOURCE_TIME_MAX (((int64_t)1 << 31) - 3600 * 1000)

/* Stores a sequence header; a new video one takes effect at the next keyframe. */
static void source_push_header(struct source *source, enum jitter_track which,
                               const struct frame *frame, usec_t now)
{
    struct source_track *track = &source->track[which];
    struct blob *header = NULL;
    int is_same =
        blob_is(track->pending != NULL ? track->pending : track->header, frame->data, frame->len);

    if (frame->len > SOURCE_HEADER_MAX) {
        source_count_drop(source);
        return;
    }
    track->is_seen = 1;
    if (!is_same && (header = blob_new(frame->data, frame->len)) == NULL) {
        source_count_drop(source);
        source->has_lost_header = 1;
        return;
    }
    if (!is_same)
        renditions_fill_end(source);
    source->is_repeat = (uint8_t)is_same;
    if (!is_same || !source->config.reduce_sequence_header)
        renditions_push_original(source, frame, source->jitter.last, now);
    source->is_repeat = 0;
    if (is_same)
        return;
    blob_unref(track->pending);
    track->pending = header;
    source_describe(source, frame);
    if (source->is_decided)
        source_make_meta(source);
}

/* Puts the pending header into force. */
static void track_commit(struct source_track *track, enum codec codec)
{
    if (track->pending != NULL) {
        blob_unref(track->header);
        track->header = track->pending;
        track->pending = NULL;
    } else if (track->codec != codec) {
        blob_unref(track->header);
        track->header = NULL;
    }
    track->codec = codec;
}

/* Pushes to the FLV renditions; changed parameter sets go in-band if players can follow that. */
static void source_push_native(struct source *source, const struct frame *frame, int in_band,
                               int64_t ms, usec_t now)
{
    struct frame changed = *frame;
    uint8_t *data = NULL;

    if (in_band) {
        data = parameter_sets_insert(frame, source->track[JITTER_VIDEO].header, &changed.len);
        if (data != NULL) {
            changed.data = data;
            changed.payload = data + (frame->payload - frame->data);
            changed.payload_len = changed.len - (size_t)(frame->payload - frame->data);
        } else {
            changed = *frame;
        }
    }
    renditions_push_flv(source, &changed, ms, now);
    free(data);
}

/*
 * Detects whether this frame changes its track. Returns 1 when new video parameter sets go in-band
 * with it; begins a new epoch when that is needed.
 */
static int source_follow(struct source *source, enum jitter_track which, const struct frame *frame,
                         int had_frames)
{
    struct source_track *track = &source->track[which];
    enum codec former = track->codec;
    int is_changed = track->pending != NULL || track->codec != frame->codec;
    int in_band = 0;

    if (which == JITTER_VIDEO && !frame->is_key && former != CODEC_NONE)
        return 0;
    /* A frame of an unknown codec says nothing about its track. */
    if (!is_changed || (frame->codec == CODEC_OTHER && former != CODEC_NONE))
        return 0;
    /* A change at a publisher's first frame is part of the publication start. */
    if (former != CODEC_NONE && had_frames)
        renditions_drop_start(source);
    if (former != CODEC_NONE)
        renditions_note_change(source);
    if (former != CODEC_NONE && former == frame->codec)
        in_band = which == JITTER_VIDEO && parameter_sets_fit(track->header, track->pending);
    if (former == CODEC_NONE || in_band ||
        (which == JITTER_AUDIO && former == CODEC_AAC && frame->codec == CODEC_AAC)) {
        track_commit(track, frame->codec);
        if (!in_band && source->is_decided)
            source_init_data_renew_fixed(source, frame->type);
        return in_band;
    }
    track_commit(track, frame->codec);
    renditions_drop_flv_sync(source);
    if (source->is_decided)
        source_break(source, source->track[JITTER_AUDIO].is_announced,
                     source->track[JITTER_VIDEO].is_announced);
    return 0;
}

/* A changed AAC header goes into the ring; an H.264 one never does. */
static void source_push_audio_header(struct source *source, int64_t ms, usec_t now)
{
    const struct blob *header = source->track[JITTER_AUDIO].header;
    struct frame frame;

    if (header == NULL)
        return;
    flv_frame_parse(&frame, FRAME_AUDIO, 0, header->data, header->len);
    renditions_push_flv(source, &frame, ms, now);
}

/* An hour before signed time ends: ends all responses and restarts time at 0. */
static int64_t source_wrap(struct source *source, enum jitter_track which,
                           const struct frame *frame, usec_t now)
{
    renditions_drop_sync(source);
    renditions_cut(source, RENDITIONS_CUT_ALL);
    source_init_data_renew(source);
    jitter_reset(&source->jitter, source->config.time_jitter, source->config.mix_correct);
    return jitter_apply(&source->jitter, which, frame->timestamp, now);
}

static void source_note_video(struct source *source, const struct frame *frame, usec_t now)
{
    if (!frame->is_key) {
        source->is_midway |= !source->has_key;
        return;
    }
    if (!source->has_key)
        source->first_key_at = now;
    source->has_key = 1;
    source->is_midway = 0;
    source->key_at = now;
}

/* Video frames without a keyframe before them: FLV players cannot begin with them, but a viewer
 * that has the keyframe of a resting track continues. */
static void source_push_resting(struct source *source, const struct frame *frame, usec_t now)
{
    int64_t ms;

    if (!source->has_key) {
        source->is_midway = 1;
        source_count_drop(source);
        return;
    }
    ms = jitter_apply(&source->jitter, JITTER_VIDEO, frame->timestamp, now);
    source->track[JITTER_VIDEO].is_seen = 1;
    renditions_push_original(source, frame, ms, now);
}

static void source_push_media(struct source *source, enum jitter_track which,
                              const struct frame *frame, usec_t now)
{
    struct source_track *track = &source->track[which];
    int had_codec = track->codec != CODEC_NONE;
    int had_pending = track->pending != NULL;
    int had_frames = track->has_frames;
    int is_video = which == JITTER_VIDEO;
    int may_begin = (is_video && frame->is_key) || source->track[JITTER_VIDEO].codec == CODEC_NONE;
    int64_t ms;
    int in_band;

    /* A video track appears with a keyframe: earlier frames cannot be decoded. */
    if (is_video && !frame->is_key && !had_codec && source->is_decided) {
        source_push_resting(source, frame, now);
        return;
    }
    ms = jitter_apply(&source->jitter, which, frame->timestamp, now);
    track->is_seen = 1;
    if (!had_codec)
        source_describe(source, frame);
    if (ms >= SOURCE_TIME_MAX && may_begin && source->config.time_jitter != TIME_JITTER_OFF)
        ms = source_wrap(source, which, frame, now);
    if (!source->has_first) {
        source->has_first = 1;
        source->first_ms = ms;
        source->first_at = now;
    }
    if (is_video)
        source_note_video(source, frame, now);
    source_note_silence(source, which, ms);
    source_measure(source, frame, ms);
    if (source_follow(source, which, frame, had_frames))
        source_repeat_sets(source);
    /*
     * With every keyframe from then on: before a keyframe without parameter sets, browsers insert
     * those that they began with, and would return to the old ones.
     */
    in_band = source->repeats_sets && is_video && frame->is_key && frame->codec == CODEC_H264 &&
              track->header != NULL;
    if (!is_video && had_codec && had_pending && source->is_decided)
        source_push_audio_header(source, ms, now);
    if (!source->is_decided)
        source_guess(source, ms);
    else
        source_check_tracks(source, frame, ms);
    source_push_native(source, frame, in_band, ms, now);
    renditions_push_original(source, frame, ms, now);
    source_stamp(source, frame, ms, now);
    source_report_gop(source);
    /* Viewers that begin from here on get what is in force now. */
    if (source->is_decided && (may_begin || !had_codec))
        source_init_data_renew(source);
}

void source_push_main(struct source *source, const struct frame *frame, usec_t now)
{
    enum jitter_track which = frame->type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;

    if (frame->is_meta) {
        int64_t ms = jitter_stay(&source->jitter, which, frame->timestamp);

        renditions_push_flv(source, frame, ms, now);
        renditions_push_rtmp_only(source, frame, ms, now);
    } else if (frame->is_header) {
        source_push_header(source, which, frame, now);
    } else {
        source_push_media(source, which, frame, now);
    }
}
