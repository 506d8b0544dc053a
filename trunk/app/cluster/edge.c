/*
 * Decides which streams are pulled. Every client that watches, over any protocol, holds a viewer of
 * the source, so an edge only has to look at the source's count of viewers: ten thousand clients
 * that wait for one missing stream still cause one pull.
 */
#include "app/cluster/edge.h"

#include "app/cluster/directory.h"
#include "app/cluster/edge_private.h"
#include "app/cluster/http_pull.h"
#include "app/cluster/upstream_tls.h"
#include "app/config/config_diff.h"
#include "app/config/origin.h"
#include "app/core/server.h"
#include "app/stream/stream.h"
#include "app/stream/stream_reload.h"
#include "app/stream/via_claim.h"
#include "base/str.h"
#include "co/co.h"
#include "proto/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How long a pull continues without viewers, so that a viewer that reconnects finds it active. */
#define EDGE_GRACE     (2 * USEC_PER_SEC)
#define EDGE_RETRY_MIN USEC_PER_SEC
#define EDGE_RETRY_MAX (60 * USEC_PER_SEC)

static struct edge *edge_of(const struct server *server)
{
    return observer_own(server, &edge_observer);
}

struct edge_stream *edge_stream_of(const struct stream *stream)
{
    return observer_state(stream, &edge_observer);
}

int edge_fetches(const struct stream *stream)
{
    const struct config_vhost *vhost;

    if (stream->vhost[0] == STREAM_PULLED)
        return 1;
    vhost = config_vhost_find(stream->server->config, stream->vhost);
    return vhost != NULL && (edge_is_remote(vhost) || edge_has_origin_pulls(vhost));
}

int edge_can_ask(const struct stream *stream, const struct config_vhost *vhost)
{
    char host[EDGE_VHOST_SIZE] = "";
    struct origin_stream names = {host, stream->app, stream->name, ""};
    struct origin_target *target = malloc(sizeof(*target));
    int rc;

    if (target == NULL)
        return 0;
    if (stream->vhost[0] == STREAM_PULLED) {
        rc = http_pull_target(stream->server->config, stream->vhost + 1, &names, target);
    } else {
        edge_asked_vhost(vhost, stream, host);
        /* Any origin will do: only the names matter. */
        rc = origin_target(edge_scheme(edge_stream_of(stream), vhost), "origin", &names, target);
    }
    free(target);
    return rc == 0;
}

/* ---- pulls ---- */

static uint32_t stream_viewers(const struct stream *stream)
{
    struct source_stat stat;

    source_stat(stream->source, &stat);
    return stat.viewers;
}

static void edge_on_end(struct pull *pull, void *arg);

/* Another publisher takes the stream over. */
static void edge_evicted(void *publisher, enum evict_reason why)
{
    struct edge_pull *ep = publisher;

    (void)why;
    if (ep->pull != NULL)
        pull_leave(ep->pull);
}

/* A pull could not start, for lack of memory perhaps: its viewers must not wait for the next viewer
 * to start it. edge_tick() tries again. */
static void edge_retry_later(struct edge *edge)
{
    if (edge->retry_at != 0)
        return;
    edge->retry_pause = edge->retry_pause == 0 ? EDGE_RETRY_MIN : 2 * edge->retry_pause;
    if (edge->retry_pause > EDGE_RETRY_MAX)
        edge->retry_pause = EDGE_RETRY_MAX;
    edge->retry_at = co_now() + edge->retry_pause;
}

static int edge_sends_past(const void *publisher)
{
    const struct edge_pull *ep = publisher;

    return ep->pull != NULL && pull_sends_past(ep->pull);
}

static const struct publisher_ops edge_publisher_ops = {.evict = edge_evicted,
                                                        .sends_past = edge_sends_past};

struct publication *edge_reserve(struct edge_pull *ep)
{
    struct server *server = ep->stream->server;
    struct publisher publisher = {.ops = &edge_publisher_ops,
                                  .arg = ep,
                                  .kind = ep->is_origin_pull ? PUBLISHER_ORIGIN_PULL
                                                             : PUBLISHER_EDGE_PULL,
                                  .config = server->config,
                                  .vhost = config_vhost_find(server->config, ep->stream->vhost)};
    struct publication *publication = NULL;

    if (publisher.vhost != NULL &&
        publication_reserve(ep->stream, &publisher, &publication) == PUBLICATION_NOMEM)
        edge_retry_later(edge_of(server));
    return publication;
}

/* What a pull of this stream needs, by the current configuration. 0; -1 with *err, or NULL there if
 * there is no memory or no address. */
static int edge_options(struct edge *edge, struct edge_pull *ep, struct edge_origins *origins,
                        struct pull_options *options, struct err **err)
{
    struct stream *stream = ep->stream;
    const struct config_vhost *vhost = config_vhost_find(edge->server->config, stream->vhost);

    *err = NULL;
    *options = (struct pull_options){.server = edge->server,
                                     .source = stream->source,
                                     .publication = ep->publication,
                                     .on_end = edge_on_end,
                                     .arg = ep};
    if (vhost == NULL || edge_directory_prepare(ep, vhost, options) != 0 ||
        (edge_origins(stream, edge_stream_of(stream), vhost, origins) != 0 &&
         options->find == NULL))
        return -1;
    options->origins = origins->origin;
    options->origin_count = origins->count;
    options->stall = vhost->cluster.stall_timeout;
    if (edge_origins_are_secure(origins) ||
        (options->find != NULL && vhost->cluster.protocol == (int)ORIGIN_FLVS))
        options->tls = upstream_tls(edge->server, vhost->cluster.ca, err);
    return *err == NULL && (options->origin_count > 0 || options->find != NULL) ? 0 : -1;
}

static struct pull *edge_start(struct edge *edge, struct edge_pull *ep)
{
    struct stream *stream = ep->stream;
    struct edge_origins *origins = malloc(sizeof(*origins));
    struct pull_options options;
    struct pull *pull = NULL;
    struct err *err = NULL;

    if (origins != NULL && edge_options(edge, ep, origins, &options, &err) == 0)
        pull = pull_start(&options);
    free(origins);
    if (pull == NULL) {
        log_err(edge->server->log, LOG_ERROR, err, "pull %s: cannot start: %s",
                source_key(stream->source),
                err != NULL ? err_text(err) : "no memory, or no valid origin");
        edge_retry_later(edge);
    }
    err_free(err);
    return pull;
}

static void edge_leave(struct edge *edge, struct edge_pull *ep)
{
    if (ep->prev != NULL)
        ep->prev->next = ep->next;
    else
        edge->list = ep->next;
    if (ep->next != NULL)
        ep->next->prev = ep->prev;
    edge_stream_of(ep->stream)->pull = NULL;
    edge_room_leave(edge, ep);
    publication_end(ep->publication);
    free(ep->key);
    free(ep);
    co_cond_broadcast(&edge->changed);
}

static int stream_has_origin_pull(const struct stream *stream)
{
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);

    return stream->vhost[0] != STREAM_PULLED && vhost != NULL && edge_has_origin_pulls(vhost);
}

/* Whether the stream is fetched in this way by the current configuration. */
static int is_still_fetched(const struct edge_pull *ep)
{
    return !ep->stream->is_ended && edge_fetches(ep->stream) &&
           stream_has_origin_pull(ep->stream) == ep->is_origin_pull;
}

/* The pull was stopped, but new viewers may have come since then. */
static void edge_on_end(struct pull *pull, void *arg)
{
    struct edge_pull *ep = arg;
    struct edge *edge = edge_of(ep->stream->server);

    (void)pull;
    ep->pull = NULL;
    ep->alone_since = 0;
    if (!edge->is_ending && stream_viewers(ep->stream) > 0 &&
        (ep->publication == NULL || !ep->publication->is_evicted) && is_still_fetched(ep) &&
        (!ep->is_origin_pull || edge_wants_origin_pull(ep->stream)) && edge_room_ended(edge, ep))
        ep->pull = edge_start(edge, ep);
    if (ep->pull == NULL)
        edge_leave(edge, ep);
}

/* One pull for all workers: the others fetch the stream from the worker that holds the claim. */
static void edge_enter(struct edge *edge, struct stream *stream)
{
    struct edge_pull *ep = calloc(1, sizeof(*ep));

    if (ep == NULL) {
        edge_retry_later(edge);
        return;
    }
    ep->stream = stream;
    ep->is_origin_pull = stream_has_origin_pull(stream);
    if (!ep->is_origin_pull)
        ep->publication = edge_reserve(ep);
    if ((!ep->is_origin_pull && ep->publication == NULL) || edge_room_enter(edge, ep) != 0) {
        publication_end(ep->publication);
        free(ep);
        return;
    }
    ep->next = edge->list;
    if (ep->next != NULL)
        ep->next->prev = ep;
    edge->list = ep;
    edge_stream_of(stream)->pull = ep;
    ep->pull = edge_start(edge, ep);
    if (ep->pull == NULL)
        edge_leave(edge, ep);
}

void edge_look(struct stream *stream)
{
    struct edge *edge = edge_of(stream->server);
    struct edge_stream *own = edge_stream_of(stream);
    uint32_t viewers = stream_viewers(stream);

    if (own->pull != NULL) {
        /* When called again without viewers, keep the time at which the last one left. */
        if (viewers > 0 || own->pull->alone_since == 0)
            own->pull->alone_since = viewers > 0 ? 0 : co_now();
        return;
    }
    if (viewers == 0 || edge == NULL || stream->is_ended || !edge_fetches(stream))
        return;
    if (stream_has_origin_pull(stream) && !edge_wants_origin_pull(stream))
        return;
    if (edge_has_room(edge))
        edge_enter(edge, stream);
    else
        log_warn(edge->server->log, "pull %s: refused: max_pulls %lld reached",
                 source_key(stream->source), (long long)edge->server->config->max_pulls);
}

/* ---- the row ---- */

static void edge_on_viewers(struct stream *stream, void *state)
{
    (void)state;
    edge_look(stream);
}

static void edge_on_publish(struct stream *stream, void *state)
{
    const struct edge_stream *own = state;

    if (own->pull != NULL)
        edge_room_is_live(edge_of(stream->server), own->pull, 1);
    edge_directory_on_publish(stream, state);
}

/* Viewers may get the stream from another server. */
static void edge_on_unpublish(struct stream *stream, void *state)
{
    const struct config_vhost *vhost = config_vhost_find(stream->server->config, stream->vhost);
    const struct edge_stream *own = state;

    if (own->pull != NULL)
        edge_room_is_live(edge_of(stream->server), own->pull, 0);
    if (own->pull == NULL && vhost != NULL && edge_has_origin_pulls(vhost) &&
        (stream->server->state == SERVER_RUNNING || stream->server->is_retiring))
        edge_look(stream);
}

static void edge_detach(struct stream *stream, void *state)
{
    struct edge_stream *own = state;

    (void)stream;
    assert(own->pull == NULL);
    free(own->param);
}

/* ---- a reload ---- */

/* Origins of a running pull. One that is to be made in another way ends, and edge_on_end() or the
 * next look makes the other. */
static void edge_change(struct edge *edge, struct edge_pull *ep)
{
    int had_find = ep->key != NULL;
    struct edge_origins *origins = malloc(sizeof(*origins));
    struct pull_options options;
    struct err *err = NULL;
    int is_changed = origins != NULL && is_still_fetched(ep) &&
                     edge_options(edge, ep, origins, &options, &err) == 0 &&
                     (options.find != NULL) == had_find && pull_change(ep->pull, &options) == 0;

    free(origins);
    err_free(err);
    if (!is_changed)
        pull_stop(ep->pull);
}

static void edge_on_vhost(struct stream *stream, void *state, const struct config_vhost *before,
                          const struct config_vhost *vhost)
{
    struct edge *edge = edge_of(stream->server);
    const struct edge_stream *own = state;
    int is_source = stream->vhost[0] == STREAM_PULLED;

    if (is_source && !edge_can_ask(stream, vhost)) {
        stream_reload_end(stream, "its source is no longer configured");
    } else if (is_source || !config_diff_has_same(before, vhost, "cluster")) {
        if (is_source)
            stream->is_ended = 0;
        if (own->pull != NULL && own->pull->pull != NULL)
            edge_change(edge, own->pull);
        else if (own->pull == NULL)
            edge_look(stream);
    }
}

static void edge_on_ask_again(struct stream *stream, void *state)
{
    const struct edge_stream *own = state;

    (void)stream;
    if (own->pull != NULL && own->pull->pull != NULL)
        pull_again(own->pull->pull);
}

static int edge_is_coming(const struct stream *stream, const void *state)
{
    const struct edge_stream *own = state;

    return own->pull != NULL || edge_fetches(stream);
}

static void edge_look_at(struct source *source, void *arg)
{
    struct stream *stream = source_data(source);

    (void)arg;
    if (edge_stream_of(stream)->pull == NULL)
        edge_look(stream);
}

static void edge_retry(struct edge *edge, usec_t now)
{
    if (edge->is_ending || edge->retry_at == 0 || now < edge->retry_at)
        return;
    edge->retry_at = 0;
    hub_each(edge->server->hub, edge_look_at, NULL);
    if (edge->retry_at == 0)
        edge->retry_pause = 0;
}

static void edge_tick(struct server *server, void *own, usec_t now)
{
    struct edge *edge = own;

    (void)server;
    edge_retry(edge, now);
    for (struct edge_pull *ep = edge->list; ep != NULL; ep = ep->next) {
        if (ep->alone_since > 0 && now - ep->alone_since >= EDGE_GRACE)
            pull_stop(ep->pull);
        else if (via_claim_is_due(ep->stream, now))
            stream_ask_again(ep->stream);
    }
}

static struct err *edge_open(struct server *server, void **own)
{
    struct edge *edge = calloc(1, sizeof(*edge));
    struct err *err;

    if (edge == NULL)
        return err_new(ERR_NOMEM, "edge");
    edge->server = server;
    err = co_cond_init(&edge->changed);
    if (err != NULL) {
        free(edge);
        return err;
    }
    *own = edge;
    directory_on_news(server, edge_directory_moved, edge_directory_again);
    return NULL;
}

static void edge_stop(struct server *server, void *own, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct edge *edge = own;

    (void)server;
    edge->is_ending = 1;
    for (struct edge_pull *ep = edge->list; ep != NULL; ep = ep->next)
        pull_stop(ep->pull);
    while (edge->list != NULL && co_left(deadline) > 0)
        (void)co_cond_wait(&edge->changed, co_left(deadline));
}

static void edge_close(struct server *server, void *own)
{
    struct edge *edge = own;

    (void)server;
    assert(edge->list == NULL);
    co_cond_fini(&edge->changed);
    free(edge);
}

const struct observer edge_observer = {.name = "edge",
                                       .state_size = sizeof(struct edge_stream),
                                       .open = edge_open,
                                       .tick = edge_tick,
                                       .settle = edge_room_settle,
                                       .stop = edge_stop,
                                       .close = edge_close,
                                       .detach = edge_detach,
                                       .on_publish = edge_on_publish,
                                       .on_unpublish = edge_on_unpublish,
                                       .on_viewers = edge_on_viewers,
                                       .on_unclaimed = edge_on_viewers,
                                       .on_vhost = edge_on_vhost,
                                       .on_ask_again = edge_on_ask_again,
                                       .is_coming = edge_is_coming,
                                       .fetches = edge_is_remote};

int edge_is_full(const struct stream *stream)
{
    return edge_stream_of(stream)->pull == NULL && edge_fetches(stream) &&
           !edge_has_room(edge_of(stream->server));
}
