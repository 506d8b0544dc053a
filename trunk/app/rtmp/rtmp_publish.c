/*
 * One RTMP publisher: reads messages and pushes frames.
 *
 * A stream without viewers needs no low latency. Its socket is then not read for every packet but
 * at intervals, at most 150 ms and as long as the data that arrives meanwhile fits into the
 * smallest receive window. So a publisher without viewers costs a fraction of one with viewers.
 */
#include "app/rtmp/rtmp_gate.h"
#include "app/rtmp/rtmp_session_private.h"
#include "app/rtmp/rtmp_streams.h"

#include "app/stream/fanout.h"
#include "app/stream/gate.h"
#include "app/stream/publication.h"
#include "app/stream/stream.h"
#include "co/co.h"
#include "media/flv.h"
#include "proto/token.h"

#define IDLE_CHECK USEC_PER_SEC
/* Without viewers: the longest pause between two reads, the shortest useful pause, and the bytes
 * that may arrive in a pause. */
#define NAP_MAX   (150 * USEC_PER_MS)
#define NAP_MIN   (5 * USEC_PER_MS)
#define NAP_GRID  (30 * USEC_PER_MS)
#define NAP_BYTES (32 * 1024)
/* With viewers: this much for each stream of the server, within these limits. */
#define NAP_PER_STREAM USEC_PER_MS

#define NAP_WATCHED_MIN (15 * USEC_PER_MS)
#define NAP_WATCHED_MAX (120 * USEC_PER_MS)
/* Pauses end at multiples of this, so that many publishers share one turn of the event loop. */
#define NAP_WATCHED_GRID (10 * USEC_PER_MS)

/* How long to wait before the next attempt to publish a stream that an unreachable origin holds. */
#define ELSEWHERE_PAUSE (250 * USEC_PER_MS)

struct publishing {
    struct rtmp_session *session;
    struct co *co;
    struct source *source;
    struct publication *publication;
    const struct config_vhost *vhost;
    const struct rtmp_request *request;
    struct err *refused; /* by the last gates; the peer has been told */
    const char *param;   /* of the address; owned by the caller */
    const struct config_publish *limits;
    usec_t last_media;
    usec_t last_viewer, checked; /* kickoff_for_idle */
    uint64_t drained_bytes;      /* conn->bytes_in when all input was last processed */
    usec_t drained_at;           /* the time of that */
    uint8_t has_begun;
    uint8_t is_urgent;   /* min_latency, or mw_latency 0: do not delay frames */
    uint8_t is_replaced; /* evicted: do not touch the stream */
    uint8_t is_unserved; /* because its vhost was removed; else by another publisher */
    uint8_t has_fingerprint;
    uint8_t is_granted; /* by the last gates */
    uint8_t has_waited; /* for an unreachable origin; the log has a line about it */
    uint8_t fingerprint[TOKEN_FINGERPRINT_SIZE]; /* of the parameters, for replace_same_token */
};

/*
 * How long a read may be delayed. Without viewers: as long as it saves work. With viewers: not at
 * all with few streams, and a little with hundreds, since each read wakes a stream whose memory is
 * no longer in the cache, and data that is read together is also sent together.
 */
static usec_t publish_rest(const struct rtmp_session *session, const struct publishing *p)
{
    usec_t rest = (usec_t)hub_count(session->server->hub) * NAP_PER_STREAM;
    struct source_stat stat;
    usec_t pace;

    source_stat(p->source, &stat);
    if (stat.viewers == 0)
        return NAP_MAX;
    if (p->is_urgent)
        return 0;
    if (rest > NAP_WATCHED_MAX)
        rest = NAP_WATCHED_MAX;
    /* Bytes that wait for a batch anyway may spend a part of that time in the socket. */
    pace = fanout_pace(source_data(p->source)) / FANOUT_PACE_PART;
    if (rest < pace)
        rest = pace;
    return rest < NAP_WATCHED_MIN ? 0 : rest;
}

/* Another publisher asks whether this one is alive: read the remaining input before answering. */
static int publish_is_pending(struct publishing *p)
{
    if (!p->publication->is_probed)
        return 0;
    if (net_has_more(p->session->conn))
        return 1;
    publication_answer(p->publication);
    return 0;
}

/* Delays the next read if all input was processed. */
static MAY_YIELD void publish_nap(struct rtmp_session *session, struct publishing *p)
{
    usec_t now = co_now();
    uint64_t bytes = session->conn->bytes_in - p->drained_bytes;
    usec_t since = now - p->drained_at;
    usec_t grid;
    usec_t rest;
    usec_t nap;

    if (publish_is_pending(p) || !p->has_begun || !rtmp_talk_is_drained(session->talk))
        return;
    p->drained_bytes = session->conn->bytes_in;
    p->drained_at = now;
    rest = publish_rest(session, p);
    if (p->limits->mr && rest < p->limits->mr_latency)
        rest = p->limits->mr_latency;
    nap = rest;
    if (bytes > 0)
        nap = (usec_t)((uint64_t)since * NAP_BYTES / bytes);
    if (nap < NAP_MIN || rest == 0)
        return;
    grid = rest == NAP_MAX ? NAP_GRID : NAP_WATCHED_GRID;
    /* A hangup or an interrupt ends the delay; the read then tells which. */
    net_delay_read(session->conn, NAP_BYTES,
                   (now + (nap < rest ? nap : rest)) / grid * grid + grid);
}

/* kickoff_for_idle: ends a publisher that has had no viewers for that long. */
static struct err *publish_check_idle(struct publishing *p, usec_t now)
{
    struct source_stat stat;

    if (p->limits->kickoff_for_idle == 0 || now - p->checked < IDLE_CHECK)
        return NULL;
    p->checked = now;
    source_stat(p->source, &stat);
    if (stat.viewers > 0)
        p->last_viewer = now;
    if (now - p->last_viewer < p->limits->kickoff_for_idle)
        return NULL;
    return err_new(ERR_TIMEOUT, "nobody watched for %lld ms (kickoff_for_idle)",
                   (long long)(p->limits->kickoff_for_idle / USEC_PER_MS));
}

static struct err *publish_media(struct publishing *p, const struct rtmp_message *message,
                                 usec_t now)
{
    struct frame frame;

    /* RTMP's message types are FLV's tag types: 8, 9 and 18. */
    flv_frame_parse(&frame, (enum frame_type)message->type, message->timestamp, message->data,
                    message->len);
    source_push(p->source, &frame, now);
    p->last_media = now;
    p->has_begun = 1;
    return source_has_lost_header(p->source) ? err_new(ERR_NOMEM, "sequence header") : NULL;
}

/* A peer may send messages without media, but only for a limited time. */
static struct err *publish_check_silent(const struct publishing *p, usec_t timeout, usec_t now)
{
    usec_t limit = timeout > RTMP_MESSAGE_TIME_MAX ? timeout : RTMP_MESSAGE_TIME_MAX;

    if (!p->has_begun)
        limit = timeout;
    if (now - p->last_media < limit)
        return NULL;
    return err_new(ERR_TIMEOUT, "no media for %lld ms", (long long)(limit / USEC_PER_MS));
}

static MAY_YIELD struct err *publish_loop(struct rtmp_session *session, struct publishing *p)
{
    struct rtmp_message message;
    enum rtmp_event event;

    for (;;) {
        usec_t timeout = p->has_begun ? p->limits->normal_timeout : p->limits->firstpkt_timeout;
        struct err *err;
        usec_t now;

        publish_nap(session, p);
        err = rtmp_talk_read(session->talk, &event, &message, timeout);
        now = co_now();
        if (p->is_replaced)
            return err;
        if (err != NULL)
            return err_code(err) == ERR_TIMEOUT
                       ? err_wrap(err, p->has_begun ? "normal_timeout" : "firstpkt_timeout")
                       : err;
        if (event == RTMP_EVENT_UNPUBLISH)
            return NULL;
        if (event == RTMP_EVENT_MEDIA)
            err = publish_media(p, &message, now);
        else if (event == RTMP_EVENT_ANOTHER)
            err = rtmp_streams_split(session, &message);
        else
            err = publish_check_silent(p, timeout, now);
        if (err == NULL)
            err = publish_check_idle(p, now);
        if (err == NULL && session->server->state == SERVER_STOPPING)
            err = err_new(ERR_INTERRUPTED, "server is stopping");
        if (err != NULL)
            return err;
    }
}

/* ---- the publication ---- */

static void publish_evicted(void *publisher, enum evict_reason why)
{
    struct publishing *p = publisher;

    p->is_unserved = why == EVICT_NOT_SERVED;
    if (!p->is_unserved)
        log_info(p->session->server->log, "%s: taken over from %s", source_key(p->source),
                 p->session->conn->ip);
    p->is_replaced = 1;
    co_interrupt(p->co);
}

/* The end of an encoder's connection comes after the data that it sent before, which must still be
 * read; and its coroutine may be pausing. So wake it: it reads what has arrived, and then finds the
 * end or nothing more. */
static int publish_probe(void *publisher)
{
    struct publishing *p = publisher;

    if (!net_has_more(p->session->conn))
        return 1;
    net_wake_owner(p->session->conn);
    return 0;
}

static int publish_describe(void *publisher, struct session_info *out)
{
    const struct publishing *p = publisher;
    const struct rtmp_session *session = p->session;

    *out = (struct session_info){session->entry.id, session->conn->ip, session->tc_url, p->param,
                                 session->via != NULL ? session->via : ""};
    return 0;
}

static int publish_grant(void *publisher, usec_t timeout)
{
    struct publishing *p = publisher;

    p->refused =
        p->is_granted ? NULL : rtmp_gate_last(p->session, p->source, p->vhost, p->request, timeout);
    p->is_granted |= p->refused == NULL;
    return p->refused == NULL ? 0 : -1;
}

static size_t publish_pending(const void *publisher)
{
    const struct publishing *p = publisher;

    return rtmp_talk_pending(p->session->talk) + rtmp_streams_pending(p->session);
}

static const struct publisher_ops publish_ops = {.pending = publish_pending,
                                                 .evict = publish_evicted,
                                                 .ask = publish_probe,
                                                 .describe = publish_describe};
/* The same where a gate of the last stage is used. */
static const struct publisher_ops publish_ops_granted = {.pending = publish_pending,
                                                         .evict = publish_evicted,
                                                         .ask = publish_probe,
                                                         .grant = publish_grant,
                                                         .describe = publish_describe};

/* Takes the stream. Viewers that are already there keep watching. */
static enum publication_verdict publish_begin(struct publishing *p,
                                              const struct config_vhost *vhost,
                                              struct directory_place *place, usec_t timeout)
{
    int is_asked = gates_are_used(p->session->server, vhost, GATE_LAST);
    struct publisher publisher = {.ops = is_asked ? &publish_ops_granted : &publish_ops,
                                  .arg = p,
                                  .kind = PUBLISHER_ENCODER,
                                  .config = p->session->config,
                                  .vhost = vhost,
                                  .fingerprint = p->has_fingerprint ? p->fingerprint : NULL};

    return publication_begin(source_data(p->source), &publisher, &p->publication, place, timeout);
}

/*
 * Another origin has the stream: redirects the encoder there, or relays its messages there. An
 * origin that cannot be reached may have died; its lease then expires soon, and the stream is free.
 * NULL with *is_again: waited a little for that.
 */
static MAY_YIELD struct err *publish_elsewhere(struct publishing *p,
                                               const struct config_vhost *vhost,
                                               const struct rtmp_request *request,
                                               const struct directory_place *place, int *is_again)
{
    const struct stream *stream = source_data(p->source);
    const struct rtmp_route *route = p->session->server->tables->publish_route;
    struct rtmp_route_request there = {.source = p->source,
                                       .vhost = vhost,
                                       .request = request,
                                       .app = stream->app,
                                       .stream = stream->name,
                                       .param = p->param,
                                       .at = place->rtmp};
    struct err *err;

    *is_again = 0;
    if (vhost->cluster.redirect)
        return rtmp_redirect_send(p->session, p->source, request, p->param, place);
    if (publish_grant(p, RTMP_ANSWER_TIMEOUT) != 0)
        return p->refused;
    err = route->run(p->session, &there);
    if (!there.is_unreached)
        return err;
    if (!p->has_waited)
        log_err(p->session->server->log, LOG_WARN, err,
                "%s: waiting until the lease of %s expires: %s", source_key(p->source), place->rtmp,
                err_text(err));
    p->has_waited = 1;
    err_free(err);
    *is_again = 1;
    if (net_wait(p->session->conn, 0, ELSEWHERE_PAUSE) < 0)
        return err_new(ERR_INTERRUPTED, "server is stopping");
    return p->session->conn->ready & NET_HUP ? err_new(ERR_CLOSED, "encoder disconnected") : NULL;
}

/* Waits until this publisher has the stream. *is_over: it was redirected, relayed, or refused. */
static MAY_YIELD struct err *publish_ask(struct publishing *p, const struct config_vhost *vhost,
                                         const struct rtmp_request *request, int *is_over)
{
    /* The lease, and the time to be sure that it has expired. */
    usec_t deadline = co_deadline(vhost->cluster.lease + USEC_PER_SEC);
    const char *why = "The stream is already being published";
    enum publication_verdict verdict;
    struct directory_place place;
    struct err *err;
    int is_again = 1;

    *is_over = 1;
    for (;;) {
        verdict = publish_begin(p, vhost, &place, RTMP_CLAIM_TIMEOUT);
        if (verdict != PUBLICATION_ELSEWHERE || !is_again || co_left(deadline) == 0)
            break;
        err = publish_elsewhere(p, vhost, request, &place, &is_again);
        if (err != NULL || !is_again)
            return err;
    }
    *is_over = verdict != PUBLICATION_OURS;
    if (verdict == PUBLICATION_OURS)
        return NULL;
    if (verdict == PUBLICATION_REFUSED)
        return p->refused;
    if (verdict == PUBLICATION_ELSEWHERE)
        why = "The stream is published at another origin, which does not answer";
    err = rtmp_talk_refuse(p->session->talk, request, "NetStream.Publish.BadName", why,
                           RTMP_ANSWER_TIMEOUT);
    if (err == NULL)
        rtmp_peer_linger(p->session);
    err_free(err);
    return err_new(ERR_BUSY, "%s is already published", source_key(p->source));
}

/* Ends a publisher that holds the stream, or that was evicted. */
static MAY_YIELD struct err *publish_end(struct publishing *p, const struct rtmp_request *request,
                                         struct err *err)
{
    struct rtmp_session *session = p->session;
    struct err *sent;

    if (p->publication != NULL && p->has_begun)
        publication_finish(p->publication, PUBLICATION_LINGER);
    else
        publication_end(p->publication);
    p->publication = NULL;
    if (!p->is_replaced)
        return err;
    err_free(err);
    if (session->server->state != SERVER_STOPPING)
        co_forget_interrupt();
    sent = rtmp_talk_refuse(session->talk, request, "NetStream.Publish.BadName",
                            p->is_unserved ? "This vhost is no longer served"
                                           : "Another publisher has taken over the stream",
                            RTMP_ANSWER_TIMEOUT);
    if (sent == NULL)
        rtmp_peer_linger(session);
    err_free(sent);
    return err_new(ERR_BUSY, p->is_unserved ? "its vhost is no longer configured"
                                            : "another publisher has taken over");
}

struct err *rtmp_publish_run(struct rtmp_session *session, struct source *source,
                             const struct config_vhost *vhost, const struct rtmp_request *request,
                             const char *param)
{
    struct publishing p = {.session = session,
                           .co = co_self(),
                           .source = source,
                           .vhost = vhost,
                           .request = request,
                           .param = param,
                           .limits = &vhost->publish,
                           .is_urgent = vhost->min_latency || vhost->play.mw_latency == 0};
    struct err *err;
    int is_over;

    p.has_fingerprint = token_fingerprint(param, p.fingerprint) == 0;
    err = publish_ask(&p, vhost, request, &is_over);
    if (is_over)
        return err;
    rtmp_peer_log_start(session, "publish", source);
    err = rtmp_talk_publish_ok(session->talk, request, RTMP_ANSWER_TIMEOUT);
    p.last_media = p.last_viewer = p.drained_at = co_now();
    p.drained_bytes = session->conn->bytes_in;
    if (err == NULL)
        err = publish_loop(session, &p);
    err = publish_end(&p, request, err);
    rtmp_peer_log_end(session, "publish", source, err);
    return err;
}
