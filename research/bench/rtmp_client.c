/*
 * The client side of RTMP (Adobe's RTMP 1.0, sections 5 to 7), written independently of the
 * server's, so that one does not confirm the other's mistakes. It accepts what servers send to a
 * player and to a publisher and nothing more; it ignores unknown messages that may be ignored, all
 * others are errors. rtmp_client_out.c writes what it sends.
 */
#include "rtmp_client.h"

#include "base/bytes.h"
#include "bench.h"
#include "rtmp_client_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_SIZE 1536
#define MESSAGE_MAX    (16 * 1024 * 1024)
#define COMMAND_KEEP   4096

int rtmp_client_fail(struct rtmp_client *client, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(client->error, sizeof(client->error), fmt, args);
    va_end(args);
    client->state = RTMP_FAILED;
    return -1;
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
        return rtmp_client_fail(client, "a _result without a transaction id");
    if (client->state == RTMP_CONNECTING && transaction == 1)
        return rtmp_create_stream_send(client);
    if (client->state == RTMP_CREATING && transaction == 2) {
        if (bytes_u8(in) != 5 || !amf_is_number(in, &id) || !(id >= 1 && id < 1e6))
            return rtmp_client_fail(client, "createStream answered without a stream id");
        client->stream_id = (uint32_t)id;
        return rtmp_start_send(client);
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
        return rtmp_client_fail(client, "the server refused: onStatus error");
    return 0;
}

static int command_came(struct rtmp_client *client, const uint8_t *body, size_t len)
{
    struct bytes in = bytes_of(body, len);
    const char *name;
    size_t name_len;

    if (!amf_is_string(&in, &name, &name_len))
        return rtmp_client_fail(client, "a command without a name");
    if (equals(name, name_len, "_result"))
        return result_came(client, &in);
    if (equals(name, name_len, "onStatus"))
        return status_came(client, body, len);
    if (equals(name, name_len, "_error"))
        return rtmp_client_fail(client, "the server refused: _error");
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
            return rtmp_client_fail(client, "a chunk size of %u", value);
        client->chunk_size_in = value;
        return 0;
    case TYPE_USER:
        if (bytes_u16(&in) == 6) {
            value = bytes_u32(&in);
            return rtmp_pong_send(client, value);
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
        return rtmp_client_fail(client, "a message of %u bytes", chunk->len);
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
        return rtmp_client_fail(client, "a chunk stream id above 63");
    if (!chunk->seen && format > 1)
        return rtmp_client_fail(client, "a chunk that continues nothing");
    if (!fresh && format != 3)
        return rtmp_client_fail(client, "a message begins within another");
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
        return rtmp_client_fail(client, "no room for C2");
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
            return rtmp_client_fail(client, "S0 is %u, not 3", byte);
        if (offset >= 1 && offset <= HANDSHAKE_SIZE)
            client->s1[offset - 1] = byte;
        client->handshake_left--;
        if (offset == HANDSHAKE_SIZE && s1_done(client) != 0)
            return -1;
    }
    return client->handshake_left == 0 ? rtmp_connect_send(client) : 0;
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
        return rtmp_client_fail(client, "'%s' is not app/stream", path);
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
