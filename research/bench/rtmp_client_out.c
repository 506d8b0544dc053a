/*
 * The messages that the RTMP client sends: its requests as AMF0 commands (Adobe's RTMP 1.0, section
 * 7), control messages, and a publisher's media as chunks (section 5.3). It does not use the
 * server's writers.
 */
#include "rtmp_client.h"

#include "base/bytes.h"
#include "rtmp_client_private.h"

#include <stdio.h>
#include <string.h>

#define CSID_CONTROL 2
#define CSID_COMMAND 3
#define CSID_AUDIO   4
#define CSID_DATA    5
#define CSID_VIDEO   6

/* ---- AMF0 ---- */

static void amf_raw_string(struct bytes_out *out, const char *text)
{
    bytes_put_u16(out, (uint16_t)strlen(text));
    bytes_put(out, text, strlen(text));
}

static void amf_string(struct bytes_out *out, const char *text)
{
    bytes_put_u8(out, 2);
    amf_raw_string(out, text);
}

static void amf_number(struct bytes_out *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    bytes_put_u8(out, 0);
    bytes_put_be(out, bits, 8);
}

static void amf_null(struct bytes_out *out)
{
    bytes_put_u8(out, 5);
}

static void amf_field(struct bytes_out *out, const char *name, const char *text)
{
    amf_raw_string(out, name);
    amf_string(out, text);
}

/* ---- messages ---- */

/* Appends a message that fits one chunk of the peer's first 128 bytes, or is split to such. */
static int message_put(struct rtmp_client *client, int csid, uint8_t type, uint32_t stream_id,
                       const struct bytes_out *body, const uint8_t *start)
{
    size_t len = (size_t)(body->p - start);
    struct bytes_out out =
        bytes_out_of(client->out + client->out_len, sizeof(client->out) - client->out_len);
    size_t limit = client->publishing && client->state >= RTMP_CREATING ? RTMP_CHUNK_SIZE_OUT : 128;

    bytes_put_u8(&out, (uint8_t)csid);
    bytes_put_u24(&out, 0);
    bytes_put_u24(&out, (uint32_t)len);
    bytes_put_u8(&out, type);
    bytes_put_u32le(&out, stream_id);
    for (size_t at = 0; at < len; at += limit) {
        if (at > 0)
            bytes_put_u8(&out, (uint8_t)(0xc0 | csid));
        bytes_put(&out, start + at, len - at < limit ? len - at : limit);
    }
    if (out.bad || body->bad)
        return rtmp_client_fail(client, "a command of ours is too long");
    client->out_len = (size_t)(out.p - client->out);
    return 0;
}

int rtmp_connect_send(struct rtmp_client *client)
{
    uint8_t body[512];
    char url[RTMP_NAME_MAX + 96];
    struct bytes_out out = bytes_out_of(body, sizeof(body));

    snprintf(url, sizeof(url), "rtmp://%s/%s", client->host, client->app);
    amf_string(&out, "connect");
    amf_number(&out, 1);
    bytes_put_u8(&out, 3);
    amf_field(&out, "app", client->app);
    if (client->publishing)
        amf_field(&out, "type", "nonprivate");
    amf_field(&out, "flashVer", "bench/1.0");
    amf_field(&out, "tcUrl", url);
    bytes_put_u24(&out, 9);
    client->state = RTMP_CONNECTING;
    return message_put(client, CSID_COMMAND, TYPE_COMMAND, 0, &out, body);
}

int rtmp_create_stream_send(struct rtmp_client *client)
{
    uint8_t body[64];
    struct bytes_out out = bytes_out_of(body, sizeof(body));

    if (client->publishing) {
        bytes_put_u32(&out, RTMP_CHUNK_SIZE_OUT);
        if (message_put(client, CSID_CONTROL, TYPE_CHUNK_SIZE, 0, &out, body) != 0)
            return -1;
        out = bytes_out_of(body, sizeof(body));
    }
    client->state = RTMP_CREATING;
    amf_string(&out, "createStream");
    amf_number(&out, 2);
    amf_null(&out);
    return message_put(client, CSID_COMMAND, TYPE_COMMAND, 0, &out, body);
}

int rtmp_start_send(struct rtmp_client *client)
{
    uint8_t body[RTMP_NAME_MAX + 64];
    struct bytes_out out = bytes_out_of(body, sizeof(body));

    client->state = RTMP_STARTING;
    amf_string(&out, client->publishing ? "publish" : "play");
    amf_number(&out, 3);
    amf_null(&out);
    amf_string(&out, client->stream);
    if (client->publishing)
        amf_string(&out, "live");
    return message_put(client, CSID_COMMAND, TYPE_COMMAND, client->stream_id, &out, body);
}

int rtmp_pong_send(struct rtmp_client *client, uint32_t time)
{
    uint8_t body[6];
    struct bytes_out out = bytes_out_of(body, sizeof(body));

    bytes_put_u16(&out, 7);
    bytes_put_u32(&out, time);
    return message_put(client, CSID_CONTROL, TYPE_USER, 0, &out, body);
}

void rtmp_ack_write(uint8_t *out, uint32_t received)
{
    static const uint8_t head[12] = {CSID_CONTROL, 0, 0, 0, 0, 0, 4, TYPE_ACK};

    memcpy(out, head, sizeof(head));
    for (int i = 0; i < 4; i++)
        out[sizeof(head) + (size_t)i] = (uint8_t)(received >> (24 - 8 * i));
}

static int csid_of(uint8_t type)
{
    if (type == TYPE_DATA)
        return CSID_DATA;
    return type == TYPE_AUDIO ? CSID_AUDIO : CSID_VIDEO;
}

size_t rtmp_media_write(uint8_t *to, struct rtmp_out_track *track, uint32_t stream_id,
                        const struct rtmp_message *message)
{
    struct bytes_out out = bytes_out_of(to, RTMP_CHUNKED_MAX(message->len));
    int csid = csid_of(message->type);
    /* A delta is what most encoders send; absolute at first and after a step back. */
    int full = !track->seen || message->time_ms < track->time;
    uint32_t time = full ? message->time_ms : message->time_ms - track->time;

    bytes_put_u8(&out, (uint8_t)((full ? 0x00 : 0x40) | csid));
    bytes_put_u24(&out, time >= EXTENDED_TIME ? EXTENDED_TIME : time);
    bytes_put_u24(&out, (uint32_t)message->len);
    bytes_put_u8(&out, message->type);
    if (full)
        bytes_put_u32le(&out, stream_id);
    if (time >= EXTENDED_TIME)
        bytes_put_u32(&out, time);
    for (size_t at = 0; at < message->len; at += RTMP_CHUNK_SIZE_OUT) {
        size_t left = message->len - at;

        if (at > 0) {
            bytes_put_u8(&out, (uint8_t)(0xc0 | csid));
            if (time >= EXTENDED_TIME)
                bytes_put_u32(&out, time);
        }
        bytes_put(&out, message->body + at,
                  left < RTMP_CHUNK_SIZE_OUT ? left : RTMP_CHUNK_SIZE_OUT);
    }
    track->seen = 1;
    track->time = message->time_ms;
    return (size_t)(out.p - to);
}
