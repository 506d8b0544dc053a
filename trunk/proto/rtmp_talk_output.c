/*
 * The sending part of a conversation except media, for both sides. Answers and calls are appended
 * to one buffer with a limit; it is sent in one write, before the conversation waits for the peer.
 * The deadline over several reads and writes is here too, since both directions use it.
 *
 * This file calls neither side: rtmp_talk_input.c, the server's and the client's files and
 * rtmp_talk.c are above it.
 */
#include "proto/rtmp_talk.h"

#include "proto/rtmp_talk_private.h"

/* ---- deadlines ---- */

struct talk_wait rtmp_talk_output_wait_start(const struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = {timeout, USEC_NEVER};

    if (talk->config.now != NULL && timeout >= 0)
        wait.at = talk->config.now() + timeout;
    return wait;
}

struct err *rtmp_talk_output_wait_left(const struct rtmp_talk *talk, const struct talk_wait *wait,
                                       usec_t *left)
{
    usec_t until;

    *left = wait->timeout;
    if (wait->at == USEC_NEVER)
        return NULL;
    until = wait->at - talk->config.now();
    if (until <= 0)
        return err_new(ERR_TIMEOUT, "timed out after %lld ms",
                       (long long)(wait->timeout / USEC_PER_MS));
    if (*left < 0 || until < *left)
        *left = until;
    return NULL;
}

/* ---- what waits to be sent ---- */

struct buf *rtmp_talk_out(struct rtmp_talk *talk)
{
    return &talk->out;
}

struct err *rtmp_talk_output_flush(struct rtmp_talk *talk, const struct talk_wait *wait)
{
    struct err *err;
    usec_t left;

    if (talk->out.len == 0)
        return NULL;
    err = rtmp_talk_output_wait_left(talk, wait, &left);
    if (err == NULL)
        err = io_write(talk->io, buf_data(&talk->out), talk->out.len, left);
    if (err != NULL)
        return err;
    buf_consume(&talk->out, talk->out.len);
    return NULL;
}

struct err *rtmp_talk_flush(struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);

    return rtmp_talk_output_flush(talk, &wait);
}

/* ---- answers and calls ---- */

struct err *rtmp_talk_output_written(int rc)
{
    return rc == 0 ? NULL : err_new(ERR_LIMIT, "too many responses queued");
}

struct err *rtmp_talk_output_call(struct rtmp_talk *talk, const struct rtmp_call *call)
{
    return rtmp_talk_output_written(rtmp_message_call_write(&talk->out, talk->chunk_out, call));
}

struct err *rtmp_talk_output_status(struct rtmp_talk *talk, uint32_t stream_id, const char *level,
                                    const char *code, const char *description)
{
    struct rtmp_call call = {.name = "onStatus", .stream_id = stream_id};

    call.info = rtmp_message_status(level, code, description);
    if (call.info == NULL)
        return err_new(ERR_NOMEM, "no memory for onStatus");
    return rtmp_talk_output_call(talk, &call);
}

struct err *rtmp_talk_output_chunk_size_set(struct rtmp_talk *talk, uint32_t size)
{
    struct err *err;

    if (size == talk->chunk_out)
        return NULL;
    err =
        rtmp_talk_output_written(rtmp_message_control_write(&talk->out, RTMP_SET_CHUNK_SIZE, size));
    if (err == NULL)
        talk->chunk_out = size;
    return err;
}
