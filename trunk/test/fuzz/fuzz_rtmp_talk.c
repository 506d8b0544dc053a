/*
 * A whole conversation over a memory io: the input is what a client says after
 * its handshake. It may fail at any point, but ends; what the server says is a well-formed chunk
 * stream; media comes out only of a publish.
 */
#include "base/buf.h"
#include "base/io.h"
#include "proto/rtmp_talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX ((size_t)64 * 1024 * 1024)

struct fuzz_io {
    struct io io; /* first */
    const uint8_t *in;
    size_t left, step;
    struct buf out;
};

static struct err *fuzz_read(struct io *io, void *buf, size_t len, size_t *got, usec_t timeout)
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

static struct err *fuzz_writev(struct io *io, struct iovec *iov, int n, usec_t timeout)
{
    struct fuzz_io *f = (struct fuzz_io *)io;

    (void)timeout;
    for (int i = 0; i < n; i++)
        if (buf_append(&f->out, iov[i].iov_base, iov[i].iov_len) != 0)
            abort();
    return NULL;
}

static void fuzz_close(struct io *io)
{
    (void)io;
}

static void out_check(const struct buf *out)
{
    static const struct rtmp_chunk_limits limits = {1024 * 1024, 8, 1024 * 1024};
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&limits);
    struct rtmp_message m;
    size_t at = 0, used = 0;
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

static void media_check(enum rtmp_event event, const struct rtmp_message *m)
{
    volatile uint8_t sum = 0;

    if (event != RTMP_EVENT_MEDIA)
        return;
    assert(m->type == RTMP_AUDIO || m->type == RTMP_VIDEO || m->type == RTMP_AMF0_DATA);
    for (size_t i = 0; i < m->len; i++)
        sum = (uint8_t)(sum + m->data[i]);
}

static struct err *publish(struct rtmp_talk *talk, const struct rtmp_request *request)
{
    struct err *err = rtmp_talk_publish_ok(talk, request, USEC_PER_SEC);
    enum rtmp_event event = RTMP_EVENT_NONE;
    struct rtmp_message m;

    while (err == NULL && event != RTMP_EVENT_UNPUBLISH) {
        err = rtmp_talk_read(talk, &event, &m, USEC_PER_SEC);
        if (err == NULL)
            media_check(event, &m);
    }
    return err;
}

static struct err *take(struct rtmp_talk *talk, enum rtmp_event *event)
{
    struct rtmp_message m;
    struct err *err = NULL;
    int more = 1;

    while (err == NULL && more && *event != RTMP_EVENT_UNPUBLISH) {
        err = rtmp_talk_take(talk, event, &m, &more);
        assert(err != NULL || *event != RTMP_EVENT_MEDIA);
        if (err == NULL)
            err = rtmp_talk_flush(talk, USEC_PER_SEC);
    }
    return err;
}

static struct err *play(struct rtmp_talk *talk, struct fuzz_io *f,
                        const struct rtmp_request *request)
{
    struct err *err = rtmp_talk_play_ok(talk, request, USEC_PER_SEC);
    enum rtmp_event event = RTMP_EVENT_NONE;

    if (err == NULL)
        err = take(talk, &event);
    rtmp_talk_trim(talk);
    while (err == NULL && event != RTMP_EVENT_UNPUBLISH) {
        uint8_t data[64];
        size_t n = 0;

        err = fuzz_read(&f->io, data, sizeof(data), &n, 0);
        if (err == NULL)
            err = rtmp_talk_feed(talk, data, n);
        if (err == NULL)
            err = take(talk, &event);
        if (err == NULL)
            err = rtmp_talk_keep(talk);
    }
    return err;
}

static void converse(struct rtmp_talk *talk, struct fuzz_io *f)
{
    static struct rtmp_connect connect;
    static struct rtmp_request request;
    struct err *err = rtmp_talk_accept_connect(talk, &connect, USEC_PER_SEC);

    if (err == NULL)
        err = rtmp_talk_connect_ok(talk, USEC_PER_SEC);
    while (err == NULL) {
        err = rtmp_talk_accept_request(talk, &request, USEC_PER_SEC);
        if (err != NULL)
            break;
        assert(strnlen(request.stream, sizeof(request.stream)) < sizeof(request.stream));
        if (request.stream[0] == '\0')
            err = rtmp_talk_refuse(talk, &request, "Some.Code", "", USEC_PER_SEC);
        else if (request.intent == RTMP_INTENT_PUBLISH)
            err = publish(talk, &request);
        else
            err = play(talk, f, &request);
    }
    err_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct io_ops ops = {fuzz_read, fuzz_writev, fuzz_close};
    static const size_t steps[] = {1, 13, 128, 65536};
    struct rtmp_talk_config config = {.chunk_size = 4096,
                                      .out_ack_size = 2500000,
                                      .message_max = 100000,
                                      .server = "s",
                                      .version = "v",
                                      .id = "i"};
    struct fuzz_io f = {.io = {&ops}, .in = data + 1, .left = size - 1};
    struct rtmp_talk *talk;

    if (size < 2 || size > 65536)
        return 0;
    f.step = steps[data[0] % (sizeof(steps) / sizeof(steps[0]))];
    buf_init(&f.out, OUT_MAX);
    talk = rtmp_talk_new(&f.io, &config);
    if (talk == NULL)
        abort();
    converse(talk, &f);
    out_check(&f.out);
    rtmp_talk_free(talk);
    buf_fini(&f.out);
    return 0;
}
