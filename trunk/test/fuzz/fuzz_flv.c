/*
 * FLV: a stream gives the same tags in one piece and in any pieces, within its
 * bound; and a tag's body, whatever it holds, gives a frame inside its bytes.
 */
#include "media/flv.h"
#include "media/flv_tracks.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 300
#define OUT_MAX  ((size_t)4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each track lies within the message, and what is made of it is a message of one track. */
static void check_tracks(const struct frame *frame)
{
    struct flv_tracks tracks;
    struct flv_track track;

    if (flv_tracks_open(&tracks, frame) != 0)
        return;
    assert(frame->is_multi);
    while (flv_tracks_next(&tracks, &track) == 1) {
        struct frame ordinary;
        struct buf body;

        assert(track.body >= frame->data && track.body + track.len <= frame->data + frame->len);
        assert(flv_tracks_have(frame, track.id));
        buf_init(&body, BODY_MAX);
        if (flv_tracks_unwrap(&tracks, &track, &body, &ordinary) == 0)
            assert(!ordinary.is_multi && ordinary.type == frame->type);
        buf_fini(&body);
    }
}

static void check_frame(enum frame_type type, const uint8_t *data, size_t len)
{
    struct frame frame;

    flv_frame_parse(&frame, type, 7, data, len);
    assert(frame.type == type && frame.data == data && frame.len == len && frame.timestamp == 7);
    assert(frame.codec < CODEC_MAX);
    assert(frame.payload >= data && frame.payload + frame.payload_len <= data + len);
    assert(frame.is_key + frame.is_header + frame.is_meta <= 1);
    assert(!frame.is_key || (frame.payload_len > 0 && type == FRAME_VIDEO));
    assert(frame.cts >= -0x800000 && frame.cts <= 0x7fffff);
    assert(type == FRAME_VIDEO || frame.cts == 0);
    check_tracks(&frame);
}

/* Mixes what a tag is into a sum, so that two runs can be compared. */
static uint64_t add(uint64_t sum, const struct flv_tag *tag)
{
    sum = (sum ^ (uint64_t)tag->type ^ tag->timestamp ^ (uint64_t)tag->len << 32) * 0x100000001b3u;
    for (size_t i = 0; i < tag->len; i++)
        sum = (sum ^ tag->data[i]) * 0x100000001b3u;
    return sum;
}

/* What was read, written again: the same tags, and the same by both readers. */
static void check_written(struct buf *out)
{
    const uint8_t *at = out->len > 0 ? buf_data(out) : NULL;
    size_t left = out->len;
    struct flv_in *in = flv_in_new(BODY_MAX);
    struct flv_tag tag, other;
    size_t used, fed;

    assert(in != NULL);
    if (left > 0) {
        assert(flv_in_feed(in, at, FLV_HEADER_SIZE, &fed, &other) == SCAN_MORE);
        at += FLV_HEADER_SIZE;
        left -= FLV_HEADER_SIZE;
    }
    while (left > 0) {
        assert(flv_tag_read(at, left, &tag, &used) == SCAN_DONE);
        assert(flv_tag_read(at, used - 1, &other, &fed) == SCAN_BAD);
        assert(flv_in_feed(in, at, left, &fed, &other) == SCAN_DONE);
        assert(tag.type == other.type && tag.timestamp == other.timestamp && tag.len == other.len);
        assert(tag.len == 0 || memcmp(tag.data, other.data, tag.len) == 0);
        assert(flv_in_pending(in) <= BODY_MAX);
        assert(flv_in_feed(in, at + fed, used - fed, &fed, &other) == SCAN_MORE);
        at += used;
        left -= used;
    }
    assert(flv_tag_read(at, 0, &tag, &used) == SCAN_MORE);
    assert(flv_in_feed(in, (const uint8_t *)"\xff no tag at all", 16, &fed, &other) != SCAN_DONE);
    flv_in_free(in);
}

static void write_tag(struct buf *out, const struct flv_tag *tag)
{
    uint8_t *room;

    if (out->len == 0) {
        room = buf_reserve(out, FLV_HEADER_SIZE);
        assert(room != NULL);
        flv_header_write(room, 1, 1);
        buf_commit(out, FLV_HEADER_SIZE);
    }
    room = buf_reserve(out, FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE);
    assert(room != NULL);
    flv_tag_header_write(room, tag->type, tag->timestamp, tag->len);
    if (tag->len > 0)
        memcpy(room + FLV_TAG_HEADER_SIZE, tag->data, tag->len);
    flv_tag_trailer_write(room + FLV_TAG_HEADER_SIZE + tag->len, tag->len);
    buf_commit(out, FLV_TAG_HEADER_SIZE + tag->len + FLV_TAG_TRAILER_SIZE);
}

/* Feeds size bytes in pieces whose lengths come from seed; 0: one piece. */
static uint64_t run(const uint8_t *data, size_t size, uint32_t seed)
{
    struct flv_in *in = flv_in_new(BODY_MAX);
    uint64_t sum = 14695981039346656037u;
    enum scan scan = SCAN_MORE;
    struct flv_tag tag;
    struct buf out;
    size_t used;

    if (in == NULL)
        return 0;
    buf_init(&out, OUT_MAX);
    while (size > 0 && scan != SCAN_BAD) {
        size_t n = size, at = 0;

        if (seed != 0) {
            seed = seed * 1664525u + 1013904223u;
            n = 1 + (seed >> 16) % 40;
            if (n > size)
                n = size;
        }
        while ((scan = flv_in_feed(in, data + at, n - at, &used, &tag)) == SCAN_DONE) {
            assert(used <= n - at && tag.len <= BODY_MAX && flv_in_flags(in) >= 0);
            at += used;
            sum = add(sum, &tag);
            if (seed == 0)
                write_tag(&out, &tag);
            check_frame(tag.type, tag.data, tag.len);
        }
        assert(scan == SCAN_BAD || used == n - at);
        data += n;
        size -= n;
    }
    if (scan == SCAN_BAD)
        assert(flv_in_feed(in, data, 0, &used, &tag) == SCAN_BAD);
    check_written(&out);
    buf_fini(&out);
    flv_in_free(in);
    return scan == SCAN_BAD ? ~sum : sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = run(data, size, 0);

    if (run(data, size, 1 + (uint32_t)size) != whole)
        abort();
    check_frame(FRAME_VIDEO, data, size);
    check_frame(FRAME_AUDIO, data, size);
    check_frame(FRAME_SCRIPT, data, size);
    return 0;
}
