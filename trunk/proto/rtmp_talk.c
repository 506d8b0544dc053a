/*
 * The RTMP conversation, what both sides do alike: reading messages within a
 * deadline, protocol control (Adobe's RTMP specification 1.0, section 5.4),
 * acknowledgements, aggregates (7.1.6). The server's calls are in
 * rtmp_talk_server.c, the client's in rtmp_talk_client.c.
 *
 * The read buffer is made when something is to be read, and is of the size
 * that the moment needs: small for a few commands, large for a publisher's
 * media (a read then holds whole messages, which are handed out uncopied),
 * none for a player that is parked.
 */
#include "proto/rtmp_talk.h"

#include "proto/rtmp_talk_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define READ_SMALL  ((size_t)4 * 1024)
#define READ_MEDIA  ((size_t)64 * 1024)
#define STREAMS_MAX 64
#define LENGTH_MAX  ((size_t)0xffffff) /* a header cannot announce more */
/* Unfinished messages of all chunk streams: one as large as allowed, and some more. */
#define PENDING_SLACK ((size_t)1024 * 1024)
/* The longest message of a peer that publishes nothing: commands are much shorter. */
#define COMMAND_MAX ((size_t)64 * 1024)
/* Answers beyond this are sent before more messages are taken. */
#define OUT_HIGH ((size_t)16 * 1024)
/* The least we announce: then no protocol control message is ever cut. */
#define CHUNK_OUT_MIN 128

struct rtmp_talk *rtmp_talk_new(struct io *io, const struct rtmp_talk_config *config)
{
    struct rtmp_talk *talk = calloc(1, sizeof(*talk));
    struct rtmp_chunk_limits limits = {
        .message_max = COMMAND_MAX, .streams_max = STREAMS_MAX, .pending_max = 2 * COMMAND_MAX};

    assert(io != NULL && config->server != NULL && config->version != NULL && config->id != NULL);
    if (talk == NULL)
        return NULL;
    talk->in = rtmp_chunk_in_new(&limits);
    if (talk->in == NULL) {
        free(talk);
        return NULL;
    }
    talk->io = io;
    talk->config = *config;
    talk_limit(talk, 0);
    rtmp_talk_set_sizes(talk, config->chunk_size, config->out_ack_size, 0);
    talk->chunk_out = CHUNK_OUT_MIN; /* the protocol's default until we say otherwise */
    talk->rd_want = READ_SMALL;
    buf_init(&talk->out, TALK_OUT_MAX);
    return talk;
}

void talk_limit(struct rtmp_talk *talk, int has_media)
{
    size_t most = talk->config.message_max < LENGTH_MAX ? talk->config.message_max : LENGTH_MAX;

    if (!has_media && most > COMMAND_MAX)
        most = COMMAND_MAX;
    rtmp_chunk_in_limit(talk->in, most, most + (has_media ? PENDING_SLACK : COMMAND_MAX));
}

void rtmp_talk_free(struct rtmp_talk *talk)
{
    if (talk == NULL)
        return;
    rtmp_chunk_in_free(talk->in);
    buf_fini(&talk->out);
    free(talk->rd);
    free(talk->name);
    free(talk->redirect);
    free(talk->refusal);
    free(talk);
}

void rtmp_talk_set_sizes(struct rtmp_talk *talk, uint32_t chunk_size, uint32_t out_ack_size,
                         uint32_t in_ack_size)
{
    talk->config.chunk_size = chunk_size < CHUNK_OUT_MIN ? CHUNK_OUT_MIN : chunk_size;
    talk->config.out_ack_size = out_ack_size;
    talk->own_window = in_ack_size;
}

uint64_t rtmp_talk_bytes_in(const struct rtmp_talk *talk)
{
    return talk->bytes_in;
}

size_t rtmp_talk_pending(const struct rtmp_talk *talk)
{
    return rtmp_chunk_in_pending(talk->in);
}

int rtmp_talk_is_drained(const struct rtmp_talk *talk)
{
    return talk->fed_len == 0 && !talk->has_held && bytes_left(&talk->aggregate.left) == 0;
}

struct buf *rtmp_talk_out(struct rtmp_talk *talk)
{
    return &talk->out;
}

void rtmp_talk_trim(struct rtmp_talk *talk)
{
    if (talk->fed_len == 0) {
        free(talk->rd);
        talk->rd = NULL;
        talk->rd_cap = 0;
        talk->fed = NULL;
    }
    talk->rd_want = READ_SMALL;
    if (!talk->has_request) {
        free(talk->name);
        talk->name = NULL;
    }
    if (talk->out.len == 0)
        buf_reset(&talk->out);
}

/* ---- waiting ---- */

struct talk_wait talk_wait_start(const struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = {timeout, USEC_NEVER};

    if (talk->config.now != NULL && timeout >= 0)
        wait.at = talk->config.now() + timeout;
    return wait;
}

struct err *talk_wait_left(const struct rtmp_talk *talk, const struct talk_wait *wait, usec_t *left)
{
    usec_t until;

    *left = wait->timeout;
    if (wait->at == USEC_NEVER)
        return NULL;
    until = wait->at - talk->config.now();
    if (until <= 0)
        return err_new(ERR_TIMEOUT, "the deadline of %lld ms is over",
                       (long long)(wait->timeout / USEC_PER_MS));
    if (*left < 0 || until < *left)
        *left = until;
    return NULL;
}

struct err *talk_read_exactly(struct rtmp_talk *talk, uint8_t *data, size_t len,
                              const struct talk_wait *wait)
{
    size_t done = 0;

    while (done < len) {
        size_t got = 0;
        usec_t left;
        struct err *err = talk_wait_left(talk, wait, &left);

        if (err == NULL)
            err = io_read(talk->io, data + done, len - done, &got, left);
        if (err != NULL)
            return err;
        done += got;
        talk->bytes_in += got;
    }
    return NULL;
}

struct err *talk_flush(struct rtmp_talk *talk, const struct talk_wait *wait)
{
    struct err *err;
    usec_t left;

    if (talk->out.len == 0)
        return NULL;
    err = talk_wait_left(talk, wait, &left);
    if (err == NULL)
        err = io_write(talk->io, buf_data(&talk->out), talk->out.len, left);
    if (err != NULL)
        return err;
    buf_consume(&talk->out, talk->out.len);
    return NULL;
}

struct err *rtmp_talk_flush(struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = talk_wait_start(talk, timeout);

    return talk_flush(talk, &wait);
}

/* ---- bytes to messages ---- */

/* 5.4.3. The number is of all bytes so far and wraps at 2^32. */
static struct err *talk_received(struct rtmp_talk *talk, size_t n)
{
    uint32_t window = talk->own_window > 0 ? talk->own_window : talk->peer_window;
    uint64_t due = (uint64_t)window / 2 + 1;

    talk->bytes_in += n;
    if (window == 0 || talk->bytes_in - talk->bytes_acked < due)
        return NULL;
    talk->bytes_acked = talk->bytes_in;
    return talk_written(rtmp_control_write(&talk->out, RTMP_ACK, (uint32_t)talk->bytes_in));
}

static struct err *talk_fill(struct rtmp_talk *talk, const struct talk_wait *wait)
{
    struct err *err;
    size_t got = 0;
    usec_t left;

    assert(talk->fed_len == 0);
    if (talk->rd == NULL || talk->rd_cap < talk->rd_want) {
        free(talk->rd);
        talk->rd_cap = talk->rd_want;
        talk->rd = malloc(talk->rd_cap);
        if (talk->rd == NULL)
            return err_new(ERR_NOMEM, "no memory for a read buffer");
    }
    err = talk_wait_left(talk, wait, &left);
    if (err == NULL)
        err = io_read(talk->io, talk->rd, talk->rd_cap, &got, left);
    if (err != NULL)
        return err;
    talk->fed = talk->rd;
    talk->fed_len = got;
    return talk_received(talk, got);
}

/* The next message out of what is there. SCAN_BAD is told by rtmp_chunk_in_reason(). */
static enum scan talk_parse(struct rtmp_talk *talk, struct rtmp_message *message)
{
    if (talk->has_held) {
        talk->has_held = 0;
        *message = talk->held;
        return SCAN_DONE;
    }
    for (;;) {
        size_t used = 0;
        enum scan scan;

        if (rtmp_aggregate_next(&talk->aggregate, message) == SCAN_DONE) {
            /* Aggregates in aggregates, or commands, are nobody's. */
            if (message->type == RTMP_AUDIO || message->type == RTMP_VIDEO ||
                message->type == RTMP_AMF0_DATA)
                return SCAN_DONE;
            continue;
        }
        scan = rtmp_chunk_in_feed(talk->in, talk->fed, talk->fed_len, &used, message);
        if (scan == SCAN_BAD)
            return scan;
        if (used > 0) { /* fed may be NULL */
            talk->fed += used;
            talk->fed_len -= used;
        }
        if (scan == SCAN_MORE || message->type != RTMP_AGGREGATE)
            return scan;
        rtmp_aggregate_start(&talk->aggregate, message);
    }
}

static struct err *talk_parse_error(const struct rtmp_talk *talk)
{
    return err_new(ERR_PROTO, "chunk stream: %s", rtmp_chunk_in_reason(talk->in));
}

struct err *talk_message(struct rtmp_talk *talk, struct rtmp_message *message,
                         const struct talk_wait *wait)
{
    for (;;) {
        enum scan scan;
        struct err *err;

        if (talk->out.len > OUT_HIGH) {
            err = talk_flush(talk, wait);
            if (err != NULL)
                return err;
        }
        scan = talk_parse(talk, message);
        if (scan == SCAN_DONE)
            return NULL;
        if (scan == SCAN_BAD)
            return talk_parse_error(talk);
        err = talk_flush(talk, wait);
        if (err == NULL)
            err = talk_fill(talk, wait);
        if (err != NULL)
            return err;
    }
}

/* ---- what both sides answer ---- */

struct err *talk_written(int rc)
{
    return rc == 0 ? NULL : err_new(ERR_LIMIT, "too many answers wait to be sent");
}

static struct err *talk_user_control(struct rtmp_talk *talk, struct bytes b)
{
    uint16_t event = bytes_u16(&b);
    uint32_t value = bytes_u32(&b);

    if (b.bad || event != RTMP_USER_PING_REQUEST)
        return NULL;
    return talk_written(rtmp_user_write(&talk->out, RTMP_USER_PING_RESPONSE, value));
}

struct err *talk_control(struct rtmp_talk *talk, const struct rtmp_message *message)
{
    struct bytes b = bytes_of(message->data, message->len);
    uint32_t value;

    switch (message->type) {
    case RTMP_WINDOW_ACK_SIZE:
        value = bytes_u32(&b);
        if (b.bad)
            return NULL;
        talk->peer_window = value;
        /* A smaller window may make an acknowledgement due for what has come already. */
        return talk_received(talk, 0);
    case RTMP_SET_PEER_BANDWIDTH:
        /* 5.4.5: answered by a WindowAckSize. Servers send it, clients as good as never. */
        if (!talk->is_client)
            return NULL;
        return talk_written(
            rtmp_control_write(&talk->out, RTMP_WINDOW_ACK_SIZE, talk->config.out_ack_size));
    case RTMP_USER_CONTROL:
        return talk_user_control(talk, b);
    default:
        return NULL;
    }
}

int talk_is_command(const struct rtmp_message *message)
{
    return message->type == RTMP_AMF0_COMMAND || message->type == RTMP_AMF3_COMMAND;
}

struct err *talk_command_read(struct rtmp_command *command, const struct rtmp_message *message)
{
    if (rtmp_command_read(command, message) != SCAN_DONE)
        return err_new(ERR_PROTO, "a command of %zu bytes is malformed", message->len);
    return NULL;
}

struct err *talk_call(struct rtmp_talk *talk, const struct rtmp_call *call)
{
    return talk_written(rtmp_call_write(&talk->out, talk->chunk_out, call));
}

struct err *talk_status(struct rtmp_talk *talk, uint32_t stream_id, const char *level,
                        const char *code, const char *description)
{
    struct rtmp_call call = {.name = "onStatus", .stream_id = stream_id};

    call.info = rtmp_status(level, code, description);
    if (call.info == NULL)
        return err_new(ERR_NOMEM, "no memory for onStatus");
    return talk_call(talk, &call);
}

struct err *talk_chunk_size_set(struct rtmp_talk *talk, uint32_t size)
{
    struct err *err;

    if (size == talk->chunk_out)
        return NULL;
    err = talk_written(rtmp_control_write(&talk->out, RTMP_SET_CHUNK_SIZE, size));
    if (err == NULL)
        talk->chunk_out = size;
    return err;
}

/* ---- after publish or play was granted ---- */

static int talk_takes_media(const struct rtmp_talk *talk)
{
    return talk->is_client ? talk->mode == TALK_PLAY : talk->mode == TALK_PUBLISH;
}

static struct err *talk_command(struct rtmp_talk *talk, const struct rtmp_message *message,
                                enum rtmp_event *event)
{
    struct rtmp_command command;
    struct err *err = talk_command_read(&command, message);

    if (err != NULL)
        return err;
    if (talk->is_client)
        err = talk_client_command(talk, &command, event);
    else
        err = talk_server_command(talk, &command, message->stream_id, event);
    rtmp_command_fini(&command);
    return err;
}

static struct err *talk_serve(struct rtmp_talk *talk, struct rtmp_message *message,
                              enum rtmp_event *event)
{
    *event = RTMP_EVENT_NONE;
    switch (message->type) {
    case RTMP_AUDIO:
    case RTMP_VIDEO:
        if (talk_takes_media(talk) && !talk_is_other_stream(talk, message->stream_id))
            *event = RTMP_EVENT_MEDIA;
        return NULL;
    case RTMP_AMF0_DATA:
    case RTMP_AMF3_DATA:
        if (talk_takes_media(talk) && !talk_is_other_stream(talk, message->stream_id) &&
            rtmp_data_unwrap(message) == 0)
            *event = RTMP_EVENT_MEDIA;
        return NULL;
    case RTMP_AMF0_COMMAND:
    case RTMP_AMF3_COMMAND:
        return talk_command(talk, message, event);
    default:
        /* Shared objects and types nobody knows are passed over. */
        return talk_control(talk, message);
    }
}

/* A deadline that each byte that comes puts off, up to RTMP_MESSAGE_TIME_MAX. */
static struct talk_wait talk_wait_message(const struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = talk_wait_start(talk, timeout);

    if (wait.at != USEC_NEVER && timeout < RTMP_MESSAGE_TIME_MAX)
        wait.at += RTMP_MESSAGE_TIME_MAX - timeout;
    return wait;
}

struct err *rtmp_talk_read(struct rtmp_talk *talk, enum rtmp_event *event,
                           struct rtmp_message *message, usec_t timeout)
{
    struct talk_wait wait;
    struct err *err;

    assert(talk != NULL && event != NULL && message != NULL);
    if (talk_takes_media(talk))
        talk->rd_want = READ_MEDIA;
    /* Most messages are already there: then the clock need not be asked. */
    switch (talk->out.len > OUT_HIGH ? SCAN_MORE : talk_parse(talk, message)) {
    case SCAN_DONE:
        return talk_serve(talk, message, event);
    case SCAN_BAD:
        return talk_parse_error(talk);
    default:
        wait = talk_wait_message(talk, timeout);
        err = talk_message(talk, message, &wait);
        return err != NULL ? err : talk_serve(talk, message, event);
    }
}

struct err *rtmp_talk_feed(struct rtmp_talk *talk, const uint8_t *data, size_t len)
{
    assert(talk != NULL && talk->fed_len == 0 && (data != NULL || len == 0));
    talk->fed = data;
    talk->fed_len = len;
    return talk_received(talk, len);
}

struct err *rtmp_talk_keep(struct rtmp_talk *talk)
{
    uint8_t *kept;

    if (talk->fed_len == 0) {
        talk->fed = NULL;
        return NULL;
    }
    kept = malloc(talk->fed_len);
    if (kept == NULL)
        return err_new(ERR_NOMEM, "no memory for a read buffer");
    memcpy(kept, talk->fed, talk->fed_len);
    free(talk->rd);
    talk->rd = kept;
    talk->rd_cap = talk->fed_len;
    talk->fed = kept;
    return NULL;
}

struct err *rtmp_talk_take(struct rtmp_talk *talk, enum rtmp_event *event,
                           struct rtmp_message *message, int *more)
{
    *event = RTMP_EVENT_NONE;
    *more = 0;
    switch (talk_parse(talk, message)) {
    case SCAN_DONE:
        *more = 1;
        return talk_serve(talk, message, event);
    case SCAN_BAD:
        return talk_parse_error(talk);
    default:
        return NULL;
    }
}
