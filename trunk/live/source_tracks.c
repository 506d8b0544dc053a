/*
 * Decides which tracks the stream has, by the frames that arrive, never by metadata.
 *
 * The FLV header cannot be changed later, so a track that appears or disappears ends the responses,
 * and players reload. That must be rare. A track may itself be rare (a slide every 12 s): it is
 * gone only when it has been missing for longer than ever before. But browsers freeze where one
 * track ends, and continuous audio is not rare: when it stops, the responses end at the next
 * keyframe.
 */
#include "live/source_push.h"

#include <string.h>

/* A track of a former publisher is gone after this much media without it. */
#define SOURCE_GONE_MS 1000
/* A track of the current publisher is gone after this much of the other track without it, and more
 * than ever before. */
#define SOURCE_MISSING_MS 30000
/* Continuous audio: at least so many frames, never further apart than this; and when it counts as
 * gone. */
#define SOURCE_STEADY_FRAMES 25
#define SOURCE_STEADY_GAP_MS 1000
#define SOURCE_STEADY_END_MS 1500
/* A step of the clock counts as at most this much silence. */
#define SOURCE_STEP_MS 500
/* A track that has not arrived within this much media is not waited for. */
#define SOURCE_LATE_MS 4000

void source_track_forget(struct source_track *track)
{
    blob_unref(track->header);
    blob_unref(track->pending);
    memset(track, 0, sizeof(*track));
}

/* ---- the FLV header ---- */

void source_decide(struct source *source, int has_audio, int has_video)
{
    int was_decided;

    source->track[JITTER_AUDIO].is_announced = has_audio;
    source->track[JITTER_VIDEO].is_announced = has_video;
    was_decided = source->is_decided;
    source->is_decided = 1;
    source_make_meta(source);
    source_init_data_renew(source);
    if (!was_decided)
        source_rendition_fill_all(source);
}

/*
 * Decides what the header announces as soon as possible. A sequence header only shows an intention,
 * and metadata may be wrong in both directions: browsers play nothing while an announced track has
 * no frames, and a track that was not announced ends the response.
 */
void source_guess(struct source *source, int64_t ms)
{
    int has_audio = source->track[JITTER_AUDIO].has_frames;
    int has_video = source->track[JITTER_VIDEO].has_frames;

    if (source->has_promise) {
        source_decide(source, source->promise[JITTER_AUDIO], source->promise[JITTER_VIDEO]);
        return;
    }
    if (!source->config.guess_has_av) {
        source_decide(source, source->config.has_audio, source->config.has_video);
        return;
    }
    if ((has_audio && has_video) || (source->has_first && ms - source->first_ms >= SOURCE_GUESS_MS))
        source_decide(source, has_audio, has_video);
}

void source_promise(struct source *source, int has_audio, int has_video)
{
    /* Connected viewers continue with what was announced to them. */
    if (source->is_decided)
        return;
    source->has_promise = 1;
    source->promise[JITTER_AUDIO] = has_audio != 0;
    source->promise[JITTER_VIDEO] = has_video != 0;
}

/* ---- tracks that appear and go ---- */

void source_break(struct source *source, int has_audio, int has_video)
{
    renditions_cut(source, RENDITIONS_CUT_CHANGE);
    source_decide(source, has_audio, has_video);
}

void source_note_silence(struct source *source, enum jitter_track which, int64_t ms)
{
    struct source_track *track = &source->track[which];
    struct source_track *other =
        &source->track[which == JITTER_AUDIO ? JITTER_VIDEO : JITTER_AUDIO];
    int64_t step = track->has_frames ? ms - track->last_ms : 0;

    /* A pause of both tracks is no silence of one. */
    if (step > 0)
        other->silent_ms += step < SOURCE_STEP_MS ? step : SOURCE_STEP_MS;
    if (track->has_frames && track->silent_ms > track->longest_ms)
        track->longest_ms = track->silent_ms;
    if (track->frames < SOURCE_STEADY_FRAMES)
        track->frames++;
    track->has_frames = 1;
    track->last_ms = ms;
    track->silent_ms = 0;
    if (ms - source->first_ms >= SOURCE_LATE_MS)
        source->is_settled = 1;
}

/* How long a track may be missing: a quarter more than ever before, since gaps vary. */
static int64_t track_missing_max(const struct source_track *track)
{
    int64_t longest = track->longest_ms + track->longest_ms / 4;

    return longest > SOURCE_MISSING_MS ? longest : SOURCE_MISSING_MS;
}

static int track_is_steady(const struct source_track *track)
{
    return track->frames >= SOURCE_STEADY_FRAMES && track->longest_ms < SOURCE_STEADY_GAP_MS;
}

/*
 * Whether a track of the current publisher is gone. Audio ends at a keyframe, where viewers can
 * begin again without it; video ends at any audio frame.
 */
static int source_is_silent(const struct source *source, enum jitter_track which,
                            const struct frame *frame)
{
    const struct source_track *track = &source->track[which];
    int64_t silent_ms = track->silent_ms;

    if (which == JITTER_VIDEO)
        return frame->type == FRAME_AUDIO && silent_ms > track_missing_max(track);
    if (frame->type != FRAME_VIDEO || !frame->is_key)
        return 0;
    return silent_ms >
           (track_is_steady(track) ? SOURCE_STEADY_END_MS - 1 : track_missing_max(track));
}

/* Whether a former publisher's track, not sent by this one, is gone: a rare track may still come.
 */
static int source_is_gone(const struct source *source, const struct source_track *track, int64_t ms)
{
    int64_t max =
        track->longest_ms < SOURCE_GONE_MS ? SOURCE_GONE_MS - 1 : track_missing_max(track);

    return !track->is_seen && ms - source->first_ms > max;
}

/* The track may come back, then without its sequence header. */
static void track_rest(struct source_track *track)
{
    if (track->pending == NULL)
        track->pending = track->header;
    else
        blob_unref(track->header);
    track->header = NULL;
    track->codec = CODEC_NONE;
}

void source_check_tracks(struct source *source, const struct frame *frame, int64_t ms)
{
    int has[JITTER_TRACKS];
    int is_broken = 0;

    if (!source->config.guess_has_av)
        return;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        struct source_track *track = &source->track[i];

        has[i] = track->is_announced;
        if (track->is_seen && track->codec != CODEC_NONE && !track->is_announced) {
            has[i] = 1;
            is_broken = 1;
        } else if (track->is_announced && source_is_gone(source, track, ms)) {
            source_track_forget(track);
            has[i] = 0;
            is_broken = 1;
        } else if (track->is_announced && track->is_seen && source_is_silent(source, i, frame)) {
            track_rest(track);
            renditions_drop_flv_sync(source);
            has[i] = 0;
            is_broken = 1;
        }
    }
    if (is_broken)
        source_break(source, has[JITTER_AUDIO], has[JITTER_VIDEO]);
}

void source_settle(struct source *source, usec_t now)
{
    if (!source->has_first || now - source->first_at < SOURCE_LATE_MS * USEC_PER_MS)
        return;
    source->is_settled = 1;
    source_report_facts(source);
    source_report_data(source);
}
