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

/* Feeds size bytes in pieces whose lengths come from seed; 0: one piece. */
static uint64_t run(const uint8_t *data, size_t size, uint32_t seed)
{
    struct flv_in *in = flv_in_new(BODY_MAX);
    uint64_t sum = 14695981039346656037u;
    enum scan scan = SCAN_MORE;
    struct flv_tag tag;
    size_t used;

    if (in == NULL)
        return 0;
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
            check_frame(tag.type, tag.data, tag.len);
        }
        assert(scan == SCAN_BAD || used == n - at);
        data += n;
        size -= n;
    }
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
