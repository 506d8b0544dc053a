/*
 * The RTMP conversation as a session uses it: created, freed, and, after publish or play is
 * granted, each message processed: media is returned, commands are passed to the server's or
 * client's side.
 *
 * This file is above all others of the conversation: rtmp_talk_server.c and rtmp_talk_client.c are
 * the two sides, rtmp_talk_input.c and rtmp_talk_output.c are common to both.
 */
#include "proto/rtmp_talk.h"

#include "proto/rtmp_talk_private.h"

#include <assert.h>
#include <stdlib.h>

/* The smallest chunk size we announce: no protocol control message is longer. */
#define CHUNK_OUT_MIN 128

struct rtmp_talk *rtmp_talk_new(struct io *io, const struct rtmp_talk_config *config)
{
    struct rtmp_talk *talk = calloc(1, sizeof(*talk));

    assert(io != NULL && config->server != NULL && config->version != NULL && config->id != NULL);
    if (talk == NULL)
        return NULL;
    talk->io = io;
    talk->config = *config;
    if (rtmp_talk_input_init(talk) != 0) {
        free(talk);
        return NULL;
    }
    rtmp_talk_set_sizes(talk, config->chunk_size, config->out_ack_size, 0);
    talk->chunk_out = CHUNK_OUT_MIN; /* the protocol's default until we say otherwise */
    buf_init(&talk->out, TALK_OUT_MAX);
    return talk;
}

void rtmp_talk_free(struct rtmp_talk *talk)
{
    if (talk == NULL)
        return;
    rtmp_talk_input_fini(talk);
    buf_fini(&talk->out);
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

void rtmp_talk_trim(struct rtmp_talk *talk)
{
    rtmp_talk_input_trim(talk);
    if (!talk->has_request) {
        free(talk->name);
        talk->name = NULL;
    }
    if (talk->out.len == 0)
        buf_reset(&talk->out);
}

/* ---- after publish or play is granted ---- */

static struct err *talk_command(struct rtmp_talk *talk, const struct rtmp_message *message,
                                enum rtmp_event *event)
{
    struct rtmp_command command;
    struct err *err = rtmp_talk_input_command_read(&command, message);

    if (err != NULL)
        return err;
    if (talk->is_client)
        err = rtmp_talk_client_command(talk, &command, event);
    else
        err = rtmp_talk_server_command(talk, &command, message->stream_id, event);
    rtmp_message_command_fini(&command);
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
            rtmp_message_data_unwrap(message) == 0)
            *event = RTMP_EVENT_MEDIA;
        return NULL;
    case RTMP_AMF0_COMMAND:
    case RTMP_AMF3_COMMAND:
        return talk_command(talk, message, event);
    default:
        /* Shared objects and unknown types are ignored. */
        return rtmp_talk_input_control(talk, message);
    }
}

struct err *rtmp_talk_read(struct rtmp_talk *talk, enum rtmp_event *event,
                           struct rtmp_message *message, usec_t timeout)
{
    struct err *err;

    assert(talk != NULL && event != NULL && message != NULL);
    err = rtmp_talk_input_message_next(talk, message, timeout);
    return err != NULL ? err : talk_serve(talk, message, event);
}

struct err *rtmp_talk_take(struct rtmp_talk *talk, enum rtmp_event *event,
                           struct rtmp_message *message, int *more)
{
    struct err *err;

    *event = RTMP_EVENT_NONE;
    err = rtmp_talk_input_message_take(talk, message, more);
    return err != NULL || !*more ? err : talk_serve(talk, message, event);
}
