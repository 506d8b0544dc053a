#ifndef TEST_FUZZ_IO_H
#define TEST_FUZZ_IO_H

/*
 * An io whose peer is the fuzzer's input, handed over in steps of a size, and which keeps what is
 * said to it; and what must hold of the two in any RTMP conversation.
 */
#include "base/buf.h"
#include "base/io.h"
#include "proto/rtmp_talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)64 * 1024 * 1024)

struct fuzz_io {
    struct io io; /* first */
    const uint8_t *in;
    size_t left, step;
    struct buf out;
};

static inline struct err *fuzz_read(struct io *io, void *buf, size_t len, size_t *got,
                                    usec_t timeout)
{
    struct fuzz_io *f = (struct fuzz_io *)io;

    (void)timeout;
    assert(len > 0);
    if (f->left == 0)
        return err_new(ERR_CLOSED, "closed");
    if (len > f->step)
        len = f->step;
    if (len > f->left)
        len = f->left;
    memcpy(buf, f->in, len);
    f->in += len;
    f->left -= len;
    *got = len;
    return NULL;
}

static inline struct err *fuzz_writev(struct io *io, struct iovec *iov, int n, usec_t timeout)
{
    struct fuzz_io *f = (struct fuzz_io *)io;

    (void)timeout;
    for (int i = 0; i < n; i++)
        if (buf_append(&f->out, iov[i].iov_base, iov[i].iov_len) != 0)
            abort();
    return NULL;
}

static inline void fuzz_close(struct io *io)
{
    (void)io;
}

/* The first byte of data chooses the step. */
static inline void fuzz_io_init(struct fuzz_io *f, const uint8_t *data, size_t size)
{
    static const struct io_ops ops = {fuzz_read, fuzz_writev, fuzz_close};
    static const size_t steps[] = {1, 13, 128, 65536};

    assert(size > 0);
    memset(f, 0, sizeof(*f));
    f->io.ops = &ops;
    f->in = data + 1;
    f->left = size - 1;
    f->step = steps[data[0] % (sizeof(steps) / sizeof(steps[0]))];
    buf_init(&f->out, OUT_MAX);
}

/* What was said from `at` on is a whole number of messages. */
static inline void out_check(const struct buf *out, size_t at)
{
    static const struct rtmp_chunk_limits limits = {1024 * 1024, 8, 1024 * 1024};
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&limits);
    struct rtmp_message m;
    size_t used = 0;
    enum scan scan;

    if (in == NULL)
        abort();
    do {
        scan = rtmp_chunk_in_feed(in, out->len > 0 ? buf_data(out) + at : NULL, out->len - at,
                                  &used, &m);
        at += used;
    } while (scan == SCAN_DONE);
    assert(scan == SCAN_MORE && at == out->len && rtmp_chunk_in_pending(in) == 0);
    rtmp_chunk_in_free(in);
}

/* Media is audio, video or data, and all of it is there. */
static inline void media_check(enum rtmp_event event, const struct rtmp_message *m)
{
    volatile uint8_t sum = 0;

    if (event != RTMP_EVENT_MEDIA)
        return;
    assert(m->type == RTMP_AUDIO || m->type == RTMP_VIDEO || m->type == RTMP_AMF0_DATA);
    for (size_t i = 0; i < m->len; i++)
        sum = (uint8_t)(sum + m->data[i]);
}

/* What a publisher or a server sends, to the end of its stream. */
static inline struct err *media_read_all(struct rtmp_talk *talk)
{
    enum rtmp_event event = RTMP_EVENT_NONE;
    struct rtmp_message m;
    struct err *err = NULL;

    while (err == NULL && event != RTMP_EVENT_UNPUBLISH) {
        err = rtmp_talk_read(talk, &event, &m, USEC_PER_SEC);
        if (err == NULL)
            media_check(event, &m);
    }
    return err;
}

#endif
