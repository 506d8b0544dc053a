/*
 * The coroutine of one RTMP connection. It reads from top to bottom: handshake,
 * connect, and then requests, each of which is a publish or a play that goes on
 * until the peer ends it.
 *
 * A publisher's loop reads messages and pushes frames, and that is all it does.
 * A player's has two directions: the fan-out sends the stream, and what the
 * player says is answered between two of its batches. What a player needs only
 * to begin (addresses, read buffers) is freed before it is parked.
 */
#include "app/rtmp_session.h"

#include "app/fanout.h"
#include "app/stream.h"
#include "base/version.h"
#include "co/co.h"
#include "live/viewer.h"
#include "media/flv.h"
#include "proto/rtmp_mux.h"
#include "proto/rtmp_talk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* connect must be whole in this time, in total; the handshake's and a request's are configured. */
#define CONNECT_TIMEOUT (10 * USEC_PER_SEC)
/* An answer that a peer does not take in this time. */
#define ANSWER_TIMEOUT (10 * USEC_PER_SEC)
/* How long a refused peer may take to close, so that our close does not overtake the refusal. */
#define LINGER_TIMEOUT (USEC_PER_SEC / 2)
#define IDLE_CHECK     USEC_PER_SEC

struct rtmp_session {
    struct server *server;
    struct net_conn *conn;
    struct config *config; /* held: the session keeps the snapshot that it began with */
    struct rtmp_talk *talk;
    char *tc_url;
    uint8_t was_named; /* a publish or play was logged */
    uint8_t is_logged; /* and so was the error that ends the session */
};

/* What is needed until a request is granted, and not for the hours after. */
struct rtmp_setup {
    struct rtmp_request request;
    struct url_rtmp url;
};

/* ---- beginning ---- */

static struct err *session_talk(struct rtmp_session *session)
{
    const struct config *config = session->config;
    struct rtmp_talk_config talk = {.chunk_size = (uint32_t)config->chunk_size,
                                    .out_ack_size = 2500000,
                                    .message_max = (size_t)config->max_message,
                                    .server = MILLRACE_NAME,
                                    .version = MILLRACE_VERSION,
                                    .pid = (int)getpid(),
                                    .id = co_id(),
                                    .now = co_now};

    session->talk = rtmp_talk_new(&session->conn->io, &talk);
    return session->talk != NULL ? NULL : err_new(ERR_NOMEM, "no memory for a session");
}

static void session_sizes(struct rtmp_session *session, const struct config_vhost *vhost)
{
    int64_t chunk_size = vhost->chunk_size > 0 ? vhost->chunk_size : session->config->chunk_size;

    rtmp_talk_set_sizes(session->talk, (uint32_t)chunk_size, (uint32_t)vhost->out_ack_size,
                        (uint32_t)vhost->in_ack_size);
}

/* Lets a refused peer read the refusal: a close over unread bytes would reset it away. */
static void session_linger(struct rtmp_session *session)
{
    usec_t deadline = co_deadline(LINGER_TIMEOUT);
    struct err *err = NULL;
    char scratch[1024];
    size_t got;

    while (err == NULL && co_left(deadline) > 0)
        err = io_read(&session->conn->io, scratch, sizeof(scratch), &got, co_left(deadline));
    err_free(err);
}

static struct err *session_connect(struct rtmp_session *session, struct rtmp_connect *connect)
{
    const struct config_vhost *vhost;
    usec_t timeout = session->config->rtmp_handshake_timeout;
    struct err *err;

    err = rtmp_talk_accept_connect(session->talk, connect,
                                   timeout < CONNECT_TIMEOUT ? timeout : CONNECT_TIMEOUT);
    if (err != NULL)
        return err;
    session->tc_url = strdup(connect->tc_url);
    if (session->tc_url == NULL)
        return err_new(ERR_NOMEM, "no memory for a session");
    vhost = config_vhost_find(session->config, connect->address.vhost);
    if (vhost == NULL) {
        err = rtmp_talk_connect_no(session->talk, "The vhost is disabled", NULL, ANSWER_TIMEOUT);
        if (err != NULL)
            return err;
        session_linger(session);
        return err_new(ERR_DENIED, "vhost %s is disabled", connect->address.vhost);
    }
    session_sizes(session, vhost);
    return rtmp_talk_connect_ok(session->talk, ANSWER_TIMEOUT);
}

static struct err *session_begin(struct rtmp_session *session)
{
    struct rtmp_connect *connect;
    struct err *err = session_talk(session);

    if (err != NULL)
        return err;
    /* Answers are small and waited for: Nagle would hold each back for a delayed acknowledgement.
     */
    net_tune(session->conn, 0, 1);
    err = rtmp_talk_accept_handshake(session->talk, session->config->rtmp_handshake_timeout);
    if (err != NULL)
        return err;
    connect = malloc(sizeof(*connect));
    if (connect == NULL)
        return err_new(ERR_NOMEM, "no memory for a session");
    err = session_connect(session, connect);
    free(connect);
    return err;
}

static __attribute__((noinline)) void session_log(struct rtmp_session *session, const char *what,
                                                  const struct source *source)
{
    session->was_named = 1;
    log_info(session->server->log, "start %s %s from %s", what, source_key(source),
             session->conn->ip);
}

static __attribute__((noinline)) void session_log_end(struct rtmp_session *session,
                                                      const char *what, const struct source *source,
                                                      const struct err *err)
{
    enum log_level level = err == NULL || err_is_quiet(err) ? LOG_INFO : LOG_WARN;

    session->is_logged = err != NULL;
    log_write(session->server->log, level, "stop %s %s from %s, %llu bytes received, %llu sent: %s",
              what, source_key(source), session->conn->ip,
              (unsigned long long)session->conn->bytes_in,
              (unsigned long long)session->conn->bytes_out,
              err != NULL ? err_text(err) : "the peer ended it");
}

/* ---- publish ---- */

struct publishing {
    struct source *source;
    const struct config_publish *limits;
    usec_t last_media;
    usec_t last_viewer, checked; /* kickoff_for_idle */
    uint8_t has_begun;
};

/* kickoff_for_idle: a publisher without viewers for that long is ended. */
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

static void publish_media(struct publishing *p, const struct rtmp_message *message, usec_t now)
{
    struct frame frame;

    /* RTMP's types are FLV's: 8, 9 and 18. */
    flv_frame_parse(&frame, (enum frame_type)message->type, message->timestamp, message->data,
                    message->len);
    source_push(p->source, &frame, now);
    p->last_media = now;
    p->has_begun = 1;
}

/* A peer may talk without publishing; but not for ever. */
static struct err *publish_check_silent(const struct publishing *p, usec_t timeout, usec_t now)
{
    usec_t limit = timeout > RTMP_MESSAGE_TIME_MAX ? timeout : RTMP_MESSAGE_TIME_MAX;

    if (!p->has_begun)
        limit = timeout;
    if (now - p->last_media < limit)
        return NULL;
    return err_new(ERR_TIMEOUT, "no media for %lld ms", (long long)(limit / USEC_PER_MS));
}

static struct err *publish_loop(struct rtmp_session *session, struct publishing *p)
{
    struct rtmp_message message;
    enum rtmp_event event;

    for (;;) {
        usec_t timeout = p->has_begun ? p->limits->normal_timeout : p->limits->firstpkt_timeout;
        struct err *err = rtmp_talk_read(session->talk, &event, &message, timeout);
        usec_t now = co_now();

        if (err != NULL)
            return err_code(err) == ERR_TIMEOUT
                       ? err_wrap(err, p->has_begun ? "normal_timeout" : "firstpkt_timeout")
                       : err;
        if (event == RTMP_EVENT_UNPUBLISH)
            return NULL;
        if (event == RTMP_EVENT_MEDIA)
            publish_media(p, &message, now);
        else
            err = publish_check_silent(p, timeout, now);
        if (err == NULL)
            err = publish_check_idle(p, now);
        if (err == NULL && session->server->state == SERVER_STOPPING)
            err = err_new(ERR_INTERRUPTED, "the server stops");
        if (err != NULL)
            return err;
    }
}

static struct err *session_publish(struct rtmp_session *session, struct source *source,
                                   const struct config_vhost *vhost,
                                   const struct rtmp_request *request)
{
    struct publishing p = {.source = source, .limits = &vhost->publish};
    struct source_config config;
    struct err *err;

    stream_source_config(vhost, &config);
    if (source_publish(source, &config, co_now()) != 0) {
        /* publish.takeover other than reject would end the holder here. */
        err = rtmp_talk_refuse(session->talk, request, "NetStream.Publish.BadName",
                               "The stream is already being published", ANSWER_TIMEOUT);
        if (err == NULL)
            session_linger(session);
        err_free(err);
        return err_new(ERR_BUSY, "%s is busy", source_key(source));
    }
    session_log(session, "publish", source);
    err = rtmp_talk_publish_ok(session->talk, request, ANSWER_TIMEOUT);
    p.last_media = p.last_viewer = co_now();
    if (err == NULL)
        err = publish_loop(session, &p);
    source_unpublish(source, co_now());
    session_log_end(session, "publish", source, err);
    return err;
}

/* ---- play ---- */

struct playing {
    struct source *source;
    const struct config_vhost *vhost;
    struct fanout_viewer *fv;
    uint8_t is_over; /* the peer ended it */
};

static __attribute__((noinline)) int play_open(struct rtmp_session *session, struct playing *p)
{
    struct fanout_viewer_opts opts = {.vhost = p->vhost, .framing = FANOUT_RAW};
    struct viewer *viewer = viewer_open(p->source, &rtmp_mux, clock_now());

    p->fv = viewer != NULL
                ? fanout_viewer_open(session->server->fanout, session->conn, viewer, &opts)
                : NULL;
    return p->fv != NULL ? 0 : -1;
}

/* Takes what the player said out of the conversation, and puts the answers into the stream. */
static struct err *play_take(struct rtmp_session *session, struct playing *p)
{
    struct buf *out = rtmp_talk_out(session->talk);
    struct rtmp_message message;
    enum rtmp_event event;
    int more = 1;

    while (more && !p->is_over) {
        struct err *err = rtmp_talk_take(session->talk, &event, &message, &more);

        if (err != NULL)
            return err;
        if (event == RTMP_EVENT_UNPUBLISH)
            p->is_over = 1;
        if (event == RTMP_EVENT_PAUSE || event == RTMP_EVENT_RESUME)
            fanout_viewer_pause(p->fv, event == RTMP_EVENT_PAUSE);
        if (out->len == 0 || p->is_over)
            continue;
        if (fanout_viewer_inject(p->fv, buf_data(out), out->len) != 0)
            return err_new(ERR_LIMIT, "too many answers wait to be sent");
        buf_consume(out, out->len);
    }
    return NULL;
}

static __attribute__((noinline)) struct err *play_input(struct rtmp_session *session,
                                                        struct playing *p)
{
    uint8_t data[2048];
    struct err *err = NULL;

    /* A flood is read in turns with the stream. */
    for (int i = 0; i < 8 && err == NULL && !p->is_over; i++) {
        ssize_t got = net_try_read(session->conn, data, sizeof(data));

        if (got == 0)
            return err_new(ERR_CLOSED, "the player left");
        if (got < 0)
            return errno == EAGAIN ? NULL : err_sys(errno, "read");
        err = rtmp_talk_feed(session->talk, data, (size_t)got);
        if (err == NULL)
            err = play_take(session, p);
        if (err == NULL)
            err = rtmp_talk_keep(session->talk);
    }
    return err;
}

static __attribute__((noinline)) struct err *play_broken(const struct rtmp_session *session)
{
    if (co_is_interrupted() || session->server->state == SERVER_STOPPING)
        return err_new(ERR_INTERRUPTED, "the server stops");
    return err_new(ERR_CLOSED, "the connection broke or stood still");
}

/* The player's life. Its stack stays small: it is what a parked player keeps. */
static struct err *play_loop(struct rtmp_session *session, struct playing *p)
{
    struct err *err = play_take(session, p);

    rtmp_talk_trim(session->talk);
    while (err == NULL && !p->is_over) {
        switch (fanout_viewer_pump(p->fv, USEC_NEVER)) {
        case FANOUT_INPUT:
            err = play_input(session, p);
            break;
        case FANOUT_ENDED:
            /* RTMP has no end of response: the player goes on with the next epoch. */
            fanout_viewer_close(p->fv);
            if (play_open(session, p) != 0)
                return err_new(ERR_NOMEM, "no memory for a viewer");
            break;
        default:
            err = play_broken(session);
        }
    }
    return err;
}

static struct err *session_play(struct rtmp_session *session, struct source *source,
                                const struct config_vhost *vhost)
{
    struct playing p = {.source = source, .vhost = vhost};
    struct err *err;

    session_log(session, "play", source);
    if (play_open(session, &p) == 0)
        err = play_loop(session, &p);
    else
        err = err_new(ERR_NOMEM, "no memory for a viewer");
    if (p.fv != NULL)
        fanout_viewer_close(p.fv);
    session_log_end(session, "play", source, err);
    /* A message that the socket did not take whole cannot be finished: then the connection ends. */
    if (err == NULL && !(session->conn->ready & NET_OUT))
        err = err_new(ERR_CLOSED, "play ended within a message");
    return err;
}

/* ---- requests ---- */

static struct err *session_refuse(struct rtmp_session *session, const struct rtmp_request *request,
                                  const char *why, struct err *err)
{
    const char *code = request->intent == RTMP_INTENT_PUBLISH ? "NetStream.Publish.BadName"
                                                              : "NetStream.Play.Failed";
    struct err *sent = rtmp_talk_refuse(session->talk, request, code, why, ANSWER_TIMEOUT);

    if (sent == NULL)
        session_linger(session);
    err_free(sent);
    return err;
}

/* Reads one request and finds its source, which the caller unrefs. */
static struct err *session_find(struct rtmp_session *session, struct rtmp_setup *setup,
                                struct source **source, const struct config_vhost **vhost)
{
    const struct rtmp_request *request = &setup->request;
    struct url_rtmp *url = &setup->url;
    struct err *err;

    err = rtmp_talk_accept_request(session->talk, &setup->request,
                                   session->config->rtmp_handshake_timeout);
    if (err != NULL)
        return err;
    if (url_rtmp_parse(url, session->tc_url, request->stream) != SCAN_DONE)
        return session_refuse(session, request, "The stream's name is malformed",
                              err_new(ERR_PROTO, "the stream's name is malformed"));
    if (url->stream[0] == '\0')
        return session_refuse(session, request, "The stream's name is empty",
                              err_new(ERR_PROTO, "the stream's name is empty"));
    *vhost = config_vhost_find(session->config, url->vhost);
    if (*vhost == NULL)
        return session_refuse(session, request, "The vhost is disabled",
                              err_new(ERR_DENIED, "vhost %s is disabled", url->vhost));
    /* Whether this client may do this (rules, tokens, hooks) is to be asked here, with url->param.
     */
    *source = stream_get(session->server, *vhost, url->app, url->stream, &err);
    if (*source == NULL)
        return session_refuse(session, request, "There is no room for another stream", err);
    source_ref(*source);
    return NULL;
}

static struct err *session_request(struct rtmp_session *session)
{
    const struct config_vhost *vhost = NULL;
    struct source *source = NULL;
    struct rtmp_setup *setup = calloc(1, sizeof(*setup));
    enum rtmp_intent intent;
    struct err *err;

    if (setup == NULL)
        return err_new(ERR_NOMEM, "no memory for a request");
    err = session_find(session, setup, &source, &vhost);
    intent = setup->request.intent;
    if (err == NULL && intent == RTMP_INTENT_PUBLISH)
        err = session_publish(session, source, vhost, &setup->request);
    else if (err == NULL)
        err = rtmp_talk_play_ok(session->talk, &setup->request, ANSWER_TIMEOUT);
    free(setup);
    if (err == NULL && intent == RTMP_INTENT_PLAY)
        err = session_play(session, source, vhost);
    if (source != NULL)
        source_unref(source);
    return err;
}

void rtmp_session_run(struct server *server, struct net_conn *conn)
{
    struct rtmp_session session = {
        .server = server, .conn = conn, .config = config_ref(server->config)};
    struct err *err = session_begin(&session);

    while (err == NULL)
        err = session_request(&session);
    if (!session.is_logged && !(session.was_named && err_is_quiet(err)))
        log_write(server->log, err_is_quiet(err) ? LOG_INFO : LOG_WARN, "RTMP from %s: %s",
                  conn->ip, err_text(err));
    err_free(err);
    rtmp_talk_free(session.talk);
    free(session.tc_url);
    config_unref(session.config);
}
