/*
 * The chunk stream: whatever comes in, the messages that come out keep the
 * limits, do not depend on how the bytes were cut, and survive being written and read again.
 */
#include "base/buf.h"
#include "proto/rtmp_chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX ((size_t)16 * 1024 * 1024)

static const struct rtmp_chunk_limits limits = {
    .message_max = 100000, .streams_max = 4, .pending_max = 150000};

static void message_check(const struct rtmp_message *m)
{
    assert(m->data != NULL && m->len <= limits.message_max);
    assert(m->csid >= 2 && m->csid <= 65599);
}

/* A message in a form that can be compared. */
static void message_keep(struct buf *out, const struct rtmp_message *m)
{
    struct rtmp_message head;

    memset(&head, 0, sizeof(head));
    head.type = m->type;
    head.timestamp = m->timestamp;
    head.stream_id = m->stream_id;
    head.csid = m->csid;
    head.len = m->len;
    if (buf_append(out, &head, sizeof(head)) != 0 || buf_append(out, m->data, m->len) != 0)
        abort();
}

/* Writes and reads it again. Control messages would be obeyed: their type is changed. */
static void message_again(const struct rtmp_message *m, uint32_t chunk_size)
{
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&limits);
    struct rtmp_message copy = *m, back;
    struct buf wire;
    size_t used;

    buf_init(&wire, OUT_MAX);
    if (copy.type == RTMP_SET_CHUNK_SIZE || copy.type == RTMP_ABORT)
        copy.type = RTMP_AUDIO;
    if (in == NULL || rtmp_chunk_write(&wire, chunk_size, &copy) != 0)
        abort();
    if (chunk_size == 128) {
        assert(rtmp_chunk_in_feed(in, buf_data(&wire), wire.len, &used, &back) == SCAN_DONE);
        assert(used == wire.len && back.type == copy.type && back.timestamp == copy.timestamp);
        assert(back.csid == copy.csid && back.stream_id == copy.stream_id && back.len == copy.len);
        assert(memcmp(back.data, copy.data, copy.len) == 0);
    }
    buf_fini(&wire);
    rtmp_chunk_in_free(in);
}

static enum scan parse(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
    struct rtmp_chunk_in *in = rtmp_chunk_in_new(&limits);
    enum scan scan = SCAN_MORE;

    if (in == NULL)
        abort();
    for (size_t at = 0; at < size && scan != SCAN_BAD; at += step) {
        size_t n = step < size - at ? step : size - at;
        uint8_t *piece = malloc(n);
        size_t done = 0;

        if (piece == NULL)
            abort();
        memcpy(piece, data + at, n);
        do {
            struct rtmp_message m;
            size_t used = 0;

            scan = rtmp_chunk_in_feed(in, piece + done, n - done, &used, &m);
            assert(used <= n - done);
            done += used;
            assert(rtmp_chunk_in_pending(in) <= limits.pending_max);
            assert(scan != SCAN_MORE || done == n);
            if (scan == SCAN_DONE) {
                message_check(&m);
                message_keep(out, &m);
                if (step == size)
                    message_again(&m, m.len % 2 == 0 ? 128 : 1 + (uint32_t)m.len / 3);
            }
        } while (scan == SCAN_DONE);
        assert(scan != SCAN_BAD || rtmp_chunk_in_reason(in)[0] != '\0');
        free(piece);
    }
    rtmp_chunk_in_free(in);
    return scan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 3, 7, 18, 100};
    struct buf whole, cut;
    size_t step;

    if (size < 2 || size > 65536)
        return 0;
    step = steps[data[0] % (sizeof(steps) / sizeof(steps[0]))];
    buf_init(&whole, OUT_MAX);
    buf_init(&cut, OUT_MAX);
    assert(parse(data + 1, size - 1, size - 1, &whole) == parse(data + 1, size - 1, step, &cut));
    assert(whole.len == cut.len);
    assert(whole.len == 0 || memcmp(buf_data(&whole), buf_data(&cut), whole.len) == 0);
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}
