/*
 * The demultiplexer of a connection with several message streams. It passes each message from the
 * peer to the session of its stream, and writes the messages of the sessions (rtmp_streams_slot.c)
 * to the peer whole, so that streams are interleaved between messages. Chunk stream ids are shifted
 * by CSID_SHIFT for each further stream.
 *
 * Both directions are bounded: while a session does not read its messages, nothing more is read
 * from the peer (RTMP has one order for all streams); while the peer does not read, nothing is read
 * from the sessions, whose socket pairs fill up like any connection.
 *
 * Coroutines: the connection's own continues with the first session, each further session has one,
 * each socket pair has one, its pump, and one reads and writes the connection (streams_run).
 */
#include "app/rtmp/rtmp_streams_private.h"

#include "app/core/admission.h"
#include "app/core/log_limit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nothing is read from the peer while this many bytes of answers wait. */
#define ANSWERS_HIGH ((size_t)16 * 1024)
/* A peer that reads nothing for this long is closed, as in app/stream/fanout.c. */
#define STALL_MAX ((usec_t)120 * USEC_PER_SEC)

static struct stream_slot **streams_place(struct rtmp_streams *streams)
{
    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] == NULL)
            return &streams->slot[i];
    return NULL;
}

static int streams_are_gone(const struct rtmp_streams *streams)
{
    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] != NULL)
            return 0;
    return 1;
}

/* ---- routing ---- */

static struct stream_slot *streams_find(const struct rtmp_streams *streams, uint32_t id)
{
    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] != NULL && streams->slot[i]->id == id)
            return streams->slot[i];
    return NULL;
}

static int slot_publishes(const struct stream_slot *slot)
{
    return slot != NULL && !slot->is_over && slot->session->entry.source != NULL &&
           slot->session->entry.is_publisher;
}

/* The stream that publishes this name; if there is none, the only stream that publishes. */
static struct stream_slot *streams_named(const struct rtmp_streams *streams, const char *name)
{
    struct stream_slot *only = NULL;
    int count = 0;

    for (int i = 0; i < STREAMS_MAX; i++) {
        struct stream_slot *slot = streams->slot[i];

        if (!slot_publishes(slot))
            continue;
        if (name[0] != '\0' &&
            strcmp(strrchr(source_key(slot->session->entry.source), '/') + 1, name) == 0)
            return slot;
        only = slot;
        count++;
    }
    return count == 1 ? only : NULL;
}

/* Creates a session for a message stream that has none: its slot, or NULL with *why. */
static struct stream_slot *streams_open(struct rtmp_streams *streams,
                                        const struct rtmp_routed *routed, const char **why)
{
    enum quota_class class = routed->is_publish ? QUOTA_PUBLISHER : QUOTA_VIEWER;
    struct stream_slot **place = streams_place(streams);
    struct stream_slot *slot = NULL;
    struct err *err;

    *why = "message stream was not created with createStream";
    if (!routed->is_created || place == NULL)
        return NULL;
    *why = admission_enter_more(streams->server, class);
    if (*why != NULL)
        return NULL;
    err = rtmp_streams_slot_new(streams, routed->stream_id, &slot);
    if (err == NULL) {
        slot->class = class;
        slot->csid_shift = (uint32_t)(place - streams->slot) * CSID_SHIFT;
        rtmp_streams_slot_adopt(slot, streams->first);
        if (rtmp_streams_slot_start(slot, 1) == 0) {
            *place = slot;
            return slot;
        }
        err = err_new(ERR_NOMEM, "no memory for a coroutine");
    }
    *why = "too many message streams";
    log_warn(streams->server->log, "RTMP message stream %u: %s", routed->stream_id, err_text(err));
    err_free(err);
    rtmp_streams_slot_free(slot);
    admission_leave_more(streams->server, class);
    return NULL;
}

/* Passes a message to its session. */
static struct err *streams_dispatch(struct rtmp_streams *streams,
                                    const struct rtmp_message *message,
                                    const struct rtmp_routed *routed)
{
    struct stream_slot *slot = NULL;
    const char *why;

    if (routed->kind == RTMP_ROUTE_NONE)
        return NULL;
    slot = routed->kind == RTMP_ROUTE_NAME ? streams_named(streams, routed->name)
                                           : streams_find(streams, routed->stream_id);
    if (slot == NULL && routed->kind == RTMP_ROUTE_OPEN) {
        slot = streams_open(streams, routed, &why);
        if (slot == NULL)
            return rtmp_talk_route_refuse(streams->talk, routed, why);
    }
    if (slot == NULL)
        return rtmp_talk_route_none(streams->talk, message);
    return rtmp_streams_slot_append(slot, message);
}

/* ---- the connection ---- */

/* Whether to stop reading from the peer: it does not read its answers, a session has a full queue,
 * or a session is about to end, whose message stream the next message may open again. */
static int streams_must_wait(const struct rtmp_streams *streams)
{
    if (rtmp_talk_out(streams->talk)->len >= ANSWERS_HIGH)
        return 1;
    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] != NULL &&
            (streams->slot[i]->is_over || streams->slot[i]->to.len >= QUEUE_HIGH))
            return 1;
    return 0;
}

/* Puts the conversation's own answers between the sessions' messages, unless the queue is full. */
static struct err *streams_answer(struct rtmp_streams *streams)
{
    struct buf *answers = rtmp_talk_out(streams->talk);

    if (answers->len == 0 || streams->out.len >= QUEUE_HIGH)
        return NULL;
    if (buf_append(&streams->out, buf_data(answers), answers->len) != 0)
        return err_new(ERR_NOMEM, "no memory for an answer");
    buf_consume(answers, answers->len);
    return NULL;
}

/* Parses and dispatches messages from the input. *more: there may be further ones. */
static struct err *streams_route(struct rtmp_streams *streams, int *more)
{
    struct rtmp_message message;
    struct rtmp_routed routed;
    struct err *err = NULL;
    int has_media = 0;

    for (int i = 0; i < STREAMS_MAX; i++)
        has_media |= slot_publishes(streams->slot[i]);
    rtmp_talk_route_limit(streams->talk, has_media);
    *more = 1;
    while (err == NULL && *more && !streams_must_wait(streams)) {
        err = rtmp_talk_route(streams->talk, &message, &routed, more);
        if (err == NULL && *more)
            err = streams_dispatch(streams, &message, &routed);
        if (err == NULL)
            err = streams_answer(streams);
    }
    return err;
}

/* Reads from the peer. *is_held: its next bytes must wait. */
static MAY_YIELD struct err *streams_read(struct rtmp_streams *streams, int *is_held)
{
    struct err *err = streams_route(streams, is_held);
    ssize_t got;

    while (err == NULL && !*is_held) {
        got = net_try_read(streams->conn, streams->data, READ_SIZE);
        if (got == 0)
            return err_new(ERR_CLOSED, "peer closed the connection");
        if (got < 0)
            return errno == EAGAIN ? NULL : err_sys(errno, "read");
        err = rtmp_talk_feed(streams->talk, streams->data, (size_t)got);
        if (err == NULL)
            err = streams_route(streams, is_held);
        co_fair();
    }
    return err;
}

static struct err *streams_write(struct rtmp_streams *streams)
{
    int was_full = streams->out.len >= QUEUE_HIGH;

    while (streams->out.len > 0) {
        struct iovec iov = {buf_data(&streams->out), streams->out.len};
        ssize_t sent = net_try_writev(streams->conn, &iov, 1);

        if (sent < 0 && errno != EAGAIN)
            return err_sys(errno, "write");
        if (sent < 0)
            break;
        buf_consume(&streams->out, (size_t)sent);
    }
    if (!was_full || streams->out.len >= QUEUE_HIGH)
        return NULL;
    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] != NULL)
            net_wake_owner(streams->slot[i]->outer);
    co_cond_broadcast(&streams->changed);
    return NULL;
}

static MAY_YIELD struct err *streams_wait(struct rtmp_streams *streams, int is_held)
{
    usec_t timeout =
        streams->out.len > 0 ? co_left(streams->conn->last_out + STALL_MAX) : USEC_NEVER;
    int events = (is_held ? 0 : NET_IN) | (streams->out.len > 0 ? NET_OUT : 0);

    if (timeout == 0)
        return err_new(ERR_TIMEOUT, "peer does not read");
    /* After a hangup, a wait for the socket would return at once. The input that arrived before it
     * must still be read, but no output can be delivered. */
    if (is_held && (streams->conn->ready & NET_HUP) && streams->out.len >= QUEUE_HIGH)
        return err_new(ERR_CLOSED, "peer closed the connection");
    if (is_held && (streams->conn->ready & NET_HUP))
        (void)co_cond_wait(&streams->changed, USEC_NEVER);
    else
        (void)net_wait(streams->conn, events, timeout);
    return NULL;
}

/* Ends the remaining streams, waits for them, and sets is_over. */
static MAY_YIELD void streams_finish(struct rtmp_streams *streams)
{
    buf_reset(&streams->out); /* do not wait until it is sent */
    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] != NULL)
            io_close(&streams->slot[i]->outer->io);
    co_cond_broadcast(&streams->changed);
    while (!streams_are_gone(streams))
        if (co_cond_wait(&streams->changed, USEC_NEVER) == CO_INTERRUPTED)
            co_forget_interrupt();
    streams->is_over = 1;
    co_cond_broadcast(&streams->changed);
}

/* The coroutine of the connection while it has several streams: ends with the last of them. */
static MAY_YIELD void streams_run(void *arg)
{
    struct rtmp_streams *streams = arg;
    struct err *err = NULL;
    int is_held = 0;

    while (err == NULL && !streams->is_ending) {
        err = streams_read(streams, &is_held);
        if (err == NULL)
            err = streams_write(streams);
        if (err == NULL)
            err = streams_answer(streams);
        if (err == NULL && streams_are_gone(streams) && streams->out.len == 0)
            break;
        if (err == NULL)
            err = streams_wait(streams, is_held);
    }
    streams->is_whole = err == NULL && !streams->is_ending;
    if (err != NULL)
        log_peer_err(streams->server, err_is_quiet(err) ? LOG_INFO : LOG_WARN, "RTMP error",
                     streams->conn->ip, err, "RTMP from %s: %s", streams->conn->ip, err_text(err));
    err_free(err);
    streams_finish(streams);
}

static void streams_free(struct rtmp_streams *streams)
{
    rtmp_talk_free(streams->talk);
    buf_fini(&streams->out);
    co_cond_fini(&streams->changed);
    free(streams->data);
    free(streams);
}

/* The demultiplexer of the session's connection; the session keeps its talk. NULL if out of
 * memory. */
static struct rtmp_streams *streams_new(struct rtmp_session *session)
{
    struct rtmp_streams *streams = calloc(1, sizeof(*streams));
    struct err *err;

    if (streams == NULL)
        return NULL;
    err = co_cond_init(&streams->changed);
    streams->data = malloc(READ_SIZE);
    if (err == NULL && streams->data != NULL) {
        streams->server = session->server;
        streams->conn = session->conn;
        streams->first = session;
        streams->talk = session->talk;
        streams->chunk_size = rtmp_talk_chunk_out(session->talk);
        buf_init(&streams->out, QUEUE_MAX);
        return streams;
    }
    if (err == NULL)
        co_cond_fini(&streams->changed);
    err_free(err);
    free(streams->data);
    free(streams);
    return NULL;
}

/* Moves the first session to a slot: it gets the slot's inner end and conversation. */
static struct err *streams_take_over(struct rtmp_streams *streams)
{
    struct rtmp_session *session = streams->first;
    struct stream_slot *slot;
    struct err *err = rtmp_streams_slot_new(streams, rtmp_talk_stream(session->talk), &slot);

    if (err == NULL && rtmp_streams_slot_start(slot, 0) != 0)
        err = err_new(ERR_NOMEM, "no memory for a coroutine");
    if (err != NULL) {
        rtmp_streams_slot_free(slot);
        return err;
    }
    slot->inner->bytes_in = session->conn->bytes_in;
    slot->inner->bytes_out = session->conn->bytes_out;
    session->conn = slot->inner;
    session->talk = slot->own.talk;
    session->entry.conn = slot->inner;
    session->streams = streams;
    slot->own.talk = NULL;
    slot->session = session;
    streams->slot[0] = slot;
    return NULL;
}

struct err *rtmp_streams_split(struct rtmp_session *session, const struct rtmp_message *message)
{
    struct rtmp_streams *streams = streams_new(session);
    struct rtmp_routed routed;
    struct err *err;

    assert(session->streams == NULL);
    if (streams == NULL)
        return err_new(ERR_NOMEM, "no memory for several message streams");
    err = streams_take_over(streams);
    if (err != NULL) {
        streams->talk = NULL; /* the session still owns it */
        streams_free(streams);
        return err;
    }
    /* A connection with several streams no longer counts as a waiting one. */
    if (!session->entry.is_publisher)
        (void)admission_play(streams->server, streams->conn, 1);
    err = rtmp_talk_route_message(streams->talk, message, &routed);
    if (err == NULL)
        err = streams_dispatch(streams, message, &routed);
    if (err == NULL)
        err = streams_answer(streams);
    /* Only now: message may point into the input buffer. */
    if (err == NULL)
        err = rtmp_talk_keep(streams->talk);
    if (err == NULL && co_spawn(streams_run, streams) == NULL)
        err = err_new(ERR_NOMEM, "no memory for a coroutine");
    if (err != NULL)
        streams->is_stillborn = 1;
    return err;
}

size_t rtmp_streams_pending(const struct rtmp_session *session)
{
    const struct rtmp_streams *streams = session->streams;
    size_t shared = streams != NULL ? rtmp_talk_pending(streams->talk) + streams->out.len : 0;

    for (int i = 0; streams != NULL && i < STREAMS_MAX; i++) {
        const struct stream_slot *slot = streams->slot[i];

        if (slot != NULL && slot->session == session)
            return slot->to.len + shared;
        if (slot_publishes(slot))
            shared = 0;
    }
    return 0;
}

void rtmp_streams_end(struct rtmp_session *session)
{
    struct rtmp_streams *streams = session->streams;
    struct net_conn *inner = session->conn;
    int is_whole;

    if (streams == NULL)
        return;
    io_close(&inner->io);
    streams->slot[0]->is_over = 1;
    co_cond_broadcast(&streams->changed);
    if (streams->is_stillborn)
        streams_finish(streams);
    while (!streams->is_over) {
        if (co_cond_wait(&streams->changed, USEC_NEVER) != CO_INTERRUPTED)
            continue;
        co_forget_interrupt(); /* end the other streams now, and wait for them */
        streams->is_ending = 1;
        net_wake_owner(streams->conn);
    }
    session->conn = streams->conn;
    rtmp_talk_free(session->talk);
    session->talk = NULL;
    session->streams = NULL;
    is_whole = streams->is_whole;
    net_free(inner);
    streams_free(streams);
    if (is_whole)
        rtmp_peer_linger(session);
}
