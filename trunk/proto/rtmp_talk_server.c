/*
 * The server side of the RTMP conversation (Adobe's RTMP specification 1.0, section 7.2):
 * handshake, the calls before publish or play, and those after. Connect is in rtmp_talk_connect.c.
 *
 * Encoders call releaseStream and FCPublish before createStream, in any order and without waiting,
 * and accept any _result as success; some make undocumented calls. So every call with a transaction
 * id gets a _result. A connection may have several message streams; a conversation serves one of
 * them at a time, and calls for the others do not affect it (rtmp_talk_route.c: several at a time).
 */
#include "proto/rtmp_talk.h"

#include "base/str.h"
#include "proto/rtmp_handshake.h"
#include "proto/rtmp_mux.h"
#include "proto/rtmp_talk_private.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The bits of all ids that createStream gives. */
#define STREAMS_ALL ((1u << (RTMP_STREAMS_MAX + 1)) - 2)

/* ---- handshake ---- */

struct handshake {
    uint8_t c0c1[1 + RTMP_HANDSHAKE_SIZE];
    uint8_t random[2 * RTMP_HANDSHAKE_SIZE];
    uint8_t s0s1s2[1 + 2 * RTMP_HANDSHAKE_SIZE];
    uint8_t c2[RTMP_HANDSHAKE_SIZE];
};

static MAY_YIELD struct err *handshake_serve(struct rtmp_talk *talk, struct handshake *h,
                                             const struct talk_wait *wait)
{
    enum rtmp_handshake_kind kind;
    struct err *err;
    usec_t left;

    /* The first byte suffices to recognize a browser on the wrong port. */
    err = rtmp_talk_input_read_exactly(talk, h->c0c1, 1, wait);
    if (err != NULL)
        return err_wrap(err, "C0");
    if (h->c0c1[0] == 6 || h->c0c1[0] >= 32)
        return err_new(ERR_PROTO, "C0 is 0x%02x: this is not RTMP", h->c0c1[0]);
    err = rtmp_talk_input_read_exactly(talk, h->c0c1 + 1, RTMP_HANDSHAKE_SIZE, wait);
    if (err != NULL)
        return err_wrap(err, "C1");
    if (RAND_bytes(h->random, sizeof(h->random)) != 1)
        return err_new(ERR_NOMEM, "no random bytes");
    if (rtmp_handshake_answer(h->c0c1, h->random, 0, h->s0s1s2, &kind) != SCAN_DONE)
        return err_new(ERR_PROTO, "C0 is 0x%02x: this is not RTMP", h->c0c1[0]);
    err = rtmp_talk_output_wait_left(talk, wait, &left);
    if (err == NULL)
        err = io_write(talk->io, h->s0s1s2, sizeof(h->s0s1s2), left);
    if (err != NULL)
        return err_wrap(err, "S0S1S2");
    /* C2 is not checked: clients that get it wrong play well. */
    err = rtmp_talk_input_read_exactly(talk, h->c2, sizeof(h->c2), wait);
    return err != NULL ? err_wrap(err, "C2") : NULL;
}

struct err *rtmp_talk_accept_handshake(struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct handshake *h = malloc(sizeof(*h)); /* too large for a coroutine's stack */
    struct err *err;

    if (h == NULL)
        return err_new(ERR_NOMEM, "no memory for a handshake");
    err = handshake_serve(talk, h, &wait);
    free(h);
    return err != NULL ? err_wrap(err, "handshake") : NULL;
}

/* ---- calls ---- */

static int is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return 0;
}

/*
 * The value of a _result that carries none. Encoders built on srs-librtmp parse the answers to
 * FMLE's calls and disconnect unless the value is undefined; for other calls null is usual.
 */
static struct amf0 *call_nothing(const char *name)
{
    static const char *const fmle[] = {"releaseStream", "FCPublish", "FCUnpublish"};

    return is_one_of(name, fmle, COUNT_OF(fmle)) ? amf0_undefined() : amf0_null();
}

static struct err *call_result(struct rtmp_talk *talk, double transaction, struct amf0 *info)
{
    struct rtmp_call call = {.name = "_result", .transaction = transaction, .info = info};

    if (info == NULL)
        return err_new(ERR_NOMEM, "no memory for a _result");
    return rtmp_talk_output_call(talk, &call);
}

static struct err *call_create(struct rtmp_talk *talk, double transaction)
{
    struct rtmp_call call = {.name = "_error", .transaction = transaction};

    /* Encoders that publish again and again need not delete closed streams. */
    if (talk->mode == TALK_NONE && !talk->has_forks && talk->streams == STREAMS_ALL)
        talk->streams = 0;
    for (uint32_t id = RTMP_MUX_STREAM_ID; id <= RTMP_STREAMS_MAX; id++) {
        if ((talk->streams & (1u << id)) != 0)
            continue;
        talk->streams |= 1u << id;
        return call_result(talk, transaction, amf0_number(id));
    }
    call.info =
        rtmp_message_status("error", "NetConnection.Call.Failed", "Too many message streams");
    if (call.info == NULL)
        return err_new(ERR_NOMEM, "no memory for an _error");
    return rtmp_talk_output_call(talk, &call);
}

/* deleteStream names its stream, closeStream is called on it; FCUnpublish means the published one.
 */
static uint32_t call_target(const struct rtmp_talk *talk, const struct rtmp_command *command,
                            uint32_t stream_id)
{
    double number = rtmp_message_command_number(command, 1, 0);

    if (strcmp(command->name, "deleteStream") == 0)
        return number >= 1 && number <= RTMP_STREAMS_MAX ? (uint32_t)number : talk->stream_id;
    return strcmp(command->name, "closeStream") == 0 ? stream_id : talk->stream_id;
}

/* Ends a stream that is not the active one. */
static struct err *call_end_other(struct rtmp_talk *talk, const struct rtmp_command *command,
                                  uint32_t stream_id)
{
    if (strcmp(command->name, "deleteStream") == 0)
        talk->streams &= ~(1u << stream_id);
    return command->transaction != 0
               ? call_result(talk, command->transaction, call_nothing(command->name))
               : NULL;
}

static struct err *call_unpublish(struct rtmp_talk *talk, const struct rtmp_command *command,
                                  uint32_t stream_id, enum rtmp_event *event)
{
    uint32_t target = call_target(talk, command, stream_id);
    struct rtmp_call call = {.name = "onFCUnpublish", .stream_id = talk->stream_id};
    enum talk_mode was = talk->mode;
    struct err *err = NULL;

    if (talk_is_other_stream(talk, target))
        return call_end_other(talk, command, target);
    if (strcmp(command->name, "deleteStream") == 0 && target < 32)
        talk->streams &= ~(1u << target);
    talk->mode = TALK_NONE;
    if (was == TALK_PUBLISH && strcmp(command->name, "FCUnpublish") == 0) {
        call.info =
            rtmp_message_status("status", "NetStream.Unpublish.Success", "Stream is unpublished");
        err = rtmp_talk_output_call(talk, &call);
    }
    if (err == NULL && command->transaction != 0)
        err = call_result(talk, command->transaction, call_nothing(command->name));
    if (err == NULL && was == TALK_PUBLISH)
        err = rtmp_talk_output_status(talk, talk->stream_id, "status",
                                      "NetStream.Unpublish.Success", "Stream is unpublished");
    if (was != TALK_NONE)
        *event = RTMP_EVENT_UNPUBLISH;
    return err;
}

static struct err *call_pause(struct rtmp_talk *talk, const struct rtmp_command *command,
                              enum rtmp_event *event)
{
    const struct amf0 *flag = command->arg_count > 1 ? command->arg[1] : NULL;
    int is_pause = flag != NULL && flag->type == AMF0_BOOLEAN && flag->boolean;
    struct err *err;

    if (talk->mode != TALK_PLAY)
        return NULL;
    *event = is_pause ? RTMP_EVENT_PAUSE : RTMP_EVENT_RESUME;
    err = is_pause ? rtmp_talk_output_status(talk, talk->stream_id, "status",
                                             "NetStream.Pause.Notify", "Paused stream")
                   : rtmp_talk_output_status(talk, talk->stream_id, "status",
                                             "NetStream.Unpause.Notify", "Unpaused stream");
    if (err != NULL)
        return err;
    return rtmp_talk_output_written(rtmp_message_user_write(
        &talk->out, is_pause ? RTMP_USER_STREAM_EOF : RTMP_USER_STREAM_BEGIN, talk->stream_id));
}

/* 7.2.2.4 and 7.2.2.5: false is not answered; true is answered with the notifies that follow a
 * seek. */
static struct err *call_receive(struct rtmp_talk *talk, const struct rtmp_command *command,
                                unsigned track, enum rtmp_event *event)
{
    const struct amf0 *flag = command->arg_count > 1 ? command->arg[1] : NULL;
    unsigned muted = talk->muted;
    struct err *err = NULL;

    if (flag == NULL || flag->type != AMF0_BOOLEAN)
        return NULL;
    talk->muted = (uint8_t)(flag->boolean ? muted & ~track : muted | track);
    if (talk->muted == muted || talk->mode != TALK_PLAY)
        return NULL;
    *event = RTMP_EVENT_RECEIVE;
    if (flag->boolean)
        err = rtmp_talk_output_status(talk, talk->stream_id, "status", "NetStream.Seek.Notify",
                                      "Seeking to the newest keyframe");
    if (flag->boolean && err == NULL)
        err = rtmp_talk_output_status(talk, talk->stream_id, "status", "NetStream.Play.Start",
                                      "Started playing stream");
    return err;
}

unsigned rtmp_talk_receives(const struct rtmp_talk *talk)
{
    return (RTMP_RECEIVE_AUDIO | RTMP_RECEIVE_VIDEO) & ~(unsigned)talk->muted;
}

static struct err *request_fill(struct rtmp_talk *talk, struct rtmp_request *request,
                                const struct rtmp_command *command, uint32_t stream_id,
                                enum rtmp_intent intent)
{
    const char *stream = rtmp_message_command_string(command, 1);

    memset(request, 0, sizeof(*request));
    request->intent = intent;
    request->stream_id = stream_id;
    request->transaction = command->transaction;
    request->start = rtmp_message_command_number(command, 2, -2);
    request->duration = rtmp_message_command_number(command, 3, -1);
    free(talk->name);
    talk->name = NULL;
    /* The session refuses a name that is too long, with an onStatus. */
    if (stream != NULL && strlen(stream) > URL_RTMP_MAX)
        return NULL;
    talk->name = strdup(stream != NULL ? stream : "");
    if (talk->name == NULL)
        return err_new(ERR_NOMEM, "no memory for a stream's name");
    request->stream = talk->name;
    return NULL;
}

/*
 * A player changes to another stream, or, with false for its name, to none. The played stream ends
 * as with closeStream, and the request is the next one accepted.
 */
static struct err *call_play_again(struct rtmp_talk *talk, const struct rtmp_command *command,
                                   uint32_t stream_id, enum rtmp_event *event)
{
    const struct amf0 *name = command->arg_count > 1 ? command->arg[1] : NULL;
    int is_stop = name != NULL && name->type == AMF0_BOOLEAN && !name->boolean;
    struct err *err = rtmp_talk_output_status(talk, talk->stream_id, "status",
                                              "NetStream.Play.Stop", "Stopped playing stream");

    if (err == NULL && !is_stop)
        err = request_fill(talk, &talk->request, command, stream_id, RTMP_INTENT_PLAY);
    if (err != NULL)
        return err;
    talk->has_request = !is_stop;
    talk->mode = TALK_NONE;
    *event = RTMP_EVENT_UNPUBLISH;
    return NULL;
}

struct err *rtmp_talk_server_command(struct rtmp_talk *talk, const struct rtmp_command *command,
                                     uint32_t stream_id, enum rtmp_event *event)
{
    static const char *const once[] = {"connect", "publish", "play"};
    static const char *const requests[] = {"publish", "play"};
    static const char *const ends[] = {"FCUnpublish", "deleteStream", "closeStream"};
    /* Answers to our own calls are not answered. */
    static const char *const answers[] = {"_result", "_error", "onStatus"};
    struct err *err = NULL;

    if (talk->mode != TALK_NONE && talk_is_other_stream(talk, stream_id) &&
        is_one_of(command->name, requests, COUNT_OF(requests))) {
        *event = RTMP_EVENT_ANOTHER;
        return NULL;
    }
    if (talk->mode == TALK_PLAY && strcmp(command->name, "play") == 0)
        return call_play_again(talk, command, stream_id, event);
    if (is_one_of(command->name, once, COUNT_OF(once)))
        return err_new(ERR_PROTO, "%s was called twice", command->name);
    if (is_one_of(command->name, answers, COUNT_OF(answers)))
        return NULL;
    if (is_one_of(command->name, ends, COUNT_OF(ends)))
        return call_unpublish(talk, command, stream_id, event);
    if (strcmp(command->name, "pause") == 0)
        return call_pause(talk, command, event);
    if (strcmp(command->name, "receiveAudio") == 0)
        err = call_receive(talk, command, RTMP_RECEIVE_AUDIO, event);
    else if (strcmp(command->name, "receiveVideo") == 0)
        err = call_receive(talk, command, RTMP_RECEIVE_VIDEO, event);
    if (err != NULL || command->transaction == 0)
        return err;
    if (strcmp(command->name, "createStream") == 0)
        return call_create(talk, command->transaction);
    return call_result(talk, command->transaction, call_nothing(command->name));
}

/* ---- publish and play ---- */

/* *is_request is 1 when the message was publish or play. */
static struct err *request_try(struct rtmp_talk *talk, const struct rtmp_message *message,
                               struct rtmp_request *request, int *is_request)
{
    enum rtmp_event event = RTMP_EVENT_NONE;
    struct rtmp_command command;
    struct err *err = rtmp_talk_input_command_read(&command, message);

    if (err != NULL)
        return err;
    *is_request = 1;
    if (strcmp(command.name, "publish") == 0) {
        err = request_fill(talk, request, &command, message->stream_id, RTMP_INTENT_PUBLISH);
    } else if (strcmp(command.name, "play") == 0) {
        err = request_fill(talk, request, &command, message->stream_id, RTMP_INTENT_PLAY);
    } else {
        *is_request = 0;
        err = rtmp_talk_server_command(talk, &command, message->stream_id, &event);
    }
    rtmp_message_command_fini(&command);
    return err;
}

struct err *rtmp_talk_accept_request(struct rtmp_talk *talk, struct rtmp_request *request,
                                     usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct rtmp_message message;
    int is_request = talk->has_request;

    assert(talk != NULL && request != NULL && talk->mode == TALK_NONE);
    *request = talk->request;
    talk->has_request = 0;
    while (!is_request) {
        struct err *err = rtmp_talk_input_message(talk, &message, &wait);

        if (err == NULL && rtmp_talk_input_is_command(&message))
            err = request_try(talk, &message, request, &is_request);
        else if (err == NULL)
            err = rtmp_talk_input_control(talk, &message); /* late media is ignored */
        if (err != NULL)
            return err_wrap(err, "waiting for publish or play");
    }
    return NULL;
}

struct err *rtmp_talk_publish_ok(struct rtmp_talk *talk, const struct rtmp_request *request,
                                 usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct rtmp_call call = {.name = "onFCPublish", .stream_id = request->stream_id};
    struct err *err;

    talk->mode = TALK_PUBLISH;
    rtmp_talk_input_limit(talk, 1);
    talk->stream_id = request->stream_id;
    call.info =
        rtmp_message_status("status", "NetStream.Publish.Start", "Started publishing stream");
    err = rtmp_talk_output_call(talk, &call);
    if (err == NULL)
        err = rtmp_talk_output_status(talk, request->stream_id, "status", "NetStream.Publish.Start",
                                      "Started publishing stream");
    if (err == NULL)
        err = rtmp_talk_output_flush(talk, &wait);
    return err != NULL ? err_wrap(err, "publish's answer") : NULL;
}

struct err *rtmp_talk_chunk_size(struct rtmp_talk *talk, uint32_t chunk_size)
{
    return rtmp_talk_output_chunk_size_set(talk, chunk_size);
}

struct err *rtmp_talk_play_ok(struct rtmp_talk *talk, uint32_t stream_id, uint32_t chunk_size,
                              usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct err *err;

    talk->mode = TALK_PLAY;
    rtmp_talk_input_limit(talk, 0);
    talk->stream_id = stream_id;
    err = rtmp_talk_output_written(
        rtmp_message_user_write(&talk->out, RTMP_USER_STREAM_BEGIN, stream_id));
    /* The media is shared with other players: it uses the chunk size of the first of them. */
    if (err == NULL)
        err = rtmp_talk_output_chunk_size_set(talk, chunk_size);
    if (err == NULL)
        err = rtmp_talk_output_status(talk, stream_id, "status", "NetStream.Play.Reset",
                                      "Playing and resetting stream");
    if (err == NULL)
        err = rtmp_talk_output_status(talk, stream_id, "status", "NetStream.Play.Start",
                                      "Started playing stream");
    if (err == NULL)
        err = rtmp_talk_output_written(
            rtmp_message_sample_access_write(&talk->out, talk->chunk_out, stream_id));
    if (err == NULL)
        err = rtmp_talk_output_flush(talk, &wait);
    return err != NULL ? err_wrap(err, "play's answer") : NULL;
}

struct err *rtmp_talk_play_over(struct rtmp_talk *talk)
{
    struct err *err =
        rtmp_talk_output_status(talk, talk->stream_id, "status", "NetStream.Play.UnpublishNotify",
                                "The stream is unpublished");

    assert(talk->mode == TALK_PLAY);
    talk->mode = TALK_NONE;
    if (err == NULL)
        err = rtmp_talk_output_written(
            rtmp_message_user_write(&talk->out, RTMP_USER_STREAM_EOF, talk->stream_id));
    if (err == NULL)
        err = rtmp_talk_output_status(talk, talk->stream_id, "status", "NetStream.Play.Stop",
                                      "Stopped playing stream");
    return err;
}

struct err *rtmp_talk_play_not_found(struct rtmp_talk *talk, const char *why)
{
    assert(talk->mode == TALK_PLAY);
    talk->mode = TALK_NONE;
    return rtmp_talk_output_status(talk, talk->stream_id, "error", "NetStream.Play.StreamNotFound",
                                   why);
}

struct err *rtmp_talk_play_loop(struct rtmp_talk *talk, const char *why)
{
    assert(talk->mode == TALK_PLAY);
    talk->mode = TALK_NONE;
    return rtmp_talk_output_status(talk, talk->stream_id, "error", RTMP_PLAY_LOOP, why);
}

struct err *rtmp_talk_refuse(struct rtmp_talk *talk, const struct rtmp_request *request,
                             const char *code, const char *description, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct err *err = rtmp_talk_output_status(talk, request->stream_id, "error", code, description);

    return err != NULL ? err : rtmp_talk_output_flush(talk, &wait);
}

/* The status with ex; NULL without memory. */
static struct amf0 *elsewhere_status(const struct rtmp_elsewhere *to)
{
    struct amf0 *ex = amf0_object();
    char why[300];
    struct amf0 *info;
    int rc = 0;

    if (str_format(why, sizeof(why), "The stream is at %s", to->tc_url) != 0)
        (void)str_copy(why, sizeof(why), "The stream is at another server");
    info = rtmp_message_status("error", "NetConnection.Connect.Rejected", why);
    if (ex == NULL || info == NULL) {
        amf0_free(ex);
        amf0_free(info);
        return NULL;
    }
    rc |= amf0_set(ex, "code", amf0_number(302));
    rc |= amf0_set(ex, "redirect", amf0_string(to->tc_url));
    rc |= amf0_set(ex, "redirect2", amf0_string(to->url));
    rc |= amf0_set(info, "ex", ex);
    if (rc == 0)
        return info;
    amf0_free(info);
    return NULL;
}

struct err *rtmp_talk_send_on(struct rtmp_talk *talk, const struct rtmp_request *request,
                              const struct rtmp_elsewhere *to, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct rtmp_call call = {.name = "onStatus", .stream_id = request->stream_id};
    struct err *err;

    call.info = elsewhere_status(to);
    if (call.info == NULL)
        return err_new(ERR_NOMEM, "no memory for a redirection");
    err = rtmp_talk_output_call(talk, &call);
    return err != NULL ? err : rtmp_talk_output_flush(talk, &wait);
}
