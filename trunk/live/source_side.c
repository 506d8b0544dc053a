/*
 * The tracks of a multitrack stream, as a list in the order of their arrival: codec, sequence
 * header and when each was last heard of. What is done with their messages stands in
 * source_push_av.c.
 */
#include "live/source_private.h"

#include <stdlib.h>

/* A track that the former publisher had, or that has stopped, is gone after so much media. */
#define SIDE_GONE_MS   1000
#define SIDE_SILENT_MS 30000

struct source_side *source_side_find(const struct source *source, enum jitter_track which,
                                     uint8_t id)
{
    for (struct source_side *side = source->sides; side != NULL; side = side->next)
        if (side->which == which && side->id == id)
            return side;
    return NULL;
}

struct source_side *source_side_get(struct source *source, enum jitter_track which, uint8_t id)
{
    struct source_side *side = source_side_find(source, which, id);
    struct source_side **link = &source->sides;
    int count = 0;

    if (side != NULL)
        return side;
    for (; *link != NULL; link = &(*link)->next)
        count++;
    if (count == SOURCE_SIDES_MAX)
        return NULL;
    *link = calloc(1, sizeof(**link));
    if (*link != NULL) {
        (*link)->which = which;
        (*link)->id = id;
    }
    return *link;
}

static void side_free(struct source_side *side)
{
    blob_unref(side->header);
    blob_unref(side->original);
    free(side);
}

void source_sides_forget(struct source *source)
{
    struct source_side *next;

    for (struct source_side *side = source->sides; side != NULL; side = next) {
        next = side->next;
        side_free(side);
    }
    source->sides = NULL;
    source->has_sides = 0;
}

void source_sides_publish(struct source *source)
{
    for (struct source_side *side = source->sides; side != NULL; side = side->next)
        side->is_seen = 0;
}

int source_sides_drop_gone(struct source *source)
{
    struct source_side **link = &source->sides;
    int64_t now_ms = source->jitter.last;
    int is_changed = 0;

    if (!source->has_first)
        return 0;
    while (*link != NULL) {
        struct source_side *side = *link;
        const struct source_track *track = &source->track[side->which];

        if (side->is_seen ? now_ms - side->last_ms < SIDE_SILENT_MS
                          : now_ms - source->first_ms < SIDE_GONE_MS ||
                                (track->has_main && track->main == side->id)) {
            link = &side->next;
            continue;
        }
        *link = side->next;
        side_free(side);
        is_changed = 1;
    }
    return is_changed;
}
