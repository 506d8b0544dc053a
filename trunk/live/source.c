/*
 * A stream's source: takes the publisher's frames, keeps them on one timeline
 * and hands them to every rendition.
 * The rules by which frames go into the rings stand in source_push.c.
 */
#include "live/source.h"

#include "live/source_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Media waited for the second track before the FLV header is decided. */
#define SOURCE_GUESS_MS 500
/* The same by the clock, for a publisher that sends one frame and pauses. */
#define SOURCE_GUESS_US (USEC_PER_SEC)
/* How long a publication's beginning is held for those who waited for it. */
#define SOURCE_BEGIN_US (USEC_PER_SEC)
/* Without a keyframe for so long the next one may be far. */
#define SOURCE_LONG_GOP_US (3 * USEC_PER_SEC)
/* A relay's past comes at once, or something is wrong there. */
#define SOURCE_FILL_US (USEC_PER_SEC)

void source_ring_limits(const struct source *source, struct ring_limits *limits)
{
    const struct source_config *config = &source->config;

    limits->bytes_max = config->gop_cache_max_bytes;
    limits->lag_max = config->queue_length;
    limits->start_units_max = config->gop_cache_max_frames;
}

void source_count_drop(struct source *source)
{
    source->stat.frames_dropped++;
}

struct source *source_new(const char *key, const struct source_config *config)
{
    struct source *source = calloc(1, sizeof(*source));

    assert(key != NULL && config != NULL);
    if (source == NULL)
        return NULL;
    source->refs = 1;
    source->config = *config;
    source->key = strdup(key);
    if (source->key == NULL || rendition_init(&source->native, source, &mux_flv) != 0) {
        free(source->key);
        free(source);
        return NULL;
    }
    jitter_reset(&source->jitter, config->time_jitter, config->mix_correct);
    return source;
}

void source_track_forget(struct source_track *track)
{
    blob_unref(track->header);
    blob_unref(track->pending);
    memset(track, 0, sizeof(*track));
}

static void source_free(struct source *source)
{
    source_let_go(source);
    assert(source->others == NULL && source->native.viewers == NULL);
    rendition_fini(&source->native);
    source_track_forget(&source->track[JITTER_AUDIO]);
    source_track_forget(&source->track[JITTER_VIDEO]);
    source_sides_forget(source);
    source_mix_forget(source);
    blob_unref(source->meta);
    free(source->key);
    free(source);
}

struct source *source_ref(struct source *source)
{
    assert(source->refs > 0 && source->refs < UINT32_MAX);
    source->refs++;
    return source;
}

void source_unref(struct source *source)
{
    assert(source->refs > 0);
    if (--source->refs == 0)
        source_free(source);
}

const char *source_key(const struct source *source)
{
    return source->key;
}

enum source_state source_state(const struct source *source)
{
    return source->state;
}

void source_set_events(struct source *source, const struct source_events *events)
{
    source->events = *events;
}

void source_set_data(struct source *source, void *data)
{
    source->data = data;
}

void *source_data(const struct source *source)
{
    return source->data;
}

int source_is_idle(const struct source *source)
{
    return source->state == SOURCE_IDLE && source->refs == 1 && source->stat.viewers == 0;
}

void source_emit_data(struct source *source)
{
    if (source->events.on_data != NULL)
        source->events.on_data(source, source->events.arg);
}

void source_emit_viewers(struct source *source)
{
    if (source->events.on_viewers != NULL)
        source->events.on_viewers(source, source->events.arg);
}

void source_emit_watched(struct source *source)
{
    if (source->events.on_watched != NULL)
        source->events.on_watched(source, source->events.arg);
}

/* ---- publish ---- */

/* Nobody watches: the stream begins anew at 0. */
static void source_begin_anew(struct source *source)
{
    jitter_reset(&source->jitter, source->config.time_jitter, source->config.mix_correct);
    for (int i = 0; i < JITTER_TRACKS; i++)
        source_track_forget(&source->track[i]);
    source_sides_forget(source);
    blob_unref(source->meta);
    source->meta = NULL;
    source->is_decided = 0;
    source_cut(source, SOURCE_CUT_ALL);
    source_starve(source);
    ring_trim(&source->native.ring, source->first_at);
}

int source_publish(struct source *source, const struct source_config *config, usec_t now)
{
    if (source->state == SOURCE_LIVE)
        return -1;
    source->config = *config;
    if (config->atc)
        source->config.time_jitter = TIME_JITTER_OFF;
    source->has_promise = 0;
    source->is_filling = config->is_relayed != 0;
    source_set_limits(source);
    source->first_at = now;
    source->has_first = 0;
    source_drop_starts(source);
    if (source_started(source) == 0)
        source_begin_anew(source);
    else
        jitter_publish(&source->jitter);
    source->jitter.keeps = config->is_relayed;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        source->track[i].is_seen = 0;
        source->track[i].has_frames = 0;
        source->track[i].silent_ms = 0;
        source->track[i].frames = 0;
    }
    source_sides_publish(source);
    source->has_repaired = 0;
    source->meta_is_made = 1;
    memset(&source->repair, 0, sizeof(source->repair));
    source->is_settled = 0;
    source->has_key = source->is_midway = source->has_told_gop = 0;
    source->key_at = now;
    source_hold_begin(source);
    source->state = SOURCE_LIVE;
    source->stat.publishes++;
    source->stat.published_at = now;
    if (source->events.on_publish != NULL)
        source->events.on_publish(source, source->events.arg);
    memset(&source->told, 0, sizeof(source->told));
    source_tell_facts(source);
    return 0;
}

void source_time(const struct source *source, struct source_time *out)
{
    jitter_save(&source->jitter, out);
}

void source_resume(struct source *source, const struct source_time *time, usec_t now)
{
    assert(source->state == SOURCE_LIVE && !source->has_first);
    jitter_resume(&source->jitter, time, now);
}

usec_t source_absent_since(const struct source *source)
{
    return source->away_at;
}

void source_tell_gop(struct source *source)
{
    enum ring_loss loss = source->native.ring.start_loss;

    if (loss == RING_LOSS_NONE || source->has_told_gop || !source->config.gop_cache)
        return;
    source->has_told_gop = 1;
    if (source->events.on_gop_lost != NULL)
        source->events.on_gop_lost(source,
                                   loss == RING_LOSS_UNITS ? SOURCE_GOP_FRAMES : SOURCE_GOP_BYTES,
                                   source->events.arg);
}

int source_lacks_key(const struct source *source)
{
    return source->native.ring.start_loss != RING_LOSS_NONE || source->is_midway ||
           source->native.pushed_at - source->key_at > SOURCE_LONG_GOP_US;
}

static void source_gone(struct source *source)
{
    source->state = SOURCE_IDLE;
    source_cut(source, SOURCE_CUT_ALL);
    source_let_go(source);
    if (source->events.on_gone != NULL)
        source->events.on_gone(source, source->events.arg);
    source_emit_data(source);
}

void source_unpublish(struct source *source, usec_t now)
{
    assert(source->state == SOURCE_LIVE);
    source_mix_flush(source, now);
    source_drop_begin(source);
    source->is_filling = 0;
    source->state = SOURCE_AWAY;
    source->away_at = now;
    source_drop_starts(source);
    if (source_cut_relays(source))
        source_emit_data(source);
    if (source->events.on_unpublish != NULL)
        source->events.on_unpublish(source, source->events.arg);
    if (source->config.republish_wait == 0 || source_started(source) == 0)
        source_gone(source);
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
    source_reopen(source);
    if (!was_decided)
        source_feed_all(source);
}

/*
 * Decides what the header promises as soon as it can be known. A sequence header is no more than
 * an intention, and metadata may be wrong either way: browsers play nothing at all while a
 * promised track has no frames, and a track that was not promised ends the response.
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
    /* Those who watch already go on by what they were promised. */
    if (source->is_decided)
        return;
    source->has_promise = 1;
    source->promise[JITTER_AUDIO] = has_audio != 0;
    source->promise[JITTER_VIDEO] = has_video != 0;
}

void source_filled(struct source *source)
{
    if (!source->is_filling)
        return;
    source->is_filling = 0;
    if (source->config.is_joined)
        source_forget_places(source);
    source_emit_data(source);
}

void source_tick(struct source *source, usec_t now)
{
    if (source->state == SOURCE_AWAY &&
        (now - source->away_at >= source->config.republish_wait || source_started(source) == 0)) {
        source_gone(source);
        return;
    }
    if (source->state == SOURCE_LIVE && !source->is_decided && source->has_first &&
        now - source->first_at >= SOURCE_GUESS_US) {
        source_guess(source, source->first_ms + SOURCE_GUESS_MS);
        source_tell_facts(source);
        source_emit_data(source);
    }
    if (source->state == SOURCE_LIVE && !source->is_settled)
        source_settle(source, now);
    if (source->is_filling && now - source->stat.published_at >= SOURCE_FILL_US)
        source_filled(source);
    if (source->holds_begin && source->has_first && now - source->first_at >= SOURCE_BEGIN_US)
        source_drop_begin(source);
    ring_trim(&source->native.ring, now);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        ring_trim(&r->ring, now);
}

/* Of the present publisher: one before it may have had another track. */
static enum codec source_track_codec(const struct source_track *track)
{
    return track->is_seen ? track->codec : CODEC_NONE;
}

void source_stat(const struct source *source, struct source_stat *stat)
{
    *stat = source->stat;
    stat->audio = source_track_codec(&source->track[JITTER_AUDIO]);
    stat->video = source_track_codec(&source->track[JITTER_VIDEO]);
    stat->ring_bytes = source->native.ring.bytes + source->native.ring.detached;
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        stat->ring_bytes += r->ring.bytes + r->ring.detached;
}
