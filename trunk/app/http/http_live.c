/*
 * Finds the stream of an address: a mounted stream, a stream of another worker, or a stream to wait
 * for. This step changes nothing in the stream; http_live_viewer.c runs its viewers.
 */
#include "app/http/http_live.h"

#include "app/config/mount.h"
#include "app/core/server.h"
#include "app/http/auth.h"
#include "app/http/http_drain.h"
#include "app/http/http_live_private.h"
#include "app/http/http_mounts.h"
#include "app/http/http_quality.h"
#include "app/http/http_static.h"
#include "app/http/http_ws.h"
#include "app/http/serve_mux.h"
#include "app/stream/stream.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum http_step http_live_check_method(struct http_exchange *x, usec_t timeout)
{
    if (http_is_read(x))
        return HTTP_STEP_NEXT;
    return http_step_answered(x, http_answer_error(x, 405, "Allow: GET, HEAD, OPTIONS\r\n", timeout,
                                                   "streams are read-only: use GET"));
}

struct err *http_live_serve_mount(struct http_handler *self, struct http_exchange *x,
                                  usec_t timeout)
{
    struct http_mount *mount = (struct http_mount *)self;
    const struct config_vhost *vhost = config_vhost_find(x->config, mount->stream->vhost);

    if (http_live_check_method(x, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    if (vhost == NULL || !vhost->http_remux.enabled)
        return http_answer_error(x, 404, NULL, timeout, "not found");
    return http_live_take(x, mount->stream->source, vhost, mount->mux, timeout);
}

struct err *http_live_serve_worker(struct http_exchange *x, struct source *source, usec_t timeout)
{
    const struct stream *stream = source_data(source);
    const struct config_vhost *vhost = config_vhost_find(x->config, stream->vhost);

    if (vhost == NULL)
        return http_answer_error(x, 404, NULL, timeout, "not found");
    return http_live_take(x, source, vhost, &mux_original, timeout);
}

/* Whether another worker publishes the stream, or another server is known to have it. */
static int http_live_is_elsewhere(struct http_exchange *x, const struct http_live_name *name,
                                  usec_t timeout)
{
    char key[SOURCE_KEY_MAX];

    return str_format(key, sizeof(key), "%s/%s/%s", name->place, name->app, name->stream) == 0 &&
           (observers_are_elsewhere(x->server, key) ||
            observers_are_remote(x->server, name->vhost, key, timeout));
}

/* Whether a viewer of a stream without a publisher here may get it: it is elsewhere, or the viewer
 * waits. An edge fetches it when a viewer arrives. */
static int http_live_may_come(struct http_exchange *x, const struct http_live_name *name,
                              usec_t timeout)
{
    if (name->place[0] == STREAM_PULLED || observers_fetch(x->server->tables, name->vhost) ||
        (name->vhost->http_remux.hstrs && !x->is_head))
        return 1;
    return http_live_is_elsewhere(x, name, timeout);
}

struct err *http_live_serve_name(struct http_exchange *x, const struct http_live_name *name,
                                 usec_t timeout)
{
    char key[SOURCE_KEY_MAX];
    struct source *source;
    struct err *err;

    if (http_live_check_method(x, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    if (auth_ask_play(
            x, &(struct auth_stream){.vhost = name->vhost, .app = name->app, .name = name->stream},
            timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    if (str_format(key, sizeof(key), "%s/%s/%s", name->place, name->app, name->stream) != 0)
        return http_answer_error(x, 400, NULL, timeout, "stream name is too long");
    if (http_drain_answer(x, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    source = hub_find(x->server->hub, key);
    if ((source == NULL || source_state(source) == SOURCE_IDLE) &&
        !http_live_may_come(x, name, timeout))
        return http_ws_refuse(x, 404, NULL, "nobody publishes this stream", timeout);
    source = stream_get_as(x->server, name->vhost, name->place, name->app, name->stream, &err);
    if (source == NULL) {
        err_free(err);
        return http_ws_refuse(x, 503, NULL, "service unavailable: too many streams", timeout);
    }
    return http_live_take(x, source, name->vhost, &mux_flv, timeout);
}

/* A stream without a publisher: serves a file at its address, waits for it, or answers 404. */
static struct err *http_live_standby(struct http_handler *self, struct http_exchange *x,
                                     const struct http_target *target, usec_t timeout)
{
    const struct config_vhost *vhost = target->vhost;
    struct http_live_name name = {vhost, vhost->name, target->app, target->stream};
    struct source *source;
    struct err *err;

    if (target->mux == NULL)
        return http_next(self, x, timeout);
    if (http_live_check_method(x, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    /* Ask before a source is created, and before the answer shows whether the stream exists. */
    if (auth_ask_play(
            x, &(struct auth_stream){.vhost = vhost, .app = target->app, .name = target->stream},
            timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    if (x->request->upgrade != HTTP_UPGRADE_WEBSOCKET && http_static_has(x))
        return http_next(self, x, timeout);
    if (http_drain_answer(x, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    if (!http_live_may_come(x, &name, timeout))
        return http_ws_refuse(x, 404, NULL, "nobody publishes this stream", timeout);
    source = stream_get(x->server, vhost, target->app, target->stream, &err);
    if (source == NULL) {
        err_free(err);
        return http_ws_refuse(x, 503, NULL, "service unavailable: too many streams", timeout);
    }
    return http_live_take(x, source, vhost, target->mux, timeout);
}

static int http_live_has_elsewhere(const struct http_exchange *x, const struct config_vhost *vhost,
                                   const char *app, const char *stream)
{
    char key[SOURCE_KEY_MAX];

    return vhost->enabled && vhost->http_remux.enabled &&
           str_format(key, sizeof(key), "%s/%s/%s", vhost->name, app, stream) == 0 &&
           observers_are_elsewhere(x->server, key);
}

/* A stream of another vhost at another worker, whose mount has no host part. */
static const struct mux *http_live_match_elsewhere(const struct http_exchange *x,
                                                   const struct config_vhost *vhost,
                                                   struct mount_match *match)
{
    const struct config_strings *mounts = &vhost->http_remux.mount;
    const struct mux *mux;
    struct mount_list list = {mounts->item, mounts->count, 1};

    /* No host: a mount with a host part applies only to its own target. */
    if (mount_find(&list, "", x->request->path, match) < 0 ||
        !http_live_has_elsewhere(x, vhost, match->app, match->stream))
        return NULL;
    mux = mux_find(match->extension);
    return mux != NULL && mux_is_playlist(mux) ? NULL : mux;
}

/* What would be mounted at this address if this worker had the stream. */
static enum http_step http_live_elsewhere(struct http_exchange *x, const struct http_target *target,
                                          usec_t timeout)
{
    const struct config *config = x->config;
    const struct config_vhost *vhost = target->vhost;
    const struct mux *mux = NULL;
    const char *app = target->app, *name = target->stream;
    struct mount_match match;
    struct source *source;
    struct err *err;
    enum http_step step;

    if (x->server->shared == NULL)
        return HTTP_STEP_NEXT;
    if (target->mux != NULL && http_live_has_elsewhere(x, vhost, app, name))
        mux = target->mux;
    for (int i = 0; mux == NULL && i < config->vhost_count; i++) {
        vhost = config->vhost[i];
        app = match.app;
        name = match.stream;
        if (vhost != target->vhost)
            mux = http_live_match_elsewhere(x, vhost, &match);
    }
    if (mux == NULL)
        return HTTP_STEP_NEXT;
    step = http_live_check_method(x, timeout);
    if (step != HTTP_STEP_NEXT)
        return step;
    source = stream_get(x->server, vhost, app, name, &err);
    if (source == NULL) {
        err_free(err);
        return http_step_answered(
            x, http_ws_refuse(x, 503, NULL, "service unavailable: too many streams", timeout));
    }
    return http_step_answered(x, http_live_take(x, source, vhost, mux, timeout));
}

/* The target's own stream, found by its names: the mounts of several vhosts may produce the same
 * address, of which the serve-mux holds only one. */
static struct source *http_live_own(const struct http_exchange *x, const struct http_target *target)
{
    char key[SOURCE_KEY_MAX];
    struct source *source;

    if (target->mux == NULL || target->app[0] == '\0' || !target->vhost->http_remux.enabled ||
        str_format(key, sizeof(key), "%s/%s/%s", target->vhost->name, target->app,
                   target->stream) != 0)
        return NULL;
    source = hub_find(x->server->hub, key);
    return source != NULL && source_state(source) != SOURCE_IDLE ? source : NULL;
}

/* A mount with a host part serves only requests of its vhost. */
static struct http_handler *http_live_mounted(const struct http_exchange *x, const char *host,
                                              const char *vhost)
{
    struct http_handler *found = serve_mux_find(x->server->mux, host, x->request->path);
    const struct http_mount *mount = (const struct http_mount *)found;

    return mount != NULL && mount->has_host && !str_ieq(mount->stream->vhost, vhost) ? NULL : found;
}

/* What is mounted at this address for the target's vhost, or for every host. */
static struct http_handler *http_live_find(const struct http_exchange *x,
                                           const struct http_target *target)
{
    const char *vhost = target->vhost->name;
    const char *const hosts[] = {target->host, vhost, x->request->host, ""};
    struct http_handler *found = NULL;

    for (size_t i = 0; found == NULL && i < sizeof(hosts) / sizeof(hosts[0]); i++)
        found = http_live_mounted(x, hosts[i], vhost);
    return found;
}

/* Serves the target's own stream. HTTP_STEP_NEXT: this process does not have it. */
static enum http_step http_live_here(struct http_exchange *x, const struct http_target *target,
                                     usec_t timeout)
{
    struct source *own = http_live_own(x, target);
    enum http_step step;

    if (own == NULL)
        return HTTP_STEP_NEXT;
    step = http_live_check_method(x, timeout);
    if (step != HTTP_STEP_NEXT)
        return step;
    return http_step_answered(x, http_live_take(x, own, target->vhost, target->mux, timeout));
}

/* The client asks for a quality of a ladder. */
static struct err *http_live_quality(struct http_handler *self, struct http_exchange *x,
                                     const struct http_target *rung, usec_t timeout)
{
    if (http_quality_append(x) != 0)
        return err_new(ERR_NOMEM, "response header");
    if (http_live_here(x, rung, timeout) != HTTP_STEP_NEXT ||
        http_live_elsewhere(x, rung, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    return http_live_standby(self, x, rung, timeout);
}

static struct err *http_live_serve(struct http_handler *self, struct http_exchange *x,
                                   usec_t timeout)
{
    const struct http_target *target = http_target(x);
    struct http_handler *mounted;
    struct http_target rung;

    if (target->vhost == NULL)
        return http_answer_error(x, 404, NULL, timeout, "the vhost of this host is disabled");
    if (target->mux != NULL && mux_is_playlist(target->mux))
        return http_next(self, x, timeout);
    switch (http_quality_find(x, target, &rung)) {
    case HTTP_QUALITY_AUTO:
        x->wants_auto = 1;
        return http_live_quality(self, x, &rung, timeout);
    case HTTP_QUALITY_FOUND:
        return http_live_quality(self, x, &rung, timeout);
    case HTTP_QUALITY_UNKNOWN:
        return http_ws_refuse(x, 404, NULL, "the ladder has no such quality", timeout);
    case HTTP_QUALITY_NONE:
        break;
    }
    if (http_live_here(x, target, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    mounted = http_live_find(x, target);
    if (mounted != NULL)
        return mounted->serve(mounted, x, timeout);
    if (http_live_elsewhere(x, target, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    if (!target->vhost->http_remux.enabled)
        return http_next(self, x, timeout);
    return http_live_standby(self, x, target, timeout);
}

struct http_handler *http_live_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    assert(next != NULL);
    if (handler == NULL)
        return NULL;
    handler->serve = http_live_serve;
    handler->next = next;
    return handler;
}
