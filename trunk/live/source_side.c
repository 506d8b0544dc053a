/*
 * The other tracks of a multitrack stream ("Enhanced RTMP v2", multitrack). The
 * track that a publisher sends first is the stream: it decides what the header
 * promises, where viewers begin and when responses end. The others come along as they are: their
 * frames stand between its own, their sequence headers open a viewer's stream behind
 * its own, and nobody begins at a keyframe of theirs, which may come before or after the main one.
 *
 * Formats that stand alone have one picture and one sound: they get the main tracks only.
 */
#include "live/source_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int source_is_side(const struct source *source, const struct frame *frame)
{
    enum jitter_track which = frame->type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;

    return frame->is_multi && source->track[which].has_main &&
           frame->track != source->track[which].main;
}

void source_note_main(struct source *source, enum jitter_track which, const struct frame *frame)
{
    struct source_track *track = &source->track[which];

    /* Another publisher may send another one first. */
    if (track->is_seen && track->has_main && frame->is_multi)
        return;
    track->has_main = 1;
    track->main = frame->is_multi ? frame->track : 0;
}

/* The track's place in the list, which is in the order of arrival; NULL beyond the bound. */
static struct source_side *side_get(struct source *source, const struct frame *frame)
{
    struct source_side **link = &source->sides;
    int count = 0;

    for (; *link != NULL; link = &(*link)->next, count++)
        if ((*link)->type == frame->type && (*link)->track == frame->track)
            return *link;
    if (count == SOURCE_SIDES_MAX)
        return NULL;
    *link = calloc(1, sizeof(**link));
    if (*link != NULL) {
        (*link)->type = frame->type;
        (*link)->track = frame->track;
    }
    return *link;
}

void source_sides_forget(struct source *source)
{
    struct source_side *next;

    for (struct source_side *side = source->sides; side != NULL; side = next) {
        next = side->next;
        blob_unref(side->header);
        free(side);
    }
    source->sides = NULL;
}

/* 1 when it is another than before, which is kept. */
static int side_header_keep(struct source *source, const struct frame *frame)
{
    struct source_side *side =
        frame->len <= SOURCE_SIDE_HEADER_MAX ? side_get(source, frame) : NULL;
    struct blob *header;

    if (side == NULL) {
        source_count_drop(source);
        return 0;
    }
    if (side->header != NULL && side->header->len == frame->len &&
        memcmp(side->header->data, frame->data, frame->len) == 0)
        return 0;
    header = blob_new(frame->data, frame->len);
    if (header == NULL)
        return 0;
    blob_unref(side->header);
    side->header = header;
    return 1;
}

void source_push_side(struct source *source, enum jitter_track which, const struct frame *frame,
                      usec_t now)
{
    struct frame plain = *frame;
    int64_t ms = jitter_follow(&source->jitter, which, frame->timestamp);

    assert(source_is_side(source, frame));
    plain.is_key = 0;
    if (!frame->is_header) {
        source_feed(source, &plain, ms, now);
        source_pass(source, &plain, ms, now);
        return;
    }
    if (!side_header_keep(source, frame))
        return;
    source_pass(source, &plain, ms, now);
    /* Those who watch already get it in its place, those who come in front. */
    if (source->is_decided)
        source_feed(source, &plain, ms, now);
    source_reopen(source);
}
