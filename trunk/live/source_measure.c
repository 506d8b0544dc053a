/*
 * Measures a publication: GOP length, frame rate and the highest bit rate of a GOP, for
 * descriptions of the stream. A stream without video is measured in pieces of some seconds.
 * Values are rounded up, so that they rarely change.
 */
#include "live/source_push.h"

#include <string.h>

/* A piece of a stream without video; shorter GOPs are measured together up to MEASURE_MIN_MS. */
#define MEASURE_AUDIO_MS 4000
#define MEASURE_MIN_MS   400
/* A rate is rounded up to a multiple of this part of itself. */
#define MEASURE_STEPS 16

static uint32_t round_up(uint64_t kbps)
{
    uint64_t step = kbps / MEASURE_STEPS + 1;

    kbps = (kbps + step - 1) / step * step;
    return kbps < UINT32_MAX ? (uint32_t)kbps : UINT32_MAX;
}

static void measure_begin(struct source *source, int64_t ms)
{
    struct source_measure *measure = &source->measure;

    measure->is_on = 1;
    measure->from_ms = ms;
    measure->bytes = source->stat.bytes_in;
    measure->frames = source->stat.video_frames_in;
}

void source_measure_publish(struct source *source)
{
    source->measure = (struct source_measure){.is_on = 0};
    for (int i = 0; i < SOURCE_TIME_KEYS; i++)
        source->measure.key[i] = -1;
}

void source_measure(struct source *source, const struct frame *frame, int64_t ms)
{
    struct source_measure *measure = &source->measure;
    int has_video = source->track[JITTER_VIDEO].codec != CODEC_NONE;
    int is_key = frame->type == FRAME_VIDEO && frame->is_key;
    int64_t span = ms - measure->from_ms;
    uint64_t frames;
    uint32_t kbps;

    if (is_key) {
        memmove(measure->key + 1, measure->key, sizeof(measure->key) - sizeof(measure->key[0]));
        measure->key[0] = ms + frame->cts;
    }
    if (has_video && !is_key)
        return;
    if (!measure->is_on || span < 0) {
        measure_begin(source, ms);
        return;
    }
    if (span < (has_video ? MEASURE_MIN_MS : MEASURE_AUDIO_MS))
        return;
    kbps = round_up((source->stat.bytes_in - measure->bytes) * 8 / (uint64_t)span);
    if (kbps > measure->kbps)
        measure->kbps = kbps;
    if (has_video) {
        frames = source->stat.video_frames_in - measure->frames;
        measure->gop_ms = span < UINT32_MAX ? (uint32_t)span : UINT32_MAX;
        measure->frame_rate = (uint16_t)((frames * 1000 + (uint64_t)span / 2) / (uint64_t)span);
    }
    measure_begin(source, ms);
}
