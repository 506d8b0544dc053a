/*
 * The sending half of RTMP's chunk stream (Adobe's RTMP specification 1.0, section 5.3): each
 * message as a type 0 chunk and type 3 chunks. Deltas would save a few bytes per message, but then
 * a message's bytes would depend on the message before it, and players that start at different
 * positions could not share them.
 */
#include "proto/rtmp_chunk.h"

#include "base/bytes.h"

#include <assert.h>

#define TIMESTAMP_EXTENDED 0xffffff
#define MESSAGE_LEN_MAX    0xffffff

/* 5.3.1.1: the shortest of the three forms. */
static void basic_header_put(struct bytes_out *out, uint8_t fmt, uint32_t csid)
{
    assert(csid >= 2 && csid <= 65599);
    if (csid < 64) {
        bytes_put_u8(out, (uint8_t)(fmt << 6 | csid));
    } else if (csid < 320) {
        bytes_put_u8(out, (uint8_t)(fmt << 6));
        bytes_put_u8(out, (uint8_t)(csid - 64));
    } else {
        bytes_put_u8(out, (uint8_t)(fmt << 6 | 1));
        bytes_put_u8(out, (uint8_t)(csid - 64));
        bytes_put_u8(out, (uint8_t)((csid - 64) >> 8));
    }
}

size_t rtmp_chunk_header_write(uint8_t out[RTMP_CHUNK_HEADER_MAX],
                               const struct rtmp_message *message)
{
    struct bytes_out o = bytes_out_of(out, RTMP_CHUNK_HEADER_MAX);
    int is_extended = message->timestamp >= TIMESTAMP_EXTENDED;

    assert(message->len <= MESSAGE_LEN_MAX);
    basic_header_put(&o, 0, message->csid);
    bytes_put_u24(&o, is_extended ? TIMESTAMP_EXTENDED : message->timestamp);
    bytes_put_u24(&o, (uint32_t)message->len);
    bytes_put_u8(&o, message->type);
    bytes_put_u32le(&o, message->stream_id);
    if (is_extended)
        bytes_put_u32(&o, message->timestamp);
    assert(!o.bad);
    return (size_t)(o.p - out);
}

size_t rtmp_chunk_continue_write(uint8_t out[RTMP_CHUNK_CONTINUE_MAX],
                                 const struct rtmp_message *message)
{
    struct bytes_out o = bytes_out_of(out, RTMP_CHUNK_CONTINUE_MAX);

    basic_header_put(&o, 3, message->csid);
    if (message->timestamp >= TIMESTAMP_EXTENDED)
        bytes_put_u32(&o, message->timestamp);
    assert(!o.bad);
    return (size_t)(o.p - out);
}

int rtmp_chunk_write(struct buf *out, uint32_t chunk_size, const struct rtmp_message *message)
{
    uint8_t head[RTMP_CHUNK_HEADER_MAX];
    uint8_t next[RTMP_CHUNK_CONTINUE_MAX];
    size_t head_len, next_len, total;
    size_t done = 0;
    struct bytes_out o;
    uint8_t *room;

    assert(chunk_size > 0 && (message->data != NULL || message->len == 0));
    if (message->len > MESSAGE_LEN_MAX)
        return -1;
    head_len = rtmp_chunk_header_write(head, message);
    next_len = rtmp_chunk_continue_write(next, message);
    total = head_len + message->len;
    if (message->len > 0)
        total += (message->len - 1) / chunk_size * next_len;
    room = buf_reserve(out, total);
    if (room == NULL)
        return -1;
    o = bytes_out_of(room, total);
    bytes_put(&o, head, head_len);
    while (done < message->len) {
        size_t n = message->len - done < chunk_size ? message->len - done : chunk_size;

        if (done > 0)
            bytes_put(&o, next, next_len);
        bytes_put(&o, message->data + done, n);
        done += n;
    }
    assert(!o.bad && o.p == room + total);
    buf_commit(out, total);
    return 0;
}
