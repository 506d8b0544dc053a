/*
 * Streams fetched from where the directory says they are. For an edge, that server is one more
 * origin, asked first. An origin fetches nothing else: it does so when a viewer came to the wrong
 * origin (an origin pull). An origin pull does not reserve the stream while it waits, because an
 * encoder may publish it here at any time; it takes the stream only while it receives media.
 */
#include "app/cluster/coworkers.h"
#include "app/cluster/directory.h"
#include "app/cluster/edge_private.h"
#include "app/config/origin.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "proto/url.h"

#include <stdlib.h>
#include <string.h>

/* ---- the directory, or the coworkers of an SRS cluster ---- */

static int has_lookup(const struct config_vhost *vhost)
{
    return directory_is_used(vhost) || coworkers_are_used(vhost);
}

int edge_lookup(struct server *server, const struct config_vhost *vhost, const char *key,
                struct directory_place *place, usec_t timeout)
{
    usec_t limit = timeout < DIRECTORY_TIMEOUT ? timeout : DIRECTORY_TIMEOUT;

    if (directory_is_used(vhost))
        return directory_find(server, vhost, key, place, limit) == DIRECTORY_THERE ? 0 : -1;
    return coworkers_are_used(vhost) ? coworkers_find(server, vhost, key, place, limit) : -1;
}

int edge_has_origin_pulls(const struct config_vhost *vhost)
{
    return vhost->cluster.mode == CLUSTER_LOCAL && has_lookup(vhost);
}

int edge_wants_origin_pull(struct stream *stream)
{
    return source_state(stream->source) != SOURCE_LIVE && !stream_is_coming(stream, &edge_observer);
}

static const struct config_vhost *vhost_of(const struct edge_pull *ep)
{
    return config_vhost_find(ep->stream->server->config, ep->stream->vhost);
}

/* ---- where it is ---- */

/* The stream at a place: over the vhost's protocol if the server offers it, else over RTMP. */
static int place_target(const struct stream *stream, const struct config_vhost *vhost,
                        const char *param, const struct directory_place *place,
                        struct origin_target *out)
{
    char host[256];
    struct origin_stream names = {host, stream->app, stream->name, param != NULL ? param : ""};
    enum origin_scheme scheme = edge_scheme(edge_stream_of(stream), vhost);
    const char *address = scheme == ORIGIN_FLVS  ? place->https
                          : scheme == ORIGIN_FLV ? place->http
                                                 : place->rtmp;

    if (address[0] == '\0') {
        address = place->rtmp;
        scheme = ORIGIN_RTMP;
    }
    edge_asked_vhost(vhost, stream, host);
    return origin_target(scheme, address, &names, out);
}

/* The stream's key in the directory, with the name that the vhost has there. 0 or -1. */
static int stream_key(const struct stream *stream, const struct config_vhost *vhost,
                      char out[SOURCE_KEY_MAX])
{
    char host[256];

    edge_asked_vhost(vhost, stream, host);
    return str_format(out, SOURCE_KEY_MAX, "%s/%s/%s", host[0] != '\0' ? host : URL_DEFAULT_VHOST,
                      stream->app, stream->name);
}

int edge_directory_find(struct stream *stream, const struct config_vhost *vhost, const char *param,
                        struct origin_target *out, usec_t timeout)
{
    struct directory_place place;
    char key[SOURCE_KEY_MAX];

    if (stream_key(stream, vhost, key) != 0 ||
        edge_lookup(stream->server, vhost, key, &place, timeout) != 0)
        return -1;
    return place_target(stream, vhost, param, &place, out);
}

void edge_keep_token(struct stream *stream, const struct config_vhost *vhost, const char *query)
{
    char expires[32], sign[128], text[192];
    char *copy;

    if (!vhost->token.enabled || !vhost->token.play ||
        url_query_get(query, "expires", expires, sizeof(expires)) != 0 ||
        url_query_get(query, "sign", sign, sizeof(sign)) != 0 ||
        strspn(expires, "0123456789") != strlen(expires) ||
        strspn(sign, "0123456789abcdefABCDEF") != strlen(sign) ||
        str_format(text, sizeof(text), "expires=%s&sign=%s", expires, sign) != 0)
        return;
    copy = strdup(text);
    if (copy == NULL)
        return;
    free(edge_stream_of(stream)->param);
    edge_stream_of(stream)->param = copy;
}

static int origin_pull_is_unwanted(const struct edge_pull *ep)
{
    return ep->is_origin_pull && !edge_wants_origin_pull(ep->stream);
}

static int find(void *arg, struct origin_target *out, usec_t timeout)
{
    struct edge_pull *ep = arg;
    struct config *config = config_ref(ep->stream->server->config);
    const struct config_vhost *vhost = vhost_of(ep);
    struct directory_place place;
    int is_found = vhost != NULL && !origin_pull_is_unwanted(ep) &&
                   edge_lookup(ep->stream->server, vhost, ep->key, &place, timeout) == 0;

    /* A publisher may have started here meanwhile. */
    if (is_found && !origin_pull_is_unwanted(ep))
        is_found =
            place_target(ep->stream, vhost, edge_stream_of(ep->stream)->param, &place, out) == 0;
    else
        is_found = 0;
    config_unref(config);
    return is_found;
}

static struct publication *origin_pull_on_live(void *arg)
{
    struct edge_pull *ep = arg;

    ep->publication = edge_reserve(ep);
    return ep->publication;
}

static void origin_pull_on_over(void *arg)
{
    struct edge_pull *ep = arg;
    struct publication *publication = ep->publication;

    ep->publication = NULL;
    publication_end(publication);
}

int edge_directory_prepare(struct edge_pull *ep, const struct config_vhost *vhost,
                           struct pull_options *options)
{
    if (ep->stream->vhost[0] == STREAM_PULLED || !has_lookup(vhost)) {
        free(ep->key); /* a reload has taken the directory away */
        ep->key = NULL;
        return 0;
    }
    if (ep->key == NULL)
        ep->key = malloc(SOURCE_KEY_MAX);
    if (ep->key == NULL || stream_key(ep->stream, vhost, ep->key) != 0)
        return -1;
    options->find = find;
    if (ep->is_origin_pull) {
        options->on_live = origin_pull_on_live;
        options->on_over = origin_pull_on_over;
    }
    return 0;
}

/* ---- events ---- */

void edge_directory_on_publish(struct stream *stream, void *state)
{
    const struct edge_pull *ep = ((struct edge_stream *)state)->pull;

    (void)stream;
    if (ep != NULL && ep->is_origin_pull && ep->pull != NULL && !pull_is_live(ep->pull))
        pull_stop(ep->pull);
}

void edge_directory_moved(struct server *server, const char *key,
                          const struct directory_place *place)
{
    const struct edge *edge = observer_own(server, &edge_observer);
    struct origin_target *out = NULL;

    for (struct edge_pull *ep = edge->list; ep != NULL; ep = ep->next) {
        const struct config_vhost *vhost = vhost_of(ep);

        if (ep->key == NULL || ep->pull == NULL || vhost == NULL || strcmp(ep->key, key) != 0)
            continue;
        if (out == NULL)
            out = malloc(sizeof(*out));
        if (out != NULL &&
            place_target(ep->stream, vhost, edge_stream_of(ep->stream)->param, place, out) == 0)
            pull_moved(ep->pull, out);
    }
    free(out);
}

void edge_directory_again(struct server *server)
{
    const struct edge *edge = observer_own(server, &edge_observer);

    for (struct edge_pull *ep = edge->list; ep != NULL; ep = ep->next)
        if (ep->key != NULL && ep->pull != NULL)
            pull_again(ep->pull);
}
