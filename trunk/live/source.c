/*
 * A source's life: made, published, unpublished and freed, and its timers. Frames come in by
 * source_push.c.
 */
#include "live/source.h"

#include "live/source_push.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The header is decided after this time at the latest: a publisher may send one frame and pause. */
#define SOURCE_GUESS_US (USEC_PER_SEC)
/* How long the publication start is held for viewers that waited. */
#define SOURCE_START_US (USEC_PER_SEC)
/* After so long without a keyframe, the next one may be far away. */
#define SOURCE_LONG_GOP_US (3 * USEC_PER_SEC)
/* A worker pull delivers the past at once; if it takes longer, viewers begin without it. */
#define SOURCE_FILL_US (USEC_PER_SEC)
/* The same where it is as long as `rewind`, and may come from another server. */
#define SOURCE_FILL_PAST_US (5 * USEC_PER_SEC)
/* Nothing has come for so long: it is complete. */
#define SOURCE_FILL_PAUSE_US (500 * USEC_PER_MS)

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
    source->native.is_deep = 1;
    source_measure_publish(source);
    rendition_set_limits(&source->native);
    jitter_reset(&source->jitter, config->time_jitter, config->mix_correct);
    return source;
}

static void source_free(struct source *source)
{
    renditions_let_go(source);
    renditions_discard_all(source);
    assert(source->others == NULL && source->native.viewers == NULL);
    rendition_fini(&source->native);
    source_track_forget(&source->track[JITTER_AUDIO]);
    source_track_forget(&source->track[JITTER_VIDEO]);
    extra_track_forget_all(source);
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

int source_has_lost_header(const struct source *source)
{
    return source->has_lost_header;
}

static size_t source_look_at_peers(void *arg, struct source_peer out[SOURCE_PEERS_MAX])
{
    struct source *source = arg;

    return source->events.on_peers(source, out, source->events.arg);
}

void source_set_events(struct source *source, const struct source_events *events)
{
    source->events = *events;
    source->jitter.peers.look = events->on_peers != NULL ? source_look_at_peers : NULL;
    source->jitter.peers.arg = source;
}

void source_set_data(struct source *source, void *data)
{
    source->data = data;
}

void *source_data(const struct source *source)
{
    return source->data;
}

int source_has_begun(const struct source *source)
{
    return renditions_started(source) > 0;
}

int source_discard(struct source *source)
{
    return renditions_discard(source);
}

int source_is_idle(const struct source *source)
{
    return source->state == SOURCE_IDLE && source->refs == 1 && source->stat.viewers == 0;
}

/* ---- publish ---- */

/* Without viewers the stream begins again at 0. */
static void source_begin_anew(struct source *source)
{
    jitter_reset(&source->jitter, source->config.time_jitter, source->config.mix_correct);
    for (int i = 0; i < JITTER_TRACKS; i++)
        source_track_forget(&source->track[i]);
    extra_track_forget_all(source);
    renditions_drop_full(source);
    blob_unref(source->meta);
    source->meta = NULL;
    source->is_decided = 0;
    renditions_cut(source, RENDITIONS_CUT_ALL);
    renditions_starve(source);
    ring_trim(&source->native.ring, source->first_at);
}

/* Whether no viewer continues, or will, on the timeline. With rewind a viewer that has lost its
 * connection may come back to it for republish_wait. */
static int source_is_forgotten(const struct source *source)
{
    return renditions_started(source) == 0 &&
           (source->config.rewind == 0 || source->state == SOURCE_IDLE);
}

int source_publish(struct source *source, const struct source_config *config, usec_t now)
{
    int is_new;

    if (source->state == SOURCE_LIVE)
        return -1;
    if (source->state == SOURCE_INTERRUPTED && renditions_started(source) > 0) {
        source->stat.gaps++;
        source->stat.gap_time += now - source->interrupted_at;
    }
    /* Another server sends the past again, with its own times: the ring must not have it twice. */
    is_new = source_is_forgotten(source) ||
             (renditions_started(source) == 0 && (config->is_worker_pull || config->sends_past));
    source->config = *config;
    if (config->atc)
        source->config.time_jitter = TIME_JITTER_OFF;
    source->has_promise = 0;
    source->is_filling = config->is_worker_pull || config->sends_past;
    renditions_set_limits(source);
    source->first_at = now;
    source->has_first = 0;
    renditions_drop_sync(source);
    if (is_new)
        source_begin_anew(source);
    else
        jitter_publish(&source->jitter);
    source->jitter.keeps = config->is_worker_pull || config->keeps_time;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        source->track[i].is_seen = 0;
        source->track[i].has_frames = 0;
        source->track[i].silent_ms = 0;
        source->track[i].frames = 0;
    }
    extra_track_publish_all(source);
    source->has_lost_header = 0;
    source->has_repaired = 0;
    source->meta_is_made = 1;
    source->stamp_at = now;
    memset(&source->repair, 0, sizeof(source->repair));
    source_measure_publish(source);
    source->is_settled = 0;
    source->has_key = source->is_midway = source->has_reported_gop = 0;
    source->key_at = now;
    renditions_hold_start(source);
    source->state = SOURCE_LIVE;
    source->stat.publishes++;
    source->stat.published_at = now;
    if (source->events.on_publish != NULL)
        source->events.on_publish(source, source->events.arg);
    memset(&source->reported, 0, sizeof(source->reported));
    source_report_facts(source);
    return 0;
}

void source_time(const struct source *source, struct source_time *out)
{
    jitter_save(&source->jitter, out);
    memcpy(out->key, source->measure.key, sizeof(out->key));
}

void source_resume(struct source *source, const struct source_time *time, usec_t now)
{
    assert(source->state == SOURCE_LIVE && !source->has_first);
    jitter_resume(&source->jitter, time, now);
}

usec_t source_absent_since(const struct source *source)
{
    return source->interrupted_at;
}

int source_lacks_key(const struct source *source)
{
    return source->native.ring.sync_loss != RING_LOSS_NONE || source->is_midway ||
           source->native.pushed_at - source->key_at > SOURCE_LONG_GOP_US;
}

static void source_gone(struct source *source)
{
    source->state = SOURCE_IDLE;
    renditions_cut(source, RENDITIONS_CUT_ALL);
    renditions_let_go(source);
    if (source->events.on_gone != NULL)
        source->events.on_gone(source, source->events.arg);
    source_report_data(source);
}

void source_unpublish(struct source *source, usec_t now)
{
    assert(source->state == SOURCE_LIVE);
    source_mix_flush(source, now);
    renditions_drop_start(source);
    source->is_filling = 0;
    source->state = SOURCE_INTERRUPTED;
    source->interrupted_at = now;
    renditions_drop_sync(source);
    if (renditions_cut_original(source))
        source_report_data(source);
    if (source->events.on_unpublish != NULL)
        source->events.on_unpublish(source, source->events.arg);
    if (source->config.republish_wait == 0 || source_is_forgotten(source))
        source_gone(source);
}

void source_end_wait(struct source *source)
{
    if (source->state == SOURCE_INTERRUPTED)
        source_gone(source);
}

void source_reconfigure(struct source *source, const struct source_config *config)
{
    struct source_config *own = &source->config;

    own->gop_cache = config->gop_cache;
    own->gop_cache_max_frames = config->gop_cache_max_frames;
    own->gop_cache_max_bytes = config->gop_cache_max_bytes;
    own->queue_length = config->queue_length;
    own->reduce_sequence_header = config->reduce_sequence_header;
    own->republish_wait = config->republish_wait;
    own->fast_cache = config->fast_cache;
    own->rewind = config->rewind;
    own->rewind_max_bytes = config->rewind_max_bytes;
    own->chunk_size = config->chunk_size;
    renditions_set_limits(source);
}

enum source_news source_news(const struct source *source)
{
    return (enum source_news)source->news;
}

void source_filled(struct source *source)
{
    if (!source->is_filling)
        return;
    source->is_filling = 0;
    if (source->config.is_joined)
        renditions_forget_places(source);
    source_report_data(source);
}

void source_continue(struct source *source, usec_t now)
{
    assert(source->state == SOURCE_LIVE);
    if (source->has_first || !renditions_restore_sync(source))
        return;
    source->has_key = 1;
    source->first_key_at = now;
    source->key_at = now;
}

static usec_t source_fill_max(const struct source *source)
{
    return source->config.rewind > 0 ? SOURCE_FILL_PAST_US : SOURCE_FILL_US;
}

/* Whether what is still to come will not come, or takes too long. Before its first frame a fill has
 * paused since it began, whenever the ring's last frame was. */
static int fill_is_over(const struct source *source, usec_t now)
{
    usec_t began = source->stat.published_at;
    usec_t last = source->native.pushed_at > began ? source->native.pushed_at : began;

    return now - began >= source_fill_max(source) || now - last >= SOURCE_FILL_PAUSE_US;
}

void source_tick(struct source *source, usec_t now)
{
    if (source->state == SOURCE_INTERRUPTED &&
        (now - source->interrupted_at >= source->config.republish_wait ||
         source_is_forgotten(source))) {
        source_gone(source);
        return;
    }
    if (source->state == SOURCE_LIVE && !source->is_decided && source->has_first &&
        now - source->first_at >= SOURCE_GUESS_US) {
        source_guess(source, source->first_ms + SOURCE_GUESS_MS);
        source_report_facts(source);
        source_report_data(source);
    }
    if (source->state == SOURCE_LIVE && !source->is_settled)
        source_settle(source, now);
    if (source->is_filling && fill_is_over(source, now))
        source_filled(source);
    if (source->holds_start && source->has_first && now - source->first_at >= SOURCE_START_US)
        renditions_drop_start(source);
    ring_trim(&source->native.ring, now);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        ring_trim(&r->ring, now);
}

/* ---- renditions and viewers ---- */

void source_count_viewer(struct source *source, int change)
{
    assert(change == 1 || (change == -1 && source->stat.viewers > 0));
    source->stat.viewers += (uint32_t)change;
    if (source->stat.viewers == (change > 0 ? 1 : 0))
        source_report_viewers(source);
}

void source_attend(struct source *source)
{
    source->attending++;
    source_count_viewer(source, 1);
}

void source_depart(struct source *source)
{
    assert(source->attending > 0);
    source->attending--;
    source_count_viewer(source, -1);
}

int source_has_timeline(const struct source *source)
{
    if (source->config.rewind > 0 && source->state != SOURCE_IDLE)
        return 1;
    if (source->native.started > source->native.uncounted_started)
        return 1;
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->started > r->uncounted_started && !mux_is_original(r->mux))
            return 1;
    return 0;
}

int source_is_waited_for(const struct source *source)
{
    return source->state == SOURCE_LIVE && source->has_first && renditions_have_waiting(source);
}

void source_keep(struct source *source, const struct mux *mux)
{
    const struct viewer_wish defaults = {.only = SOURCE_BOTH};
    struct rendition *rendition;

    assert(mux_is_audio_only(mux));
    if (source->config.fast_cache == 0)
        return;
    rendition = source_rendition(source, mux, &defaults, source->native.pushed_at);
    if (rendition != NULL)
        rendition->is_kept = 1;
}

size_t source_shrink(struct source *source)
{
    size_t bytes;

    renditions_drop_start(source);
    bytes = ring_shrink(&source->native.ring);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        bytes += ring_shrink(&r->ring);
    return bytes;
}

/* ---- counters ---- */

/* Of the current publisher; a former one may have had another track. */
static enum codec source_track_codec(const struct source_track *track)
{
    return track->is_seen ? track->codec : CODEC_NONE;
}

void source_stat(const struct source *source, struct source_stat *stat)
{
    *stat = source->stat;
    stat->audio = source_track_codec(&source->track[JITTER_AUDIO]);
    stat->video = source_track_codec(&source->track[JITTER_VIDEO]);
    stat->repairs = source->jitter.repairs;
    stat->ring_bytes = source->native.ring.bytes + source->native.ring.detached;
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        stat->ring_bytes += r->ring.bytes + r->ring.detached;
}
