#ifndef TEST_RTMP_PEER_H
#define TEST_RTMP_PEER_H

/* A scripted peer for the conversation's tests: its input, and the output to it as text. */
#include "proto/rtmp_message.h"
#include "proto/rtmp_talk.h"
#include "rtmp_test.h"

static inline struct rtmp_talk_config peer_config(void)
{
    struct rtmp_talk_config config = {.chunk_size = 60000,
                                      .out_ack_size = 2500000,
                                      .message_max = 16 * 1024 * 1024,
                                      .server = "Test",
                                      .version = "1.2.3",
                                      .pid = 42,
                                      .id = "abc"};

    return config;
}

/* No error is expected. */
#define OK(expression)                                                               \
    do {                                                                             \
        struct err *ok_err = (expression);                                           \
        ck_assert_msg(ok_err == NULL, "%s", ok_err != NULL ? err_text(ok_err) : ""); \
    } while (0)

/* This error is. */
#define FAILS(expression, want)                                                  \
    do {                                                                         \
        struct err *fails_err = (expression);                                    \
        ck_assert_ptr_nonnull(fails_err);                                        \
        ck_assert_msg(err_code(fails_err) == (want), "%s", err_text(fails_err)); \
        err_free(fails_err);                                                     \
    } while (0)

static inline void peer_says(struct buf *to, uint8_t type, uint32_t timestamp, const void *data,
                             size_t len)
{
    struct rtmp_message m = {.type = type,
                             .timestamp = timestamp,
                             .stream_id = 1,
                             .csid = 7,
                             .data = data != NULL ? data : "",
                             .len = len};

    ck_assert_int_eq(rtmp_chunk_write(to, 128, &m), 0);
}

/* A call; info and more are taken over and may be NULL. */
static inline void peer_calls(struct buf *to, const char *name, double transaction,
                              struct amf0 *object, struct amf0 *info, struct amf0 *more)
{
    struct rtmp_call call = {name, transaction, 0, object, info, more};

    ck_assert_int_eq(rtmp_message_call_write(to, 128, &call), 0);
}

static inline void peer_shakes(struct buf *to)
{
    put_be(to, 3, 1);
    put_fill(to, 0x11, 1536);
    put_fill(to, 0x22, 1536);
}

static inline struct amf0 *peer_connect_object(const char *tc_url)
{
    struct amf0 *object = amf0_object();

    amf0_set(object, "app", amf0_string("live"));
    if (tc_url != NULL)
        amf0_set(object, "tcUrl", amf0_string(tc_url));
    amf0_set(object, "pageUrl", amf0_string("http://page"));
    amf0_set(object, "objectEncoding", amf0_number(3));
    return object;
}

#define peer_say(text, ...) ck_assert_int_eq(buf_printf(text, __VA_ARGS__), 0)

static inline void told_command(struct buf *text, const struct rtmp_message *m)
{
    struct rtmp_command command;
    const char *code;

    ck_assert_int_eq(rtmp_message_command_read(&command, m), SCAN_DONE);
    code = command.arg_count > 1 ? amf0_get_string(command.arg[1], "code") : NULL;
    peer_say(text, "%s(%g)", command.name, command.transaction);
    if (code != NULL)
        peer_say(text, " %s", code);
    if (rtmp_message_command_number(&command, 1, -1) >= 0)
        peer_say(text, " %g", rtmp_message_command_number(&command, 1, -1));
    if (rtmp_message_command_string(&command, 1) != NULL)
        peer_say(text, " '%s'", rtmp_message_command_string(&command, 1));
    if (command.arg_count > 1 && command.arg[1]->type == AMF0_UNDEFINED)
        peer_say(text, " undefined");
    rtmp_message_command_fini(&command);
}

static inline void told_message(struct buf *text, const struct rtmp_message *m)
{
    struct bytes b = bytes_of(m->data, m->len);
    unsigned event;

    switch (m->type) {
    case RTMP_SET_CHUNK_SIZE:
        peer_say(text, "chunk %u", bytes_u32(&b));
        break;
    case RTMP_ACK:
        peer_say(text, "ack %u", bytes_u32(&b));
        break;
    case RTMP_WINDOW_ACK_SIZE:
        peer_say(text, "window %u", bytes_u32(&b));
        break;
    case RTMP_SET_PEER_BANDWIDTH:
        peer_say(text, "bandwidth %u", bytes_u32(&b));
        peer_say(text, " %u", bytes_u8(&b));
        break;
    case RTMP_USER_CONTROL:
        event = bytes_u16(&b);
        peer_say(text, "user %u %u", event, bytes_u32(&b));
        break;
    case RTMP_AMF0_COMMAND:
        told_command(text, m);
        break;
    default:
        peer_say(text, "type %u, %zu bytes at %u", m->type, m->len, m->timestamp);
    }
    peer_say(text, "; ");
}

/* All output since the last call, as text that is valid until the next call. */
static inline const char *told(struct rtmp_chunk_in *in, struct buf *from)
{
    static char text[4096];
    struct rtmp_message m;
    struct buf lines;
    size_t used;

    buf_init(&lines, TEST_BYTES_MAX);
    for (;;) {
        enum scan scan = rtmp_chunk_in_feed(in, buf_data(from), from->len, &used, &m);

        ck_assert_int_ne(scan, SCAN_BAD);
        if (scan == SCAN_MORE)
            break;
        told_message(&lines, &m);
        buf_consume(from, used);
    }
    ck_assert_uint_eq(used, from->len);
    buf_consume(from, used);
    ck_assert_uint_lt(lines.len, sizeof(text));
    if (lines.len > 0)
        memcpy(text, buf_data(&lines), lines.len);
    text[lines.len] = '\0';
    buf_fini(&lines);
    return text;
}

#endif
