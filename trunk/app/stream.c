/*
 * The application's side of a source. On publish its addresses go into the
 * serve-mux, one for each mount of its vhost; when the publisher is gone and
 * republish_wait is over they come out again.
 */
#include "app/stream.h"

#include "app/edge.h"
#include "app/edge_claim.h"
#include "app/fanout.h"
#include "app/forward.h"
#include "app/http_live.h"
#include "app/mount.h"
#include "app/server.h"
#include "app/worker.h"
#include "base/str.h"
#include "live/viewer.h"
#include "media/mux.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A format is one row here and one file in media. */
static const struct mux *const stream_muxes[] = {&mux_flv, &mux_ts, &mux_mp3, &mux_aac};

const struct mux *stream_mux(const char *extension)
{
    for (size_t i = 0; i < sizeof(stream_muxes) / sizeof(stream_muxes[0]); i++)
        if (strcmp(stream_muxes[i]->extension, extension) == 0)
            return stream_muxes[i];
    return NULL;
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
        *err = err_new(ERR_LIMIT, "no room for another stream (%zu)", hub_count(server->hub));
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
    if (!is_new || worker_stream_enter(server->worker, key) == 0) {
        source = hub_get_publish(server->hub, key, &config);
        if (source == NULL && is_new)
            worker_stream_leave(server->worker, key);
    }
    if (source == NULL)
        *err = err_new(ERR_LIMIT, "no room for another stream: max_streams %lld",
                       (long long)server->config->max_streams);
    return source;
}

void stream_publish_end(struct source *source)
{
    const struct stream *stream = source_data(source);
    struct server *server = stream->server;

    hub_publish_end(server->hub, source_key(source));
    if (!hub_is_publishing(server->hub, source_key(source)))
        worker_stream_leave(server->worker, source_key(source));
}

int stream_is_live(const struct server *server, const struct source *source)
{
    return source_state(source) == SOURCE_LIVE || worker_is_elsewhere(server, source_key(source));
}

/* Who waited for the stream watches it now; or who watches it waits for it again. */
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

static void stream_unmount(struct stream *stream)
{
    for (int i = 0; i < stream->mount_count; i++) {
        struct stream_mount *mount = &stream->mount[i];

        if (mount->pattern != NULL) {
            serve_mux_remove(stream->server->mux, mount->pattern);
            log_info(stream->server->log, "unmount %s", mount->pattern);
        }
        free(mount->pattern);
        mount->pattern = NULL;
    }
    stream->mount_count = 0;
}

static const char *template_extension(const char *tmpl)
{
    const char *dot = strrchr(tmpl, '.');

    return dot != NULL ? dot : "";
}

static void stream_mount_one(struct stream *stream, const struct mount_list *list, int index)
{
    const char *tmpl = list->item[index];
    struct stream_mount *mount = &stream->mount[stream->mount_count];
    const struct mux *mux = stream_mux(template_extension(tmpl));
    char pattern[1024];

    if (mux == NULL) {
        log_warn(stream->server->log, "mount %s: this format is not served", tmpl);
        return;
    }
    if (mount_expand(tmpl, stream->vhost, stream->app, stream->name, pattern, sizeof(pattern)) !=
        0) {
        log_warn(stream->server->log, "mount %s: address too long", tmpl);
        return;
    }
    if (!mount_owns(list, index, pattern, stream->app, stream->name)) {
        log_info(stream->server->log, "mount %s: not this stream's, by a longer template", pattern);
        return;
    }
    mount->handler.serve = http_live_serve_mount;
    mount->handler.next = NULL;
    mount->stream = stream;
    mount->mux = mux;
    mount->is_of_vhost = strstr(tmpl, "[vhost]") != NULL;
    mount->pattern = strdup(pattern);
    if (mount->pattern == NULL ||
        serve_mux_add(stream->server->mux, mount->pattern, &mount->handler) != 0) {
        log_warn(stream->server->log, "mount %s: taken or no room", pattern);
        free(mount->pattern);
        mount->pattern = NULL;
        return;
    }
    stream->mount_count++;
    log_info(stream->server->log, "mount %s", pattern);
}

/* Formats whose viewers begin in the past: their sound is kept from the first frame on. */
static void stream_keep(struct source *source, const struct config_vhost *vhost)
{
    for (int i = 0; i < vhost->http_remux.mount.count; i++) {
        const struct mux *mux = stream_mux(template_extension(vhost->http_remux.mount.item[i]));

        if (mux != NULL && mux->audio_only)
            source_keep(source, mux);
    }
}

static void stream_on_publish(struct source *source, void *arg)
{
    struct stream *stream = arg;
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);
    struct mount_list list;

    viewer_each(source, stream_is_live_to);
    edge_on_publish(stream);
    worker_plays(stream);
    /* What is only relayed here is forwarded by the worker that has its publisher. */
    if (stream->relay == NULL)
        forward_on_publish(stream);
    /* What http_pull fetches has no other address than http_pull's. */
    if (stream->vhost[0] == STREAM_PULLED)
        return;
    if (vhost != NULL && vhost->http_remux.enabled)
        stream_keep(source, vhost);
    if (vhost == NULL || !vhost->http_remux.enabled || stream->mount_count > 0)
        return;
    list = (struct mount_list){vhost->http_remux.mount.item, vhost->http_remux.mount.count, 0};
    for (int i = 0; i < list.count && stream->mount_count < CONFIG_MOUNT_MAX; i++)
        stream_mount_one(stream, &list, i);
}

static void stream_on_unpublish(struct source *source, void *arg)
{
    (void)source;
    worker_closes(arg);
    worker_relay_ended(arg);
    edge_on_unpublish(arg);
}

static void stream_give_up_one(struct viewer *viewer)
{
    if (viewer_owner(viewer) != NULL)
        fanout_viewer_give_up(viewer_owner(viewer));
}

void stream_give_up(struct stream *stream)
{
    const struct config_vhost *vhost;

    if (source_state(stream->source) != SOURCE_IDLE || stream->pull != NULL ||
        stream->relay != NULL || edge_fetches(stream))
        return;
    vhost = config_vhost_find(stream->server->config, stream->vhost);
    if (vhost != NULL && !vhost->http_remux.hstrs)
        viewer_each_waiting(stream->source, stream_give_up_one);
}

static void stream_on_gone(struct source *source, void *arg)
{
    viewer_each(source, stream_is_gone_to);
    stream_unmount(arg);
    stream_give_up(arg);
}

static void stream_on_data(struct source *source, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    worker_time(stream);
    if (stream->channel != NULL)
        fanout_channel_wake(stream->channel);
    if (stream->forwards != NULL)
        forward_on_data(stream);
}

static void stream_on_viewers(struct source *source, void *arg)
{
    (void)source;
    edge_on_viewers(arg);
    worker_want(arg);
}

static void stream_on_watched(struct source *source, void *arg)
{
    struct stream *stream = arg;

    (void)source;
    worker_watched(stream);
    co_cond_broadcast(&stream->told);
}

void stream_linger(struct stream *stream, usec_t timeout)
{
    struct source_stat stat;
    usec_t deadline;

    source_stat(stream->source, &stat);
    deadline = stat.published_at + timeout;
    while (source_is_waited_for(stream->source) && stream->server->state != SERVER_STOPPING &&
           !stream->is_asked && co_left(deadline) > 0 &&
           co_cond_wait(&stream->told, co_left(deadline)) != CO_INTERRUPTED)
        continue;
}

static void stream_on_facts(struct source *source, void *arg)
{
    (void)source;
    worker_describe(arg);
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
             "stream %s: GOP exceeds %s (%lld) and is not cached; new viewers get sound only until "
             "the next keyframe",
             source_key(source),
             why == SOURCE_GOP_FRAMES ? "gop_cache_max_frames" : "gop_cache_max_bytes", limit);
}

static void stream_on_evict(struct source *source, struct viewer *viewer, void *arg)
{
    (void)source;
    /* Those without a place in the fan-out are the forwards'. */
    if (viewer_owner(viewer) == NULL)
        forward_on_evict(arg, viewer);
    else
        fanout_viewer_evict(viewer_owner(viewer));
}

int stream_attach(struct source *source, void *arg)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    struct source_events events = {.on_publish = stream_on_publish,
                                   .on_unpublish = stream_on_unpublish,
                                   .on_gone = stream_on_gone,
                                   .on_data = stream_on_data,
                                   .on_repair = stream_on_repair,
                                   .on_evict = stream_on_evict,
                                   .on_viewers = stream_on_viewers,
                                   .on_facts = stream_on_facts,
                                   .on_watched = stream_on_watched,
                                   .on_gop_lost = stream_on_gop_lost,
                                   .arg = stream};
    const char *key = source_key(source);
    const char *first = strchr(key, '/');
    const char *last = strrchr(key, '/');

    if (stream == NULL || first == NULL || last == first) {
        free(stream);
        return -1;
    }
    stream->server = arg;
    stream->source = source;
    err_free(co_cond_init(&stream->told));
    (void)str_copy_n(stream->vhost, sizeof(stream->vhost), key, (size_t)(first - key));
    (void)str_copy_n(stream->app, sizeof(stream->app), first + 1, (size_t)(last - first - 1));
    (void)str_copy(stream->name, sizeof(stream->name), last + 1);
    rate_init(&stream->rate, clock_now(), 0, 0);
    source_set_data(source, stream);
    source_set_events(source, &events);
    worker_attach(stream);
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
    stream_unmount(stream);
    worker_detach(stream);
    source_set_events(source, &none);
    source_set_data(source, NULL);
    assert(stream->pull == NULL && stream->forwards == NULL);
    co_cond_fini(&stream->told);
    edge_claims_free(stream);
    free(stream->param);
    free(stream);
}
