/*
 * The client side of the RTMP conversation (Adobe's RTMP specification 1.0, section 7.2): what an
 * edge needs to pull and a forwarder to push. It makes the calls in FMLE's order, since some
 * servers accept no other.
 */
#include "proto/rtmp_talk.h"

#include "base/str.h"
#include "proto/rtmp_handshake.h"
#include "proto/rtmp_talk_private.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define FLASH_VERSION "FMLE/3.0 (compatible; FMSc/1.0)"
#define BUFFER_MS     3000
#define CSID_MEDIA    6
#define SPANS_MAX     64
#define REDIRECT_CODE 302
#define REDIRECT_MAX  1023
#define REFUSAL_MAX   1023

enum { CALL_CONNECT = 1, CALL_RELEASE, CALL_FC_PUBLISH, CALL_CREATE_STREAM, CALL_STREAM };

/* ---- handshake ---- */

struct handshake {
    uint8_t random[2 * RTMP_HANDSHAKE_SIZE];
    uint8_t c0c1[1 + RTMP_HANDSHAKE_SIZE];
    uint8_t s0s1[1 + RTMP_HANDSHAKE_SIZE];
    uint8_t s2[RTMP_HANDSHAKE_SIZE];
    uint8_t c2[RTMP_HANDSHAKE_SIZE];
};

static MAY_YIELD struct err *handshake_send(struct rtmp_talk *talk, const uint8_t *data, size_t len,
                                            const struct talk_wait *wait)
{
    usec_t left;
    struct err *err = rtmp_talk_output_wait_left(talk, wait, &left);

    return err != NULL ? err : io_write(talk->io, data, len, left);
}

static MAY_YIELD struct err *handshake_call(struct rtmp_talk *talk, struct handshake *h,
                                            const struct talk_wait *wait)
{
    struct err *err;

    if (RAND_bytes(h->random, sizeof(h->random)) != 1)
        return err_new(ERR_NOMEM, "no random bytes");
    rtmp_handshake_hello(h->random, 0, h->c0c1);
    err = handshake_send(talk, h->c0c1, sizeof(h->c0c1), wait);
    if (err == NULL)
        err = rtmp_talk_input_read_exactly(talk, h->s0s1, sizeof(h->s0s1), wait);
    if (err != NULL)
        return err;
    if (rtmp_handshake_finish(h->s0s1, h->random + RTMP_HANDSHAKE_SIZE, h->c2) != SCAN_DONE)
        return err_new(ERR_PROTO, "S0 is 0x%02x: this is not RTMP", h->s0s1[0]);
    err = handshake_send(talk, h->c2, sizeof(h->c2), wait);
    return err != NULL ? err : rtmp_talk_input_read_exactly(talk, h->s2, sizeof(h->s2), wait);
}

struct err *rtmp_talk_handshake(struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct handshake *h = malloc(sizeof(*h)); /* too large for a coroutine's stack */
    struct err *err;

    if (h == NULL)
        return err_new(ERR_NOMEM, "no memory for a handshake");
    err = handshake_call(talk, h, &wait);
    free(h);
    talk->is_client = 1;
    return err != NULL ? err_wrap(err, "handshake") : NULL;
}

/* ---- answers ---- */

static const struct amf0 *command_info(const struct rtmp_command *command)
{
    return command->arg_count > 1 ? command->arg[1] : NULL;
}

static struct err *denied(const struct rtmp_command *command)
{
    const char *code = amf0_get_string(command_info(command), "code");
    const char *why = amf0_get_string(command_info(command), "description");

    return err_new(code != NULL && strcmp(code, RTMP_PLAY_LOOP) == 0 ? ERR_LOOP : ERR_DENIED,
                   "%s: %s", code != NULL ? code : command->name,
                   why != NULL ? why : "no reason given");
}

static int is_error_status(const struct rtmp_command *command)
{
    const char *level = amf0_get_string(command_info(command), "level");

    return level != NULL && strcmp(level, "error") == 0;
}

/* A server that redirects tells where the stream is. */
static void redirect_keep(struct rtmp_talk *talk, const struct rtmp_command *command)
{
    const struct amf0 *ex = amf0_get(command_info(command), "ex");
    const char *to = amf0_get_string(ex, "redirect");

    if (to == NULL || strlen(to) > REDIRECT_MAX || amf0_get_number(ex, "code", 0) != REDIRECT_CODE)
        return;
    free(talk->redirect);
    talk->redirect = strdup(to);
}

static void refusal_keep(struct rtmp_talk *talk, const struct rtmp_command *command)
{
    const char *why = amf0_get_string(command_info(command), "description");

    if (why == NULL || strlen(why) > REFUSAL_MAX)
        return;
    free(talk->refusal);
    talk->refusal = strdup(why);
}

const char *rtmp_talk_refusal(const struct rtmp_talk *talk)
{
    return talk->refusal;
}

const char *rtmp_talk_redirect(const struct rtmp_talk *talk)
{
    return talk->redirect;
}

/* Checks whether a command answers the call: *is_answer, and *number for a number in it. */
static struct err *answer_check(const struct rtmp_command *command, double transaction,
                                int *is_answer, double *number)
{
    if (strcmp(command->name, "onStatus") == 0) {
        if (is_error_status(command))
            return denied(command);
        *is_answer = transaction == CALL_STREAM;
        return NULL;
    }
    if (command->transaction != transaction)
        return NULL;
    if (strcmp(command->name, "_error") == 0)
        return denied(command);
    if (strcmp(command->name, "_result") == 0) {
        *is_answer = 1;
        *number = rtmp_message_command_number(command, 1, 0);
    }
    return NULL;
}

static int is_media(const struct rtmp_message *message)
{
    return message->type == RTMP_AUDIO || message->type == RTMP_VIDEO ||
           message->type == RTMP_AMF0_DATA || message->type == RTMP_AMF3_DATA;
}

/*
 * Waits for the _result of a call, or, for CALL_STREAM, an onStatus. Some servers play without
 * sending one: then the first media message is the answer, and is kept.
 */
static MAY_YIELD struct err *answer_wait(struct rtmp_talk *talk, double transaction, double *number,
                                         const struct talk_wait *wait)
{
    struct rtmp_message message;
    struct rtmp_command command;
    int is_answer = 0;
    struct err *err = rtmp_talk_output_flush(talk, wait);

    if (err != NULL)
        return err;
    while (!is_answer) {
        err = rtmp_talk_input_message(talk, &message, wait);

        if (err == NULL && is_media(&message) && talk->mode == TALK_PLAY) {
            talk->held = message;
            talk->has_held = 1;
            return NULL;
        }
        if (err == NULL && rtmp_talk_input_is_command(&message)) {
            err = rtmp_talk_input_command_read(&command, &message);
            if (err == NULL) {
                err = answer_check(&command, transaction, &is_answer, number);
                if (err != NULL && (transaction == CALL_CONNECT || transaction == CALL_STREAM))
                    redirect_keep(talk, &command);
                if (err != NULL && transaction == CALL_CONNECT)
                    refusal_keep(talk, &command);
                rtmp_message_command_fini(&command);
            }
        } else if (err == NULL) {
            err = rtmp_talk_input_control(talk, &message);
        }
        if (err != NULL)
            return err;
    }
    return NULL;
}

struct err *rtmp_talk_client_command(struct rtmp_talk *talk, const struct rtmp_command *command,
                                     enum rtmp_event *event)
{
    static const char *const over[] = {"NetStream.Play.UnpublishNotify", "NetStream.Play.Stop",
                                       "NetStream.Play.Complete", "NetStream.Play.StreamNotFound",
                                       "NetStream.Unpublish.Success"};
    const char *code;

    if (strcmp(command->name, "onStatus") != 0)
        return NULL;
    /* StreamNotFound has level error, but denies nothing: the stream may come later. */
    code = amf0_get_string(command_info(command), "code");
    for (size_t i = 0; code != NULL && i < sizeof(over) / sizeof(over[0]); i++) {
        if (strcmp(code, over[i]) == 0) {
            *event = RTMP_EVENT_UNPUBLISH;
            return NULL;
        }
    }
    if (!is_error_status(command))
        return NULL;
    redirect_keep(talk, command); /* some servers redirect after they have granted the play */
    return denied(command);
}

/* ---- connect ---- */

static struct amf0 *connect_object(const struct rtmp_target *target, const char *via)
{
    struct amf0 *object = amf0_object();
    int rc;

    if (object == NULL)
        return NULL;
    rc = amf0_set(object, "app", amf0_string(target->app));
    rc |= amf0_set(object, "type", amf0_string("nonprivate"));
    rc |= amf0_set(object, "flashVer", amf0_string(FLASH_VERSION));
    rc |= amf0_set(object, "tcUrl", amf0_string(target->tc_url));
    rc |= amf0_set(object, "fpad", amf0_boolean(0));
    rc |= amf0_set(object, "capabilities", amf0_number(239));
    rc |= amf0_set(object, "audioCodecs", amf0_number(3575));
    rc |= amf0_set(object, "videoCodecs", amf0_number(252));
    rc |= amf0_set(object, "videoFunction", amf0_number(1));
    rc |= amf0_set(object, "objectEncoding", amf0_number(0));
    rc |= amf0_set(object, "capsEx", amf0_number(0x0e));
    if (via != NULL)
        rc |= amf0_set(object, RTMP_VIA_PROPERTY, amf0_string(via));
    if (rc == 0)
        return object;
    amf0_free(object);
    return NULL;
}

struct err *rtmp_talk_connect(struct rtmp_talk *talk, const struct rtmp_target *target,
                              usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct rtmp_call call = {.name = "connect", .transaction = CALL_CONNECT};
    double number = 0;
    struct err *err;

    talk->is_client = 1;
    call.object = connect_object(target, talk->config.via);
    if (call.object == NULL)
        return err_new(ERR_NOMEM, "no memory for connect");
    err = rtmp_talk_output_chunk_size_set(talk, talk->config.chunk_size);
    if (err == NULL)
        err = rtmp_talk_output_call(talk, &call);
    else
        amf0_free(call.object);
    if (err == NULL)
        err = answer_wait(talk, CALL_CONNECT, &number, &wait);
    return err != NULL ? err_wrap(err, "connect %s:%d", target->host, target->port) : NULL;
}

/* ---- publish and play ---- */

static struct err *call_plain(struct rtmp_talk *talk, const char *name, double transaction)
{
    struct rtmp_call call = {.name = name, .transaction = transaction};

    return rtmp_talk_output_call(talk, &call);
}

static struct err *call_named(struct rtmp_talk *talk, const char *name, double transaction,
                              const char *stream)
{
    struct rtmp_call call = {.name = name, .transaction = transaction};

    call.info = amf0_string(stream);
    if (call.info == NULL)
        return err_new(ERR_NOMEM, "no memory for %s", name);
    return rtmp_talk_output_call(talk, &call);
}

/* "play" or "publish" at the stream that was created. Takes over more, which may be NULL for lack
 * of memory. Without an argument the call would name another stream. */
static struct err *call_stream(struct rtmp_talk *talk, const char *name, const char *stream,
                               struct amf0 *more)
{
    struct rtmp_call call = {.name = name, .transaction = CALL_STREAM, .more = more};

    call.stream_id = talk->stream_id;
    call.info = amf0_string(stream);
    if (call.info != NULL && call.more != NULL)
        return rtmp_talk_output_call(talk, &call);
    amf0_free(call.info);
    amf0_free(call.more);
    return err_new(ERR_NOMEM, "no memory for %s", name);
}

static MAY_YIELD struct err *stream_create(struct rtmp_talk *talk, const struct talk_wait *wait)
{
    double number = 0;
    struct err *err = call_plain(talk, "createStream", CALL_CREATE_STREAM);

    if (err == NULL)
        err = answer_wait(talk, CALL_CREATE_STREAM, &number, wait);
    if (err != NULL)
        return err;
    if (!(number >= 0 && number <= 0xffffff))
        return err_new(ERR_PROTO, "createStream returned no stream id");
    talk->stream_id = (uint32_t)number;
    return NULL;
}

struct err *rtmp_talk_play(struct rtmp_talk *talk, const char *stream, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    double number = 0;
    struct err *err = stream_create(talk, &wait);

    if (err != NULL)
        return err_wrap(err, "createStream");
    talk->mode = TALK_PLAY;
    rtmp_talk_input_limit(talk, 1);
    err = call_stream(talk, "play", stream, amf0_number(-2));
    if (err == NULL)
        err = rtmp_talk_output_written(
            rtmp_message_user_buffer_write(&talk->out, talk->stream_id, BUFFER_MS));
    if (err == NULL)
        err = answer_wait(talk, CALL_STREAM, &number, &wait);
    if (err != NULL)
        talk->mode = TALK_NONE;
    return err != NULL ? err_wrap(err, "play") : NULL;
}

struct err *rtmp_talk_publish(struct rtmp_talk *talk, const char *stream, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    double number = 0;
    struct err *err;

    err = call_named(talk, "releaseStream", CALL_RELEASE, stream);
    if (err == NULL)
        err = call_named(talk, "FCPublish", CALL_FC_PUBLISH, stream);
    if (err == NULL)
        err = stream_create(talk, &wait);
    if (err != NULL)
        return err_wrap(err, "createStream");
    err = call_stream(talk, "publish", stream, amf0_string("live"));
    if (err == NULL)
        err = answer_wait(talk, CALL_STREAM, &number, &wait);
    if (err == NULL)
        talk->mode = TALK_PUBLISH;
    return err != NULL ? err_wrap(err, "publish") : NULL;
}

/* Sends the data in place, with chunk headers in between. */
static MAY_YIELD struct err *spans_send(struct rtmp_talk *talk, const struct rtmp_message *message,
                                        const struct talk_wait *wait)
{
    uint8_t head[RTMP_CHUNK_HEADER_MAX];
    uint8_t next[RTMP_CHUNK_CONTINUE_MAX];
    size_t next_len = rtmp_chunk_continue_write(next, message);
    struct iovec iov[SPANS_MAX];
    size_t done = 0;
    int n = 0;

    iov[n++] = (struct iovec){head, rtmp_chunk_header_write(head, message)};
    do {
        size_t len = message->len - done;
        usec_t left;
        struct err *err;

        if (len > talk->chunk_out)
            len = talk->chunk_out;
        if (done > 0)
            iov[n++] = (struct iovec){next, next_len};
        if (len > 0)
            iov[n++] = (struct iovec){(void *)(message->data + done), len};
        done += len;
        if (n + 2 <= SPANS_MAX && done < message->len)
            continue;
        err = rtmp_talk_output_wait_left(talk, wait, &left);
        if (err == NULL)
            err = io_writev(talk->io, iov, n, left);
        if (err != NULL)
            return err;
        n = 0;
    } while (done < message->len);
    return NULL;
}

struct err *rtmp_talk_send(struct rtmp_talk *talk, const struct rtmp_message *message,
                           usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct rtmp_message out = *message;
    struct err *err;

    assert(talk != NULL && (message->data != NULL || message->len == 0));
    if (message->len > 0xffffff)
        return err_new(ERR_LIMIT, "a message of %zu bytes is too long for RTMP", message->len);
    out.stream_id = talk->stream_id;
    out.csid = CSID_MEDIA;
    err = rtmp_talk_output_flush(talk, &wait);
    return err != NULL ? err : spans_send(talk, &out, &wait);
}
