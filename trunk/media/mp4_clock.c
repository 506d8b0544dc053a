/*
 * Decoding times and durations of samples that are sent before the next one is known.
 *
 * Media Source Extensions (3.5.8, coded frame processing) drop everything up to the next keyframe
 * when a decoding time is more than two durations after the one before it. A picture's true
 * duration is known only when the next one comes, and to wait for that would delay each. So a
 * picture has the duration of the one before it; where the gap is longer, decoding times lag: they
 * step by two durations at most, and the composition offset keeps the presentation time right.
 * Audio with gaps is treated alike.
 *
 * Publishers round audio timestamps to milliseconds. Frames that come about when the one before
 * them ends follow it exactly.
 */
#include "media/mp4_clock.h"

#include <assert.h>
#include <stddef.h>

/* The duration of the first picture, and the limits, in ms. */
#define VIDEO_FIRST_MS 40
#define VIDEO_MAX_MS   60000
/* A larger step than these, forward and back, is another timeline. */
#define JUMP_S 60
#define BACK_S 1
/* Audio may be so far from the end of the frame before it, in ms, and half a frame. */
#define AUDIO_SLACK_MS 10

/* Sets the decoding time of a sample at `real`, in ticks of `scale` per second. */
static void clock_step(struct mp4_clock *clock, int64_t real, int64_t scale)
{
    int64_t limit = clock->dts + 2 * (int64_t)clock->duration;

    if (!clock->has_last || real - clock->dts > JUMP_S * scale ||
        real - clock->real < -BACK_S * scale)
        clock->dts = real;
    else if (real > limit)
        clock->dts = limit;
    else
        clock->dts = real > clock->dts ? real : clock->dts + 1;
    clock->real = real;
    clock->has_last = 1;
}

static void clock_times(const struct mp4_clock *clock, int64_t cts, struct mp4_times *out)
{
    int64_t offset = clock->real + cts - clock->dts;

    out->dts = (uint64_t)clock->dts;
    out->offset = offset > INT32_MAX ? INT32_MAX : offset < INT32_MIN ? INT32_MIN : (int32_t)offset;
    out->duration = clock->duration;
}

void mp4_clock_video(struct mp4_clock *clock, uint32_t ms, int32_t cts, struct mp4_times *out)
{
    int64_t step = (int64_t)ms - clock->real;
    int has_step = clock->has_last && step > 0 && step <= VIDEO_MAX_MS;
    int64_t least = clock->duration / 2 + 1;

    assert(out != NULL);
    if (!clock->has_last)
        clock->duration = VIDEO_FIRST_MS;
    clock_step(clock, ms, 1000);
    /* Pictures at almost the same time say little about the next one. */
    if (has_step)
        clock->duration = (uint32_t)(step > least ? step : least);
    clock_times(clock, cts, out);
}

void mp4_clock_audio(struct mp4_clock *clock, uint32_t ms, uint32_t scale, uint32_t duration,
                     struct mp4_times *out)
{
    int64_t real = ((int64_t)ms * scale + 500) / 1000;
    int64_t end = clock->real + clock->duration;
    int64_t slack = (int64_t)AUDIO_SLACK_MS * scale / 1000;

    assert(out != NULL && scale > 0 && duration > 0);
    if (slack > duration / 2)
        slack = duration / 2;
    if (clock->has_last && real - end <= slack && end - real <= slack)
        real = end;
    clock_step(clock, real, scale);
    clock->duration = duration;
    clock_times(clock, 0, out);
}
