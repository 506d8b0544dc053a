/*
 * One RTMP player. Two directions share the connection: the fan-out sends the
 * stream, shared bytes that this coroutine only sees when the socket blocks; and
 * what the player says is answered between two of its batches.
 */
#include "app/rtmp_session_private.h"

#include "app/fanout.h"
#include "co/co.h"
#include "live/viewer.h"
#include "proto/rtmp_mux.h"
#include "proto/url.h"

#include <errno.h>
#include <string.h>

struct playing {
    struct source *source;
    const struct config_vhost *vhost;
    const struct source_select *select;
    struct fanout_viewer *fv;
    uint32_t chunk_size; /* of the bytes that the fan-out sends */
    uint8_t is_over;     /* the peer ended it */
};

static __attribute__((noinline)) int play_open(struct rtmp_session *session, struct playing *p)
{
    struct fanout_viewer_opts opts = {.vhost = p->vhost, .framing = FANOUT_RAW};
    struct viewer *viewer =
        viewer_open_tracks(p->source, &rtmp_mux, SOURCE_BOTH, p->select, clock_now());

    p->chunk_size = viewer != NULL ? viewer_chunk_size(viewer) : 0;
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

/* Another viewer in the place of one whose stream has ended. */
static __attribute__((noinline)) struct err *play_again(struct rtmp_session *session,
                                                        struct playing *p)
{
    struct err *err;

    if (play_open(session, p) != 0)
        return err_new(ERR_NOMEM, "no memory for a viewer");
    err = rtmp_talk_chunk_size(session->talk, p->chunk_size);
    return err != NULL ? err : play_take(session, p);
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
            err = play_again(session, p);
            break;
        default:
            err = play_broken(session);
        }
    }
    return err;
}

/*
 * Sends what is left of a batch and the last answers: the next request's may only
 * follow a whole message. What comes from the peer meanwhile waits.
 */
static struct err *play_finish(struct rtmp_session *session, struct playing *p)
{
    struct buf *out = rtmp_talk_out(session->talk);
    usec_t deadline = co_deadline(RTMP_ANSWER_TIMEOUT);
    enum fanout_wait wait;
    int events = 0;

    if (fanout_viewer_finish(p->fv, out->len > 0 ? buf_data(out) : NULL, out->len) != 0)
        return err_new(ERR_LIMIT, "too many answers wait to be sent");
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

int rtmp_play_tracks(const struct rtmp_session *session, const char *param,
                     struct source_select *select)
{
    char value[16];

    memset(select, 0, sizeof(*select));
    if (session->relay != NULL) {
        select->is_all = 1; /* what its viewers ask for is decided there */
        return 0;
    }
    if (url_query_get(param, "track", value, sizeof(value)) == 0)
        return source_select_parse(select, value);
    select->is_all = session->takes_tracks;
    return 0;
}

struct err *rtmp_play_run(struct rtmp_session *session, struct source *source,
                          const struct config_vhost *vhost, const struct source_select *select,
                          uint32_t stream_id)
{
    struct playing p = {.source = source, .vhost = vhost, .select = select};
    struct err *err, *unfinished = NULL;

    if (play_open(session, &p) != 0)
        return err_new(ERR_NOMEM, "no memory for a viewer");
    err = rtmp_talk_play_ok(session->talk, stream_id, p.chunk_size, RTMP_ANSWER_TIMEOUT);
    rtmp_session_log(session, "play", source);
    if (err == NULL)
        err = play_loop(session, &p);
    if (err == NULL)
        unfinished = play_finish(session, &p);
    if (p.fv != NULL)
        fanout_viewer_close(p.fv);
    rtmp_session_log_end(session, "play", source, err);
    return err != NULL ? err : unfinished;
}
