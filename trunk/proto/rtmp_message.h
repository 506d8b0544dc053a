#ifndef PROTO_RTMP_MESSAGE_H
#define PROTO_RTMP_MESSAGE_H

/*
 * The content of RTMP's messages (Adobe's RTMP specification 1.0, sections 5.4, 6 and 7): commands
 * are read, commands and protocol control are written as chunks. Pure.
 */
#include "base/scan.h"
#include "media/amf0.h"
#include "proto/rtmp_chunk.h"

#include <stddef.h>
#include <stdint.h>

#define RTMP_COMMAND_MAX      ((size_t)256 * 1024) /* bytes of one command */
#define RTMP_COMMAND_NAME_MAX 64 /* terminator included; longer names are truncated */
#define RTMP_COMMAND_ARGS_MAX 8  /* further arguments are ignored */

struct rtmp_command {
    char name[RTMP_COMMAND_NAME_MAX];
    double transaction; /* 0: no answer is expected */
    /* The command object (usually null), then the arguments. Owned. */
    struct amf0 *arg[RTMP_COMMAND_ARGS_MAX];
    size_t arg_count;
};

/*
 * Reads an AMF0 command, or an AMF3 one (type 17), whose values are AMF0 after a zero byte; a value
 * that is really AMF3 ends the arguments. SCAN_DONE: the caller calls rtmp_message_command_fini().
 * SCAN_BAD: nothing to free.
 */
enum scan rtmp_message_command_read(struct rtmp_command *command,
                                    const struct rtmp_message *message);
void rtmp_message_command_fini(struct rtmp_command *command);

/* Argument i if it is a string without NUL, else NULL. */
const char *rtmp_message_command_string(const struct rtmp_command *command, size_t i);
double rtmp_message_command_number(const struct rtmp_command *command, size_t i, double fallback);

/*
 * Makes AMF3 data (type 15) an AMF0 data message (type 18) by removing its zero byte. -1 when it
 * holds nothing that AMF0 can express.
 */
int rtmp_message_data_unwrap(struct rtmp_message *message);

/* The remainder of an aggregate message; zeroed: nothing. */
struct rtmp_aggregate {
    struct bytes left;
    uint32_t shift; /* added to each tag's time */
    uint32_t stream_id;
    uint32_t csid;
    uint8_t has_shift;
};

/* The message's data stays borrowed until nothing is left. */
void rtmp_message_aggregate_start(struct rtmp_aggregate *aggregate,
                                  const struct rtmp_message *message);
/*
 * Section 7.1.6: an aggregate holds FLV tags. The message's own time is that of the first tag, and
 * the times of the others count from it. SCAN_DONE: *message is one of them, of any type;
 * SCAN_MORE: nothing is left. An incomplete last tag is dropped, unless it lacks only its back
 * pointer.
 */
enum scan rtmp_message_aggregate_next(struct rtmp_aggregate *aggregate,
                                      struct rtmp_message *message);

/* All writers append whole chunks: 0, or -1 beyond the buffer's maximum or without memory. */

/* SetChunkSize, Abort, Ack, WindowAckSize: one 32-bit value. */
int rtmp_message_control_write(struct buf *out, enum rtmp_type type, uint32_t value) ERR_MUST_CHECK;

#define RTMP_LIMIT_DYNAMIC 2
/* SetPeerBandwidth (5.4.5): bytes and limit type. */
int rtmp_message_bandwidth_write(struct buf *out, uint32_t bytes, uint8_t limit) ERR_MUST_CHECK;

enum rtmp_user_event {
    RTMP_USER_STREAM_BEGIN = 0,
    RTMP_USER_STREAM_EOF = 1,
    RTMP_USER_SET_BUFFER_LENGTH = 3, /* value: stream id, second: ms */
    RTMP_USER_PING_REQUEST = 6,
    RTMP_USER_PING_RESPONSE = 7
};
int rtmp_message_user_write(struct buf *out, enum rtmp_user_event event,
                            uint32_t value) ERR_MUST_CHECK;
int rtmp_message_user_buffer_write(struct buf *out, uint32_t stream_id, uint32_t ms) ERR_MUST_CHECK;

struct rtmp_call {
    const char *name;
    double transaction;
    uint32_t stream_id;
    struct amf0 *object; /* NULL is written as null; taken over */
    struct amf0 *info;   /* NULL: not written; taken over */
    struct amf0 *more;   /* the same, after info */
};

/* Appends a command. Takes over the call's values in every case. */
int rtmp_message_call_write(struct buf *out, uint32_t chunk_size,
                            const struct rtmp_call *call) ERR_MUST_CHECK;

/* {level, code, description} for onStatus and similar; NULL without memory. */
struct amf0 *rtmp_message_status(const char *level, const char *code, const char *description);

/* The data message "|RtmpSampleAccess" true true. */
int rtmp_message_sample_access_write(struct buf *out, uint32_t chunk_size,
                                     uint32_t stream_id) ERR_MUST_CHECK;

#endif
