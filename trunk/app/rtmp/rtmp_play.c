/*
 * One RTMP player. Both directions share the connection: the fan-out sends the stream (this
 * coroutine sends only when the socket blocks), and answers to the player's requests go between two
 * batches.
 */
#include "app/rtmp/rtmp_session_private.h"
#include "app/rtmp/rtmp_streams.h"

#include "app/stream/fanout.h"
#include "app/stream/observer.h"
#include "app/stream/play_wish.h"
#include "app/stream/stream.h"
#include "app/stream/via_claim.h"
#include "co/co.h"
#include "live/viewer.h"
#include "proto/rtmp_mux.h"
#include "proto/url.h"

#include <errno.h>
#include <string.h>

struct playing {
    struct source *source;
    const struct config_vhost *vhost;
    const struct viewer_wish *wish;
    struct fanout_viewer *fv;
    uint32_t stream_id;
    uint32_t chunk_size; /* of the bytes that the fan-out sends */
    usec_t deadline;     /* of the first media byte */
    const char *ended;   /* why play and session end; NULL: the peer ended them */
    uint8_t is_over;
    uint8_t is_paused;
    uint8_t is_unfit;    /* the stream has none of the selected tracks */
    uint8_t is_changing; /* the player has selected other tracks */
};

/* standby_timeout from now; 0: no limit. */
static usec_t play_deadline(const struct playing *p)
{
    usec_t standby = p->vhost->http_remux.standby_timeout;

    return co_deadline(standby > 0 ? standby : USEC_NEVER);
}

/* Opens a viewer and then closes the old one, if any, so that the stream always has one. */
static __attribute__((noinline)) int play_open(struct rtmp_session *session, struct playing *p)
{
    struct fanout_viewer_opts opts = {.vhost = p->vhost,
                                      .framing = FANOUT_RAW,
                                      .requested_at = p->fv == NULL ? session->requested_at : 0};
    unsigned receives = rtmp_talk_receives(session->talk);
    struct viewer_wish wish = *p->wish;
    struct fanout_viewer *old = p->fv;
    struct viewer *viewer;

    if (!p->is_unfit && receives == RTMP_RECEIVE_AUDIO)
        wish.only = SOURCE_AUDIO_ONLY;
    else if (!p->is_unfit && receives == RTMP_RECEIVE_VIDEO)
        wish.only = SOURCE_VIDEO_ONLY;
    /* A player that selects other tracks stays where it is. */
    if (old != NULL)
        wish.start.kind = SOURCE_START_DEFAULT;
    viewer = viewer_open_wish(p->source, rtmp_mux_of(p->stream_id), &wish, clock_now());
    p->chunk_size = viewer != NULL ? viewer_chunk_size(viewer) : 0;
    p->deadline = play_deadline(p);
    p->fv =
        viewer != NULL ? fanout_viewer_open(session->server, session->conn, viewer, &opts) : NULL;
    session->entry.viewer = p->fv != NULL ? viewer : NULL;
    if (old != NULL)
        fanout_viewer_close(old);
    if (p->fv == NULL)
        return -1;
    /* A player that receives no track is held like a paused one. */
    if (p->is_paused || p->is_unfit || receives == 0)
        fanout_viewer_pause(p->fv, 1);
    return 0;
}

static void play_pause(struct rtmp_session *session, struct playing *p, int pause)
{
    p->is_paused = pause != 0;
    if (!p->is_unfit && rtmp_talk_receives(session->talk) != 0)
        fanout_viewer_pause(p->fv, pause);
}

static __attribute__((noinline)) struct err *play_broken(const struct rtmp_session *session)
{
    if (co_is_interrupted() || session->server->state == SERVER_STOPPING)
        return err_new(ERR_INTERRUPTED, "server is stopping");
    return err_new(ERR_CLOSED, "connection lost or stalled");
}

/* The client opens another message stream: this one continues as one of several, once the message
 * that is being sent is complete. */
static MAY_YIELD __attribute__((noinline)) struct err *
play_split(struct rtmp_session *session, struct playing *p, const struct rtmp_message *message)
{
    usec_t deadline = co_deadline(RTMP_ANSWER_TIMEOUT);
    struct err *err;
    int is_settled;

    for (;;) {
        int events;

        is_settled = fanout_viewer_settle(p->fv);
        if (is_settled != 0)
            break;
        events = net_wait(session->conn, NET_OUT, co_left(deadline));
        if (events <= 0 || (events & NET_HUP))
            return play_broken(session);
    }
    if (is_settled < 0)
        return play_broken(session);
    err = rtmp_streams_split(session, message);
    if (err == NULL)
        fanout_viewer_move(p->fv, session->conn);
    return err;
}

/* Processes the player's requests, and puts the answers between the batches. */
static MAY_YIELD struct err *play_take(struct rtmp_session *session, struct playing *p)
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
            play_pause(session, p, event == RTMP_EVENT_PAUSE);
        if (event == RTMP_EVENT_RECEIVE)
            p->is_changing = 1;
        /* From now on, rtmp_streams.c reads what follows this message. */
        if (event == RTMP_EVENT_ANOTHER)
            return play_split(session, p, &message);
        if (out->len == 0 || p->is_over)
            continue;
        if (fanout_viewer_inject(p->fv, buf_data(out), out->len) != 0)
            return err_new(ERR_LIMIT, "too many responses queued");
        buf_consume(out, out->len);
    }
    return NULL;
}

static MAY_YIELD __attribute__((noinline)) struct err *play_input(struct rtmp_session *session,
                                                                  struct playing *p)
{
    uint8_t data[2048];
    struct err *err = NULL;

    /* Let the stream continue between reads, even if the peer floods. */
    for (int i = 0; i < 8 && err == NULL && !p->is_over; i++) {
        ssize_t got = net_try_read(session->conn, data, sizeof(data));

        if (got == 0)
            return err_new(ERR_CLOSED, "player disconnected");
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

/*
 * Sends the rest of a batch and the last answers: the next request's answers may only follow a
 * whole message. Input from the peer waits until then.
 */
static MAY_YIELD struct err *play_finish(struct rtmp_session *session, struct playing *p)
{
    struct buf *out = rtmp_talk_out(session->talk);
    usec_t deadline = co_deadline(RTMP_ANSWER_TIMEOUT);
    enum fanout_wait wait;
    int events = 0;

    if (fanout_viewer_finish(p->fv, out->len > 0 ? buf_data(out) : NULL, out->len) != 0)
        return err_new(ERR_LIMIT, "too many responses queued");
    buf_consume(out, out->len);
    for (;;) {
        wait = fanout_viewer_pump(p->fv, USEC_NEVER);
        if (wait == FANOUT_ENDED)
            return NULL;
        if (wait == FANOUT_INPUT)
            events = net_wait(session->conn, NET_OUT, co_left(deadline));
        if (wait != FANOUT_INPUT || events <= 0 || (events & NET_HUP))
            return play_broken(session);
    }
}

static MAY_YIELD struct err *play_reopen(struct rtmp_session *session, struct playing *p)
{
    struct err *err;

    if (play_open(session, p) != 0)
        return err_new(ERR_NOMEM, "no memory for a viewer");
    err = rtmp_talk_chunk_size(session->talk, p->chunk_size);
    return err != NULL ? err : play_take(session, p);
}

/* The player has selected other tracks: they start once the message that is being sent is
 * complete. */
static MAY_YIELD __attribute__((noinline)) struct err *play_change(struct rtmp_session *session,
                                                                   struct playing *p)
{
    struct err *err = play_finish(session, p);

    p->is_changing = 0;
    p->is_unfit = 0;
    return err != NULL ? err : play_reopen(session, p);
}

/*
 * The viewer has ended. RTMP marks no end of a response: if the stream has a new publication, the
 * player continues with a new viewer. If no publisher has come back within republish_wait, the
 * player is told that the stream is over.
 */
static MAY_YIELD __attribute__((noinline)) struct err *play_ended(struct rtmp_session *session,
                                                                  struct playing *p)
{
    if (source_state(p->source) != SOURCE_IDLE)
        return play_reopen(session, p);
    p->is_over = 1;
    p->ended = "the stream ended";
    return rtmp_talk_play_over(session->talk);
}

/* No media arrived within standby_timeout. If the stream is published, keep waiting for a
 * keyframe. */
static __attribute__((noinline)) struct err *play_in_vain(struct rtmp_session *session,
                                                          struct playing *p)
{
    const struct stream *stream = source_data(p->source);

    /* Another worker may publish it long before there is anything to fetch. */
    if (!stream->is_ended && (source_state(p->source) == SOURCE_LIVE ||
                              observers_are_elsewhere(session->server, source_key(p->source)))) {
        p->deadline = play_deadline(p);
        return NULL;
    }
    p->is_over = 1;
    p->ended = "stream was not published";
    return rtmp_talk_play_not_found(session->talk, "Nobody publishes this stream");
}

/* The servers of the stream ask each other for it. A server that is believed gets a code of its
 * own, and so tells its viewers. */
static __attribute__((noinline)) struct err *play_looped(struct rtmp_session *session,
                                                         struct playing *p)
{
    p->is_over = 1;
    p->ended = "loop: the servers of this stream request it from each other";
    return via_claim_is_believed(session->claim)
               ? rtmp_talk_play_loop(session->talk, p->ended)
               : rtmp_talk_play_not_found(session->talk, p->ended);
}

static __attribute__((noinline)) struct err *play_far(struct rtmp_session *session,
                                                      struct playing *p)
{
    p->is_over = 1;
    p->ended = "the start is far after the newest frame";
    return rtmp_talk_play_not_found(session->talk, "The start is far after the newest frame");
}

/* Runs the player until its end. The stack stays small, since a parked player keeps it. */
static MAY_YIELD struct err *play_loop(struct rtmp_session *session, struct playing *p)
{
    struct err *err = play_take(session, p);

    rtmp_talk_trim(session->talk);
    while (err == NULL && !p->is_over) {
        switch (fanout_viewer_pump(p->fv, co_left(p->deadline))) {
        case FANOUT_INPUT:
            err = play_input(session, p);
            break;
        case FANOUT_ENDED:
            err = play_ended(session, p);
            break;
        case FANOUT_TIMEOUT:
            err = play_in_vain(session, p);
            break;
        case FANOUT_LOOP:
            err = play_looped(session, p);
            break;
        case FANOUT_FAR:
            err = play_far(session, p);
            break;
        case FANOUT_UNFIT:
            p->is_unfit = 1;
            err = play_reopen(session, p);
            break;
        default:
            err = play_broken(session);
        }
        if (err == NULL && p->is_changing && !p->is_over)
            err = play_change(session, p);
    }
    return err;
}

const char *rtmp_play_wish(const struct rtmp_session *session, const char *param, double start,
                           struct viewer_wish *wish)
{
    char value[16];
    const char *reason = play_wish_parse(param, wish);

    if (session->via != NULL) {
        memset(wish, 0, sizeof(*wish));
        wish->select.is_all = 1; /* another Millrace server: its viewers select there */
        return play_wish_parse_start(param, &wish->start);
    }
    if (reason != NULL)
        return reason;
    if (url_query_get(param, "track", value, sizeof(value)) != 0)
        wish->select.is_all = session->takes_tracks;
    if (wish->start.kind == SOURCE_START_DEFAULT)
        play_wish_rtmp(start, &wish->start);
    return NULL;
}

struct err *rtmp_play_run(struct rtmp_session *session, struct source *source,
                          const struct config_vhost *vhost, const struct viewer_wish *wish,
                          uint32_t stream_id)
{
    struct playing p = {.source = source, .vhost = vhost, .wish = wish, .stream_id = stream_id};
    struct err *err, *unfinished = NULL;

    if (play_open(session, &p) != 0)
        return err_new(ERR_NOMEM, "no memory for a viewer");
    err = rtmp_talk_play_ok(session->talk, stream_id, p.chunk_size, RTMP_ANSWER_TIMEOUT);
    rtmp_peer_log_start(session, "play", source);
    if (err == NULL)
        err = play_loop(session, &p);
    if (err == NULL)
        unfinished = play_finish(session, &p);
    session->entry.viewer = NULL;
    if (p.fv != NULL)
        fanout_viewer_close(p.fv);
    if (err == NULL && p.ended != NULL)
        err = err_new(ERR_CLOSED, "%s", p.ended);
    rtmp_peer_log_end(session, "play", source, err);
    if (p.ended != NULL && unfinished == NULL)
        rtmp_peer_linger(session);
    if (err == NULL)
        return unfinished;
    err_free(unfinished);
    return err;
}
