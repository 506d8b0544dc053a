/*
 * Pulls a stream from another worker: one pull over that worker's own socket for all viewers of
 * this one, published into the local source as a publisher would. It begins with the first viewer,
 * ends after the last one, and follows the publication from worker to worker.
 */
#include "app/cluster/edge.h"
#include "app/cluster/pull.h"
#include "app/http/http_live.h"
#include "app/workers/worker_http.h"
#include "app/workers/worker_private.h"
#include "base/str.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/un.h>

/* A silent publisher is the other worker's concern; only a worker that hangs is given up. */
#define PULL_STALL (12 * USEC_PER_SEC)

static void leave_stream(struct worker_pull *own)
{
    if (own->stream != NULL)
        worker_stream_of(own->stream)->pull = NULL;
    own->stream = NULL;
    co_cond_broadcast(&own->worker->changed);
}

static void free_pull(struct worker_pull *own)
{
    struct worker *worker = own->worker;

    leave_stream(own);
    publication_end(own->publication);
    if (own->prev != NULL)
        own->prev->next = own->next;
    else
        worker->pulls = own->next;
    if (own->next != NULL)
        own->next->prev = own->prev;
    source_unref(own->source);
    free(own);
    co_cond_broadcast(&worker->ended);
}

static void on_end(struct pull *pull, void *arg)
{
    struct worker_pull *own = arg;
    struct worker *worker = own->worker;
    struct source *source = source_ref(own->source);
    struct stream *stream = source_data(source);

    (void)pull;
    free_pull(own);
    /* Another worker may have the stream now. */
    if (stream != NULL && worker->server->state != SERVER_STOPPING)
        worker->look(worker, stream);
    source_unref(source);
}

static void on_evict(void *publisher, enum evict_reason why)
{
    (void)why;
    worker_pull_drop(publisher);
}

/* An edge holds its claim before it has the stream, so read the start time from the registry
 * again. */
static int is_joined(const void *publisher)
{
    const struct worker_pull *own = publisher;
    struct registry_holder now;
    usec_t since = own->holder.since;

    if (registry_find(own->worker->share->registry, source_key(own->source), &now) == 0 &&
        now.number == own->holder.number)
        since = now.since;
    return worker_stream_of(own->stream)->wanted_at > since;
}

static const struct publisher_ops publisher_ops = {.is_joined = is_joined, .evict = on_evict};

/* 0, or -1 if out of memory. */
static int reserve(struct worker_pull *own)
{
    struct publisher publisher = {
        .ops = &publisher_ops,
        .arg = own,
        .kind = PUBLISHER_WORKER_PULL,
        .config = own->worker->server->config,
        .vhost = config_vhost_find(own->worker->server->config, own->stream->vhost)};

    if (publisher.vhost == NULL)
        return -1;
    return publication_reserve(own->stream, &publisher, &own->publication) == PUBLICATION_OURS ? 0
                                                                                               : -1;
}

/* Addresses the publication by its number: a name may be long and contain any character. 0 or
 * -1. */
static int find_target(const struct worker_pull *own, struct origin_target *out)
{
    const struct worker_stream *state = worker_stream_of(own->stream);
    struct url_http *http = &out->http;

    out->scheme = ORIGIN_FLV;
    http->port = 80;
    return str_copy(http->schema, sizeof(http->schema), "http") |
           str_copy(http->host, sizeof(http->host), "worker") |
           str_format(http->path, sizeof(http->path), WORKER_HTTP_PATH "%" PRIu64,
                      own->holder.number) |
           str_format(http->query, sizeof(http->query), HTTP_LIVE_SINCE "=%" PRId64,
                      (int64_t)state->wanted_at);
}

static struct pull *start(struct worker_pull *own)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct pull_origin origin = {.unix_path = path};
    struct origin_target *target;
    struct pull *pull = NULL;
    struct pull_options options = {.server = own->worker->server,
                                   .source = own->source,
                                   .publication = own->publication,
                                   .origins = &origin,
                                   .origin_count = 1,
                                   .is_worker = 1,
                                   .stall = PULL_STALL,
                                   .on_end = on_end,
                                   .arg = own};

    target = calloc(1, sizeof(*target));
    origin.target = target;
    if (target != NULL && find_target(own, target) == 0 &&
        worker_share_path(own->worker->share, own->holder.worker, path, sizeof(path)) == 0)
        pull = pull_start(&options);
    free(target);
    return pull;
}

void worker_pull_start(struct worker *worker, struct stream *stream,
                       const struct registry_holder *holder)
{
    struct worker_pull *own = calloc(1, sizeof(*own));
    struct worker_stream *state = worker_stream_of(stream);

    assert(state->pull == NULL && holder->worker != worker->slot);
    if (own != NULL) {
        own->worker = worker;
        own->stream = stream;
        own->source = source_ref(stream->source);
        own->holder = *holder;
        own->watched_at = co_now();
        own->next = worker->pulls;
        if (own->next != NULL)
            own->next->prev = own;
        worker->pulls = own;
        state->pull = own;
        if (reserve(own) == 0)
            own->pull = start(own);
        if (own->pull != NULL)
            return;
        free_pull(own);
    }
    log_error(worker->server->log, "worker pull %s: cannot start: out of memory",
              source_key(stream->source));
}

void worker_pull_drop(struct worker_pull *own)
{
    if (own->stream == NULL)
        return;
    leave_stream(own);
    pull_leave(own->pull);
}

void worker_pull_again(struct stream *stream, void *state)
{
    const struct worker_stream *own = state;

    (void)stream;
    if (own->pull != NULL)
        pull_again(own->pull->pull);
}

void worker_pull_stale(struct worker_pull *own, usec_t now)
{
    /* If the pull is live, its last frames and its end may still arrive. */
    if (!pull_is_live(own->pull))
        worker_pull_drop(own);
    else if (own->stale_since == 0)
        own->stale_since = now;
}
