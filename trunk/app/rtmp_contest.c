/*
 * The end of an encoder's connection stands behind what it sent before, which is still to be
 * taken; and its coroutine may be at rest, or another worker's. So who asks does not look for the
 * end: the publisher itself is woken, reads what there is, and meets the end or finds that there
 * is nothing more. Within one process a condition says so, between workers the registry.
 */
#include "app/rtmp_contest.h"

#include "app/rtmp_session.h"
#include "app/stream.h"
#include "app/worker.h"
#include "co/co.h"

static void contest_answer(struct stream *stream)
{
    stream->is_asked = 0;
    co_cond_broadcast(&stream->told);
    worker_answer(stream);
}

/* Asks the publisher here; one that has nothing to read is there. */
static void contest_ask(struct stream *stream)
{
    struct net_conn *conn = rtmp_publish_conn(stream);

    if (!stream->is_ending && (conn == NULL || !net_has_more(conn))) {
        contest_answer(stream);
        return;
    }
    stream->is_asked = 1;
    if (stream->is_ending)
        co_cond_broadcast(&stream->told);
    else
        net_kick(conn);
}

void rtmp_contest_heard(struct stream *stream, uint32_t asked)
{
    stream->asked = asked;
    contest_ask(stream);
}

int rtmp_contest_is_pending(struct stream *stream, struct net_conn *conn)
{
    if (!stream->is_asked)
        return 0;
    if (net_has_more(conn))
        return 1;
    contest_answer(stream);
    return 0;
}

void rtmp_contest_over(struct stream *stream)
{
    stream->is_asked = 0;
    co_cond_broadcast(&stream->told);
}

int rtmp_contest(struct stream *stream, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    if (stream->server->worker != NULL)
        return worker_contest(stream, timeout);
    contest_ask(stream);
    while (stream->is_asked && co_left(deadline) > 0 &&
           co_cond_wait(&stream->told, co_left(deadline)) != CO_INTERRUPTED)
        continue;
    return source_state(stream->source) != SOURCE_LIVE;
}
