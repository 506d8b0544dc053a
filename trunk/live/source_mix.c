/*
 * mix_correct: orders audio and video by timestamp, for encoders that send one well ahead of the
 * other. Frames wait in one queue, each track in its own order, until the other track has reached
 * the same time; then the earliest is pushed. If the other track does not come (a stream of one
 * track, a track that jumps), only a few frames wait.
 */
#include "live/source_push.h"
#include "media/flv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Limits of the queue. */
#define MIX_FRAMES_MAX 10
#define MIX_BYTES_MAX  ((size_t)1024 * 1024)

static enum jitter_track mixed_track(enum frame_type type)
{
    return type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;
}

/* Whether a frame with this timestamp precedes an earlier arrival of the other track. A jump says
 * nothing about the order. */
static int mixed_goes_before(uint32_t timestamp, const struct source_mixed *other)
{
    int32_t ahead = (int32_t)(other->timestamp - timestamp);

    return ahead > 0 && ahead < JITTER_JUMP_MS;
}

static void mixed_insert(struct source_mixing *mixing, struct source_mixed *mixed)
{
    struct source_mixed *after = mixing->last;

    while (after != NULL && after->type != mixed->type &&
           mixed_goes_before(mixed->timestamp, after))
        after = after->prev;
    mixed->prev = after;
    mixed->next = after != NULL ? after->next : mixing->first;
    if (mixed->next != NULL)
        mixed->next->prev = mixed;
    else
        mixing->last = mixed;
    if (after != NULL)
        after->next = mixed;
    else
        mixing->first = mixed;
    mixing->count[mixed_track(mixed->type)]++;
    mixing->bytes += mixed->len;
}

/* Takes the first frame out of the queue. */
static struct source_mixed *mixed_take(struct source_mixing *mixing)
{
    struct source_mixed *mixed = mixing->first;

    mixing->first = mixed->next;
    if (mixing->first != NULL)
        mixing->first->prev = NULL;
    else
        mixing->last = NULL;
    mixing->count[mixed_track(mixed->type)]--;
    mixing->bytes -= mixed->len;
    return mixed;
}

static void mixed_push(struct source *source, usec_t now)
{
    struct source_mixed *mixed = mixed_take(&source->mixing);
    struct frame frame;

    flv_frame_parse(&frame, mixed->type, mixed->timestamp, mixed->data, mixed->len);
    source_push_av(source, &frame, now);
    free(mixed);
}

/* True when no later arrival can precede the first frame, or the queue is full. */
static int mixed_is_due(const struct source_mixing *mixing)
{
    size_t audio = mixing->count[JITTER_AUDIO];
    size_t video = mixing->count[JITTER_VIDEO];

    return (audio > 0 && video > 0) || audio + video > MIX_FRAMES_MAX ||
           mixing->bytes > MIX_BYTES_MAX;
}

/* Not inlined: without mix_correct a frame skips this, and its stack frame. */
static __attribute__((noinline)) void mixed_add(struct source *source, const struct frame *frame,
                                                usec_t now)
{
    struct source_mixed *mixed;

    assert(frame->type != FRAME_SCRIPT && frame->len > 0);
    mixed = malloc(sizeof(*mixed) + frame->len);
    if (mixed == NULL) {
        source_count_drop(source);
        return;
    }
    mixed->type = frame->type;
    mixed->timestamp = frame->timestamp;
    mixed->len = frame->len;
    memcpy(mixed->data, frame->data, frame->len);
    mixed_insert(&source->mixing, mixed);
    while (mixed_is_due(&source->mixing))
        mixed_push(source, now);
}

void source_mix_push(struct source *source, const struct frame *frame, usec_t now)
{
    /* Frames from another worker are already in order. */
    if (source->config.mix_correct && !source->config.is_worker_pull)
        mixed_add(source, frame, now);
    else
        source_push_av(source, frame, now);
}

void source_mix_flush(struct source *source, usec_t now)
{
    int has_any = source->mixing.first != NULL;

    while (source->mixing.first != NULL)
        mixed_push(source, now);
    if (has_any)
        source_report_data(source);
}

void source_mix_forget(struct source *source)
{
    while (source->mixing.first != NULL)
        free(mixed_take(&source->mixing));
}
