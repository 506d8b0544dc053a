/*
 * The receiving part of a conversation, for both sides: reads bytes within a deadline, assembles
 * messages, splits aggregates (Adobe's RTMP specification 1.0, section 7.1.6), handles
 * acknowledgements and protocol control (5.4).
 *
 * The read buffer is allocated when needed, with a suitable size: small for a few commands, large
 * for a publisher's media (a read then holds whole messages, which are returned without a copy),
 * none for a parked player.
 *
 * The server's or the client's file decides what a command means.
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
/* Limit of incomplete messages over all chunk streams: one of the maximum size, plus this. */
#define PENDING_SLACK ((size_t)1024 * 1024)
/* The longest message of a peer that does not publish: commands are much shorter. */
#define COMMAND_MAX ((size_t)64 * 1024)
/* Answers beyond this are sent before more messages are taken. */
#define OUT_HIGH ((size_t)16 * 1024)

int rtmp_talk_input_init(struct rtmp_talk *talk)
{
    struct rtmp_chunk_limits limits = {
        .message_max = COMMAND_MAX, .streams_max = STREAMS_MAX, .pending_max = 2 * COMMAND_MAX};

    talk->in = rtmp_chunk_in_new(&limits);
    if (talk->in == NULL)
        return -1;
    rtmp_talk_input_limit(talk, 0);
    talk->rd_want = READ_SMALL;
    return 0;
}

void rtmp_talk_input_fini(struct rtmp_talk *talk)
{
    rtmp_chunk_in_free(talk->in);
    free(talk->rd);
}

void rtmp_talk_input_trim(struct rtmp_talk *talk)
{
    if (talk->fed_len == 0) {
        free(talk->rd);
        talk->rd = NULL;
        talk->rd_cap = 0;
        talk->fed = NULL;
    }
    talk->rd_want = READ_SMALL;
}

void rtmp_talk_input_limit(struct rtmp_talk *talk, int has_media)
{
    size_t most = talk->config.message_max < LENGTH_MAX ? talk->config.message_max : LENGTH_MAX;

    if (!has_media && most > COMMAND_MAX)
        most = COMMAND_MAX;
    rtmp_chunk_in_limit(talk->in, most, most + (has_media ? PENDING_SLACK : COMMAND_MAX));
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

/* ---- bytes ---- */

struct err *rtmp_talk_input_read_exactly(struct rtmp_talk *talk, uint8_t *data, size_t len,
                                         const struct talk_wait *wait)
{
    size_t done = 0;

    while (done < len) {
        size_t got = 0;
        usec_t left;
        struct err *err = rtmp_talk_output_wait_left(talk, wait, &left);

        if (err == NULL)
            err = io_read(talk->io, data + done, len - done, &got, left);
        if (err != NULL)
            return err;
        done += got;
        talk->bytes_in += got;
    }
    return NULL;
}

/* 5.4.3. The number counts all bytes so far and wraps at 2^32. */
static struct err *talk_received(struct rtmp_talk *talk, size_t n)
{
    uint32_t window = talk->own_window > 0 ? talk->own_window : talk->peer_window;
    uint64_t due = (uint64_t)window / 2 + 1;

    talk->bytes_in += n;
    if (window == 0 || talk->bytes_in - talk->bytes_acked < due)
        return NULL;
    talk->bytes_acked = talk->bytes_in;
    return rtmp_talk_output_written(
        rtmp_message_control_write(&talk->out, RTMP_ACK, (uint32_t)talk->bytes_in));
}

static MAY_YIELD struct err *talk_fill(struct rtmp_talk *talk, const struct talk_wait *wait)
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
    err = rtmp_talk_output_wait_left(talk, wait, &left);
    if (err == NULL)
        err = io_read(talk->io, talk->rd, talk->rd_cap, &got, left);
    if (err != NULL)
        return err;
    talk->fed = talk->rd;
    talk->fed_len = got;
    return talk_received(talk, got);
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

/* ---- bytes to messages ---- */

/* The next message of the received bytes; rtmp_chunk_in_reason() explains SCAN_BAD. Inline, so that
 * rtmp_talk_input_message_next() adds no call per message. */
static inline enum scan talk_parse(struct rtmp_talk *talk, struct rtmp_message *message)
{
    if (talk->has_held) {
        talk->has_held = 0;
        *message = talk->held;
        return SCAN_DONE;
    }
    for (;;) {
        size_t used = 0;
        enum scan scan;

        if (rtmp_message_aggregate_next(&talk->aggregate, message) == SCAN_DONE) {
            /* Aggregates or commands inside an aggregate are ignored. */
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
        rtmp_message_aggregate_start(&talk->aggregate, message);
    }
}

static struct err *talk_parse_error(const struct rtmp_talk *talk)
{
    return err_new(ERR_PROTO, "chunk stream: %s", rtmp_chunk_in_reason(talk->in));
}

struct err *rtmp_talk_input_message(struct rtmp_talk *talk, struct rtmp_message *message,
                                    const struct talk_wait *wait)
{
    for (;;) {
        enum scan scan;
        struct err *err;

        if (talk->out.len > OUT_HIGH) {
            err = rtmp_talk_output_flush(talk, wait);
            if (err != NULL)
                return err;
        }
        scan = talk_parse(talk, message);
        if (scan == SCAN_DONE)
            return NULL;
        if (scan == SCAN_BAD)
            return talk_parse_error(talk);
        err = rtmp_talk_output_flush(talk, wait);
        if (err == NULL)
            err = talk_fill(talk, wait);
        if (err != NULL)
            return err;
    }
}

/* A deadline that each received byte extends, up to RTMP_MESSAGE_TIME_MAX. */
static struct talk_wait talk_wait_message(const struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);

    if (wait.at != USEC_NEVER && timeout < RTMP_MESSAGE_TIME_MAX)
        wait.at += RTMP_MESSAGE_TIME_MAX - timeout;
    return wait;
}

struct err *rtmp_talk_input_message_next(struct rtmp_talk *talk, struct rtmp_message *message,
                                         usec_t timeout)
{
    struct talk_wait wait;

    if (talk_takes_media(talk))
        talk->rd_want = READ_MEDIA;
    /* Most messages are already received: no clock needed. */
    switch (talk->out.len > OUT_HIGH ? SCAN_MORE : talk_parse(talk, message)) {
    case SCAN_DONE:
        return NULL;
    case SCAN_BAD:
        return talk_parse_error(talk);
    default:
        wait = talk_wait_message(talk, timeout);
        return rtmp_talk_input_message(talk, message, &wait);
    }
}

struct err *rtmp_talk_input_message_take(struct rtmp_talk *talk, struct rtmp_message *message,
                                         int *is_there)
{
    enum scan scan = talk_parse(talk, message);

    *is_there = scan == SCAN_DONE;
    return scan == SCAN_BAD ? talk_parse_error(talk) : NULL;
}

/* ---- control and commands ---- */

static struct err *talk_user_control(struct rtmp_talk *talk, struct bytes b)
{
    uint16_t event = bytes_u16(&b);
    uint32_t value = bytes_u32(&b);

    if (b.bad || event != RTMP_USER_PING_REQUEST)
        return NULL;
    return rtmp_talk_output_written(
        rtmp_message_user_write(&talk->out, RTMP_USER_PING_RESPONSE, value));
}

struct err *rtmp_talk_input_control(struct rtmp_talk *talk, const struct rtmp_message *message)
{
    struct bytes b = bytes_of(message->data, message->len);
    uint32_t value;

    switch (message->type) {
    case RTMP_WINDOW_ACK_SIZE:
        value = bytes_u32(&b);
        if (b.bad)
            return NULL;
        talk->peer_window = value;
        /* With a smaller window an acknowledgement may be due already. */
        return talk_received(talk, 0);
    case RTMP_SET_PEER_BANDWIDTH:
        /* 5.4.5: answered with WindowAckSize. Servers send it, clients almost never. */
        if (!talk->is_client)
            return NULL;
        return rtmp_talk_output_written(rtmp_message_control_write(&talk->out, RTMP_WINDOW_ACK_SIZE,
                                                                   talk->config.out_ack_size));
    case RTMP_USER_CONTROL:
        return talk_user_control(talk, b);
    default:
        return NULL;
    }
}

int rtmp_talk_input_is_command(const struct rtmp_message *message)
{
    return message->type == RTMP_AMF0_COMMAND || message->type == RTMP_AMF3_COMMAND;
}

struct err *rtmp_talk_input_command_read(struct rtmp_command *command,
                                         const struct rtmp_message *message)
{
    if (rtmp_message_command_read(command, message) != SCAN_DONE)
        return err_new(ERR_PROTO, "a command of %zu bytes is malformed", message->len);
    return NULL;
}
