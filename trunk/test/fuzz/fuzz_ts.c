/*
 * The transport stream muxer and its smaller brothers with whatever frames a
 * publisher may send: each unit is read back packet by packet, and the audio that comes
 * out is the audio that went in. The input is a list of frames: a byte of kind and
 * flags, two of time step, one of length, the body.
 */
#include "media/flv.h"
#include "media/mux.h"
#include "test/unit/formats.h"
#include "test/unit/media/ts_check.h"

#include <stdlib.h>

#define PES_MAX ((size_t)64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
    struct ts_check check;
    int units;
};

static void take(void *arg, const struct iovec *iov, int n)
{
    struct sink *sink = arg;

    assert(n == 1);
    sink->units++;
    ts_check_unit(&sink->check, iov[0].iov_base, iov[0].iov_len);
}

static void count(void *arg, const struct iovec *iov, int n)
{
    (void)iov;
    assert(n > 0);
    ++*(int *)arg;
}

static void check_audio(const struct sink *sink, const struct frame *frame)
{
    const uint8_t *payload = sink->check.pes + sink->check.payload_at;
    size_t len = sink->check.pes_len - sink->check.payload_at;

    assert(len == frame->payload_len + (frame->codec == CODEC_AAC ? 7 : 0));
    assert(memcmp(payload + len - frame->payload_len, frame->payload, frame->payload_len) == 0);
}

static void check_video(const struct sink *sink, const struct frame *frame)
{
    const uint8_t *payload = sink->check.pes + sink->check.payload_at;
    size_t len = sink->check.pes_len - sink->check.payload_at;

    assert(len > 6 && memcmp(payload, "\0\0\0\1", 4) == 0);
    assert(payload[4] == (frame->codec == CODEC_H264 ? 9 : 70));
    assert(sink->check.is_random_access == frame->is_key);
}

struct muxes {
    struct mux_state *ts, *aac, *mp3;
    struct sink sink;
    int emitted;
};

static void push(struct muxes *muxes, const struct frame *frame, uint32_t ms)
{
    int is_sync = mux_ts.is_sync(muxes->ts, frame, ms);
    size_t tables = muxes->sink.check.tables;
    int units = muxes->sink.units;
    uint8_t bridge[MUX_BRIDGE_MAX];

    assert(mux_ts.bridge(muxes->ts, bridge, sizeof(bridge)) % 188 == 0);
    mux_ts.frame(muxes->ts, frame, ms, take, &muxes->sink);
    assert(muxes->sink.units - units <= 1 && (muxes->sink.units == units || !frame->is_header));
    if (muxes->sink.units > units) {
        assert(!is_sync || muxes->sink.check.tables > tables);
        if (frame->type == FRAME_AUDIO)
            check_audio(&muxes->sink, frame);
        else
            check_video(&muxes->sink, frame);
    }
    mux_aac.frame(muxes->aac, frame, ms, count, &muxes->emitted);
    mux_mp3.frame(muxes->mp3, frame, ms, count, &muxes->emitted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum frame_type types[] = {FRAME_AUDIO, FRAME_VIDEO, FRAME_SCRIPT, FRAME_VIDEO};
    struct muxes muxes = {.ts = mux_ts.open(), .aac = mux_aac.open(), .mp3 = mux_mp3.open()};
    uint8_t *memory = malloc(PES_MAX);
    uint32_t ms = 0;
    size_t at = 0;

    assert(memory != NULL);
    ts_check_init(&muxes.sink.check, memory, PES_MAX);
    while (at + 4 <= size) {
        uint8_t kind = data[at];
        uint32_t step = (uint32_t)data[at + 1] << 8 | data[at + 2];
        size_t len = data[at + 3];
        struct frame frame;

        at += 4;
        if (len > size - at)
            len = size - at;
        /* Mostly on, at times back, and far. */
        ms += kind & 4 ? (kind & 8 ? 0u - step : step << 16) : step & 0xff;
        if (kind & 16) {
            const struct mux_tracks tracks = {
                .audio.codec = (enum codec)(kind >> 5 & 1 ? CODEC_AAC : CODEC_NONE),
                .video.codec = (enum codec)(kind >> 6 ? CODEC_OTHER : CODEC_NONE)};

            mux_ts.header(muxes.ts, &tracks, NULL, NULL);
        }
        flv_frame_parse(&frame, types[kind & 3], ms, data + at, len);
        push(&muxes, &frame, ms);
        at += len;
    }
    free(memory);
    mux_ts.close(muxes.ts);
    mux_aac.close(muxes.aac);
    mux_mp3.close(muxes.mp3);
    return 0;
}
