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
    struct http_mount mount[CONFIG_MOUNT_MAX]; /* in use where there is a pattern */
    int is_mounted;                            /* published, or republish_wait is not over */
};

static void unmount(struct stream *stream, struct http_mount *mount)
{
    if (mount->pattern == NULL)
        return;
    serve_mux_remove(stream->server->mux, mount->pattern);
    log_info(stream->server->log, "unmount %s", mount->pattern);
    free(mount->pattern);
    mount->pattern = NULL;
}

static void mounts_remove(struct stream *stream, void *state)
{
    struct http_mounts *own = state;

    for (int i = 0; i < CONFIG_MOUNT_MAX; i++)
        unmount(stream, &own->mount[i]);
    own->is_mounted = 0;
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

/* What one template gives for a stream. */
struct wanted {
    const struct mux *mux;
    int has_host;
    char pattern[1024];
};

/* *why is NULL for a template whose address is to be mounted; else the reason, to be logged at the
 * returned level. */
static enum log_level mount_want(const struct stream *stream, const struct mount_list *list,
                                 int index, struct wanted *out, const char **why)
{
    const char *tmpl = list->item[index];

    *why = NULL;
    out->mux = mux_find(template_extension(tmpl));
    out->has_host = tmpl[0] != '/';
    (void)str_copy(out->pattern, sizeof(out->pattern), tmpl);
    if (out->mux == NULL)
        *why = "this format is not supported";
    else if (mount_expand(tmpl, stream->vhost, stream->app, stream->name, out->pattern,
                          sizeof(out->pattern)) != 0)
        *why = "address too long";
    if (*why != NULL)
        return LOG_WARN;
    if (!mount_owns(list, index, out->pattern, stream->app, stream->name))
        *why = "skipped: a longer template matches this address";
    else if (is_foreign(stream, out->pattern))
        *why = "skipped: another vhost has a mount for this host";
    return LOG_INFO;
}

static int is_mount(const struct http_mount *mount, const struct wanted *wanted)
{
    return mount->pattern != NULL && mount->mux == wanted->mux &&
           mount->has_host == wanted->has_host && strcmp(mount->pattern, wanted->pattern) == 0;
}

/* A free place, or NULL: there is none, or it is mounted already. */
static struct http_mount *mount_place(struct http_mounts *own, const struct wanted *wanted)
{
    struct http_mount *place = NULL;

    for (int i = 0; i < CONFIG_MOUNT_MAX; i++) {
        if (is_mount(&own->mount[i], wanted))
            return NULL;
        if (place == NULL && own->mount[i].pattern == NULL)
            place = &own->mount[i];
    }
    return place;
}

static void mount_one(struct stream *stream, struct http_mounts *own, const struct mount_list *list,
                      int index)
{
    struct http_mount *mount;
    struct wanted wanted;
    const char *why;
    enum log_level level = mount_want(stream, list, index, &wanted, &why);

    if (why != NULL) {
        log_write(stream->server->log, level, "mount %s: %s", wanted.pattern, why);
        return;
    }
    mount = mount_place(own, &wanted);
    if (mount == NULL)
        return;
    mount->handler.serve = http_live_serve_mount;
    mount->handler.next = NULL;
    mount->stream = stream;
    mount->mux = wanted.mux;
    mount->has_host = wanted.has_host;
    mount->pattern = strdup(wanted.pattern);
    if (mount->pattern == NULL ||
        serve_mux_add(stream->server->mux, mount->pattern, &mount->handler) != 0) {
        log_warn(stream->server->log, "mount %s: failed: address already in use, or no memory",
                 wanted.pattern);
        free(mount->pattern);
        mount->pattern = NULL;
        return;
    }
    log_info(stream->server->log, "mount %s", wanted.pattern);
}

static struct mount_list templates_of(const struct config_vhost *vhost)
{
    return (struct mount_list){vhost->http_remux.mount.item, vhost->http_remux.mount.count, 0};
}

/* Whether the configuration still has this mount for its stream. */
static int is_still_wanted(const struct http_mount *mount, const struct config_vhost *vhost)
{
    struct mount_list list;

    if (vhost == NULL || !vhost->http_remux.enabled)
        return 0;
    list = templates_of(vhost);
    for (int i = 0; i < list.count; i++) {
        struct wanted wanted;
        const char *why;

        (void)mount_want(mount->stream, &list, i, &wanted, &why);
        if (why == NULL && is_mount(mount, &wanted))
            return 1;
    }
    return 0;
}

/* Audio-only formats start their viewers in the past, so the source keeps their audio from the
 * first frame. */
static void keep_audio(struct source *source, const struct config_vhost *vhost)
{
    if (vhost == NULL || !vhost->http_remux.enabled)
        return;
    for (int i = 0; i < vhost->http_remux.mount.count; i++) {
        const struct mux *mux = mux_find(template_extension(vhost->http_remux.mount.item[i]));

        if (mux != NULL && mux_is_audio_only(mux))
            source_keep(source, mux);
    }
}

static void mount_all(struct stream *stream, struct http_mounts *own,
                      const struct config_vhost *vhost)
{
    struct mount_list list;

    if (vhost == NULL || !vhost->http_remux.enabled)
        return;
    keep_audio(stream->source, vhost);
    list = templates_of(vhost);
    for (int i = 0; i < list.count; i++) {
        const struct mux *mux = mux_find(template_extension(list.item[i]));

        /* A playlist is there before its stream, and stays after it: app/hls/ serves it. */
        if (mux == NULL || !mux_is_playlist(mux))
            mount_one(stream, own, &list, i);
    }
}

static int has_mounts(const struct http_mounts *own)
{
    for (int i = 0; i < CONFIG_MOUNT_MAX; i++)
        if (own->mount[i].pattern != NULL)
            return 1;
    return 0;
}

static void mounts_add(struct stream *stream, void *state)
{
    struct http_mounts *own = state;

    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);

    if (stream->vhost[0] == STREAM_PULLED)
        return;
    if (has_mounts(own))
        keep_audio(stream->source, vhost);
    else
        mount_all(stream, own, vhost);
    own->is_mounted = 1;
}

/* ---- a reload ---- */

static void drop_stale(struct source *source, void *arg)
{
    struct stream *stream = source_data(source);
    struct http_mounts *own = stream != NULL ? observer_state(stream, &http_mounts_observer) : NULL;
    const struct config_vhost *vhost;

    (void)arg;
    if (own == NULL || !own->is_mounted)
        return;
    vhost = stream_is_served(stream, stream->server->config)
                ? config_vhost_find(stream->server->config, stream->vhost)
                : NULL;
    for (int i = 0; i < CONFIG_MOUNT_MAX; i++)
        if (own->mount[i].pattern != NULL && !is_still_wanted(&own->mount[i], vhost))
            unmount(stream, &own->mount[i]);
}

/* First all old addresses, so that another stream may get one of them. */
static void mounts_on_config(struct server *server, void *own, const struct config *before,
                             const struct config *config)
{
    (void)before;
    serve_mux_set_limit(own, (size_t)config->max_streams * CONFIG_MOUNT_MAX);
    hub_each(server->hub, drop_stale, NULL);
}

static void mounts_on_vhost(struct stream *stream, void *state, const struct config_vhost *before,
                            const struct config_vhost *vhost)
{
    struct http_mounts *own = state;

    (void)before;
    if (own->is_mounted)
        mount_all(stream, own, vhost);
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
                                              .on_config = mounts_on_config,
                                              .on_vhost = mounts_on_vhost,
                                              .state_size = sizeof(struct http_mounts),
                                              .on_publish = mounts_add,
                                              .on_gone = mounts_remove,
                                              .detach = mounts_remove};
