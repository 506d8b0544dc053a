/*
 * Where a publisher's frames come in: counted, checked, repaired, and sent on their way. Script
 * tags go to source_push_script.c; audio and video through the queue of mix_correct (source_mix.c),
 * track by track (source_push_av.c), by the rules of source_push_main.c into the rings
 * (renditions.c).
 */
#include "live/source_push.h"
#include "media/flv.h"

#include <assert.h>

/* True for a frame of a track that the configuration's header denies. */
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
    if (frame->type == FRAME_SCRIPT) {
        source_push_script(source, frame, now);
        source_tell_data(source);
        return;
    }
    if (frame->len == 0 || frame->len > FLV_BODY_MAX || source_denies(source, which)) {
        source_count_drop(source);
        return;
    }
    /* What another worker passes on is sound. */
    if (which != JITTER_VIDEO || !source->config.repairs || source->config.is_worker_pull ||
        !source_repair(source, frame, now))
        source_mix_push(source, frame, now);
    source_tell_facts(source);
    source_tell_data(source);
}
