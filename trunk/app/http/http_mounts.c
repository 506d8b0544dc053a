/*
 * At publish, a stream's addresses are added to the serve-mux; they are removed after the publisher
 * has left and republish_wait is over. A stream that http_pull fetches has only the address that
 * http_pull configures.
 */
#include "app/http/http_mounts.h"

#include "app/config/mount.h"
#include "app/http/http_live.h"
#include "app/http/http_target.h"
#include "app/http/serve_mux.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "media/mux.h"

#include <stdlib.h>
#include <string.h>

/* The state in each stream. */
struct http_mounts {
    struct http_mount mount[CONFIG_MOUNT_MAX];
    int count;
};

static void mounts_remove(struct stream *stream, void *state)
{
    struct http_mounts *own = state;

    for (int i = 0; i < own->count; i++) {
        struct http_mount *mount = &own->mount[i];

        if (mount->pattern != NULL) {
            serve_mux_remove(stream->server->mux, mount->pattern);
            log_info(stream->server->log, "unmount %s", mount->pattern);
        }
        free(mount->pattern);
        mount->pattern = NULL;
    }
    own->count = 0;
}

static const char *template_extension(const char *tmpl)
{
    const char *dot = strrchr(tmpl, '.');

    return dot != NULL ? dot : "";
}

/* Whether the address belongs to another vhost, whose mount names this host literally. */
static int is_foreign(const struct stream *stream, const char *pattern)
{
    const char *path = strchr(pattern, '/');
    struct http_target target;
    char host[256];

    if (path == NULL || path == pattern ||
        str_copy_n(host, sizeof(host), pattern, (size_t)(path - pattern)) != 0)
        return 0;
    http_target_find(stream->server->config, &(struct http_address){host, "", path}, &target);
    return target.vhost != NULL && !str_ieq(target.vhost->name, stream->vhost);
}

static void mount_one(struct stream *stream, struct http_mounts *own, const struct mount_list *list,
                      int index)
{
    const char *tmpl = list->item[index];
    struct http_mount *mount = &own->mount[own->count];
    const struct mux *mux = mux_find(template_extension(tmpl));
    char pattern[1024];

    if (mux == NULL) {
        log_warn(stream->server->log, "mount %s: this format is not supported", tmpl);
        return;
    }
    if (mount_expand(tmpl, stream->vhost, stream->app, stream->name, pattern, sizeof(pattern)) !=
        0) {
        log_warn(stream->server->log, "mount %s: address too long", tmpl);
        return;
    }
    if (!mount_owns(list, index, pattern, stream->app, stream->name)) {
        log_info(stream->server->log, "mount %s: skipped: a longer template matches this address",
                 pattern);
        return;
    }
    if (is_foreign(stream, pattern)) {
        log_info(stream->server->log, "mount %s: skipped: another vhost has a mount for this host",
                 pattern);
        return;
    }
    mount->handler.serve = http_live_serve_mount;
    mount->handler.next = NULL;
    mount->stream = stream;
    mount->mux = mux;
    mount->has_host = tmpl[0] != '/';
    mount->pattern = strdup(pattern);
    if (mount->pattern == NULL ||
        serve_mux_add(stream->server->mux, mount->pattern, &mount->handler) != 0) {
        log_warn(stream->server->log, "mount %s: failed: address already in use, or no memory",
                 pattern);
        free(mount->pattern);
        mount->pattern = NULL;
        return;
    }
    own->count++;
    log_info(stream->server->log, "mount %s", pattern);
}

/* Audio-only formats start their viewers in the past, so the source keeps their audio from the
 * first frame. */
static void keep_audio(struct source *source, const struct config_vhost *vhost)
{
    for (int i = 0; i < vhost->http_remux.mount.count; i++) {
        const struct mux *mux = mux_find(template_extension(vhost->http_remux.mount.item[i]));

        if (mux != NULL && mux_is_audio_only(mux))
            source_keep(source, mux);
    }
}

static void mounts_add(struct stream *stream, void *state)
{
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);
    struct http_mounts *own = state;
    struct mount_list list;

    if (stream->vhost[0] == STREAM_PULLED || vhost == NULL || !vhost->http_remux.enabled)
        return;
    keep_audio(stream->source, vhost);
    if (own->count > 0)
        return;
    list = (struct mount_list){vhost->http_remux.mount.item, vhost->http_remux.mount.count, 0};
    for (int i = 0; i < list.count && own->count < CONFIG_MOUNT_MAX; i++)
        mount_one(stream, own, &list, i);
}

static struct err *mounts_open(struct server *server, void **own)
{
    server->mux = serve_mux_new((size_t)server->config->max_streams * CONFIG_MOUNT_MAX);
    *own = server->mux;
    return server->mux != NULL ? NULL : err_new(ERR_NOMEM, "mounts");
}

static void mounts_close(struct server *server, void *own)
{
    serve_mux_free(own);
    server->mux = NULL;
}

const struct observer http_mounts_observer = {.name = "mounts",
                                              .open = mounts_open,
                                              .close = mounts_close,
                                              .state_size = sizeof(struct http_mounts),
                                              .on_publish = mounts_add,
                                              .on_gone = mounts_remove,
                                              .detach = mounts_remove};
