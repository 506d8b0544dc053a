/*
 * WebSocket frames: the same events and the same end in one piece and in any pieces; what is
 * handed out lies within bounds, texts are UTF-8, and messages never exceed their maximum.
 */
#include "proto/ws.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint64_t sum;     /* of all that is complete; it does not depend on the pieces */
    uint64_t message; /* of the message that is open: a bad text is handed out up to some piece */
    uint64_t message_len; /* so far */
    struct ws_utf8 utf8;
};

static void add(uint64_t *sum, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *sum = (*sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
}

static void tell(struct told *told, const struct ws_event *event)
{
    uint8_t out[WS_CONTROL_FRAME_MAX];

    if (event->opcode == WS_TEXT || event->opcode == WS_BINARY) {
        told->message_len += event->len;
        assert(told->message_len <= MESSAGE_MAX);
        if (event->opcode == WS_TEXT) {
            assert(ws_utf8_feed(&told->utf8, event->data, event->len) == 0);
            assert(!event->is_last || told->utf8.need == 0);
        }
        add(&told->message, event->data, event->len);
        if (!event->is_last)
            return;
        told->message_len = 0;
        add(&told->sum, &told->message, sizeof(told->message));
        told->message = 0;
    } else {
        assert(event->is_last && event->len <= WS_CONTROL_MAX);
        add(&told->sum, &event->code, sizeof(event->code));
        add(&told->sum, event->data, event->len);
        if (event->opcode == WS_CLOSE)
            assert(ws_close_answer(out, event) <= 4);
    }
    add(&told->sum, &event->opcode, sizeof(event->opcode));
}

static struct told run(const uint8_t *data, size_t size, uint32_t seed)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    struct told told = {.sum = 14695981039346656037u};
    enum scan scan = SCAN_MORE;
    struct ws_in in;
    size_t at = 0;

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    ws_in_init(&in, MESSAGE_MAX);
    while (at < size && scan != SCAN_BAD) {
        size_t end = size;

        if (seed != 0) {
            seed = seed * 1664525u + 1013904223u;
            end = at + 1 + (seed >> 16) % 9;
            if (end > size)
                end = size;
        }
        do {
            struct ws_event event;
            size_t used;

            scan = ws_in_feed(&in, copy + at, end - at, &used, &event);
            assert(used <= end - at);
            at += used;
            if (scan == SCAN_DONE)
                tell(&told, &event);
        } while (scan == SCAN_DONE);
        assert(scan == SCAN_BAD || at == end);
    }
    if (scan == SCAN_BAD) {
        assert(in.reason != NULL && in.code >= 1002 && in.code <= 1009);
        add(&told.sum, &in.code, sizeof(in.code));
    }
    free(copy);
    return told;
}

/* The headers of a handshake, and frames of ours of these bytes. */
static void check_handshake(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char accept[WS_ACCEPT_SIZE];
    char protocol[WS_PROTOCOL_SIZE];
    char *end;

    assert(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    end = strchr(text, '\n');
    if (end != NULL)
        *end = '\0';
    if (ws_accept(text, accept) == 0)
        assert(strlen(accept) == WS_ACCEPT_SIZE - 1);
    if (ws_protocol_first(end != NULL ? end + 1 : text, protocol) == 1)
        assert(protocol[0] != '\0' && strpbrk(protocol, " ,\t\r\n") == NULL);
    free(text);
}

static void check_frames(const uint8_t *data, size_t size)
{
    static const uint64_t lengths[] = {0, 125, 126, 65535, 65536, UINT64_MAX >> 1};
    uint8_t out[WS_CONTROL_FRAME_MAX];
    char reason[2 * WS_CONTROL_MAX];
    size_t n = size < sizeof(reason) - 1 ? size : sizeof(reason) - 1;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        assert(ws_header_write(out, WS_BINARY, lengths[i]) <= WS_HEADER_MAX);
    if (size <= WS_CONTROL_MAX)
        assert(ws_control_write(out, WS_PING, data, size) == 2 + size);
    if (n > 0)
        memcpy(reason, data, n);
    reason[n] = '\0';
    assert(ws_close_write(out, WS_CODE_REFUSED, reason) <= WS_CONTROL_FRAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told whole = run(data, size, 0);
    struct told pieces = run(data, size, (uint32_t)size + 1);

    assert(whole.sum == pieces.sum);
    check_handshake(data, size);
    check_frames(data, size);
    return 0;
}
