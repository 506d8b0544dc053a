/*
 * RTMP's messages below the conversation: commands are parsed, commands and control messages are
 * written (Adobe's RTMP specification 1.0, sections 5.4, 6.2 and 7.2). rtmp_talk decides what is
 * sent when.
 */
#include "proto/rtmp_message.h"

#include "base/bytes.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

#define CSID_CONTROL 2 /* 5.4: protocol control messages use chunk stream 2 */
#define CSID_COMMAND 3
#define CSID_STATUS  5

/* The smallest chunk size that we use: no control message is longer. */
#define CONTROL_CHUNK_SIZE 128

#define AMF0_MARKER_AVMPLUS 0x11 /* an AMF3 value follows */

static int is_wrapped(const struct rtmp_message *message)
{
    return message->len > 0 && message->data[0] == 0 &&
           (message->type == RTMP_AMF3_COMMAND || message->type == RTMP_AMF3_DATA);
}

static enum scan command_head_read(struct rtmp_command *command, struct bytes *b)
{
    struct amf0 *value = NULL;

    if (amf0_read(b, &value) != SCAN_DONE)
        return SCAN_BAD;
    if (value->type != AMF0_STRING) {
        amf0_free(value);
        return SCAN_BAD;
    }
    str_copy(command->name, sizeof(command->name), value->string);
    amf0_free(value);
    if (bytes_left(b) == 0)
        return SCAN_DONE;
    if (amf0_read(b, &value) != SCAN_DONE)
        return SCAN_BAD;
    if (value->type == AMF0_NUMBER)
        command->transaction = value->number;
    amf0_free(value);
    return SCAN_DONE;
}

enum scan rtmp_message_command_read(struct rtmp_command *command,
                                    const struct rtmp_message *message)
{
    size_t skip = is_wrapped(message) ? 1 : 0;
    struct bytes b = bytes_of(message->data + skip, message->len - skip);

    assert(command != NULL);
    memset(command, 0, sizeof(*command));
    if (message->len > RTMP_COMMAND_MAX || command_head_read(command, &b) != SCAN_DONE)
        return SCAN_BAD;
    while (bytes_left(&b) > 0 && command->arg_count < RTMP_COMMAND_ARGS_MAX) {
        if (*b.p == AMF0_MARKER_AVMPLUS)
            break;
        if (amf0_read(&b, &command->arg[command->arg_count]) != SCAN_DONE) {
            rtmp_message_command_fini(command);
            return SCAN_BAD;
        }
        command->arg_count++;
    }
    return SCAN_DONE;
}

void rtmp_message_command_fini(struct rtmp_command *command)
{
    for (size_t i = 0; i < command->arg_count; i++)
        amf0_free(command->arg[i]);
    command->arg_count = 0;
}

const char *rtmp_message_command_string(const struct rtmp_command *command, size_t i)
{
    const struct amf0 *value = i < command->arg_count ? command->arg[i] : NULL;

    if (value == NULL || value->type != AMF0_STRING)
        return NULL;
    return strlen(value->string) == value->string_len ? value->string : NULL;
}

double rtmp_message_command_number(const struct rtmp_command *command, size_t i, double fallback)
{
    const struct amf0 *value = i < command->arg_count ? command->arg[i] : NULL;

    return value != NULL && value->type == AMF0_NUMBER ? value->number : fallback;
}

int rtmp_message_data_unwrap(struct rtmp_message *message)
{
    if (message->type == RTMP_AMF0_DATA)
        return 0;
    if (!is_wrapped(message))
        return -1;
    message->type = RTMP_AMF0_DATA;
    message->data++;
    message->len--;
    return 0;
}

void rtmp_message_aggregate_start(struct rtmp_aggregate *aggregate,
                                  const struct rtmp_message *message)
{
    *aggregate = (struct rtmp_aggregate){.left = bytes_of(message->data, message->len),
                                         .shift = message->timestamp,
                                         .stream_id = message->stream_id,
                                         .csid = message->csid};
}

enum scan rtmp_message_aggregate_next(struct rtmp_aggregate *aggregate,
                                      struct rtmp_message *message)
{
    struct bytes *b = &aggregate->left;
    uint32_t len;

    if (bytes_left(b) == 0)
        return SCAN_MORE;
    message->type = bytes_u8(b);
    len = bytes_u24(b);
    message->timestamp = bytes_u24(b);
    message->timestamp |= (uint32_t)bytes_u8(b) << 24;
    bytes_take(b, 3);
    message->data = bytes_take(b, len);
    if (b->bad)
        return SCAN_MORE;
    bytes_take(b, bytes_left(b) < 4 ? bytes_left(b) : 4);
    if (!aggregate->has_shift) {
        aggregate->has_shift = 1;
        aggregate->shift -= message->timestamp;
    }
    message->timestamp += aggregate->shift;
    message->stream_id = aggregate->stream_id;
    message->csid = aggregate->csid;
    message->len = len;
    return SCAN_DONE;
}

static int control_put(struct buf *out, enum rtmp_type type, const uint8_t *data, size_t len)
{
    struct rtmp_message message = {
        .type = (uint8_t)type, .csid = CSID_CONTROL, .data = data, .len = len};

    assert(len <= CONTROL_CHUNK_SIZE);
    return rtmp_chunk_write(out, CONTROL_CHUNK_SIZE, &message);
}

int rtmp_message_control_write(struct buf *out, enum rtmp_type type, uint32_t value)
{
    uint8_t body[4];
    struct bytes_out o = bytes_out_of(body, sizeof(body));

    bytes_put_u32(&o, value);
    return control_put(out, type, body, sizeof(body));
}

int rtmp_message_bandwidth_write(struct buf *out, uint32_t bytes, uint8_t limit)
{
    uint8_t body[5];
    struct bytes_out o = bytes_out_of(body, sizeof(body));

    bytes_put_u32(&o, bytes);
    bytes_put_u8(&o, limit);
    return control_put(out, RTMP_SET_PEER_BANDWIDTH, body, sizeof(body));
}

int rtmp_message_user_write(struct buf *out, enum rtmp_user_event event, uint32_t value)
{
    uint8_t body[6];
    struct bytes_out o = bytes_out_of(body, sizeof(body));

    bytes_put_u16(&o, (uint16_t)event);
    bytes_put_u32(&o, value);
    return control_put(out, RTMP_USER_CONTROL, body, sizeof(body));
}

int rtmp_message_user_buffer_write(struct buf *out, uint32_t stream_id, uint32_t ms)
{
    uint8_t body[10];
    struct bytes_out o = bytes_out_of(body, sizeof(body));

    bytes_put_u16(&o, RTMP_USER_SET_BUFFER_LENGTH);
    bytes_put_u32(&o, stream_id);
    bytes_put_u32(&o, ms);
    return control_put(out, RTMP_USER_CONTROL, body, sizeof(body));
}

/* Appends body as one message; frees body. */
static int body_send(struct buf *out, uint32_t chunk_size, struct rtmp_message *message,
                     struct buf *body)
{
    int rc;

    message->data = buf_data(body);
    message->len = body->len;
    rc = rtmp_chunk_write(out, chunk_size, message);
    buf_fini(body);
    return rc;
}

int rtmp_message_call_write(struct buf *out, uint32_t chunk_size, const struct rtmp_call *call)
{
    struct rtmp_message message = {.type = RTMP_AMF0_COMMAND,
                                   .csid = call->stream_id == 0 ? CSID_COMMAND : CSID_STATUS,
                                   .stream_id = call->stream_id};
    struct buf body;
    int rc;

    buf_init(&body, RTMP_COMMAND_MAX);
    rc = amf0_write_string(&body, call->name) | amf0_write_number(&body, call->transaction);
    if (call->object != NULL)
        rc |= amf0_write(&body, call->object);
    else
        rc |= amf0_write_null(&body);
    if (call->info != NULL)
        rc |= amf0_write(&body, call->info);
    if (call->more != NULL)
        rc |= amf0_write(&body, call->more);
    amf0_free(call->object);
    amf0_free(call->info);
    amf0_free(call->more);
    if (rc != 0) {
        buf_fini(&body);
        return -1;
    }
    return body_send(out, chunk_size, &message, &body);
}

struct amf0 *rtmp_message_status(const char *level, const char *code, const char *description)
{
    struct amf0 *status = amf0_object();
    int rc;

    if (status == NULL)
        return NULL;
    rc = amf0_set(status, "level", amf0_string(level));
    rc |= amf0_set(status, "code", amf0_string(code));
    rc |= amf0_set(status, "description", amf0_string(description));
    if (rc != 0) {
        amf0_free(status);
        return NULL;
    }
    return status;
}

int rtmp_message_sample_access_write(struct buf *out, uint32_t chunk_size, uint32_t stream_id)
{
    struct rtmp_message message = {
        .type = RTMP_AMF0_DATA, .csid = CSID_STATUS, .stream_id = stream_id};
    struct buf body;

    buf_init(&body, 64);
    if (amf0_write_string(&body, "|RtmpSampleAccess") != 0 || amf0_write_boolean(&body, 1) != 0 ||
        amf0_write_boolean(&body, 1) != 0) {
        buf_fini(&body);
        return -1;
    }
    return body_send(out, chunk_size, &message, &body);
}
