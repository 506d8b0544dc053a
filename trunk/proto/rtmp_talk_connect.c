/*
 * The server's connect (Adobe's RTMP specification 1.0, section 7.2.1.1; enhanced RTMP v2,
 * "Enhancing NetConnection connect Command"): read, granted, refused or redirected. The answer
 * confirms the enhanced RTMP features that the client declares; all are supported, because media
 * passes through unchanged.
 */
#include "proto/rtmp_talk.h"

#include "base/str.h"
#include "proto/rtmp_talk_private.h"

#include <assert.h>
#include <string.h>

#define FMS_VERSION        "FMS/3,5,3,888"
#define FMS_CAPABILITIES   127
#define CAPS_EX_OURS       0x0e /* Multitrack, ModEx, TimestampNanoOffset pass through; no Reconnect */
#define CAPS_EX_MULTITRACK 0x02
#define CAN_FORWARD        4

static const char *const fourcc_video[] = {"avc1", "hvc1", "av01", "vp09", "vp08", "vvc1"};
static const char *const fourcc_audio[] = {"mp4a", "Opus", "ac-3", "ec-3", "fLaC", ".mp3"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int connect_string(const struct amf0 *object, const char *key, char *out, size_t cap)
{
    const char *value = amf0_get_string(object, key);

    out[0] = '\0';
    return value != NULL ? str_copy(out, cap, value) : 0;
}

/* Parses the address. It is in the tcUrl; connect's app is used if the tcUrl has no path or is not
 * a URL. */
static struct err *connect_address(struct rtmp_connect *connect, const struct amf0 *object)
{
    struct url_rtmp_call call = {.tc_url = connect->tc_url, .app = connect->app};

    if (amf0_get_string(object, "tcUrl") == NULL)
        return err_new(ERR_DENIED, "connect has no tcUrl");
    if (connect_string(object, "tcUrl", connect->tc_url, sizeof(connect->tc_url)) != 0)
        return err_new(ERR_DENIED, "connect's tcUrl is too long");
    if (url_rtmp_parse(&connect->address, connect->tc_url, NULL) == SCAN_DONE)
        return NULL;
    if (connect_string(object, "app", connect->app, sizeof(connect->app)) != 0)
        return err_new(ERR_DENIED, "connect's app is too long");
    if (url_rtmp_parse_call(&connect->address, &call) == SCAN_DONE)
        return NULL;
    return err_new(ERR_DENIED, "connect: %s", connect->address.fault);
}

static struct err *connect_fill(struct rtmp_talk *talk, struct rtmp_connect *connect,
                                const struct rtmp_command *command)
{
    const struct amf0 *object = command->arg_count > 0 ? command->arg[0] : NULL;

    memset(connect, 0, sizeof(*connect));
    talk->connect_transaction = command->transaction;
    /* For logs and rules only: long ones are truncated. */
    connect_string(object, "pageUrl", connect->page_url, sizeof(connect->page_url));
    connect_string(object, "swfUrl", connect->swf_url, sizeof(connect->swf_url));
    connect_string(object, "flashVer", connect->flash_ver, sizeof(connect->flash_ver));
    connect_string(object, RTMP_VIA_PROPERTY, connect->via, sizeof(connect->via));
    connect->object_encoding = amf0_get_number(object, "objectEncoding", 0);
    connect->caps_ex = amf0_get_number(object, "capsEx", 0);
    connect->is_multitrack = connect->caps_ex >= 0 && connect->caps_ex <= UINT16_MAX &&
                             ((uint32_t)connect->caps_ex & CAPS_EX_MULTITRACK) != 0;
    talk->has_fourcc_list = amf0_get(object, "fourCcList") != NULL;
    talk->has_video_map = amf0_get(object, "videoFourCcInfoMap") != NULL;
    talk->has_audio_map = amf0_get(object, "audioFourCcInfoMap") != NULL;
    talk->has_caps_ex = amf0_get(object, "capsEx") != NULL;
    connect->is_enhanced = talk->has_fourcc_list || talk->has_video_map || talk->has_audio_map;
    talk->object_encoding = connect->object_encoding;
    return connect_address(connect, object);
}

struct err *rtmp_talk_accept_connect(struct rtmp_talk *talk, struct rtmp_connect *connect,
                                     usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct rtmp_message message;
    struct rtmp_command command;
    struct err *err;

    assert(talk != NULL && connect != NULL);
    for (;;) {
        err = rtmp_talk_input_message(talk, &message, &wait);
        if (err == NULL && rtmp_talk_input_is_command(&message))
            break;
        if (err == NULL)
            err = rtmp_talk_input_control(talk, &message);
        if (err != NULL)
            return err_wrap(err, "connect");
    }
    err = rtmp_talk_input_command_read(&command, &message);
    if (err != NULL)
        return err_wrap(err, "connect");
    if (strcmp(command.name, "connect") == 0)
        err = connect_fill(talk, connect, &command);
    else
        err = err_new(ERR_PROTO, "the first call is not connect");
    rtmp_message_command_fini(&command);
    return err;
}

static struct amf0 *fourcc_map(const char *const *names, size_t count)
{
    struct amf0 *map = amf0_object();
    int rc = 0;

    if (map == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        rc |= amf0_set(map, names[i], amf0_number(CAN_FORWARD));
    rc |= amf0_set(map, "*", amf0_number(CAN_FORWARD));
    if (rc == 0)
        return map;
    amf0_free(map);
    return NULL;
}

static struct amf0 *fourcc_list(void)
{
    struct amf0 *list = amf0_strict_array();
    int rc = 0;

    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(fourcc_video); i++)
        rc |= amf0_set(list, NULL, amf0_string(fourcc_video[i]));
    for (size_t i = 0; i < COUNT_OF(fourcc_audio); i++)
        rc |= amf0_set(list, NULL, amf0_string(fourcc_audio[i]));
    if (rc == 0)
        return list;
    amf0_free(list);
    return NULL;
}

/* Announces the supported enhanced RTMP, in the form that the client used. */
static int enhanced_set(const struct rtmp_talk *talk, struct amf0 *object)
{
    int rc = 0;

    if (talk->has_fourcc_list)
        rc |= amf0_set(object, "fourCcList", fourcc_list());
    if (talk->has_video_map)
        rc |= amf0_set(object, "videoFourCcInfoMap",
                       fourcc_map(fourcc_video, COUNT_OF(fourcc_video)));
    if (talk->has_audio_map)
        rc |= amf0_set(object, "audioFourCcInfoMap",
                       fourcc_map(fourcc_audio, COUNT_OF(fourcc_audio)));
    if (talk->has_caps_ex)
        rc |= amf0_set(object, "capsEx", amf0_number(CAPS_EX_OURS));
    return rc;
}

static struct amf0 *connect_properties(const struct rtmp_talk *talk)
{
    struct amf0 *object = amf0_object();
    int rc;

    if (object == NULL)
        return NULL;
    rc = amf0_set(object, "fmsVer", amf0_string(FMS_VERSION));
    rc |= amf0_set(object, "capabilities", amf0_number(FMS_CAPABILITIES));
    rc |= amf0_set(object, "mode", amf0_number(1));
    rc |= enhanced_set(talk, object);
    if (rc == 0)
        return object;
    amf0_free(object);
    return NULL;
}

static struct amf0 *connect_data(const struct rtmp_talk *talk)
{
    struct amf0 *data = amf0_ecma_array();
    int rc;

    if (data == NULL)
        return NULL;
    rc = amf0_set(data, "server", amf0_string(talk->config.server));
    rc |= amf0_set(data, "version", amf0_string(talk->config.version));
    rc |= amf0_set(data, "pid", amf0_number(talk->config.pid));
    rc |= amf0_set(data, "id", amf0_string(talk->config.id));
    if (rc == 0)
        return data;
    amf0_free(data);
    return NULL;
}

/* The specification does not say which of the two objects a client reads, so it is in both. */
static struct amf0 *connect_information(const struct rtmp_talk *talk)
{
    struct amf0 *info =
        rtmp_message_status("status", "NetConnection.Connect.Success", "Connection succeeded");
    int rc;

    if (info == NULL)
        return NULL;
    rc = amf0_set(info, "objectEncoding", amf0_number(talk->object_encoding));
    rc |= amf0_set(info, "data", connect_data(talk));
    rc |= enhanced_set(talk, info);
    if (rc == 0)
        return info;
    amf0_free(info);
    return NULL;
}

static struct err *connect_answer(struct rtmp_talk *talk)
{
    struct rtmp_call result = {.name = "_result", .transaction = talk->connect_transaction};
    struct rtmp_call done = {.name = "onBWDone"};
    struct err *err;

    result.object = connect_properties(talk);
    result.info = connect_information(talk);
    if (result.object == NULL || result.info == NULL) {
        amf0_free(result.object);
        amf0_free(result.info);
        return err_new(ERR_NOMEM, "no memory for connect's answer");
    }
    err = rtmp_talk_output_call(talk, &result);
    return err != NULL ? err : rtmp_talk_output_call(talk, &done);
}

struct err *rtmp_talk_connect_ok(struct rtmp_talk *talk, usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    uint32_t window = talk->config.out_ack_size;
    struct err *err;

    err = rtmp_talk_output_written(
        rtmp_message_control_write(&talk->out, RTMP_WINDOW_ACK_SIZE, window));
    if (err == NULL)
        err = rtmp_talk_output_written(
            rtmp_message_bandwidth_write(&talk->out, window, RTMP_LIMIT_DYNAMIC));
    if (err == NULL)
        err = rtmp_talk_output_chunk_size_set(talk, talk->config.chunk_size);
    if (err == NULL)
        err = connect_answer(talk);
    if (err == NULL)
        err = rtmp_talk_output_flush(talk, &wait);
    return err != NULL ? err_wrap(err, "connect's answer") : NULL;
}

struct err *rtmp_talk_connect_no(struct rtmp_talk *talk, const char *why, const char *redirect,
                                 usec_t timeout)
{
    struct talk_wait wait = rtmp_talk_output_wait_start(talk, timeout);
    struct rtmp_call call = {.name = "_error", .transaction = talk->connect_transaction};
    struct amf0 *ex;
    struct err *err;
    int rc = 0;

    call.object = connect_properties(talk);
    call.info = rtmp_message_status("error", "NetConnection.Connect.Rejected", why);
    if (redirect != NULL && call.info != NULL) {
        ex = amf0_object();
        if (ex != NULL) {
            rc = amf0_set(ex, "code", amf0_number(302));
            rc |= amf0_set(ex, "redirect", amf0_string(redirect));
        }
        rc |= amf0_set(call.info, "ex", ex);
    }
    if (call.object == NULL || call.info == NULL || rc != 0) {
        amf0_free(call.object);
        amf0_free(call.info);
        return err_new(ERR_NOMEM, "no memory for connect's refusal");
    }
    err = rtmp_talk_output_call(talk, &call);
    return err != NULL ? err : rtmp_talk_output_flush(talk, &wait);
}
