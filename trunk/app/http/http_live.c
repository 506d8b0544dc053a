/*
 * Which stream an address is of: one that is mounted, one that another worker
 * has, or one that is waited for. While a request is looked at, nothing of the
 * stream is touched; its viewer is http_live_viewer.c's.
 */
#include "app/http/http_live.h"

#include "app/config/mount.h"
#include "app/core/server.h"
#include "app/http/auth.h"
#include "app/http/http_drain.h"
#include "app/http/http_live_private.h"
#include "app/http/http_mounts.h"
#include "app/http/http_static.h"
#include "app/http/http_ws.h"
#include "app/http/serve_mux.h"
#include "app/stream/stream.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct err *http_live_check_method(struct http_exchange *x, int *is_done, usec_t timeout)
{
    *is_done = strcmp(x->request->method, "GET") != 0 && strcmp(x->request->method, "HEAD") != 0;
    if (!*is_done)
        return NULL;
    return http_answer_error(x, 405, "Allow: GET, HEAD, OPTIONS\r\n", timeout,
                             "a stream is only read");
}

struct err *http_live_serve_mount(struct http_handler *self, struct http_exchange *x,
                                  usec_t timeout)
{
    struct http_mount *mount = (struct http_mount *)self;
    const struct config_vhost *vhost = config_vhost_find(x->server->config, mount->stream->vhost);
    int is_done;
    struct err *err = http_live_check_method(x, &is_done, timeout);

    if (is_done)
        return err;
    if (vhost == NULL || !vhost->http_remux.enabled)
        return http_answer_error(x, 404, NULL, timeout, "not found");
    return http_live_take(x, mount->stream->source, vhost, mount->mux, timeout);
}

struct err *http_live_serve_worker(struct http_exchange *x, struct source *source, usec_t timeout)
{
    const struct stream *stream = source_data(source);
    const struct config_vhost *vhost = config_vhost_find(x->server->config, stream->vhost);

    if (vhost == NULL)
        return http_answer_error(x, 404, NULL, timeout, "not found");
    return http_live_take(x, source, vhost, &mux_original, timeout);
}

/* Whether another server is known to have this stream. */
static int http_live_is_remote(struct http_exchange *x, const struct config_vhost *vhost,
                               const char *app, const char *name, usec_t timeout)
{
    char key[SOURCE_KEY_MAX];

    return str_format(key, sizeof(key), "%s/%s/%s", vhost->name, app, name) == 0 &&
           observers_are_remote(x->server, vhost, key, timeout);
}

/* The format of this address, and the stream that it is of. */
static const struct mux *http_live_match(const struct config_vhost *vhost, const char *host,
                                         const char *path, struct mount_match *match)
{
    struct mount_list list = {vhost->http_remux.mount.item, vhost->http_remux.mount.count, 0};

    return mount_find(&list, host, path, match) >= 0 ? mux_find(match->extension) : NULL;
}

/* Whether a stream that is not there is waited for: at an edge it comes with who asks for it. */
static int http_live_waits(const struct http_exchange *x, const struct config_vhost *vhost,
                           const char *place)
{
    if (place[0] == STREAM_PULLED || observers_fetch(x->server->tables, vhost))
        return 1;
    return vhost->http_remux.hstrs && !x->is_head;
}

struct err *http_live_serve_name(struct http_exchange *x, const struct http_live_name *name,
                                 usec_t timeout)
{
    char key[SOURCE_KEY_MAX];
    struct source *source;
    struct err *err;
    int is_done;

    err = http_live_check_method(x, &is_done, timeout);
    if (is_done)
        return err;
    err = auth_ask_play(x, &(struct auth_stream){name->vhost, name->app, name->stream, NULL, 0},
                        &is_done, timeout);
    if (is_done)
        return err;
    if (str_format(key, sizeof(key), "%s/%s/%s", name->place, name->app, name->stream) != 0)
        return http_answer_error(x, 400, NULL, timeout, "the stream's name is too long");
    err = http_drain_answer(x, &is_done, timeout);
    if (is_done)
        return err;
    source = hub_find(x->server->hub, key);
    if ((source == NULL || source_state(source) == SOURCE_IDLE) &&
        !http_live_waits(x, name->vhost, name->place) &&
        !http_live_is_remote(x, name->vhost, name->app, name->stream, timeout))
        return http_ws_refuse(x, 404, NULL, "nobody publishes this stream", timeout);
    source = stream_get_as(x->server, name->vhost, name->place, name->app, name->stream, &err);
    if (source == NULL) {
        err_free(err);
        return http_ws_refuse(x, 503, NULL, "too many streams", timeout);
    }
    return http_live_take(x, source, name->vhost, &mux_flv, timeout);
}

/* A stream nobody publishes: a file at its address, or wait for it, or say so at once. */
static struct err *http_live_standby(struct http_handler *self, struct http_exchange *x,
                                     const struct config_vhost *vhost, usec_t timeout)
{
    struct mount_match match;
    const struct mux *mux = http_live_match(vhost, x->request->host, x->request->path, &match);
    struct source *source;
    struct err *err;
    int is_done;

    if (mux == NULL)
        return http_next(self, x, timeout);
    err = http_live_check_method(x, &is_done, timeout);
    if (is_done)
        return err;
    /* Before a source is made for it, and before it is told whether there is one. */
    err = auth_ask_play(x, &(struct auth_stream){vhost, match.app, match.stream, NULL, 0}, &is_done,
                        timeout);
    if (is_done)
        return err;
    if (x->request->upgrade != HTTP_UPGRADE_WEBSOCKET && http_static_has(x))
        return http_next(self, x, timeout);
    err = http_drain_answer(x, &is_done, timeout);
    if (is_done)
        return err;
    if (!http_live_waits(x, vhost, vhost->name) &&
        !http_live_is_remote(x, vhost, match.app, match.stream, timeout))
        return http_ws_refuse(x, 404, NULL, "nobody publishes this stream", timeout);
    source = stream_get(x->server, vhost, match.app, match.stream, &err);
    if (source == NULL) {
        err_free(err);
        return http_ws_refuse(x, 503, NULL, "too many streams", timeout);
    }
    return http_live_take(x, source, vhost, mux, timeout);
}

/* The stream of `vhost` that this address is the mount of at another worker; else NULL. */
static const struct mux *http_live_match_elsewhere(const struct http_exchange *x,
                                                   const struct config_vhost *vhost, int is_own,
                                                   struct mount_match *match)
{
    const struct config_strings *mounts = &vhost->http_remux.mount;
    struct mount_list list = {mounts->item, mounts->count, !is_own};
    char key[SOURCE_KEY_MAX];

    if (!vhost->enabled || !vhost->http_remux.enabled ||
        mount_find(&list, x->request->host, x->request->path, match) < 0 ||
        str_format(key, sizeof(key), "%s/%s/%s", vhost->name, match->app, match->stream) != 0 ||
        !observers_are_elsewhere(x->server, key))
        return NULL;
    return mux_find(match->extension);
}

/* What would be mounted here if this were the worker that has the stream. */
static struct err *http_live_elsewhere(struct http_exchange *x, const struct config_vhost *own,
                                       int *is_done, usec_t timeout)
{
    const struct config *config = x->server->config;
    const struct config_vhost *vhost = own;
    const struct mux *mux = NULL;
    struct mount_match match;
    struct source *source;
    struct err *err;

    *is_done = 0;
    if (x->server->shared == NULL)
        return NULL;
    mux = http_live_match_elsewhere(x, own, 1, &match);
    for (int i = 0; mux == NULL && i < config->vhost_count; i++) {
        vhost = config->vhost[i];
        if (vhost != own)
            mux = http_live_match_elsewhere(x, vhost, 0, &match);
    }
    if (mux == NULL)
        return NULL;
    err = http_live_check_method(x, is_done, timeout);
    if (*is_done)
        return err;
    *is_done = 1;
    source = stream_get(x->server, vhost, match.app, match.stream, &err);
    if (source == NULL) {
        err_free(err);
        return http_ws_refuse(x, 503, NULL, "too many streams", timeout);
    }
    return http_live_take(x, source, vhost, mux, timeout);
}

/* What is mounted at this address for this vhost, or for every host. */
static struct http_handler *http_live_find(const struct http_exchange *x,
                                           const struct config_vhost *vhost)
{
    struct serve_mux *mux = x->server->mux;
    struct http_handler *found = serve_mux_find(mux, vhost->name, x->request->path);
    const struct http_mount *mount;

    if (found == NULL && strcmp(vhost->name, x->request->host) != 0)
        found = serve_mux_find(mux, x->request->host, x->request->path);
    mount = (const struct http_mount *)found;
    if (mount != NULL && mount->is_of_vhost && strcmp(mount->stream->vhost, vhost->name) != 0)
        return NULL;
    return found;
}

static struct err *http_live_serve(struct http_handler *self, struct http_exchange *x,
                                   usec_t timeout)
{
    const struct config_vhost *vhost;
    struct http_handler *mounted;
    char host[256];
    int is_done;
    struct err *err;

    vhost = http_vhost(x, host, sizeof(host));
    if (vhost == NULL)
        return http_answer_error(x, 404, NULL, timeout, "this host is not served");
    mounted = http_live_find(x, vhost);
    if (mounted != NULL)
        return mounted->serve(mounted, x, timeout);
    err = http_live_elsewhere(x, vhost, &is_done, timeout);
    if (is_done)
        return err;
    if (!vhost->http_remux.enabled)
        return http_next(self, x, timeout);
    return http_live_standby(self, x, vhost, timeout);
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
