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

void source_ring_limits(const struct source *source, struct ring_limits *limits)
{
    const struct source_config *config = &source->config;

    limits->bytes_max = config->gop_cache_max_bytes;
    limits->lag_max = config->queue_length;
    limits->start_units_max = config->gop_cache_max_frames;
    limits->keep_start = config->gop_cache;
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
    assert(source->others == NULL && source->native.viewers == NULL);
    rendition_fini(&source->native);
    source_track_forget(&source->track[JITTER_AUDIO]);
    source_track_forget(&source->track[JITTER_VIDEO]);
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

/* ---- renditions ---- */

static void source_opening(const struct source *source, struct rendition_opening *opening)
{
    memset(opening, 0, sizeof(*opening));
    opening->has_audio = source->track[JITTER_AUDIO].is_announced;
    opening->has_video = source->track[JITTER_VIDEO].is_announced;
    opening->meta = source->meta;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        const struct source_track *track = &source->track[i];

        /* A track's first header opens the stream before its first frame has come. */
        opening->header[i] = track->codec == CODEC_NONE ? track->pending : track->header;
    }
}

/* What opens the stream changes for those who begin from now on. */
void source_reopen(struct source *source)
{
    struct rendition_opening opening;

    if (!source->is_decided)
        return;
    source_opening(source, &opening);
    rendition_open_with(&source->native, &opening);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_open_with(r, &opening);
}

struct rendition *source_rendition(struct source *source, const struct mux *mux, usec_t now)
{
    struct rendition_opening opening;
    struct rendition *rendition;

    if (mux == source->native.mux)
        return &source->native;
    for (rendition = source->others; rendition != NULL; rendition = rendition->next)
        if (rendition->mux == mux)
            return rendition;
    rendition = malloc(sizeof(*rendition));
    if (rendition == NULL)
        return NULL;
    if (rendition_init(rendition, source, mux) != 0) {
        free(rendition);
        return NULL;
    }
    if (source->is_decided) {
        source_opening(source, &opening);
        rendition_open_with(rendition, &opening);
        rendition_replay(rendition, &source->native, now);
    }
    rendition->next = source->others;
    source->others = rendition;
    return rendition;
}

void source_rendition_left(struct source *source, struct rendition *rendition)
{
    struct rendition **link = &source->others;

    if (rendition == &source->native || rendition->viewer_count > 0)
        return;
    while (*link != rendition)
        link = &(*link)->next;
    *link = rendition->next;
    rendition_fini(rendition);
    free(rendition);
}

/* One frame to all; in-band formats also get what is not for FLV viewers. */
void source_spread(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_push(r, frame, (uint32_t)ms, now);
}

void source_drop_starts(struct source *source)
{
    ring_drop_start(&source->native.ring);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        ring_drop_start(&r->ring);
}

/* Connected viewers end here; everyone: also those of formats that follow changes. */
void source_cut(struct source *source, int everyone)
{
    rendition_cut(&source->native);
    source->repeats_sets = 0;
    for (struct rendition *r = source->others; everyone && r != NULL; r = r->next)
        rendition_cut(r);
}

static size_t source_started(const struct source *source)
{
    size_t started = source->native.started;

    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        started += r->started;
    return started;
}

/* ---- publish ---- */

/* Nobody watches: the stream begins anew at 0. */
static void source_begin_anew(struct source *source)
{
    jitter_reset(&source->jitter, source->config.time_jitter, source->config.mix_correct);
    for (int i = 0; i < JITTER_TRACKS; i++)
        source_track_forget(&source->track[i]);
    blob_unref(source->meta);
    source->meta = NULL;
    source->is_decided = 0;
    source_cut(source, 1);
    ring_trim(&source->native.ring, source->first_at);
}

int source_publish(struct source *source, const struct source_config *config, usec_t now)
{
    struct ring_limits limits;

    if (source->state == SOURCE_LIVE)
        return -1;
    source->config = *config;
    if (config->atc)
        source->config.time_jitter = TIME_JITTER_OFF;
    source_ring_limits(source, &limits);
    ring_set_limits(&source->native.ring, &limits);
    source->first_at = now;
    source->has_first = 0;
    memset(&source->facts, 0, sizeof(source->facts));
    source_drop_starts(source);
    if (source_started(source) == 0)
        source_begin_anew(source);
    else
        jitter_publish(&source->jitter);
    for (int i = 0; i < JITTER_TRACKS; i++)
        source->track[i].is_seen = 0;
    source->state = SOURCE_LIVE;
    source->stat.publishes++;
    source->stat.published_at = now;
    if (source->events.on_publish != NULL)
        source->events.on_publish(source, source->events.arg);
    return 0;
}

static void source_gone(struct source *source)
{
    source->state = SOURCE_IDLE;
    source_cut(source, 0);
    if (source->events.on_gone != NULL)
        source->events.on_gone(source, source->events.arg);
    source_emit_data(source);
}

void source_unpublish(struct source *source, usec_t now)
{
    assert(source->state == SOURCE_LIVE);
    source->state = SOURCE_AWAY;
    source->away_at = now;
    source_drop_starts(source);
    if (source->events.on_unpublish != NULL)
        source->events.on_unpublish(source, source->events.arg);
    if (source->config.republish_wait == 0 || source_started(source) == 0)
        source_gone(source);
}

/* ---- the FLV header ---- */

void source_decide(struct source *source, int has_audio, int has_video)
{
    source->track[JITTER_AUDIO].is_announced = has_audio;
    source->track[JITTER_VIDEO].is_announced = has_video;
    source->is_decided = 1;
    source_reopen(source);
}

/* Decides what the header promises as soon as it can be known. */
void source_guess(struct source *source, int64_t ms)
{
    int has_audio = source->track[JITTER_AUDIO].is_seen;
    int has_video = source->track[JITTER_VIDEO].is_seen;
    int is_known;

    if (!source->config.guess_has_av) {
        source_decide(source, source->config.has_audio, source->config.has_video);
        return;
    }
    is_known = (has_audio && has_video) ||
               (source->facts.has_tracks && (has_audio || has_video) &&
                has_audio == source->facts.has_audio && has_video == source->facts.has_video);
    if (is_known || (source->has_first && ms - source->first_ms >= SOURCE_GUESS_MS))
        source_decide(source, has_audio, has_video);
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
        source_emit_data(source);
    }
    ring_trim(&source->native.ring, now);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        ring_trim(&r->ring, now);
}

void source_stat(const struct source *source, struct source_stat *stat)
{
    *stat = source->stat;
    stat->ring_bytes = source->native.ring.bytes + source->native.ring.detached;
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        stat->ring_bytes += r->ring.bytes + r->ring.detached;
}
