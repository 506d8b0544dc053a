/*
 * What the workers share about a stream besides its holder: its facts (codecs and tracks), so that
 * every worker refuses a format that cannot carry it; and its clock, so that timestamps continue
 * from one publication to the next at whichever worker.
 */
#include "app/workers/worker_private.h"

#include <assert.h>

static struct registry *registry_of(const struct stream *stream)
{
    return worker_of(stream->server)->share->registry;
}

/* ---- facts ---- */

void worker_stream_on_facts(struct stream *stream, void *state)
{
    const struct worker_stream *own = state;
    struct source_facts facts;

    /* Until worker_stream_settle(), a pull may still deliver the previous publication. */
    if (worker_of(stream->server) == NULL || own->claim == 0 || own->pull != NULL)
        return;
    source_facts(stream->source, &facts);
    registry_describe(registry_of(stream), source_key(stream->source), own->claim, &facts);
}

/* The publisher's worker knows the facts first, and best: a pull may have brought less. */
int worker_stream_facts(const struct stream *stream, const void *state, struct source_facts *facts)
{
    const struct worker *worker = worker_of(stream->server);
    const struct worker_stream *own = state;
    struct registry_holder holder;

    if (worker == NULL || own->claim != 0 ||
        registry_find(registry_of(stream), source_key(stream->source), &holder) != 0 ||
        holder.worker == worker->slot)
        return 0;
    *facts = holder.facts;
    return 1;
}

/* ---- for the other rungs of its ladder ---- */

int worker_stream_find(const struct server *server, const void *own, const char *key,
                       struct source_peer *peer, struct source_facts *facts)
{
    const struct worker *worker = own;
    struct stream_clock_view view;
    struct registry_holder holder;

    (void)server;
    if (worker == NULL)
        return 0;
    stream_clock_look(worker->share->times, key, worker->slot, &view);
    peer->time = view.time;
    peer->is_live = view.is_open != 0;
    peer->is_watched = view.is_watched != 0;
    if (registry_find(worker->share->registry, key, &holder) == 0 && holder.worker != worker->slot)
        *facts = holder.facts;
    return peer->is_live;
}

/* ---- one publication after another ---- */

static void look_at_time(const struct stream *stream, struct stream_clock_view *out)
{
    const struct worker *worker = worker_of(stream->server);

    stream_clock_look(worker->share->times, source_key(stream->source), worker->slot, out);
}

/* Whether frames of the previous publication may still arrive or be played. */
static int is_unsettled(const struct stream *stream, const struct worker_stream *own)
{
    struct stream_clock_view view;

    if (own->pull != NULL)
        return 1;
    look_at_time(stream, &view);
    return view.is_open;
}

void worker_stream_settle(struct publication *p, uint64_t token, usec_t timeout)
{
    struct stream *stream = p->stream;
    struct worker *worker = worker_of(stream->server);
    struct worker_stream *own = worker_stream_of(stream);
    usec_t deadline = co_deadline(timeout);

    while (own->claim == token && is_unsettled(stream, own) && co_left(deadline) > 0 &&
           co_cond_wait(&worker->changed, co_left(deadline)) != CO_INTERRUPTED)
        continue;
    if (own->claim == token && own->pull != NULL)
        worker_pull_drop(own->pull);
}

void worker_stream_on_data(struct stream *stream, void *state)
{
    const struct worker_stream *own = state;
    struct source_time time;

    if (own->time_number == 0)
        return;
    source_time(stream->source, &time);
    stream_clock_put(own->time, own->time_number, &time);
}

void worker_stream_opened(struct publication *p, uint64_t token)
{
    struct stream *stream = p->stream;
    struct worker *worker = worker_of(stream->server);
    struct worker_stream *own = worker_stream_of(stream);
    struct stream_clock_view view;
    struct source_time time;

    look_at_time(stream, &view);
    source_time(stream->source, &time);
    /* Where nobody needs the former timeline, the timestamps start again. */
    if (view.number != 0 && (time.has_begun || view.is_watched))
        source_resume(stream->source, &view.time, co_now());
    own->time_number = own->time != NULL ? token : 0;
    worker_stream_on_data(stream, own);
    worker_stream_on_facts(stream, own);
    registry_open(registry_of(stream), source_key(stream->source), token, co_now());
    worker_share_ring(worker->share);
}

void worker_stream_on_unpublish(struct stream *stream, void *state)
{
    struct worker_stream *own = state;

    if (own->time_number == 0)
        return;
    worker_stream_on_data(stream, own);
    own->time_number = 0;
    stream_clock_close(own->time);
    /* The new publisher waits for this. */
    if (own->claim == 0 && worker_of(stream->server) != NULL)
        worker_share_ring(worker_of(stream->server)->share);
}

/* How long to wait for viewers at other workers. A busy worker may take longer. */
#define LINGER (3 * USEC_PER_SEC)

void worker_stream_linger(struct publication *p, uint64_t token)
{
    struct stream *stream = p->stream;
    const struct worker_stream *own = worker_stream_of(stream);
    struct worker *worker = worker_of(stream->server);
    struct source_stat stat;
    usec_t deadline;

    source_stat(stream->source, &stat);
    deadline = stat.published_at + LINGER;
    while (own->claim == token && stream->server->state != SERVER_STOPPING && !p->is_probed &&
           co_left(deadline) > 0 &&
           stream_clock_is_missed(worker->share->times, source_key(stream->source), worker->slot,
                                  token) &&
           co_cond_wait(&worker->changed, co_left(deadline)) != CO_INTERRUPTED)
        continue;
}

/* By a publisher or by a pull. */
void worker_stream_on_publish(struct stream *stream, void *state)
{
    const struct worker_stream *own = state;

    worker_stream_on_watched(stream, state);
    if (own->pull == NULL || own->time == NULL)
        return;
    stream_clock_play(own->time, own->pull->holder.number);
    worker_share_ring(worker_of(stream->server)->share);
}

void worker_stream_on_watched(struct stream *stream, void *state)
{
    const struct worker_stream *own = state;

    if (own->time != NULL)
        stream_clock_watch(own->time, source_has_timeline(stream->source));
}

void worker_stream_attach(struct stream *stream, void *state)
{
    const struct worker *worker = worker_of(stream->server);
    struct worker_stream *own = state;

    if (worker != NULL)
        own->time =
            stream_clock_enter(worker->share->times, source_key(stream->source), worker->slot);
}

void worker_stream_detach(struct stream *stream, void *state)
{
    const struct worker *worker = worker_of(stream->server);
    struct worker_stream *own = state;

    own->time_number = 0;
    own->time = NULL;
    if (worker != NULL)
        stream_clock_leave(worker->share->times, source_key(stream->source), worker->slot);
}
