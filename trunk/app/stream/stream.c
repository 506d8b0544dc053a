/*
 * The application's side of a source: passes the events of a source to the observers, in the order
 * of their rows. This file knows none of the features.
 */
#include "app/stream/stream.h"

#include "app/config/config_diff.h"
#include "app/core/metrics.h"
#include "app/stream/fanout.h"
#include "base/str.h"
#include "live/viewer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Calls the function of each observer that has it, with the stream and the row's state. */
#define TELL(stream, function, ...)                    \
    for (int i_ = 0; row_at(stream, i_) != NULL; i_++) \
        if (row_at(stream, i_)->function != NULL)      \
    row_at(stream, i_)->function(stream, state_of(stream, i_), ##__VA_ARGS__)

/* The observer at this index; NULL after the last one. */
static const struct observer *row_at(const struct stream *stream, int i)
{
    const struct tables *tables = stream->server->tables;

    return tables != NULL && tables->observers != NULL ? tables->observers[i] : NULL;
}

static void *state_of(const struct stream *stream, int row)
{
    return (char *)stream + stream->server->offset[row];
}

void stream_source_config(const struct config_vhost *vhost, struct source_config *out)
{
    const struct config_play *play = &vhost->play;
    const struct config_http_remux *remux = &vhost->http_remux;

    memset(out, 0, sizeof(*out));
    out->gop_cache = play->gop_cache;
    out->gop_cache_max_frames = (int)play->gop_cache_max_frames;
    out->gop_cache_max_bytes = (size_t)play->gop_cache_max_bytes;
    out->queue_length = play->queue_length;
    out->time_jitter = (enum time_jitter)play->time_jitter;
    out->atc = play->atc;
    out->atc_auto = play->atc_auto;
    out->mix_correct = play->mix_correct;
    out->repairs = vhost->publish.repair;
    out->makes_meta = 1;
    out->reduce_sequence_header = play->reduce_sequence_header;
    out->has_audio = remux->has_audio;
    out->has_video = remux->has_video;
    out->guess_has_av = remux->guess_has_av;
    out->drop_if_not_match = remux->drop_if_not_match;
    out->republish_wait = remux->republish_wait;
    out->chunk_size = (uint32_t)vhost->chunk_size;
    out->fast_cache = remux->fast_cache_s * USEC_PER_SEC;
    out->rewind = remux->rewind_s * USEC_PER_SEC;
    out->rewind_max_bytes = (size_t)remux->rewind_max_bytes;
}

struct source *stream_get(struct server *server, const struct config_vhost *vhost, const char *app,
                          const char *name, struct err **err)
{
    return stream_get_as(server, vhost, vhost->name, app, name, err);
}

struct source *stream_get_as(struct server *server, const struct config_vhost *vhost,
                             const char *place, const char *app, const char *name, struct err **err)
{
    struct source_config config;
    struct source *source;
    char key[SOURCE_KEY_MAX];

    *err = NULL;
    if (str_format(key, sizeof(key), "%s/%s/%s", place, app, name) != 0) {
        *err = err_new(ERR_LIMIT, "stream name too long");
        return NULL;
    }
    stream_source_config(vhost, &config);
    source = hub_get(server->hub, key, &config);
    if (source == NULL)
        *err = err_new(ERR_LIMIT, "too many streams (%zu)", hub_count(server->hub));
    return source;
}

struct source *stream_get_publish(struct server *server, const struct config_vhost *vhost,
                                  const char *app, const char *name, struct err **err)
{
    struct source_config config;
    struct source *source = NULL;
    char key[SOURCE_KEY_MAX];
    int is_new;

    *err = NULL;
    if (str_format(key, sizeof(key), "%s/%s/%s", vhost->name, app, name) != 0) {
        *err = err_new(ERR_LIMIT, "stream name too long");
        return NULL;
    }
    stream_source_config(vhost, &config);
    is_new = !hub_is_publishing(server->hub, key);
    if (!is_new || server_shared_stream_enter(server, key) == 0) {
        source = hub_get_publish(server->hub, key, &config);
        if (source == NULL && is_new)
            server_shared_stream_leave(server, key);
    }
    if (source == NULL) {
        metrics_add_label(server->metrics, METRICS_REFUSALS, "max_streams", 1);
        *err = err_new(ERR_LIMIT, "too many streams: max_streams %lld",
                       (long long)server->config->max_streams);
    }
    return source;
}

void stream_publish_end(struct source *source)
{
    const struct stream *stream = source_data(source);
    struct server *server = stream->server;

    hub_publish_end(server->hub, source_key(source));
    if (!hub_is_publishing(server->hub, source_key(source)))
        server_shared_stream_leave(server, source_key(source));
}

int stream_is_live(const struct server *server, const struct source *source)
{
    return source_state(source) == SOURCE_LIVE ||
           observers_are_elsewhere(server, source_key(source));
}

/* A waiting viewer watches the stream now. stream_is_gone_to(): it waits again. */
static void stream_is_live_to(struct viewer *viewer)
{
    struct fanout_viewer *fv = viewer_owner(viewer);

    if (fv != NULL)
        fanout_viewer_is_live(fv, 1);
}

static void stream_is_gone_to(struct viewer *viewer)
{
    struct fanout_viewer *fv = viewer_owner(viewer);

    if (fv != NULL)
        fanout_viewer_is_live(fv, 0);
}

/* ---- questions ---- */

int stream_is_coming(const struct stream *stream, const struct observer *except)
{
    for (int i = 0; row_at(stream, i) != NULL; i++) {
        const struct observer *row = row_at(stream, i);

        if (row != except && row->is_coming != NULL && row->is_coming(stream, state_of(stream, i)))
            return 1;
    }
    return 0;
}

int stream_is_worker_pull(const struct stream *stream)
{
    for (int i = 0; row_at(stream, i) != NULL; i++) {
        const struct observer *row = row_at(stream, i);

        if (row->is_worker_pull != NULL && row->is_worker_pull(stream, state_of(stream, i)))
            return 1;
    }
    return 0;
}

enum source_fit stream_fit(const struct stream *stream, const struct mux *mux,
                           enum source_only only)
{
    struct source_facts facts;

    for (int i = 0; row_at(stream, i) != NULL; i++) {
        const struct observer *row = row_at(stream, i);

        if (row->facts != NULL && row->facts(stream, state_of(stream, i), &facts))
            return source_facts_fit(&facts, mux, only);
    }
    return source_fit(stream->source, mux, only);
}

/* ---- events ---- */

static void stream_give_up_one(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL)
        fanout_viewer_give_up(viewer_owner(viewer));
}

void stream_give_up(struct stream *stream)
{
    const struct config_vhost *vhost;

    if (source_state(stream->source) != SOURCE_IDLE || stream->beginnings > 0 ||
        stream_is_coming(stream, NULL))
        return;
    vhost = config_vhost_find(stream->server->config, stream->vhost);
    if (vhost != NULL && !vhost->http_remux.hstrs)
        viewer_each_waiting(stream->source, stream_give_up_one);
}

void stream_ask_again(struct stream *stream)
{
    TELL(stream, on_ask_again);
}

void stream_on_vhost(struct stream *stream, const struct config_vhost *before,
                     const struct config_vhost *vhost)
{
    TELL(stream, on_vhost, before, vhost);
}

int stream_is_served(const struct stream *stream, const struct config *config)
{
    return stream->vhost[0] == STREAM_PULLED || config_diff_vhost(config, stream->vhost) != NULL;
}

void stream_unclaimed(struct stream *stream)
{
    TELL(stream, on_unclaimed);
    stream_give_up(stream);
}

static void stream_on_publish(struct source *source, void *arg)
{
    struct stream *stream = arg;

    viewer_each(source, stream_is_live_to);
    TELL(stream, on_publish);
}

static void stream_on_unpublish(struct source *source, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    TELL(stream, on_unpublish);
}

static void stream_on_gone(struct source *source, void *arg)
{
    struct stream *stream = arg;

    viewer_each(source, stream_is_gone_to);
    TELL(stream, on_gone);
    stream_give_up(stream);
}

/* Runs for each frame. */
static void stream_on_data(struct source *source, void *arg)
{
    struct stream *stream = arg;
    const struct server *server = stream->server;

    (void)source;
    for (int i = 0; i < server->data_row_count; i++)
        server->data_row[i].on_data(stream, (char *)stream + server->data_row[i].offset);
}

static void stream_on_viewers(struct source *source, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    TELL(stream, on_viewers);
}

static void stream_on_watched(struct source *source, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    TELL(stream, on_watched);
    co_cond_broadcast(&stream->changed);
}

static void stream_on_begin(struct source *source, struct viewer *viewer, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    TELL(stream, on_begin, viewer);
}

static void stream_on_facts(struct source *source, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    TELL(stream, on_facts);
}

static void stream_on_repair(struct source *source, const char *what, void *arg)
{
    const struct stream *stream = arg;

    log_warn(stream->server->log, "%s: the publisher sends %s; repairing them", source_key(source),
             what);
}

static void stream_on_gop_lost(struct source *source, enum source_gop_loss why, void *arg)
{
    const struct stream *stream = arg;
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);
    long long limit = 0;

    if (vhost != NULL)
        limit = why == SOURCE_GOP_FRAMES ? (long long)vhost->play.gop_cache_max_frames
                                         : (long long)vhost->play.gop_cache_max_bytes;
    log_warn(stream->server->log,
             "stream %s: GOP exceeds %s (%lld) and is not cached; new viewers get only audio until "
             "the next keyframe",
             source_key(source),
             why == SOURCE_GOP_FRAMES ? "gop_cache_max_frames" : "gop_cache_max_bytes", limit);
}

static int64_t stream_on_stamp(struct source *source, void *arg)
{
    const struct stream *stream = arg;
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);

    (void)source;
    return vhost != NULL && vhost->play.stamp ? clock_wall() / USEC_PER_MS : 0;
}

static size_t stream_on_peers(struct source *source, struct source_peer out[SOURCE_PEERS_MAX],
                              void *arg)
{
    struct stream *stream = arg;

    (void)source;
    for (int i = 0; row_at(stream, i) != NULL; i++) {
        const struct observer *row = row_at(stream, i);
        size_t count = row->peers != NULL ? row->peers(stream, state_of(stream, i), out) : 0;

        if (count > 0)
            return count;
    }
    return 0;
}

static void stream_on_evict(struct source *source, struct viewer *viewer, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    for (int i = 0; row_at(stream, i) != NULL; i++) {
        const struct observer *row = row_at(stream, i);

        if (row->on_evict != NULL && row->on_evict(stream, state_of(stream, i), viewer))
            return;
    }
}

/* ---- life ---- */

int stream_attach(struct source *source, void *arg)
{
    struct server *server = arg;
    struct stream *stream = calloc(1, server->stream_size);
    struct source_events events = {.on_publish = stream_on_publish,
                                   .on_unpublish = stream_on_unpublish,
                                   .on_gone = stream_on_gone,
                                   .on_data = stream_on_data,
                                   .on_repair = stream_on_repair,
                                   .on_evict = stream_on_evict,
                                   .on_viewers = stream_on_viewers,
                                   .on_facts = stream_on_facts,
                                   .on_watched = stream_on_watched,
                                   .on_begin = stream_on_begin,
                                   .on_gop_lost = stream_on_gop_lost,
                                   .on_stamp = stream_on_stamp,
                                   .on_peers = stream_on_peers,
                                   .arg = stream};
    const char *key = source_key(source);
    const char *first = strchr(key, '/');
    const char *last = strrchr(key, '/');

    assert(server->stream_size >= sizeof(*stream));
    if (stream == NULL || first == NULL || last == first) {
        free(stream);
        return -1;
    }
    stream->server = server;
    stream->source = source;
    err_free(co_cond_init(&stream->changed));
    (void)str_copy_n(stream->vhost, sizeof(stream->vhost), key, (size_t)(first - key));
    (void)str_copy_n(stream->app, sizeof(stream->app), first + 1, (size_t)(last - first - 1));
    (void)str_copy(stream->name, sizeof(stream->name), last + 1);
    /* A session may have begun before the last reload. */
    stream->is_ended = server->config != NULL && !stream_is_served(stream, server->config);
    rate_init(&stream->rate, clock_now(), 0, 0);
    source_set_data(source, stream);
    source_set_events(source, &events);
    TELL(stream, attach);
    server_wake_ticker(stream->server);
    return 0;
}

void stream_sample(struct source *source, void *arg)
{
    struct stream *stream = source_data(source);
    struct source_stat stat;

    (void)arg;
    source_stat(source, &stat);
    rate_sample(&stream->rate, clock_now(), stat.bytes_in, stat.bytes_out);
}

void stream_detach(struct source *source, void *arg)
{
    struct stream *stream = source_data(source);
    struct source_events none = {0};

    (void)arg;
    TELL(stream, detach);
    source_set_events(source, &none);
    source_set_data(source, NULL);
    assert(stream->publication == NULL && stream->reserved == NULL);
    free(stream->tc_url);
    co_cond_fini(&stream->changed);
    free(stream);
}
