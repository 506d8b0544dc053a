/*
 * Receives a publisher's frames: counts, checks and repairs them, then passes them on. Script tags
 * go to source_push_script.c; audio and video go through the queue of mix_correct (source_mix.c),
 * are split into tracks (source_push_av.c), and enter the rings (renditions.c) by the rules of
 * source_push_main.c.
 */
#include "live/source_push.h"
#include "media/flv.h"

#include <assert.h>

/* True for a frame of a track that the configured header excludes. */
static int source_denies(const struct source *source, enum jitter_track which)
{
    const struct source_config *config = &source->config;

    if (config->guess_has_av || !config->drop_if_not_match)
        return 0;
    return which == JITTER_AUDIO ? !config->has_audio : !config->has_video;
}

void source_push(struct source *source, const struct frame *frame, usec_t now)
{
    enum jitter_track which = frame->type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;

    assert(source->state == SOURCE_LIVE);
    source->stat.frames_in++;
    source->stat.bytes_in += frame->len;
    source->stat.video_frames_in += frame->type == FRAME_VIDEO && !frame->is_header;
    if (frame->type == FRAME_SCRIPT) {
        /* It goes out with the next frame. */
        if (source_stamp_relay(source, frame, now))
            return;
        source_push_script(source, frame, now);
        renditions_fill_step(source);
        source_report_data(source);
        return;
    }
    if (frame->len == 0 || frame->len > FLV_BODY_MAX || source_denies(source, which)) {
        source_count_drop(source);
        return;
    }
    /* Frames from another worker are already repaired. */
    if (which != JITTER_VIDEO || !source->config.repairs || source->config.is_worker_pull ||
        !source_repair(source, frame, now))
        source_mix_push(source, frame, now);
    source_report_facts(source);
    renditions_fill_step(source);
    if (!frame->is_header && !source->config.mix_correct)
        source->news = which == JITTER_AUDIO ? SOURCE_NEWS_AUDIO : SOURCE_NEWS_VIDEO;
    source_report_data(source);
    source->news = SOURCE_NEWS_OTHER;
}
