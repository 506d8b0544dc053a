/*
 * The demultiplexer of a connection with several message streams. It passes each message from the
 * peer to the session of its stream. It reassembles the messages that the sessions send and writes
 * them to the peer whole, so that streams are interleaved between messages. Chunk stream ids are
 * shifted by 8 for each further stream.
 *
 * Both directions are bounded: while a session does not read its messages, nothing more is read
 * from the peer (RTMP has one order for all streams); while the peer does not read, nothing is read
 * from the sessions, whose socket pairs fill up like any connection.
 *
 * Coroutines: the connection's own continues with the first session, each further session has one,
 * each socket pair has one (stream_pump), and one reads and writes the connection (streams_run).
 */
#include "app/rtmp/rtmp_streams.h"

#include "app/core/admission.h"
#include "app/core/log_limit.h"
#include "co/co.h"
#include "proto/rtmp_message.h"
#include "proto/rtmp_mux.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The limit of createStream, and one for a client that starts without asking for an id. */
#define STREAMS_MAX (RTMP_STREAMS_MAX + 1)
/* The chunk size of messages to a session. */
#define STREAM_CHUNK_SIZE 60000
/* The shift of chunk stream ids of further streams; protocol control keeps its id. */
#define CSID_SHIFT   8
#define CSID_CONTROL 2
/* Nothing is read from one side while this many bytes wait for the other. */
#define QUEUE_HIGH ((size_t)64 * 1024)
/* Nothing is read from the peer while this many bytes of answers wait. */
#define ANSWERS_HIGH ((size_t)16 * 1024)
/* The maximum of a message. */
#define MESSAGE_MAX ((size_t)0xffffff)
/* A message in chunks of 60,000 or 128 bytes, and the bytes queued before it. */
#define QUEUE_MAX (2 * MESSAGE_MAX)
#define READ_SIZE ((size_t)32 * 1024)
/* A peer that reads nothing for this long is closed, as in app/stream/fanout.c. */
#define STALL_MAX ((usec_t)120 * USEC_PER_SEC)

/* One message stream: its session at one end of a socket pair, stream_pump() at the other. */
struct stream_slot {
    struct rtmp_streams *streams;
    struct rtmp_session *session; /* the connection's first session, or &own */
    struct rtmp_session own;
    struct net_conn *inner, *outer; /* the ends of the session and of stream_pump() */
    struct rtmp_chunk_in *in;       /* from the session */
    struct buf to;                  /* queued for the session */
    uint8_t *data;                  /* READ_SIZE */
    uint32_t id;
    uint32_t csid_shift;
    enum quota_class class; /* of a further stream */
    uint8_t is_over;        /* its session has ended */
};

struct rtmp_streams {
    struct server *server;
    struct net_conn *conn; /* to the peer */
    struct rtmp_talk *talk;
    struct rtmp_session *first; /* in the connection's coroutine */
    struct buf out;
    uint32_t chunk_size; /* of out */
    uint8_t *data;       /* READ_SIZE */
    struct co_cond changed;
    struct stream_slot *slot[STREAMS_MAX];
    uint8_t is_ending;    /* the server stops, or the first session's coroutine was interrupted */
    uint8_t is_stillborn; /* streams_run() was never started */
    uint8_t is_whole;     /* the streams have ended, but not the connection */
    uint8_t is_over;      /* all streams have ended */
};

/* Wakes streams_run(), whatever it waits for. */
static void streams_wake(struct rtmp_streams *streams)
{
    net_wake_owner(streams->conn);
    co_cond_broadcast(&streams->changed);
}

/* ---- from a session to the peer ---- */

/* Appends a session's message to the output for the peer. */
static struct err *slot_pass(struct stream_slot *slot, struct rtmp_message *message)
{
    struct rtmp_streams *streams = slot->streams;

    /* The connection has its own chunk sizes and acknowledgements. */
    if (message->type < RTMP_AUDIO && message->type != RTMP_USER_CONTROL)
        return NULL;
    if (message->csid > CSID_CONTROL)
        message->csid += slot->csid_shift;
    return rtmp_chunk_write(&streams->out, streams->chunk_size, message) == 0
               ? NULL
               : err_new(ERR_NOMEM, "no memory for a message");
}

static struct err *slot_parse(struct stream_slot *slot, const uint8_t *data, size_t len)
{
    struct rtmp_message message;
    struct err *err = NULL;

    while (err == NULL && len > 0) {
        size_t used = 0;
        enum scan scan = rtmp_chunk_in_feed(slot->in, data, len, &used, &message);

        if (scan == SCAN_BAD)
            return err_new(ERR_PROTO, "chunk stream: %s", rtmp_chunk_in_reason(slot->in));
        data += used;
        len -= used;
        if (scan == SCAN_MORE)
            return NULL;
        err = slot_pass(slot, &message);
    }
    return err;
}

/* Sets the chunk size of what the session sends. */
static struct err *slot_expect(struct stream_slot *slot, uint32_t chunk_size)
{
    struct buf told;
    struct err *err = NULL;

    buf_init(&told, 64);
    if (rtmp_message_control_write(&told, RTMP_SET_CHUNK_SIZE, chunk_size) != 0)
        err = err_new(ERR_NOMEM, "no memory for a message stream");
    else
        err = slot_parse(slot, buf_data(&told), told.len);
    buf_fini(&told);
    return err;
}

/* Reads from the session. 1: more may come; 0: the session has closed its end. */
static int slot_take(struct stream_slot *slot)
{
    struct err *err;
    ssize_t got = 0;

    while (slot->streams->out.len < QUEUE_HIGH) {
        got = net_try_read(slot->outer, slot->data, READ_SIZE);
        if (got <= 0)
            break;
        err = slot_parse(slot, slot->data, (size_t)got);
        net_wake_owner(slot->streams->conn);
        if (err == NULL)
            continue;
        log_warn(slot->streams->server->log, "RTMP message stream %u: %s", slot->id, err_text(err));
        err_free(err);
        return 0;
    }
    return got > 0 || (got < 0 && errno == EAGAIN) || slot->streams->out.len >= QUEUE_HIGH;
}

/* ---- from the peer to a session ---- */

/* Writes to the session as much as it accepts; drops all if it has closed its end. */
static void slot_give(struct stream_slot *slot)
{
    int was_full = slot->to.len >= QUEUE_HIGH;

    while (slot->to.len > 0) {
        struct iovec iov = {buf_data(&slot->to), slot->to.len};
        ssize_t sent = net_try_writev(slot->outer, &iov, 1);

        if (sent < 0 && errno == EAGAIN)
            break;
        buf_consume(&slot->to, sent < 0 ? slot->to.len : (size_t)sent);
    }
    if (slot->to.len == 0)
        buf_reset(&slot->to);
    if (was_full && slot->to.len < QUEUE_HIGH)
        streams_wake(slot->streams);
}

static struct err *slot_append(struct stream_slot *slot, const struct rtmp_message *message)
{
    if (rtmp_chunk_write(&slot->to, STREAM_CHUNK_SIZE, message) != 0)
        return err_new(ERR_NOMEM, "no memory for a message");
    net_wake_owner(slot->outer);
    return NULL;
}

/* ---- life cycle of a message stream ---- */

static void slot_free(struct stream_slot *slot)
{
    if (slot == NULL)
        return;
    rtmp_chunk_in_free(slot->in);
    buf_fini(&slot->to);
    net_free(slot->outer);
    if (slot->session == &slot->own) {
        rtmp_talk_free(slot->own.talk);
        net_free(slot->inner);
    }
    free(slot->data);
    free(slot);
}

/* Creates both ends, and a conversation at the inner one. The caller sets the session. */
static struct err *slot_new(struct rtmp_streams *streams, uint32_t id, struct stream_slot **out)
{
    struct rtmp_chunk_limits limits = {
        .message_max = MESSAGE_MAX, .streams_max = 64, .pending_max = 2 * MESSAGE_MAX};
    struct stream_slot *slot = calloc(1, sizeof(*slot));
    struct err *err;

    *out = slot;
    if (slot == NULL)
        return err_new(ERR_NOMEM, "no memory for a message stream");
    slot->streams = streams;
    slot->session = &slot->own;
    slot->id = id;
    buf_init(&slot->to, QUEUE_MAX);
    slot->data = malloc(READ_SIZE);
    slot->in = rtmp_chunk_in_new(&limits);
    err = net_pair(&slot->inner, &slot->outer);
    if (err != NULL)
        return err;
    memcpy(slot->inner->ip, streams->conn->ip, sizeof(slot->inner->ip));
    slot->inner->port = streams->conn->port;
    slot->own.talk = rtmp_talk_fork(streams->talk, &slot->inner->io, id);
    if (slot->data == NULL || slot->in == NULL || slot->own.talk == NULL ||
        rtmp_message_control_write(&slot->to, RTMP_SET_CHUNK_SIZE, STREAM_CHUNK_SIZE) != 0)
        return err_new(ERR_NOMEM, "no memory for a message stream");
    return slot_expect(slot, streams->chunk_size);
}

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

static void streams_remove(struct stream_slot *slot)
{
    struct rtmp_streams *streams = slot->streams;

    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] == slot)
            streams->slot[i] = NULL;
    if (slot->session == &slot->own)
        admission_leave_more(streams->server, slot->class);
    slot_free(slot);
    streams_wake(streams);
}

/* Waits until there is something to move. After a hangup, a wait for the socket would return at
 * once. */
static MAY_YIELD void slot_wait(struct stream_slot *slot)
{
    int is_full = slot->streams->out.len >= QUEUE_HIGH;

    if (is_full && (slot->outer->ready & NET_HUP))
        (void)co_cond_wait(&slot->streams->changed, USEC_NEVER);
    else
        (void)net_wait(slot->outer, (is_full ? 0 : NET_IN) | (slot->to.len > 0 ? NET_OUT : 0),
                       USEC_NEVER);
}

/* A socket pair's coroutine: moves bytes until the session has closed its end, then frees both. */
static MAY_YIELD void stream_pump(void *arg)
{
    struct stream_slot *slot = arg;

    while (slot_take(slot)) {
        slot_give(slot);
        slot_wait(slot);
    }
    io_close(&slot->outer->io);
    while (!slot->is_over)
        (void)co_cond_wait(&slot->streams->changed, USEC_NEVER);
    streams_remove(slot);
}

static MAY_YIELD void stream_session(void *arg)
{
    struct stream_slot *slot = arg;
    struct rtmp_streams *streams = slot->streams;

    slot->own.serve(&slot->own);
    io_close(&slot->inner->io);
    slot->is_over = 1;
    co_cond_broadcast(&streams->changed);
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

/* Copies the first session's settings to a further session. */
static void slot_adopt(struct stream_slot *slot, const struct rtmp_session *first)
{
    slot->own.server = first->server;
    slot->own.conn = slot->inner;
    slot->own.config = first->config;
    slot->own.tc_url = first->tc_url;
    slot->own.app = first->app;
    slot->own.page_url = first->page_url;
    slot->own.swf_url = first->swf_url;
    slot->own.via = first->via;
    slot->own.takes_tracks = first->takes_tracks;
    slot->own.streams = slot->streams;
    slot->own.serve = first->serve;
}

/* Starts the coroutines of a stream: 0, or -1 if the caller still owns the slot. */
static int slot_start(struct stream_slot *slot)
{
    if (co_spawn(stream_pump, slot) == NULL)
        return -1;
    if (slot->session == &slot->own && co_spawn(stream_session, slot) == NULL) {
        io_close(&slot->inner->io);
        slot->is_over = 1;
    }
    return 0;
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
    err = slot_new(streams, routed->stream_id, &slot);
    if (err == NULL) {
        slot->class = class;
        slot->csid_shift = (uint32_t)(place - streams->slot) * CSID_SHIFT;
        slot_adopt(slot, streams->first);
        if (slot_start(slot) == 0) {
            *place = slot;
            return slot;
        }
        err = err_new(ERR_NOMEM, "no memory for a coroutine");
    }
    *why = "too many message streams";
    log_warn(streams->server->log, "RTMP message stream %u: %s", routed->stream_id, err_text(err));
    err_free(err);
    slot_free(slot);
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
    return slot_append(slot, message);
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
    struct err *err = slot_new(streams, rtmp_talk_stream(session->talk), &slot);

    if (err == NULL && co_spawn(stream_pump, slot) == NULL)
        err = err_new(ERR_NOMEM, "no memory for a coroutine");
    if (err != NULL) {
        slot_free(slot);
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
