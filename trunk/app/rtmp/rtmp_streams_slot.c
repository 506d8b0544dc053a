/*
 * One of several message streams of a connection: a socket pair with its session at one end and a
 * pump at the other. The pump reassembles the messages that the session sends and appends them to
 * the connection's output; it sends the session what the connection has queued for it.
 */
#include "app/rtmp/rtmp_streams_private.h"

#include "app/core/admission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The chunk size of messages to a session. */
#define STREAM_CHUNK_SIZE 60000
/* Protocol control has this chunk stream id on every stream. */
#define CSID_CONTROL 2

/* Wakes the coroutine of the connection, whatever it waits for. */
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
    struct buf message;
    struct err *err = NULL;

    buf_init(&message, 64);
    if (rtmp_message_control_write(&message, RTMP_SET_CHUNK_SIZE, chunk_size) != 0)
        err = err_new(ERR_NOMEM, "no memory for a message stream");
    else
        err = slot_parse(slot, buf_data(&message), message.len);
    buf_fini(&message);
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

struct err *rtmp_streams_slot_append(struct stream_slot *slot, const struct rtmp_message *message)
{
    if (rtmp_chunk_write(&slot->to, STREAM_CHUNK_SIZE, message) != 0)
        return err_new(ERR_NOMEM, "no memory for a message");
    net_wake_owner(slot->outer);
    return NULL;
}

/* ---- life cycle of a message stream ---- */

void rtmp_streams_slot_free(struct stream_slot *slot)
{
    if (slot == NULL)
        return;
    rtmp_chunk_in_free(slot->in);
    buf_fini(&slot->to);
    net_free(slot->outer);
    if (slot->session == &slot->own) {
        rtmp_talk_free(slot->own.talk);
        net_free(slot->inner);
        config_unref(slot->own.config);
    }
    free(slot->data);
    free(slot);
}

struct err *rtmp_streams_slot_new(struct rtmp_streams *streams, uint32_t id,
                                  struct stream_slot **out)
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

static void slot_remove(struct stream_slot *slot)
{
    struct rtmp_streams *streams = slot->streams;

    for (int i = 0; i < STREAMS_MAX; i++)
        if (streams->slot[i] == slot)
            streams->slot[i] = NULL;
    if (slot->session == &slot->own)
        admission_leave_more(streams->server, slot->class);
    rtmp_streams_slot_free(slot);
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
static MAY_YIELD void slot_pump(void *arg)
{
    struct stream_slot *slot = arg;

    while (slot_take(slot)) {
        slot_give(slot);
        slot_wait(slot);
    }
    io_close(&slot->outer->io);
    while (!slot->is_over)
        (void)co_cond_wait(&slot->streams->changed, USEC_NEVER);
    slot_remove(slot);
}

static MAY_YIELD void slot_session(void *arg)
{
    struct stream_slot *slot = arg;
    struct rtmp_streams *streams = slot->streams;

    slot->own.serve(&slot->own);
    permit_end_all(&slot->own.conn_permits, slot->inner->bytes_in, slot->inner->bytes_out);
    io_close(&slot->inner->io);
    slot->is_over = 1;
    co_cond_broadcast(&streams->changed);
}

void rtmp_streams_slot_adopt(struct stream_slot *slot, const struct rtmp_session *first)
{
    slot->own.server = first->server;
    slot->own.conn = slot->inner;
    slot->own.config = config_ref(first->config);
    slot->own.tc_url = first->tc_url;
    slot->own.app = first->app;
    slot->own.page_url = first->page_url;
    slot->own.swf_url = first->swf_url;
    slot->own.via = first->via;
    slot->own.takes_tracks = first->takes_tracks;
    slot->own.streams = slot->streams;
    slot->own.serve = first->serve;
}

int rtmp_streams_slot_start(struct stream_slot *slot, int has_session)
{
    if (co_spawn(slot_pump, slot) == NULL)
        return -1;
    if (has_session && co_spawn(slot_session, slot) == NULL) {
        io_close(&slot->inner->io);
        slot->is_over = 1;
    }
    return 0;
}
