/*
 * Resolves an address. The host part of a mount may name a host that is not the name of a vhost; a
 * request for it must reach the same vhost whether the stream is published, waited for, or a file.
 */
#include "app/http/http_target.h"

#include "app/config/mount.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <string.h>

/* A template that names the host, and its vhost. */
struct named {
    const struct config_vhost *vhost;
    const char *tmpl;
};

static int serves(const struct config_vhost *vhost)
{
    return vhost->enabled && vhost->http_remux.enabled;
}

/* The best template that names the host; its path must match too unless path is NULL. */
static struct named named_find(const struct config *config, const char *host, const char *path)
{
    struct named found = {NULL, NULL};
    struct mount_match match;

    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_vhost *vhost = config->vhost[i];
        const struct config_strings *mounts = &vhost->http_remux.mount;

        for (int k = 0; serves(vhost) && k < mounts->count; k++) {
            const char *tmpl = mounts->item[k];

            if (mount_names_host(tmpl, vhost->name, host) &&
                (path == NULL || mount_match_path(tmpl, path, &match) == 0) &&
                (found.tmpl == NULL || mount_wins(tmpl, found.tmpl)))
                found = (struct named){vhost, tmpl};
        }
    }
    return found;
}

static const struct config_vhost *static_find(const struct config *config, const char *host)
{
    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_vhost *vhost = config->vhost[i];

        if (vhost->enabled && vhost->http_static.enabled && vhost->http_static.mount != NULL &&
            mount_names_host(vhost->http_static.mount, vhost->name, host))
            return vhost;
    }
    return NULL;
}

/* Without a matching mount: by name, then by any mount that names the host. */
static const struct config_vhost *vhost_find(const struct config *config, const char *host)
{
    const struct config_vhost *vhost = config_vhost_find(config, host);
    const struct config_vhost *other;

    if (vhost == NULL || str_ieq(vhost->name, host))
        return vhost;
    other = named_find(config, host, NULL).vhost;
    if (other == NULL)
        other = static_find(config, host);
    return other != NULL ? other : vhost;
}

static void host_of(const char *host, const char *query, char *out, size_t cap)
{
    if (url_query_get(query, "vhost", out, cap) != 0 && str_copy(out, cap, host) != 0)
        out[0] = '\0';
}

static int take(struct http_target *out, const struct mount_match *match)
{
    out->mux = mux_find(match->extension);
    (void)str_copy(out->app, sizeof(out->app), match->app);
    (void)str_copy(out->stream, sizeof(out->stream), match->stream);
    return out->mux != NULL;
}

void http_target_find(const struct config *config, const struct http_address *address,
                      struct http_target *out)
{
    struct mount_match match;
    struct mount_list list;

    assert(config != NULL && address != NULL && out != NULL);
    memset(out, 0, sizeof(*out));
    host_of(address->host, address->query, out->host, sizeof(out->host));
    out->vhost = named_find(config, out->host, address->path).vhost;
    if (out->vhost == NULL)
        out->vhost = vhost_find(config, out->host);
    if (out->vhost == NULL)
        return;
    list = (struct mount_list){out->vhost->http_remux.mount.item,
                               out->vhost->http_remux.mount.count, 0};
    /* ?vhost= selects the vhost; its mount may still match the host of the Host line. */
    if (mount_find(&list, out->host, address->path, &match) >= 0 ||
        mount_find(&list, address->host, address->path, &match) >= 0)
        (void)take(out, &match);
}

const struct config_vhost *http_target_vhost(const struct config *config, const char *host,
                                             const char *query)
{
    const struct config_vhost *vhost;
    char name[256];

    host_of(host, query, name, sizeof(name));
    vhost = named_find(config, name, NULL).vhost;
    return vhost != NULL ? vhost : vhost_find(config, name);
}

const struct config_vhost *http_target_guard(const struct config *config, const char *path,
                                             struct http_target *out)
{
    struct mount_match match;

    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_vhost *vhost = config->vhost[i];
        const struct config_strings *mounts = &vhost->http_remux.mount;
        const char *best = NULL;

        if (!vhost->enabled || !vhost->token.enabled || !vhost->token.play)
            continue;
        for (int k = 0; k < mounts->count; k++)
            if (mount_match_path(mounts->item[k], path, &match) == 0 &&
                (best == NULL || mount_wins(mounts->item[k], best)) && take(out, &match))
                best = mounts->item[k];
        if (best == NULL)
            continue;
        out->vhost = vhost;
        return vhost;
    }
    return NULL;
}
