/*
 * Which servers an edge asks for a stream: the configured origins in the protocol that applies, or
 * the server of a configured source (http_pull).
 */
#include "app/cluster/directory.h"
#include "app/cluster/edge_private.h"
#include "app/cluster/http_pull.h"
#include "app/core/server.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "proto/url.h"

#include <stddef.h>
#include <string.h>

int edge_is_remote(const struct config_vhost *vhost)
{
    return vhost->cluster.mode == CLUSTER_REMOTE &&
           (vhost->cluster.origin.count > 0 || directory_is_used(vhost));
}

void edge_asked_vhost(const struct config_vhost *vhost, const struct stream *stream, char *out)
{
    const char *name = vhost->cluster.vhost;

    if (strcmp(name, "[vhost]") == 0)
        name = stream->vhost;
    if (strcmp(name, URL_DEFAULT_VHOST) == 0)
        name = "";
    (void)str_copy(out, EDGE_VHOST_SIZE, name);
}

enum origin_scheme edge_scheme(const struct edge_stream *own, const struct config_vhost *vhost)
{
    enum origin_scheme scheme = (enum origin_scheme)vhost->cluster.protocol;
    enum origin_scheme asked_by = (enum origin_scheme)own->asked_by;

    if (!vhost->cluster.follow_client || !own->was_asked ||
        (scheme == ORIGIN_RTMP) == (asked_by == ORIGIN_RTMP))
        return scheme;
    return asked_by;
}

const char *edge_origin(const struct config_vhost *vhost, enum origin_scheme scheme, int i,
                        char *out, size_t cap)
{
    const struct config_cluster *cluster = &vhost->cluster;
    int is_same = (scheme == ORIGIN_RTMP) == (cluster->protocol == (int)ORIGIN_RTMP);
    char host[256];
    int port = 0;
    int is_v6;

    if (!is_same && scheme == ORIGIN_RTMP && cluster->publish_origin.count > 0)
        return i < cluster->publish_origin.count ? cluster->publish_origin.item[i] : NULL;
    if (i >= cluster->origin.count)
        return NULL;
    if (is_same)
        return cluster->origin.item[i];
    /* The configured port belongs to the other protocol: use the default port of this one. */
    if (url_authority_parse(cluster->origin.item[i], strlen(cluster->origin.item[i]), host,
                            sizeof(host), &port) != 0)
        return NULL;
    is_v6 = strchr(host, ':') != NULL;
    if (str_format(out, cap, "%s%s%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "") != 0)
        return NULL;
    return out;
}

int edge_origins_add(const struct stream *stream, const struct edge_stream *own,
                     const struct config_vhost *vhost, const char *param, struct edge_origins *out)
{
    char host[256];
    struct origin_stream names = {host, stream->app, stream->name, param};
    enum origin_scheme scheme = edge_scheme(own, vhost);
    const char *place;
    char text[300];

    edge_asked_vhost(vhost, stream, host);
    for (int i = 0; out->count < PULL_ORIGINS_MAX &&
                    (place = edge_origin(vhost, scheme, i, text, sizeof(text))) != NULL;
         i++) {
        if (origin_target(scheme, place, &names, &out->target[out->count]) != 0)
            continue;
        out->origin[out->count].target = &out->target[out->count];
        out->count++;
    }
    return out->count > 0 ? 0 : -1;
}

static int origins_of_source(const struct stream *stream, struct edge_origins *out)
{
    struct origin_stream names = {NULL, stream->app, stream->name, NULL};

    if (http_pull_target(stream->server->config, stream->vhost + 1, &names, &out->target[0]) != 0)
        return -1;
    out->origin[0].target = &out->target[0];
    out->count = 1;
    return 0;
}

int edge_origins(const struct stream *stream, const struct edge_stream *own,
                 const struct config_vhost *vhost, struct edge_origins *out)
{
    memset(out, 0, offsetof(struct edge_origins, target));
    if (stream->vhost[0] == STREAM_PULLED)
        return origins_of_source(stream, out);
    /* An origin fetches only what the directory finds, never from configured origins. */
    if (!edge_is_remote(vhost))
        return 0;
    return edge_origins_add(stream, own, vhost, own->param, out);
}

int edge_origins_are_secure(const struct edge_origins *origins)
{
    for (int i = 0; i < origins->count; i++)
        if (origins->target[i].scheme == ORIGIN_FLVS)
            return 1;
    return 0;
}
