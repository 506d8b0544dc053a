/*
 * Several message streams on one connection (Adobe's RTMP specification 1.0, sections 3 and 7.2.2):
 * decides which stream gets each message. Media and calls on a NetStream carry the id of their
 * stream; deleteStream contains the id of the stream, FCUnpublish the name of the published stream,
 * and all other calls belong to the connection.
 */
#include "proto/rtmp_talk.h"

#include "base/str.h"
#include "proto/rtmp_talk_private.h"

#include <assert.h>
#include <string.h>

struct rtmp_talk *rtmp_talk_fork(struct rtmp_talk *talk, struct io *io, uint32_t stream_id)
{
    struct rtmp_talk *fork = rtmp_talk_new(io, &talk->config);

    assert(!talk->is_client && !talk->has_request);
    if (fork == NULL)
        return NULL;
    talk->has_forks = 1;
    fork->chunk_out = talk->chunk_out;
    fork->stream_id = stream_id;
    fork->streams = stream_id < 32 ? talk->streams & (1u << stream_id) : 0;
    if (talk->mode == TALK_NONE || talk->stream_id != stream_id)
        return fork;
    fork->mode = talk->mode;
    fork->muted = talk->muted;
    rtmp_talk_input_limit(fork, talk_takes_media(fork));
    talk->mode = TALK_NONE;
    talk->muted = 0;
    return fork;
}

uint32_t rtmp_talk_stream(const struct rtmp_talk *talk)
{
    return talk->stream_id;
}

uint32_t rtmp_talk_chunk_out(const struct rtmp_talk *talk)
{
    return talk->chunk_out;
}

void rtmp_talk_route_limit(struct rtmp_talk *talk, int has_media)
{
    rtmp_talk_input_limit(talk, has_media);
}

/* FCUnpublish's argument, without its parameters. */
static void route_name(struct rtmp_routed *routed, const struct rtmp_command *command)
{
    const char *name = rtmp_message_command_string(command, 1);
    size_t len = name != NULL ? strcspn(name, "?") : 0;

    routed->kind = RTMP_ROUTE_NAME;
    if (len < sizeof(routed->name)) {
        memcpy(routed->name, name != NULL ? name : "", len);
        routed->name[len] = '\0';
    }
}

static void route_command(struct rtmp_talk *talk, const struct rtmp_command *command,
                          uint32_t stream_id, struct rtmp_routed *routed)
{
    int is_publish = strcmp(command->name, "publish") == 0;
    double number;

    if (strcmp(command->name, "FCUnpublish") == 0) {
        route_name(routed, command);
    } else if (strcmp(command->name, "deleteStream") == 0) {
        number = rtmp_message_command_number(command, 1, 0);
        routed->kind = RTMP_ROUTE_STREAM;
        routed->stream_id = number >= 1 && number < 32 ? (uint32_t)number : 0;
        if (routed->stream_id != 0)
            talk->streams &= ~(1u << routed->stream_id);
    } else if (is_publish || strcmp(command->name, "play") == 0) {
        routed->kind = RTMP_ROUTE_OPEN;
        routed->is_publish = is_publish != 0;
        routed->is_created = stream_id < 32 && (talk->streams & (1u << stream_id)) != 0;
    } else if (strcmp(command->name, "createStream") != 0 &&
               strcmp(command->name, "releaseStream") != 0 &&
               strcmp(command->name, "FCPublish") != 0 && stream_id != 0) {
        routed->kind = RTMP_ROUTE_STREAM;
    }
}

static struct err *route_call(struct rtmp_talk *talk, const struct rtmp_message *message,
                              struct rtmp_routed *routed)
{
    enum rtmp_event event = RTMP_EVENT_NONE;
    struct rtmp_command command;
    struct err *err = rtmp_talk_input_command_read(&command, message);

    if (err != NULL)
        return err;
    if (routed != NULL)
        route_command(talk, &command, message->stream_id, routed);
    if (routed == NULL || routed->kind == RTMP_ROUTE_NONE)
        err = rtmp_talk_server_command(talk, &command, message->stream_id, &event);
    rtmp_message_command_fini(&command);
    return err;
}

struct err *rtmp_talk_route(struct rtmp_talk *talk, struct rtmp_message *message,
                            struct rtmp_routed *routed, int *more)
{
    struct err *err = rtmp_talk_input_message_take(talk, message, more);

    return err != NULL || !*more ? err : rtmp_talk_route_message(talk, message, routed);
}

struct err *rtmp_talk_route_message(struct rtmp_talk *talk, const struct rtmp_message *message,
                                    struct rtmp_routed *routed)
{
    assert(talk->mode == TALK_NONE);
    memset(routed, 0, sizeof(*routed));
    routed->stream_id = message->stream_id;
    if (rtmp_talk_input_is_command(message))
        return route_call(talk, message, routed);
    if (message->type == RTMP_AUDIO || message->type == RTMP_VIDEO ||
        message->type == RTMP_AMF0_DATA || message->type == RTMP_AMF3_DATA) {
        routed->kind = RTMP_ROUTE_STREAM;
        return NULL;
    }
    return rtmp_talk_input_control(talk, message);
}

struct err *rtmp_talk_route_none(struct rtmp_talk *talk, const struct rtmp_message *message)
{
    return rtmp_talk_input_is_command(message) ? route_call(talk, message, NULL) : NULL;
}

struct err *rtmp_talk_route_refuse(struct rtmp_talk *talk, const struct rtmp_routed *routed,
                                   const char *why)
{
    assert(routed->kind == RTMP_ROUTE_OPEN);
    return rtmp_talk_output_status(
        talk, routed->stream_id, "error",
        routed->is_publish ? "NetStream.Publish.Failed" : "NetStream.Play.Failed", why);
}
