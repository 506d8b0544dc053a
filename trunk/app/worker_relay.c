/*
 * A stream of another worker, here: one pull over that worker's own socket, for all
 * who watch at this one, published into the local source as a publisher would. It begins with
 * the first who wants it, ends with the last, and follows the publication from worker to worker.
 */
#include "app/edge.h"
#include "app/pull.h"
#include "app/stream.h"
#include "app/worker_http.h"
#include "app/worker_private.h"
#include "base/str.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/un.h>

/* A publisher that says nothing is the other worker's affair; only one that hangs is given up. */
#define RELAY_STALL (12 * USEC_PER_SEC)

static void relay_leave(struct worker_relay *relay)
{
    if (relay->stream != NULL)
        relay->stream->relay = NULL;
    relay->stream = NULL;
    co_cond_broadcast(&relay->worker->told);
}

static void relay_free(struct worker_relay *relay)
{
    struct worker *worker = relay->worker;

    relay_leave(relay);
    if (relay->prev != NULL)
        relay->prev->next = relay->next;
    else
        worker->relays = relay->next;
    if (relay->next != NULL)
        relay->next->prev = relay->prev;
    source_unref(relay->source);
    free(relay);
    co_cond_broadcast(&worker->ended);
}

static void relay_on_end(struct pull *pull, void *arg)
{
    struct worker_relay *relay = arg;
    struct worker *worker = relay->worker;
    struct source *source = source_ref(relay->source);
    struct stream *stream = source_data(source);

    (void)pull;
    relay_free(relay);
    /* Another worker may have it by now. */
    if (stream != NULL && worker->server->state != SERVER_STOPPING)
        worker_look(worker, stream);
    source_unref(source);
}

/* By the publication's number: a name may be long and made of anything. 0 or -1. */
static int relay_target(const struct worker_relay *relay, struct origin_target *out)
{
    struct url_http *http = &out->http;

    out->scheme = ORIGIN_FLV;
    http->port = 80;
    return str_copy(http->schema, sizeof(http->schema), "http") |
           str_copy(http->host, sizeof(http->host), "worker") |
           str_format(http->path, sizeof(http->path), WORKER_HTTP_RELAY "%" PRIu64,
                      relay->holder.number) |
           str_format(http->query, sizeof(http->query), WORKER_HTTP_SINCE "=%" PRId64,
                      (int64_t)relay->stream->wanted_at);
}

static struct pull *relay_pull(struct worker_relay *relay)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct pull_origin origin = {.unix_path = path};
    struct origin_target *target;
    struct pull *pull = NULL;
    struct pull_options options = {.server = relay->worker->server,
                                   .source = relay->source,
                                   .vhost = relay->stream->vhost,
                                   .origins = &origin,
                                   .origin_count = 1,
                                   .is_worker = 1,
                                   .is_joined = relay->stream->wanted_at > relay->holder.since,
                                   .stall = RELAY_STALL,
                                   .on_end = relay_on_end,
                                   .arg = relay};

    target = calloc(1, sizeof(*target));
    origin.target = target;
    if (target != NULL && relay_target(relay, target) == 0 &&
        worker_share_path(relay->worker->share, relay->holder.worker, path, sizeof(path)) == 0)
        pull = pull_start(&options);
    free(target);
    return pull;
}

void worker_relay_start(struct worker *worker, struct stream *stream,
                        const struct registry_holder *holder)
{
    struct worker_relay *relay = calloc(1, sizeof(*relay));

    assert(stream->relay == NULL && holder->worker != worker->slot);
    if (relay != NULL) {
        relay->worker = worker;
        relay->stream = stream;
        relay->source = source_ref(stream->source);
        relay->holder = *holder;
        relay->watched_at = co_now();
        relay->next = worker->relays;
        if (relay->next != NULL)
            relay->next->prev = relay;
        worker->relays = relay;
        stream->relay = relay;
        relay->pull = relay_pull(relay);
        if (relay->pull != NULL)
            return;
        relay_free(relay);
    }
    log_error(worker->server->log, "relay %s: no memory", source_key(stream->source));
}

void worker_relay_drop(struct worker_relay *relay)
{
    if (relay->stream == NULL)
        return;
    relay_leave(relay);
    pull_leave(relay->pull);
}

void worker_relay_again(struct stream *stream)
{
    if (stream->relay != NULL)
        pull_again(stream->relay->pull);
}

void worker_relay_stale(struct worker_relay *relay, usec_t now)
{
    /* While it plays there is an end under way, and before it the last frames. */
    if (!pull_is_live(relay->pull))
        worker_relay_drop(relay);
    else if (relay->stale_since == 0)
        relay->stale_since = now;
}

void worker_relay_ended(struct stream *stream)
{
    if (stream->relay != NULL && stream->relay->stale_since != 0)
        worker_relay_drop(stream->relay);
}
