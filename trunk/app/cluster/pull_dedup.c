/*
 * An encoder that pauses is not a fault of the origin. If the pull changed origins after every
 * second of silence, and each origin began with its last GOP, viewers would see that GOP again
 * every second. So the first frames of a new connection are compared with those already delivered:
 * known frames are held until a new one arrives. An origin whose frames arrive in real time is
 * alive, too, even if it lags behind. Real time is distinguished from a burst, which may arrive in
 * pieces, by comparing the stream time of each piece with the time it took to arrive.
 */
#include "app/cluster/pull_dedup.h"

#include "media/flv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAST_FRAMES 1024 /* more than a usual GOP has, audio included */
#define PAST_HELD   ((size_t)8 * 1024 * 1024)
#define PAST_PIECE  (10 * USEC_PER_MS) /* frames closer together belong to one piece */
#define PAST_PACED  3                  /* pieces in a row in real time */
#define PAST_TAIL   64 /* hashed bytes at a frame's end, where frames differ if at all */

struct pull_dedup {
    struct buf held; /* struct held_head and bytes, in turn */
    uint64_t count;  /* frames delivered in total */
    uint64_t next;   /* index of the delivered frame expected next */
    /* Of this connection: the previous frame, the start of its piece, pieces in real time so far.
     */
    usec_t last_at, piece_at;
    uint32_t last_time, piece_time;
    int paced;
    uint8_t is_following, is_over;
    uint8_t is_whole; /* all held frames were already delivered, and what follows comes right after
                         the last one */
    uint32_t mark[PAST_FRAMES]; /* hashes of the last frames */
};

struct held_head {
    uint32_t type, timestamp;
    size_t len;
};

struct pull_dedup *pull_dedup_new(void)
{
    struct pull_dedup *past = calloc(1, sizeof(*past));

    if (past != NULL)
        buf_init(&past->held, PAST_HELD);
    return past;
}

void pull_dedup_free(struct pull_dedup *past)
{
    if (past == NULL)
        return;
    buf_fini(&past->held);
    free(past);
}

void pull_dedup_begin(struct pull_dedup *past)
{
    buf_reset(&past->held);
    past->is_following = past->is_over = past->is_whole = 0;
}

/* FNV-1a over the length and the end. Mistaking a frame for another does no more harm than sending
 * a frame twice. */
static uint32_t past_mark(const struct frame *frame)
{
    size_t skip = frame->len > PAST_TAIL ? frame->len - PAST_TAIL : 0;
    uint32_t mark = 2166136261U ^ (uint32_t)frame->len;

    mark *= 16777619U;
    for (size_t i = skip; i < frame->len; i++)
        mark = (mark ^ frame->data[i]) * 16777619U;
    return mark ^ (uint32_t)frame->type;
}

/* The newest frame with this hash: 0 with *at, or -1. */
static int past_find(const struct pull_dedup *past, uint32_t mark, uint64_t *at)
{
    uint64_t oldest = past->count > PAST_FRAMES ? past->count - PAST_FRAMES : 0;

    for (uint64_t i = past->count; i > oldest; i--)
        if (past->mark[(i - 1) % PAST_FRAMES] == mark) {
            *at = i - 1;
            return 0;
        }
    return -1;
}

/* Whether frames have arrived in real time for a while. */
static int past_is_paced(struct pull_dedup *past, const struct frame *frame, usec_t now)
{
    if (now - past->last_at >= PAST_PIECE) {
        int64_t media = (int32_t)(past->last_time - past->piece_time) * USEC_PER_MS;

        past->paced = media <= 2 * (now - past->piece_at) ? past->paced + 1 : 0;
        past->piece_at = now;
        past->piece_time = past->last_time;
    }
    past->last_at = now;
    past->last_time = frame->timestamp;
    return past->paced >= PAST_PACED;
}

static int past_is_known(struct pull_dedup *past, const struct frame *frame, usec_t now)
{
    uint32_t mark;

    if (frame->is_header || frame->is_meta)
        return 1; /* does not show the stream's position */
    mark = past_mark(frame);
    if (!past->is_following) {
        past->is_following = 1;
        past->last_at = past->piece_at = now;
        past->last_time = past->piece_time = frame->timestamp;
        past->paced = 0;
        if (past_find(past, mark, &past->next) != 0)
            return 0;
    }
    if (past_is_paced(past, frame, now) || past->next == past->count)
        return 0;
    return past->mark[past->next++ % PAST_FRAMES] == mark;
}

/* 0, or -1 beyond PAST_HELD or without memory. */
static int past_keep(struct pull_dedup *past, const struct frame *frame)
{
    struct held_head head = {frame->type, frame->timestamp, frame->len};
    uint8_t *room = buf_reserve(&past->held, sizeof(head) + frame->len);

    if (room == NULL)
        return -1;
    memcpy(room, &head, sizeof(head));
    if (frame->len > 0)
        memcpy(room + sizeof(head), frame->data, frame->len);
    buf_commit(&past->held, sizeof(head) + frame->len);
    return 0;
}

int pull_dedup_hold(struct pull_dedup *past, const struct frame *frame, usec_t now)
{
    int is_known;

    if (past->is_over || past->count == 0)
        return 0;
    is_known = past_is_known(past, frame, now);
    if (is_known && past_keep(past, frame) == 0)
        return 1;
    past->is_over = 1;
    past->is_whole = !is_known && past->is_following && past->next == past->count;
    return 0;
}

int pull_dedup_is_exact(const struct pull_dedup *past)
{
    return past->is_whole;
}

int pull_dedup_take(const struct pull_dedup *past, size_t *at, struct frame *frame)
{
    struct held_head head;

    while (*at < past->held.len) {
        const uint8_t *data = buf_data(&past->held) + *at;

        assert(past->held.len - *at >= sizeof(head));
        memcpy(&head, data, sizeof(head));
        flv_frame_parse(frame, (enum frame_type)head.type, head.timestamp, data + sizeof(head),
                        head.len);
        *at += sizeof(head) + head.len;
        if (!past->is_whole || frame->is_header || frame->is_meta)
            return 1;
    }
    return 0;
}

void pull_dedup_note(struct pull_dedup *past, const struct frame *frame)
{
    if (frame->type != FRAME_SCRIPT && !frame->is_header && !frame->is_meta)
        past->mark[past->count++ % PAST_FRAMES] = past_mark(frame);
}
