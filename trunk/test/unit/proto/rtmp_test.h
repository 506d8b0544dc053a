#ifndef TEST_RTMP_TEST_H
#define TEST_RTMP_TEST_H

/* What the tests of RTMP share: bytes as a peer would send them, and what is made of bytes. */
#include "base/buf.h"
#include "base/bytes.h"
#include "base/io.h"
#include "proto/rtmp_chunk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_BYTES_MAX ((size_t)64 * 1024 * 1024)

static const struct rtmp_chunk_limits test_limits = {
    .message_max = 1024 * 1024, .streams_max = 8, .pending_max = 2 * 1024 * 1024};

/* ---- chunks, byte by byte ---- */

static inline void put_be(struct buf *b, uint64_t v, size_t n)
{
    uint8_t raw[8];
    struct bytes_out o = bytes_out_of(raw, n);

    bytes_put_be(&o, v, n);
    ck_assert_int_eq(buf_append(b, raw, n), 0);
}

static inline void put_fill(struct buf *b, uint8_t v, size_t n)
{
    while (n-- > 0)
        put_be(b, v, 1);
}

static inline void put_fmt0(struct buf *b, uint8_t csid, uint32_t ts, uint32_t len, uint8_t type)
{
    put_be(b, csid, 1);
    put_be(b, ts < 0xffffff ? ts : 0xffffff, 3);
    put_be(b, len, 3);
    put_be(b, type, 1);
    put_be(b, 0x01000000, 4); /* stream 1, little endian */
    if (ts >= 0xffffff)
        put_be(b, ts, 4);
}

static inline void put_fmt1(struct buf *b, uint8_t csid, uint32_t delta, uint32_t len, uint8_t type)
{
    put_be(b, 0x40 | csid, 1);
    put_be(b, delta < 0xffffff ? delta : 0xffffff, 3);
    put_be(b, len, 3);
    put_be(b, type, 1);
    if (delta >= 0xffffff)
        put_be(b, delta, 4);
}

static inline void put_fmt2(struct buf *b, uint8_t csid, uint32_t delta)
{
    put_be(b, 0x80 | csid, 1);
    put_be(b, delta < 0xffffff ? delta : 0xffffff, 3);
    if (delta >= 0xffffff)
        put_be(b, delta, 4);
}

static inline void put_fmt3(struct buf *b, uint8_t csid)
{
    put_be(b, 0xc0 | csid, 1);
}

static inline void put_control(struct buf *b, uint8_t type, uint32_t value)
{
    put_fmt0(b, 2, 0, 4, type);
    put_be(b, value, 4);
}

/* ---- what a parser makes of bytes ---- */

struct heard {
    struct buf text; /* "type ts csid stream len: hex of the first bytes, sum" a line */
    size_t count;
    struct rtmp_message last; /* data is not kept */
    enum scan end;
};

static inline void heard_add(struct heard *heard, const struct rtmp_message *m)
{
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < m->len; i++)
        sum = (sum ^ m->data[i]) * 16777619u;
    ck_assert_ptr_nonnull(m->data);
    ck_assert_int_eq(buf_printf(&heard->text, "%u %u %u %u %zu %08x\n", m->type, m->timestamp,
                                m->csid, m->stream_id, m->len, sum),
                     0);
    heard->last = *m;
    heard->count++;
}

/* Feeds data in pieces of at most step bytes, the first of at most first bytes. */
static inline struct heard hear(const struct rtmp_chunk_limits *limits, const uint8_t *data,
                                size_t len, size_t first, size_t step)
{
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(limits);
    struct heard heard = {.end = SCAN_MORE};
    size_t at = 0;

    ck_assert_ptr_nonnull(in);
    buf_init(&heard.text, TEST_BYTES_MAX);
    while (at < len && heard.end != SCAN_BAD) {
        size_t n = at == 0 ? first : step;
        uint8_t *piece; /* a block of its own, so that one byte too far is seen */
        size_t done = 0;

        n = n < len - at ? n : len - at;
        piece = malloc(n);
        ck_assert_ptr_nonnull(piece);
        memcpy(piece, data + at, n);
        do {
            struct rtmp_message m;
            size_t used = n + 1;

            heard.end = rtmp_chunk_in_feed(in, piece + done, n - done, &used, &m);
            ck_assert_uint_le(used, n - done);
            done += used;
            if (heard.end == SCAN_DONE)
                heard_add(&heard, &m);
        } while (heard.end == SCAN_DONE);
        if (heard.end == SCAN_MORE)
            ck_assert_uint_eq(done, n);
        else
            ck_assert_str_ne(rtmp_chunk_in_reason(in), "");
        free(piece);
        at += n;
    }
    ck_assert_int_eq(buf_append(&heard.text, "", 1), 0);
    rtmp_chunk_in_free(in);
    return heard;
}

static inline const char *heard_text(const struct heard *heard)
{
    return (const char *)buf_data(&heard->text);
}

/* The same messages must come out however the bytes are cut. Gives what came out of the whole. */
static inline struct heard hear_splits(const struct rtmp_chunk_limits *limits, const struct buf *b)
{
    struct heard whole = hear(limits, buf_data(b), b->len, b->len, b->len);

    for (size_t at = 1; at < b->len; at++) {
        struct heard split = hear(limits, buf_data(b), b->len, at, b->len);

        ck_assert_str_eq(heard_text(&split), heard_text(&whole));
        ck_assert_int_eq(split.end, whole.end);
        buf_fini(&split.text);
    }
    for (size_t step = 1; step <= 3; step++) {
        struct heard split = hear(limits, buf_data(b), b->len, step, step);

        ck_assert_str_eq(heard_text(&split), heard_text(&whole));
        ck_assert_int_eq(split.end, whole.end);
        buf_fini(&split.text);
    }
    return whole;
}

/* ---- a peer in memory ---- */

struct test_io {
    struct io io; /* first */
    struct buf in;
    struct buf out;
    size_t step;  /* bytes a read gives at the most; 0: all */
    size_t reads; /* how often it was read */
    usec_t now;
    usec_t tick; /* every read takes that long */
};

/* The tests' clock: a read may move it. */
static usec_t test_now;

static inline struct err *test_io_read(struct io *io, void *buf, size_t len, size_t *got,
                                       usec_t timeout)
{
    struct test_io *t = (struct test_io *)io;

    /* No assertion that holds: Check allocates for it, and a test may make that fail. */
    if (len == 0)
        ck_abort_msg("a read of nothing");
    t->reads++;
    if (timeout >= 0 && t->tick > timeout) {
        test_now += timeout;
        return err_new(ERR_TIMEOUT, "nothing came");
    }
    test_now += t->tick;
    if (t->in.len == 0)
        return err_new(ERR_CLOSED, "closed");
    if (t->step > 0 && len > t->step)
        len = t->step;
    if (len > t->in.len)
        len = t->in.len;
    memcpy(buf, buf_data(&t->in), len);
    buf_consume(&t->in, len);
    *got = len;
    return NULL;
}

static inline struct err *test_io_writev(struct io *io, struct iovec *iov, int n, usec_t timeout)
{
    struct test_io *t = (struct test_io *)io;

    (void)timeout;
    for (int i = 0; i < n; i++)
        if (buf_append(&t->out, iov[i].iov_base, iov[i].iov_len) != 0)
            return err_new(ERR_NOMEM, "the test's peer");
    return NULL;
}

static inline void test_io_close(struct io *io)
{
    (void)io;
}

static inline usec_t test_clock(void)
{
    return test_now;
}

static inline void test_io_init(struct test_io *t)
{
    static const struct io_ops ops = {test_io_read, test_io_writev, test_io_close};

    memset(t, 0, sizeof(*t));
    t->io.ops = &ops;
    buf_init(&t->in, TEST_BYTES_MAX);
    buf_init(&t->out, TEST_BYTES_MAX);
}

static inline void test_io_fini(struct test_io *t)
{
    buf_fini(&t->in);
    buf_fini(&t->out);
}

#endif
