#ifndef PROTO_WS_H
#define PROTO_WS_H

/*
 * WebSocket, RFC 6455, server side: the accept key, a reader of the client's frames, and the frames
 * that we send. No extensions. The reader is a small struct without memory of its own, because each
 * viewer keeps one as long as it watches. Pure.
 */
#include "base/scan.h"

#include <stddef.h>
#include <stdint.h>

#define WS_ACCEPT_SIZE 29 /* terminator included */
#define WS_HEADER_MAX  10 /* of our frames, which are unmasked */
#define WS_CONTROL_MAX 125
/* A whole control frame that we send. */
#define WS_CONTROL_FRAME_MAX (2 + WS_CONTROL_MAX)

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10
};

/* Close codes, section 7.4.1, and our own above 4000. */
enum ws_code {
    WS_CODE_NORMAL = 1000,
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_NO_STATUS = 1005, /* never sent: the close frame had no code */
    WS_CODE_BAD_DATA = 1007,
    WS_CODE_TOO_BIG = 1009,
    WS_CODE_REFUSED = 4000,  /* plus HTTP's status */
    WS_CODE_NOT_FOUND = 4404 /* HTTP's 404, after the upgrade was answered */
};

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key. 0, or -1 when the key is not base64 of 16 bytes. */
int ws_accept(const char *key, char out[WS_ACCEPT_SIZE]);

#define WS_PROTOCOL_SIZE 128 /* terminator included */

/*
 * The first subprotocol of a Sec-WebSocket-Protocol list (RFC 6455, sections 4.1 and 11.3.4). 1; 0
 * with "" when the list is empty; -1 when it is malformed or the name is longer than out.
 */
int ws_protocol_first(const char *list, char out[WS_PROTOCOL_SIZE]);

/* Checks UTF-8 across pieces; starts as all zero. */
struct ws_utf8 {
    uint8_t need;      /* missing bytes of the character */
    uint8_t low, high; /* bounds of the next one */
};

/* 0, or -1 at a byte that cannot follow. Complete when need is 0. */
int ws_utf8_feed(struct ws_utf8 *utf8, const uint8_t *data, size_t len);

struct ws_in {
    uint64_t message_max;
    uint64_t message_len; /* of the open message, as announced so far */
    uint64_t left;        /* of the frame's payload */
    uint8_t state;
    uint8_t opcode, is_final; /* of the frame */
    uint8_t message;          /* the open message's opcode; 0: none */
    uint8_t header_len;
    uint8_t header[14];
    uint8_t mask_at;
    uint8_t control_len;
    uint8_t control[WS_CONTROL_MAX];
    struct ws_utf8 utf8; /* of the open text message */
    uint16_t code;       /* after SCAN_BAD: what to close with */
    const char *reason;
};

/* One event. */
struct ws_event {
    enum ws_opcode opcode; /* TEXT or BINARY: a piece of a message; PING, PONG, CLOSE: complete */
    const uint8_t *data;   /* unmasked; valid until the next call */
    size_t len;
    int is_last;   /* of a message: this piece, possibly empty, is the last */
    uint16_t code; /* of CLOSE; WS_CODE_NO_STATUS when absent. data is the reason then */
};

/* message_max: bytes of one message, all its fragments together. */
void ws_in_init(struct ws_in *in, uint64_t message_max);

/*
 * Consumes *used bytes of data, which it unmasks in place. SCAN_DONE: one event; call again with
 * the rest. SCAN_MORE: all consumed. SCAN_BAD, also for all later calls: close with in->code and
 * in->reason (constant). All bytes after a CLOSE are ignored.
 */
enum scan ws_in_feed(struct ws_in *in, uint8_t *data, size_t len, size_t *used,
                     struct ws_event *event);

/* Writes the header of a final, unmasked frame of len bytes; returns its length. */
size_t ws_header_write(uint8_t out[WS_HEADER_MAX], enum ws_opcode opcode, uint64_t len);

/* Writes a whole control frame; len <= WS_CONTROL_MAX. Returns its length. */
size_t ws_control_write(uint8_t out[WS_CONTROL_FRAME_MAX], enum ws_opcode opcode, const void *data,
                        size_t len);

/* Writes a close frame; a reason that is too long is truncated (our reasons are ASCII). Returns its
 * length. */
size_t ws_close_write(uint8_t out[WS_CONTROL_FRAME_MAX], uint16_t code, const char *reason);

/* The answer to a client's CLOSE, section 5.5.1: it repeats the code. */
size_t ws_close_answer(uint8_t out[WS_CONTROL_FRAME_MAX], const struct ws_event *close);

#endif
