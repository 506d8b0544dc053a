/* WebSocket: the accept key, frames in every shape and every split, refused ones, our frames. */
#include "proto/ws.h"

#include "base/buf.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_ws_suite(void);

#define MESSAGE_MAX 70000

/* A client's frame, masked, its length in the shortest form. */
static void put(struct buf *out, unsigned first, const void *payload, size_t len)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t head[14] = {(uint8_t)first};
    size_t n = 2;
    int bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

    head[1] = (uint8_t)(0x80 | (bytes == 0 ? len : bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; i--)
        head[n++] = (uint8_t)((uint64_t)len >> (8 * i));
    memcpy(head + n, mask, 4);
    ck_assert_int_eq(buf_append(out, head, n + 4), 0);
    for (size_t i = 0; i < len; i++) {
        uint8_t c = ((const uint8_t *)payload)[i] ^ mask[i & 3];

        ck_assert_int_eq(buf_append(out, &c, 1), 0);
    }
}

/* Feeds wire in pieces of `step` bytes and writes down what comes: "T hello|P x|C1000 bye|". */
static enum scan hear(const struct buf *wire, size_t step, struct buf *text, struct ws_in *in)
{
    uint8_t *copy = malloc(wire->len + 1);
    enum scan scan = SCAN_MORE;
    size_t at = 0;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, buf_data(wire), wire->len);
    ws_in_init(in, MESSAGE_MAX);
    for (size_t end = step; at < wire->len && scan != SCAN_BAD; end += step) {
        if (end > wire->len)
            end = wire->len;
        do {
            struct ws_event event;
            size_t used = 0;

            scan = ws_in_feed(in, copy + at, end - at, &used, &event);
            ck_assert_uint_le(used, end - at);
            at += used;
            if (scan != SCAN_DONE)
                continue;
            if (event.opcode == WS_CLOSE)
                ck_assert_int_eq(buf_printf(text, "C%u ", event.code), 0);
            else if (event.opcode != WS_TEXT && event.opcode != WS_BINARY)
                ck_assert_int_eq(buf_printf(text, event.opcode == WS_PING ? "P " : "p "), 0);
            ck_assert_int_eq(buf_append(text, event.data, event.len), 0);
            if (event.is_last)
                ck_assert_int_eq(buf_append(text, "|", 1), 0);
        } while (scan == SCAN_DONE);
        ck_assert(scan == SCAN_BAD || at == end);
    }
    free(copy);
    return scan;
}

static void expect(const struct buf *wire, size_t step, const char *heard)
{
    struct ws_in in;
    struct buf text;

    buf_init(&text, 1024 * 1024);
    ck_assert_int_eq(hear(wire, step, &text, &in), SCAN_MORE);
    ck_assert_int_eq(buf_append(&text, "", 1), 0);
    ck_assert_str_eq((const char *)buf_data(&text), heard);
    buf_fini(&text);
}

START_TEST(accept_key)
{
    char out[WS_ACCEPT_SIZE];

    /* The example of section 1.3. */
    ck_assert_int_eq(ws_accept("dGhlIHNhbXBsZSBub25jZQ==", out), 0);
    ck_assert_str_eq(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    ck_assert_int_eq(ws_accept("", out), -1);
    ck_assert_int_eq(ws_accept("eA==", out), -1);
    ck_assert_int_eq(ws_accept("dGhlIHNhbXBsZSBub25jZQ=", out), -1);
    ck_assert_int_eq(ws_accept("dGhlIHNhbXBsZSBub25jZQ===", out), -1);
    ck_assert_int_eq(ws_accept("dGhlIHNhbXBsZSBub25jZQAA", out), -1);
    ck_assert_int_eq(ws_accept("dGhlIHNhbXBsZSBub25j Q==", out), -1);
    ck_assert_int_eq(ws_accept("dGhlIHNhbXBsZSBub25j\xc3Q==", out), -1);
}
END_TEST

START_TEST(first_protocol)
{
    static const struct {
        const char *list;
        int result;
        const char *first;
    } rows[] = {{"flv", 1, "flv"},
                {"chat, flv", 1, "chat"},
                {" \tv1.flv.example\t,x", 1, "v1.flv.example"},
                {",, ,a", 1, "a"},
                {"a,", 1, "a"},
                {"", 0, ""},
                {" , ", 0, ""},
                {"a b", -1, NULL},
                {"a, b c", -1, NULL},
                {"\"a\"", -1, NULL},
                {"a;q=1", -1, NULL},
                {"a/b", -1, NULL},
                {"a\r\nSet-Cookie: x", -1, NULL},
                {"\xc3\xa9", -1, NULL}};
    char longest[WS_PROTOCOL_SIZE + 1];
    char out[WS_PROTOCOL_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(ws_protocol_first(rows[i].list, out) == rows[i].result, "%s", rows[i].list);
        if (rows[i].first != NULL)
            ck_assert_str_eq(out, rows[i].first);
    }
    memset(longest, 'a', sizeof(longest));
    longest[WS_PROTOCOL_SIZE] = '\0';
    ck_assert_int_eq(ws_protocol_first(longest, out), -1);
    longest[WS_PROTOCOL_SIZE - 1] = '\0';
    ck_assert_int_eq(ws_protocol_first(longest, out), 1);
    ck_assert_str_eq(out, longest);
}
END_TEST

START_TEST(frames_in_every_split)
{
    struct buf wire;

    buf_init(&wire, 1024 * 1024);
    put(&wire, 0x81, "hello", 5);
    put(&wire, 0x81, "", 0);
    put(&wire, 0x01, "\xe2", 1); /* a fragment that cuts a character */
    put(&wire, 0x89, "between", 7);
    put(&wire, 0x00, "", 0);
    put(&wire, 0x8a, "", 0);
    put(&wire, 0x80, "\x82\xac", 2);
    put(&wire, 0x02, "", 0);
    put(&wire, 0x80, "", 0);
    put(&wire, 0x82, "\xff", 1);
    put(&wire, 0x88, "\x03\xe8why", 5);
    put(&wire, 0x81, "\xff not looked at any more", 24);
    for (size_t step = 1; step <= wire.len; step++)
        expect(&wire, step, "hello||\xe2P between|p |\x82\xac||\xff|C1000 why|");
    buf_fini(&wire);
}
END_TEST

START_TEST(cut_at_every_length)
{
    struct buf wire;

    buf_init(&wire, 1024);
    put(&wire, 0x89, "abc", 3);
    for (size_t len = 0; len < wire.len; len++) {
        struct ws_in in;
        struct buf cut = wire;
        struct buf text;

        cut.len = len;
        buf_init(&text, 100);
        ck_assert_int_eq(hear(&cut, 3, &text, &in), SCAN_MORE);
        ck_assert_uint_eq(text.len, 0);
        buf_fini(&text);
    }
    buf_fini(&wire);
}
END_TEST

START_TEST(lengths)
{
    static const size_t lens[] = {1, 125, 126, 127, 65535, 65536, MESSAGE_MAX};
    static const size_t steps[] = {1, 7, 4096, 100000};
    static char payload[MESSAGE_MAX + 1];

    memset(payload, 'a', sizeof(payload));
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        char *heard = malloc(lens[i] + 2);
        struct buf wire;

        ck_assert_ptr_nonnull(heard);
        memset(heard, 'a', lens[i]);
        memcpy(heard + lens[i], "|", 2);
        buf_init(&wire, 100000);
        put(&wire, 0x81, payload, lens[i]);
        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
            expect(&wire, steps[k], heard);
        buf_fini(&wire);
        free(heard);
    }
}
END_TEST

/* Wire bytes that are refused with a code, however they are split. */
static void refuse(const void *data, size_t len, unsigned code)
{
    for (size_t step = 1; step <= len; step++) {
        struct ws_in in;
        struct ws_event event;
        struct buf wire;
        struct buf text;
        size_t used = 1;

        buf_init(&wire, len);
        buf_init(&text, 1024 * 1024);
        ck_assert_int_eq(buf_append(&wire, data, len), 0);
        ck_assert_int_eq(hear(&wire, step, &text, &in), SCAN_BAD);
        ck_assert_uint_eq(in.code, code);
        ck_assert_str_ne(in.reason, "");
        /* For ever. */
        ck_assert_int_eq(ws_in_feed(&in, NULL, 0, &used, &event), SCAN_BAD);
        ck_assert_uint_eq(used, 0);
        buf_fini(&wire);
        buf_fini(&text);
    }
}

START_TEST(refused_heads)
{
    static const uint8_t heads[][14] = {
        {0x81, 0x00}, /* not masked */
        {0x81, 0x05}, /* the same with a payload */
        {0xc1, 0x80},
        {0xa1, 0x80},
        {0x91, 0x80}, /* reserved bits */
        {0x83, 0x80},
        {0x87, 0x80},
        {0x8b, 0x80},
        {0x8f, 0x80},
        {0x80, 0x80}, /* continues no message */
        {0x09, 0x80},
        {0x08, 0x80}, /* control frames in fragments */
        {0x89, 0xfe},
        {0x88, 0xff},         /* and too long */
        {0x81, 0xfe, 0, 125}, /* lengths not in the shortest form */
        {0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
        {0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0},
    };
    static const uint8_t too_long[] = {0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x71, 1, 2, 3, 4};
    static const uint8_t endless[] = {0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 1,    2,    3,    4};

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        refuse(heads[i], sizeof(heads[i]), WS_CODE_PROTOCOL);
    refuse(too_long, sizeof(too_long), WS_CODE_TOO_BIG);
    refuse(endless, sizeof(endless), WS_CODE_TOO_BIG);
}
END_TEST

static void refuse_frames(unsigned first, const char *a, unsigned second, const char *b,
                          unsigned code)
{
    struct buf wire;

    buf_init(&wire, 1024);
    put(&wire, first, a, strlen(a));
    if (second != 0)
        put(&wire, second, b, strlen(b));
    refuse(buf_data(&wire), wire.len, code);
    buf_fini(&wire);
}

START_TEST(refused_messages)
{
    static char half[40000];
    struct ws_in in;
    struct buf wire;
    struct buf text;

    refuse_frames(0x01, "a", 0x81, "b", WS_CODE_PROTOCOL);
    refuse_frames(0x01, "a", 0x82, "b", WS_CODE_PROTOCOL);
    refuse_frames(0x81, "a", 0x80, "b", WS_CODE_PROTOCOL);
    refuse_frames(0x81, "\xff", 0, "", WS_CODE_BAD_DATA);
    refuse_frames(0x81, "\xe2\x82", 0, "", WS_CODE_BAD_DATA);
    refuse_frames(0x01, "\xe2\x82", 0x80, "", WS_CODE_BAD_DATA);
    refuse_frames(0x01, "\xe2", 0x80, "\x82", WS_CODE_BAD_DATA);
    refuse_frames(0x01, "\xe2", 0x80, "a", WS_CODE_BAD_DATA);
    /* Fragments count together. */
    buf_init(&wire, 100000);
    buf_init(&text, 100000);
    put(&wire, 0x02, half, sizeof(half));
    put(&wire, 0x80, half, sizeof(half));
    ck_assert_int_eq(hear(&wire, 4096, &text, &in), SCAN_BAD);
    ck_assert_uint_eq(in.code, WS_CODE_TOO_BIG);
    buf_fini(&wire);
    buf_fini(&text);
}
END_TEST

START_TEST(closes)
{
    static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 4000, 4999};
    static const unsigned bad[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535};
    struct buf wire;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint8_t payload[2] = {(uint8_t)(good[i] >> 8), (uint8_t)good[i]};
        char heard[16];

        snprintf(heard, sizeof(heard), "C%u |", good[i]);
        buf_init(&wire, 100);
        put(&wire, 0x88, payload, 2);
        expect(&wire, 1, heard);
        buf_fini(&wire);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t payload[2] = {(uint8_t)(bad[i] >> 8), (uint8_t)bad[i]};

        buf_init(&wire, 100);
        put(&wire, 0x88, payload, 2);
        refuse(buf_data(&wire), wire.len, WS_CODE_PROTOCOL);
        buf_fini(&wire);
    }
    refuse_frames(0x88, "\x03", 0, "", WS_CODE_PROTOCOL);
    refuse_frames(0x88, "\x03\xe8\xff", 0, "", WS_CODE_BAD_DATA);
    refuse_frames(0x88, "\x03\xe8\xe2\x82", 0, "", WS_CODE_BAD_DATA);
    buf_init(&wire, 100);
    put(&wire, 0x88, "", 0);
    expect(&wire, 1, "C1005 |");
    buf_fini(&wire);
}
END_TEST

START_TEST(utf8)
{
    static const char *const good[] = {"",
                                       "a\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc2",
                                      "\xc2\xc2",
                                      "\xe2\x82",
                                      "\xe2\x82\x28",
                                      "\xf0\x90\x80"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct ws_utf8 state = {0};

        ck_assert_int_eq(ws_utf8_feed(&state, (const uint8_t *)good[i], strlen(good[i])), 0);
        ck_assert_uint_eq(state.need, 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ws_utf8 state = {0};

        ck_assert(ws_utf8_feed(&state, (const uint8_t *)bad[i], strlen(bad[i])) != 0 ||
                  state.need != 0);
    }
}
END_TEST

START_TEST(ours)
{
    static const struct {
        uint64_t len;
        uint8_t head[WS_HEADER_MAX];
        size_t size;
    } heads[] = {{0, {0x82, 0}, 2},
                 {125, {0x82, 125}, 2},
                 {126, {0x82, 126, 0, 126}, 4},
                 {65535, {0x82, 126, 0xff, 0xff}, 4},
                 {65536, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10}};
    uint8_t out[WS_CONTROL_FRAME_MAX];
    struct ws_event event = {.opcode = WS_CLOSE, .code = WS_CODE_NO_STATUS};
    char reason[200];

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        ck_assert_uint_eq(ws_header_write(out, WS_BINARY, heads[i].len), heads[i].size);
        ck_assert_mem_eq(out, heads[i].head, heads[i].size);
    }
    ck_assert_uint_eq(ws_control_write(out, WS_PONG, "abc", 3), 5);
    ck_assert_mem_eq(out,
                     "\x8a\x03"
                     "abc",
                     5);
    ck_assert_uint_eq(ws_close_write(out, 4404, "x"), 5);
    ck_assert_mem_eq(out, "\x88\x03\x11\x34x", 5);
    memset(reason, 'r', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    ck_assert_uint_eq(ws_close_write(out, 1000, reason), WS_CONTROL_FRAME_MAX);
    ck_assert_uint_eq(ws_close_answer(out, &event), 2);
    ck_assert_mem_eq(out, "\x88\x00", 2);
    event.code = 1001;
    ck_assert_uint_eq(ws_close_answer(out, &event), 4);
    ck_assert_mem_eq(out, "\x88\x02\x03\xe9", 4);
}
END_TEST

Suite *check_ws_suite(void)
{
    Suite *suite = suite_create("ws");
    TCase *tc = tcase_create("ws");

    tcase_add_test(tc, accept_key);
    tcase_add_test(tc, first_protocol);
    tcase_add_test(tc, frames_in_every_split);
    tcase_add_test(tc, cut_at_every_length);
    tcase_add_test(tc, lengths);
    tcase_add_test(tc, refused_heads);
    tcase_add_test(tc, refused_messages);
    tcase_add_test(tc, closes);
    tcase_add_test(tc, utf8);
    tcase_add_test(tc, ours);
    suite_add_tcase(suite, tc);
    return suite;
}
