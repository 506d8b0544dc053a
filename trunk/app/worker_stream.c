/*
 * What the workers tell each other of a stream besides whose it is: what it consists of, so that
 * a format it has nothing for is refused wherever it is asked for; whether its publisher is
 * still there; and where its time stands, so that one publication follows the other wherever they
 * come.
 */
#include "app/stream.h"
#include "app/worker_private.h"

#include <assert.h>

static struct worker *worker_of(const struct stream *stream)
{
    return stream->server->worker;
}

static struct registry *registry_of(const struct stream *stream)
{
    return worker_of(stream)->share->registry;
}

/* ---- what it consists of ---- */

void worker_describe(struct stream *stream)
{
    struct source_facts facts;

    /* What comes by a relay until worker_settle() is not ours. */
    if (worker_of(stream) == NULL || stream->claim == 0 || stream->relay != NULL)
        return;
    source_facts(stream->source, &facts);
    registry_describe(registry_of(stream), source_key(stream->source), stream->claim, &facts);
}

enum source_fit worker_fit(const struct stream *stream, const struct mux *mux,
                           enum source_only only)
{
    const struct worker *worker = worker_of(stream);
    struct registry_holder holder;

    /* The publisher's worker knows it first, and best: a relay may have brought less. */
    if (worker != NULL && stream->claim == 0 &&
        registry_find(registry_of(stream), source_key(stream->source), &holder) == 0 &&
        holder.worker != worker->slot)
        return source_facts_fit(&holder.facts, mux, only);
    return source_fit(stream->source, mux, only);
}

/* ---- whether its publisher is there ---- */

int worker_contest(struct stream *stream, usec_t timeout)
{
    struct worker *worker = worker_of(stream);
    const char *key = source_key(stream->source);
    usec_t deadline = co_deadline(timeout);
    struct registry_holder now;
    struct registry_holder asked;

    assert(worker != NULL);
    if (registry_ask(registry_of(stream), key, &asked) != 0)
        return 1;
    worker_share_ring(worker->share);
    for (;;) {
        if (registry_find(registry_of(stream), key, &now) != 0 || now.number != asked.number)
            return 1;
        /* An answer to a later question is one to this, too. */
        if ((int32_t)(now.answered - asked.asked) >= 0 || co_left(deadline) == 0 ||
            co_cond_wait(&worker->told, co_left(deadline)) == CO_INTERRUPTED)
            return 0;
    }
}

void worker_answer(struct stream *stream)
{
    if (worker_of(stream) == NULL || stream->claim == 0)
        return;
    registry_answer(registry_of(stream), source_key(stream->source), stream->claim, stream->asked);
    worker_share_ring(worker_of(stream)->share);
}

/* ---- one publication after another ---- */

static void look_at_time(const struct stream *stream, struct timetable_view *out)
{
    const struct worker *worker = worker_of(stream);

    timetable_look(worker->share->times, source_key(stream->source), worker->slot, out);
}

/* Whether something of the stream is still to come, or to be shown, that was published before. */
static int is_unsettled(const struct stream *stream)
{
    struct timetable_view view;

    if (stream->relay != NULL)
        return 1;
    look_at_time(stream, &view);
    return view.is_open;
}

void worker_settle(struct stream *stream, usec_t timeout)
{
    struct worker *worker = worker_of(stream);
    usec_t deadline = co_deadline(timeout);
    uint64_t claim = stream->claim;

    if (worker == NULL)
        return;
    while (stream->claim == claim && is_unsettled(stream) && co_left(deadline) > 0 &&
           co_cond_wait(&worker->told, co_left(deadline)) != CO_INTERRUPTED)
        continue;
    if (stream->claim == claim && stream->relay != NULL)
        worker_relay_drop(stream->relay);
}

void worker_time(struct stream *stream)
{
    struct source_time time;

    if (stream->time_number == 0)
        return;
    source_time(stream->source, &time);
    timetable_put(stream->time, stream->time_number, &time);
}

void worker_opens(struct stream *stream)
{
    struct worker *worker = worker_of(stream);
    struct timetable_view view;
    struct source_time time;

    if (worker == NULL || stream->claim == 0)
        return;
    look_at_time(stream, &view);
    source_time(stream->source, &time);
    /* Nobody watches anywhere: it has begun anew. */
    if (view.number != 0 && (time.has_begun || view.is_watched))
        source_resume(stream->source, &view.time, co_now());
    stream->time_number = stream->time != NULL ? stream->claim : 0;
    worker_time(stream);
    worker_describe(stream);
    registry_open(registry_of(stream), source_key(stream->source), stream->claim, co_now());
    worker_share_ring(worker->share);
}

void worker_closes(struct stream *stream)
{
    if (stream->time_number == 0)
        return;
    worker_time(stream);
    stream->time_number = 0;
    timetable_close(stream->time);
    /* Who has taken the stream over waits for this. */
    if (stream->claim == 0 && worker_of(stream) != NULL)
        worker_share_ring(worker_of(stream)->share);
}

void worker_linger(struct stream *stream, usec_t timeout)
{
    struct worker *worker = worker_of(stream);
    uint64_t claim = stream->claim;
    struct source_stat stat;
    usec_t deadline;

    if (worker == NULL || claim == 0)
        return;
    source_stat(stream->source, &stat);
    deadline = stat.published_at + timeout;
    while (stream->claim == claim && worker->server->state != SERVER_STOPPING &&
           !stream->is_asked && co_left(deadline) > 0 &&
           timetable_is_missed(worker->share->times, source_key(stream->source), worker->slot,
                               claim) &&
           co_cond_wait(&worker->told, co_left(deadline)) != CO_INTERRUPTED)
        continue;
}

void worker_plays(struct stream *stream)
{
    if (stream->relay == NULL || stream->time == NULL)
        return;
    timetable_play(stream->time, stream->relay->holder.number);
    worker_share_ring(worker_of(stream)->share);
}

void worker_watched(struct stream *stream)
{
    if (stream->time != NULL)
        timetable_watch(stream->time, source_is_watched(stream->source));
}

void worker_attach(struct stream *stream)
{
    struct worker *worker = worker_of(stream);

    if (worker != NULL)
        stream->time =
            timetable_enter(worker->share->times, source_key(stream->source), worker->slot);
}

void worker_detach(struct stream *stream)
{
    struct worker *worker = worker_of(stream);

    stream->time_number = 0;
    stream->time = NULL;
    if (worker != NULL)
        timetable_leave(worker->share->times, source_key(stream->source), worker->slot);
}
