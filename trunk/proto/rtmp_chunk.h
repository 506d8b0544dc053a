#ifndef PROTO_RTMP_CHUNK_H
#define PROTO_RTMP_CHUNK_H

/*
 * RTMP's chunk stream (Adobe's RTMP specification 1.0, section 5.3): feed bytes, take messages;
 * append messages, get bytes. Pure.
 */
#include "base/buf.h"
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

enum rtmp_type {
    RTMP_SET_CHUNK_SIZE = 1,
    RTMP_ABORT = 2,
    RTMP_ACK = 3,
    RTMP_USER_CONTROL = 4,
    RTMP_WINDOW_ACK_SIZE = 5,
    RTMP_SET_PEER_BANDWIDTH = 6,
    RTMP_AUDIO = 8,
    RTMP_VIDEO = 9,
    RTMP_AMF3_DATA = 15,
    RTMP_AMF3_COMMAND = 17,
    RTMP_AMF0_DATA = 18,
    RTMP_AMF0_COMMAND = 20,
    RTMP_AGGREGATE = 22
};

struct rtmp_message {
    uint8_t type;       /* enum rtmp_type or any other value a peer sends */
    uint32_t timestamp; /* ms, absolute, modulo 2^32 */
    uint32_t stream_id;
    uint32_t csid;
    const uint8_t *data; /* incoming: valid until the next feed */
    size_t len;
};

struct rtmp_chunk_limits {
    size_t message_max; /* bytes; a longer message is SCAN_BAD at its header */
    size_t streams_max; /* chunk streams at once, e.g. 64 */
    size_t pending_max; /* bytes of unfinished messages over all chunk streams */
};

struct rtmp_chunk_in;

/* limits are copied. NULL without memory. Freeing NULL is allowed. */
struct rtmp_chunk_in *rtmp_chunk_in_new(const struct rtmp_chunk_limits *limits);
void rtmp_chunk_in_free(struct rtmp_chunk_in *in);

/*
 * Consumes *used bytes of data. SCAN_DONE: *message is complete; call again with the rest.
 * SCAN_MORE: everything was consumed. SCAN_BAD: close; rtmp_chunk_in_reason() says why.
 * SetChunkSize and Abort are obeyed here and also returned. A message that is contiguous in data is
 * not copied.
 */
enum scan rtmp_chunk_in_feed(struct rtmp_chunk_in *in, const uint8_t *data, size_t len,
                             size_t *used, struct rtmp_message *message);
const char *rtmp_chunk_in_reason(const struct rtmp_chunk_in *in);

/*
 * Sets other limits from the next message on, except for streams_max. Messages that have begun may
 * end under the old limits.
 */
void rtmp_chunk_in_limit(struct rtmp_chunk_in *in, size_t message_max, size_t pending_max);

/* Bytes held for unfinished messages. */
size_t rtmp_chunk_in_pending(const struct rtmp_chunk_in *in);

/*
 * Appends one message as a type 0 chunk and type 3 chunks of chunk_size bytes,
 * extended timestamp repeated on each. 0, or -1 beyond the buffer's maximum.
 */
int rtmp_chunk_write(struct buf *out, uint32_t chunk_size,
                     const struct rtmp_message *message) ERR_MUST_CHECK;

/* The header alone (basic, type 0, extended timestamp); returns its length, at most 18. */
#define RTMP_CHUNK_HEADER_MAX 18
size_t rtmp_chunk_header_write(uint8_t out[RTMP_CHUNK_HEADER_MAX],
                               const struct rtmp_message *message);
/* The type 3 header that continues it; returns its length, at most 7. */
#define RTMP_CHUNK_CONTINUE_MAX 7
size_t rtmp_chunk_continue_write(uint8_t out[RTMP_CHUNK_CONTINUE_MAX],
                                 const struct rtmp_message *message);

#endif
