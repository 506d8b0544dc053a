/*
 * The client's side of RTMP (Adobe's RTMP 1.0, sections 5 to 7), written apart
 * from the server's so that one does not confirm the other's mistakes. It
 * accepts what servers send to a player and to a publisher and nothing more;
 * whatever is not understood is passed over, and what cannot be is an error.
 */
#include "rtmp_client.h"

#include "base/bytes.h"
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_SIZE 1536
#define CSID_CONTROL   2
#define CSID_COMMAND   3
#define CSID_AUDIO     4
#define CSID_DATA      5
#define CSID_VIDEO     6
#define MESSAGE_MAX    (16 * 1024 * 1024)
#define COMMAND_KEEP   4096
#define EXTENDED_TIME  0xffffffu

enum message_type {
    TYPE_CHUNK_SIZE = 1,
    TYPE_ACK = 3,
    TYPE_USER = 4,
    TYPE_AUDIO = 8,
    TYPE_VIDEO = 9,
    TYPE_DATA = 18,
    TYPE_COMMAND = 20
};

static int fail(struct rtmp_client *client, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct rtmp_client *client, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(client->error, sizeof(client->error), fmt, args);
    va_end(args);
    client->state = RTMP_FAILED;
    return -1;
}

/* ---- AMF0 out ---- */

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

/* ---- messages out ---- */

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
        return fail(client, "a command of ours is too long");
    client->out_len = (size_t)(out.p - client->out);
    return 0;
}

static int connect_send(struct rtmp_client *client)
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

static int create_stream_send(struct rtmp_client *client)
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

static int start_send(struct rtmp_client *client)
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

static int pong_send(struct rtmp_client *client, uint32_t time)
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

/* ---- messages in ---- */

static int amf_is_string(struct bytes *in, const char **text, size_t *len)
{
    if (bytes_u8(in) != 2)
        return 0;
    *len = bytes_u16(in);
    *text = (const char *)bytes_take(in, *len);
    return *text != NULL;
}

static int amf_is_number(struct bytes *in, double *value)
{
    uint64_t bits;

    if (bytes_u8(in) != 0)
        return 0;
    bits = bytes_u64(in);
    memcpy(value, &bits, sizeof(*value));
    return !in->bad;
}

static int equals(const char *text, size_t len, const char *other)
{
    return len == strlen(other) && memcmp(text, other, len) == 0;
}

static int result_came(struct rtmp_client *client, struct bytes *in)
{
    double transaction, id = 1;

    if (!amf_is_number(in, &transaction))
        return fail(client, "a _result without a transaction id");
    if (client->state == RTMP_CONNECTING && transaction == 1)
        return create_stream_send(client);
    if (client->state == RTMP_CREATING && transaction == 2) {
        if (bytes_u8(in) != 5 || !amf_is_number(in, &id) || !(id >= 1 && id < 1e6))
            return fail(client, "createStream answered without a stream id");
        client->stream_id = (uint32_t)id;
        return start_send(client);
    }
    return 0;
}

/* The code is looked for as text: a status is an object whose fields come in any order. */
static int status_came(struct rtmp_client *client, const uint8_t *body, size_t len)
{
    const char *good = client->publishing ? "NetStream.Publish.Start" : "NetStream.Play.Start";

    if (memmem(body, len, good, strlen(good)) != NULL) {
        client->state = RTMP_RUNNING;
        return 0;
    }
    if (memmem(body, len, "error", 5) != NULL)
        return fail(client, "the server refused: onStatus error");
    return 0;
}

static int command_came(struct rtmp_client *client, const uint8_t *body, size_t len)
{
    struct bytes in = bytes_of(body, len);
    const char *name;
    size_t name_len;

    if (!amf_is_string(&in, &name, &name_len))
        return fail(client, "a command without a name");
    if (equals(name, name_len, "_result"))
        return result_came(client, &in);
    if (equals(name, name_len, "onStatus"))
        return status_came(client, body, len);
    if (equals(name, name_len, "_error"))
        return fail(client, "the server refused: _error");
    return 0;
}

static int message_came(struct rtmp_client *client, struct rtmp_chunk_stream *chunk)
{
    size_t kept = chunk->len < chunk->capacity ? chunk->len : chunk->capacity;
    struct bytes in = bytes_of(chunk->body, kept);
    struct rtmp_message message = {chunk->type, chunk->time, chunk->body, kept, chunk->len};
    uint32_t value;

    switch (chunk->type) {
    case TYPE_CHUNK_SIZE:
        value = bytes_u32(&in);
        if (in.bad || value == 0 || value > INT32_MAX)
            return fail(client, "a chunk size of %u", value);
        client->chunk_size_in = value;
        return 0;
    case TYPE_USER:
        if (bytes_u16(&in) == 6) {
            value = bytes_u32(&in);
            return pong_send(client, value);
        }
        return 0;
    case TYPE_COMMAND:
        return command_came(client, chunk->body, kept);
    case TYPE_AUDIO:
    case TYPE_VIDEO:
    case TYPE_DATA:
        if (client->on_message != NULL)
            client->on_message(client->arg, &message);
        return 0;
    default:
        return 0;
    }
}

/* How much of a message is worth keeping; room for it is made. */
static int body_prepare(struct rtmp_client *client, struct rtmp_chunk_stream *chunk)
{
    int is_media =
        chunk->type == TYPE_AUDIO || chunk->type == TYPE_VIDEO || chunk->type == TYPE_DATA;
    size_t keep = is_media ? client->keep : COMMAND_KEEP;
    uint8_t *grown;

    if (chunk->len > MESSAGE_MAX)
        return fail(client, "a message of %u bytes", chunk->len);
    if (keep > chunk->len)
        keep = chunk->len;
    if (keep <= chunk->capacity)
        return 0;
    grown = realloc(chunk->body, keep);
    if (grown == NULL)
        bench_die("out of memory");
    chunk->body = grown;
    chunk->capacity = keep;
    return 0;
}

/* Bytes the header at hand needs in all, as far as is known yet. */
static size_t header_need(const struct rtmp_client *client)
{
    static const size_t sizes[4] = {12, 8, 4, 1};
    int format = client->header[0] >> 6;
    int csid = client->header[0] & 63;
    size_t need = sizes[format];

    if (client->header_len == 0)
        return 1;
    if (format == 3)
        return need + (client->chunk[csid].extended ? 4 : 0);
    if (client->header_len < 4)
        return need;
    if (client->header[1] == 0xff && client->header[2] == 0xff && client->header[3] == 0xff)
        need += 4;
    return need;
}

static int header_done(struct rtmp_client *client)
{
    struct bytes in = bytes_of(client->header, client->header_len);
    uint8_t first = bytes_u8(&in);
    int format = first >> 6;
    struct rtmp_chunk_stream *chunk = &client->chunk[first & 63];
    uint32_t time = 0;
    int fresh = chunk->got == 0;

    if ((first & 63) < 2)
        return fail(client, "a chunk stream id above 63");
    if (!chunk->seen && format > 1)
        return fail(client, "a chunk that continues nothing");
    if (!fresh && format != 3)
        return fail(client, "a message begins within another");
    if (format <= 2) {
        time = bytes_u24(&in);
        chunk->extended = time == EXTENDED_TIME;
    }
    if (format <= 1) {
        chunk->len = bytes_u24(&in);
        chunk->type = bytes_u8(&in);
    }
    if (format == 0)
        bytes_u32le(&in);
    if (chunk->extended)
        time = bytes_u32(&in);
    if (format <= 2)
        chunk->delta = time;
    if (format == 0)
        chunk->time = time;
    else if (fresh)
        chunk->time += chunk->delta;
    chunk->seen = 1;
    client->header_len = 0;
    client->current = first & 63;
    client->chunk_left = chunk->len - chunk->got;
    if (client->chunk_left > client->chunk_size_in)
        client->chunk_left = client->chunk_size_in;
    return fresh ? body_prepare(client, chunk) : 0;
}

static int chunk_end(struct rtmp_client *client)
{
    struct rtmp_chunk_stream *chunk = &client->chunk[client->current];

    client->current = -1;
    if (chunk->got < chunk->len)
        return 0;
    chunk->got = 0;
    return message_came(client, chunk);
}

static int payload_feed(struct rtmp_client *client, const uint8_t *data, size_t len)
{
    struct rtmp_chunk_stream *chunk = &client->chunk[client->current];

    if (chunk->got < chunk->capacity) {
        size_t room = chunk->capacity - chunk->got;

        memcpy(chunk->body + chunk->got, data, len < room ? len : room);
    }
    chunk->got += (uint32_t)len;
    client->chunk_left -= (uint32_t)len;
    return client->chunk_left == 0 ? chunk_end(client) : 0;
}

/* C2 is S1. It goes out before S2 is here: a server with Nagle's algorithm waits for our
   acknowledgement between the two, and this carries it. */
static int s1_done(struct rtmp_client *client)
{
    if (client->out_len + HANDSHAKE_SIZE > sizeof(client->out))
        return fail(client, "no room for C2");
    memcpy(client->out + client->out_len, client->s1, HANDSHAKE_SIZE);
    client->out_len += HANDSHAKE_SIZE;
    free(client->s1);
    client->s1 = NULL;
    return 0;
}

static int handshake_feed(struct rtmp_client *client, struct bytes *in)
{
    while (bytes_left(in) > 0 && client->handshake_left > 0) {
        uint32_t offset = 1 + 2 * HANDSHAKE_SIZE - client->handshake_left;
        uint8_t byte = bytes_u8(in);

        if (offset == 0 && byte != 3)
            return fail(client, "S0 is %u, not 3", byte);
        if (offset >= 1 && offset <= HANDSHAKE_SIZE)
            client->s1[offset - 1] = byte;
        client->handshake_left--;
        if (offset == HANDSHAKE_SIZE && s1_done(client) != 0)
            return -1;
    }
    return client->handshake_left == 0 ? connect_send(client) : 0;
}

int rtmp_client_feed(struct rtmp_client *client, const uint8_t *data, size_t len)
{
    struct bytes in = bytes_of(data, len);

    if (client->state == RTMP_FAILED)
        return -1;
    if (client->state == RTMP_HANDSHAKE && handshake_feed(client, &in) != 0)
        return -1;
    while (bytes_left(&in) > 0) {
        size_t take = bytes_left(&in);

        if (client->current >= 0) {
            if (take > client->chunk_left)
                take = client->chunk_left;
            if (payload_feed(client, bytes_take(&in, take), take) != 0)
                return -1;
            continue;
        }
        client->header[client->header_len++] = bytes_u8(&in);
        if (client->header_len < header_need(client))
            continue;
        if (header_done(client) != 0)
            return -1;
        if (client->chunk_left == 0 && chunk_end(client) != 0)
            return -1;
    }
    return 0;
}

int rtmp_client_init(struct rtmp_client *client, const char *host, const char *path, int publishing)
{
    const char *slash;

    memset(client, 0, sizeof(*client));
    while (*path == '/')
        path++;
    slash = strrchr(path, '/');
    if (slash == NULL || slash == path || slash[1] == '\0')
        return fail(client, "'%s' is not app/stream", path);
    snprintf(client->app, sizeof(client->app), "%.*s", (int)(slash - path), path);
    snprintf(client->stream, sizeof(client->stream), "%s", slash + 1);
    snprintf(client->host, sizeof(client->host), "%s", host);
    client->publishing = publishing;
    client->chunk_size_in = 128;
    client->current = -1;
    client->handshake_left = 1 + 2 * HANDSHAKE_SIZE;
    client->s1 = calloc(1, HANDSHAKE_SIZE);
    if (client->s1 == NULL)
        bench_die("out of memory");
    client->out[0] = 3;
    client->out_len = 1 + HANDSHAKE_SIZE;
    /* Zero version in C1: the simple handshake is asked for. The rest may be anything. */
    for (size_t i = 9; i < client->out_len; i++)
        client->out[i] = (uint8_t)(i * 31);
    return 0;
}

void rtmp_client_fini(struct rtmp_client *client)
{
    free(client->s1);
    client->s1 = NULL;
    for (int i = 0; i < RTMP_CSID_MAX; i++) {
        free(client->chunk[i].body);
        client->chunk[i].body = NULL;
    }
}
