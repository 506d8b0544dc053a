/*
 * The receiving half of RTMP's chunk stream (Adobe's RTMP specification 1.0, section 5.3). The
 * sending half is rtmp_chunk_out.c.
 *
 * A publisher's read usually holds whole messages, so the parser works on the caller's bytes and
 * returns messages in place. Only messages that are cut by the end of a read, or by chunk headers
 * inside them, are collected in a buffer of their chunk stream, which grows with the received bytes
 * and never with the length in a header. A header that is cut waits in `head`; nothing else is kept
 * between two calls.
 */
#include "proto/rtmp_chunk.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE_DEFAULT 128
#define CHUNK_SIZE_MAX     0x7fffffff
#define TIMESTAMP_EXTENDED 0xffffff
#define STREAMS_STEP       4
/* A larger collecting buffer is freed rather than kept for the next message. */
#define SPARE_MAX ((size_t)64 * 1024)

struct chunk_stream {
    uint32_t csid;
    uint32_t timestamp; /* of the message, absolute */
    uint32_t field;     /* the last timestamp field: the delta, or after fmt0 the timestamp */
    uint32_t stream_id;
    uint32_t len; /* of the message */
    uint8_t type;
    uint8_t is_extended; /* the last header had an extended timestamp */
    uint8_t is_inside;   /* a message is incomplete */
    struct buf held;     /* its bytes so far */
};

/* A chunk's header as transmitted. */
struct chunk_header {
    uint8_t fmt;
    uint8_t type;
    uint8_t is_extended;
    uint32_t csid;
    uint32_t field; /* timestamp or delta */
    uint32_t len;
    uint32_t stream_id;
};

struct rtmp_chunk_in {
    struct rtmp_chunk_limits limits;
    struct chunk_stream *streams;
    size_t stream_count, stream_cap;
    size_t pending;
    const char *reason;
    uint32_t chunk_size;
    uint32_t chunk_left; /* payload bytes of the current chunk that are still to come */
    size_t current;      /* index of its chunk stream */
    uint8_t is_in_chunk; /* the header is read, the payload is not */
    uint8_t head_len;    /* bytes of a cut header */
    uint8_t head[RTMP_CHUNK_HEADER_MAX];
    uint8_t again_at, again_len; /* bytes that were parsed as a header but are payload */
    uint8_t again[4];
    struct buf done; /* the message returned last, if it was collected */
};

struct rtmp_chunk_in *rtmp_chunk_in_new(const struct rtmp_chunk_limits *limits)
{
    struct rtmp_chunk_in *in = calloc(1, sizeof(*in));

    assert(limits != NULL && limits->message_max > 0 && limits->streams_max > 0);
    if (in == NULL)
        return NULL;
    in->limits = *limits;
    in->chunk_size = CHUNK_SIZE_DEFAULT;
    in->reason = "";
    buf_init(&in->done, limits->message_max);
    return in;
}

void rtmp_chunk_in_free(struct rtmp_chunk_in *in)
{
    if (in == NULL)
        return;
    for (size_t i = 0; i < in->stream_count; i++)
        buf_fini(&in->streams[i].held);
    buf_fini(&in->done);
    free(in->streams);
    free(in);
}

const char *rtmp_chunk_in_reason(const struct rtmp_chunk_in *in)
{
    return in->reason;
}

size_t rtmp_chunk_in_pending(const struct rtmp_chunk_in *in)
{
    return in->pending;
}

void rtmp_chunk_in_limit(struct rtmp_chunk_in *in, size_t message_max, size_t pending_max)
{
    size_t begun = 0;

    assert(in != NULL && message_max > 0);
    for (size_t i = 0; i < in->stream_count; i++) {
        struct chunk_stream *stream = &in->streams[i];

        if (stream->is_inside)
            begun += stream->len;
        if (!stream->is_inside || stream->held.max < message_max)
            stream->held.max = message_max;
    }
    if (in->done.cap <= message_max)
        in->done.max = message_max;
    if (begun > 0 && pending_max < in->limits.pending_max)
        pending_max = begun < in->limits.pending_max - pending_max ? pending_max + begun
                                                                   : in->limits.pending_max;
    in->limits.message_max = message_max;
    in->limits.pending_max = pending_max;
}

static enum scan chunk_bad(struct rtmp_chunk_in *in, const char *reason)
{
    in->reason = reason;
    return SCAN_BAD;
}

static struct chunk_stream *stream_find(struct rtmp_chunk_in *in, uint32_t csid)
{
    /* Audio and video alternate: the stream is usually one of the first few. */
    for (size_t i = 0; i < in->stream_count; i++)
        if (in->streams[i].csid == csid)
            return &in->streams[i];
    return NULL;
}

static struct chunk_stream *stream_add(struct rtmp_chunk_in *in, uint32_t csid)
{
    struct chunk_stream *stream;

    if (in->stream_count == in->limits.streams_max)
        return NULL;
    if (in->stream_count == in->stream_cap) {
        size_t cap = in->stream_cap + STREAMS_STEP;
        struct chunk_stream *grown = realloc(in->streams, cap * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        in->streams = grown;
        in->stream_cap = cap;
    }
    stream = &in->streams[in->stream_count++];
    memset(stream, 0, sizeof(*stream));
    stream->csid = csid;
    buf_init(&stream->held, in->limits.message_max);
    return stream;
}

/* 5.3.1.1: one, two or three bytes. */
static void basic_header_read(struct bytes *b, struct chunk_header *header)
{
    uint8_t first = bytes_u8(b);

    header->fmt = first >> 6;
    header->csid = first & 0x3f;
    if (header->csid == 0) {
        header->csid = 64 + (uint32_t)bytes_u8(b);
    } else if (header->csid == 1) {
        header->csid = 64 + (uint32_t)bytes_u8(b);
        header->csid += (uint32_t)bytes_u8(b) << 8;
    }
}

/*
 * The specification says that a type 3 chunk after a header with an extended timestamp repeats it.
 * Some senders do not, and some repeat the message's absolute time where the header had a delta. So
 * the four bytes are skipped only if they equal one of the two. While fewer bytes have arrived,
 * these decide as soon as they can.
 */
static enum scan repeated_timestamp_skip(struct bytes *b, const struct chunk_stream *stream)
{
    uint32_t now = stream->is_inside ? stream->timestamp : stream->timestamp + stream->field;
    uint8_t field[4], absolute[4];
    struct bytes_out out;
    size_t have = bytes_left(b) < 4 ? bytes_left(b) : 4;

    out = bytes_out_of(field, sizeof(field));
    bytes_put_u32(&out, stream->field);
    out = bytes_out_of(absolute, sizeof(absolute));
    bytes_put_u32(&out, now);
    if (memcmp(b->p, field, have) != 0 && memcmp(b->p, absolute, have) != 0)
        return SCAN_DONE;
    if (have < 4)
        return SCAN_MORE;
    bytes_take(b, 4);
    return SCAN_DONE;
}

/* 5.3.1.2: the message header that fmt announces, and 5.3.1.3. */
static enum scan header_read(struct rtmp_chunk_in *in, struct bytes *b, struct chunk_header *header)
{
    memset(header, 0, sizeof(*header));
    basic_header_read(b, header);
    if (b->bad)
        return SCAN_MORE;
    if (header->fmt == 3) {
        const struct chunk_stream *stream = stream_find(in, header->csid);

        if (stream != NULL && stream->is_extended)
            return repeated_timestamp_skip(b, stream);
        return SCAN_DONE;
    }
    header->field = bytes_u24(b);
    if (header->fmt < 2) {
        header->len = bytes_u24(b);
        header->type = bytes_u8(b);
    }
    if (header->fmt == 0)
        header->stream_id = bytes_u32le(b);
    if (header->field == TIMESTAMP_EXTENDED) {
        header->is_extended = 1;
        header->field = bytes_u32(b);
    }
    return b->bad ? SCAN_MORE : SCAN_DONE;
}

/* A header other than type 3 inside a message is accepted only if it repeats the message's own. */
static enum scan header_within(struct rtmp_chunk_in *in, const struct chunk_stream *stream,
                               const struct chunk_header *header)
{
    if (header->fmt == 0)
        return chunk_bad(in, "a type 0 chunk within a message");
    if (header->fmt == 1 && (header->len != stream->len || header->type != stream->type))
        return chunk_bad(in, "another length or type within a message");
    return SCAN_DONE;
}

static enum scan header_begins(struct rtmp_chunk_in *in, struct chunk_stream *stream,
                               const struct chunk_header *header)
{
    if (header->fmt < 2) {
        stream->len = header->len;
        stream->type = header->type;
    }
    if (header->fmt == 0) {
        stream->stream_id = header->stream_id;
        stream->timestamp = 0;
    }
    if (header->fmt < 3) {
        stream->field = header->field;
        stream->is_extended = header->is_extended;
    }
    /* Type 0 set the time to 0 first: there the field is absolute, elsewhere a delta. */
    stream->timestamp += stream->field;
    if (stream->len > in->limits.message_max)
        return chunk_bad(in, "the message is too long");
    stream->is_inside = 1;
    return SCAN_DONE;
}

static enum scan header_apply(struct rtmp_chunk_in *in, const struct chunk_header *header)
{
    struct chunk_stream *stream = stream_find(in, header->csid);
    enum scan scan;
    uint32_t left;

    if (stream == NULL) {
        /* librtmp begins with type 1 on a chunk stream it never used: allowed. */
        if (header->fmt >= 2)
            return chunk_bad(in, "a chunk stream begins with type 2 or 3");
        stream = stream_add(in, header->csid);
        if (stream == NULL)
            return chunk_bad(in, "too many chunk streams");
    }
    scan =
        stream->is_inside ? header_within(in, stream, header) : header_begins(in, stream, header);
    if (scan == SCAN_BAD)
        return scan;
    left = stream->len - (uint32_t)stream->held.len;
    in->current = (size_t)(stream - in->streams);
    in->chunk_left = left < in->chunk_size ? left : in->chunk_size;
    in->is_in_chunk = 1;
    return SCAN_DONE;
}

/* Completes a header that was cut from the kept bytes and data. */
static enum scan header_resume(struct rtmp_chunk_in *in, const uint8_t *data, size_t len,
                               size_t *used, struct chunk_header *header)
{
    size_t added = sizeof(in->head) - in->head_len;
    size_t kept = in->head_len;
    struct bytes b;
    size_t taken;

    if (added > len)
        added = len;
    memcpy(in->head + kept, data, added);
    b = bytes_of(in->head, kept + added);
    if (header_read(in, &b, header) == SCAN_MORE) {
        assert(added == len && kept + added < sizeof(in->head));
        in->head_len += (uint8_t)added;
        *used = len;
        return SCAN_MORE;
    }
    in->head_len = 0;
    taken = (size_t)(b.p - in->head);
    *used = taken > kept ? taken - kept : 0;
    if (taken < kept) {
        /* What might have been a repeated timestamp is payload: parse it again before data. */
        assert(in->again_at == in->again_len && kept - taken <= sizeof(in->again));
        in->again_at = 0;
        in->again_len = (uint8_t)(kept - taken);
        memcpy(in->again, in->head + taken, kept - taken);
    }
    return SCAN_DONE;
}

/* Reads one chunk header and makes it the current chunk. */
static enum scan header_take(struct rtmp_chunk_in *in, const uint8_t *data, size_t len,
                             size_t *used)
{
    struct bytes b = bytes_of(data, len);
    struct chunk_header header;

    if (in->head_len > 0) {
        if (header_resume(in, data, len, used, &header) == SCAN_MORE)
            return SCAN_MORE;
        return header_apply(in, &header);
    }
    if (header_read(in, &b, &header) == SCAN_MORE) {
        assert(len < sizeof(in->head));
        memcpy(in->head, data, len);
        in->head_len = (uint8_t)len;
        *used = len;
        return SCAN_MORE;
    }
    *used = (size_t)(b.p - data);
    return header_apply(in, &header);
}

/* 5.4.1 and 5.4.2: the messages that the chunk layer itself obeys. */
static enum scan control_obey(struct rtmp_chunk_in *in, const struct rtmp_message *message)
{
    struct bytes b = bytes_of(message->data, message->len);
    struct chunk_stream *stream;
    uint32_t value;

    if (message->type != RTMP_SET_CHUNK_SIZE && message->type != RTMP_ABORT)
        return SCAN_DONE;
    value = bytes_u32(&b);
    if (b.bad)
        return chunk_bad(in, "truncated SetChunkSize or Abort");
    if (message->type == RTMP_SET_CHUNK_SIZE) {
        if (value == 0 || value > CHUNK_SIZE_MAX)
            return chunk_bad(in, "SetChunkSize is out of range");
        in->chunk_size = value;
        return SCAN_DONE;
    }
    stream = stream_find(in, value);
    if (stream != NULL && stream->is_inside) {
        in->pending -= stream->held.len;
        buf_reset(&stream->held);
        stream->is_inside = 0;
    }
    return SCAN_DONE;
}

static enum scan message_finish(struct rtmp_chunk_in *in, struct chunk_stream *stream,
                                const uint8_t *data, struct rtmp_message *message)
{
    stream->is_inside = 0;
    message->type = stream->type;
    message->timestamp = stream->timestamp;
    message->stream_id = stream->stream_id;
    message->csid = stream->csid;
    message->data = data;
    message->len = stream->len;
    return control_obey(in, message);
}

/* Moves the collected bytes to `done`, where they stay valid until the next call. */
static const uint8_t *held_release(struct rtmp_chunk_in *in, struct chunk_stream *stream)
{
    in->pending -= stream->held.len;
    buf_reset(&in->done);
    in->done = stream->held;
    buf_init(&stream->held, in->limits.message_max);
    return buf_data(&in->done);
}

static int held_append(struct rtmp_chunk_in *in, struct chunk_stream *stream, const uint8_t *data,
                       size_t n)
{
    if (stream->held.cap == 0 && in->done.cap > 0) {
        /* The messages of a connection share one buffer. */
        stream->held = in->done;
        buf_init(&in->done, in->limits.message_max);
    }
    return buf_append(&stream->held, data, n);
}

static enum scan payload_take(struct rtmp_chunk_in *in, const uint8_t *data, size_t len,
                              size_t *used, struct rtmp_message *message)
{
    struct chunk_stream *stream = &in->streams[in->current];
    size_t n = len < in->chunk_left ? len : in->chunk_left;

    *used = n;
    if (n == stream->len) {
        in->is_in_chunk = 0;
        in->chunk_left = 0;
        return message_finish(in, stream, data, message);
    }
    if (n > in->limits.pending_max || in->pending > in->limits.pending_max - n)
        return chunk_bad(in, "too many bytes of unfinished messages");
    if (n > 0 && held_append(in, stream, data, n) != 0)
        return chunk_bad(in, "no memory for a message");
    in->pending += n;
    in->chunk_left -= (uint32_t)n;
    if (in->chunk_left > 0)
        return SCAN_MORE;
    in->is_in_chunk = 0;
    if (stream->held.len < stream->len)
        return SCAN_MORE;
    return message_finish(in, stream, held_release(in, stream), message);
}

/* The message returned before is no longer needed: keep its memory for the next one, or free it. */
static void done_recycle(struct rtmp_chunk_in *in)
{
    if (in->done.cap > SPARE_MAX)
        buf_reset(&in->done);
    else if (in->done.len > 0)
        buf_consume(&in->done, in->done.len);
}

/* One step: a chunk's header, or the available part of its payload. */
static enum scan chunk_step(struct rtmp_chunk_in *in, const uint8_t *data, size_t len, size_t *used,
                            struct rtmp_message *message)
{
    enum scan scan;

    if (in->is_in_chunk)
        return payload_take(in, data, len, used, message);
    scan = header_take(in, data, len, used);
    return scan == SCAN_DONE ? SCAN_MORE : scan; /* a header is not a message yet */
}

/* A chunk without payload is complete at once, without further bytes. */
static int chunk_can_step(const struct rtmp_chunk_in *in, size_t len)
{
    return len > 0 || (in->is_in_chunk && in->chunk_left == 0);
}

enum scan rtmp_chunk_in_feed(struct rtmp_chunk_in *in, const uint8_t *data, size_t len,
                             size_t *used, struct rtmp_message *message)
{
    static const uint8_t nothing[1];

    assert(in != NULL && (data != NULL || len == 0) && used != NULL && message != NULL);
    done_recycle(in);
    if (data == NULL)
        data = nothing;
    *used = 0;
    for (;;) {
        int is_again = in->again_at < in->again_len;
        const uint8_t *p = is_again ? in->again + in->again_at : data + *used;
        size_t left = is_again ? (size_t)(in->again_len - in->again_at) : len - *used;
        enum scan scan;
        size_t n = 0;

        if (!chunk_can_step(in, left))
            return SCAN_MORE;
        scan = chunk_step(in, p, left, &n, message);
        if (is_again)
            in->again_at += (uint8_t)n;
        else
            *used += n;
        if (scan != SCAN_MORE)
            return scan;
    }
}
