/*
 * The publisher that has a stream: whether it is still alive, and what the API, the log, and
 * limits want to know about it. It answers by publication_answer(), now or in its own coroutine.
 */
#include "app/stream/publication.h"

/* ---- liveness ---- */

static void answered(struct stream *stream)
{
    const struct tables *tables = stream->server->tables;

    if (stream->publication != NULL)
        stream->publication->is_probed = 0;
    co_cond_broadcast(&stream->changed);
    if (tables == NULL || tables->claims == NULL)
        return;
    for (int i = 0; tables->claims[i] != NULL; i++)
        if (tables->claims[i]->answered != NULL)
            tables->claims[i]->answered(stream);
}

void publication_answer(struct publication *p)
{
    /* The answer of a publisher that lost the stream says nothing about its successor. */
    if (p->stream->publication == p)
        answered(p->stream);
}

void publication_ask(struct stream *stream)
{
    struct publication *p = stream->publication;

    if (p == NULL) {
        answered(stream);
        return;
    }
    if (p->is_ending) {
        p->is_probed = 1;
        co_cond_broadcast(&stream->changed);
        return;
    }
    p->is_probed = 1;
    if (p->publisher.ops->ask == NULL || p->publisher.ops->ask(p->publisher.arg))
        answered(stream);
}

int publication_is_gone(struct stream *stream, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    publication_ask(stream);
    while (stream->publication != NULL && stream->publication->is_probed && co_left(deadline) > 0 &&
           co_cond_wait(&stream->changed, co_left(deadline)) != CO_INTERRUPTED)
        continue;
    return source_state(stream->source) != SOURCE_LIVE;
}

/* ---- description ---- */

int publication_kind(const struct stream *stream)
{
    return stream->publication != NULL ? (int)stream->publication->publisher.kind : -1;
}

int publication_describe(const struct stream *stream, struct session_info *out)
{
    const struct publication *p = stream->publication;

    if (p == NULL || p->publisher.ops->describe == NULL)
        return -1;
    return p->publisher.ops->describe(p->publisher.arg, out);
}

size_t publication_pending(const struct stream *stream)
{
    const struct publication *p = stream->publication;

    return p != NULL && p->publisher.ops->pending != NULL
               ? p->publisher.ops->pending(p->publisher.arg)
               : 0;
}
