/*
 * The tracks of a multitrack stream, listed in the order of arrival: codec, sequence header and the
 * time of each one's newest message. source_push_av.c handles the messages themselves.
 */
#include "live/source_private.h"

#include <stdlib.h>

/* A track of a former publisher, and one that has stopped, is gone after so much media without it.
 */
#define EXTRA_TRACK_GONE_MS   1000
#define EXTRA_TRACK_SILENT_MS 30000

struct extra_track *extra_track_find(const struct source *source, enum jitter_track which,
                                     uint8_t id)
{
    for (struct extra_track *extra = source->extra_tracks; extra != NULL; extra = extra->next)
        if (extra->which == which && extra->id == id)
            return extra;
    return NULL;
}

struct extra_track *extra_track_get(struct source *source, enum jitter_track which, uint8_t id)
{
    struct extra_track *extra = extra_track_find(source, which, id);
    struct extra_track **link = &source->extra_tracks;
    int count = 0;

    if (extra != NULL)
        return extra;
    for (; *link != NULL; link = &(*link)->next)
        count++;
    if (count == EXTRA_TRACKS_MAX)
        return NULL;
    *link = calloc(1, sizeof(**link));
    if (*link != NULL) {
        (*link)->which = which;
        (*link)->id = id;
    }
    return *link;
}

static void extra_track_free(struct extra_track *extra)
{
    blob_unref(extra->header);
    blob_unref(extra->original);
    free(extra);
}

void extra_track_forget_all(struct source *source)
{
    struct extra_track *next;

    for (struct extra_track *extra = source->extra_tracks; extra != NULL; extra = next) {
        next = extra->next;
        extra_track_free(extra);
    }
    source->extra_tracks = NULL;
    source->has_extra_tracks = 0;
}

void extra_track_publish_all(struct source *source)
{
    for (struct extra_track *extra = source->extra_tracks; extra != NULL; extra = extra->next)
        extra->is_seen = 0;
}

int extra_track_drop_gone(struct source *source)
{
    struct extra_track **link = &source->extra_tracks;
    int64_t now_ms = source->jitter.last;
    int is_changed = 0;

    if (!source->has_first)
        return 0;
    while (*link != NULL) {
        struct extra_track *extra = *link;
        const struct source_track *track = &source->track[extra->which];

        if (extra->is_seen ? now_ms - extra->last_ms < EXTRA_TRACK_SILENT_MS
                           : now_ms - source->first_ms < EXTRA_TRACK_GONE_MS ||
                                 (track->has_main && track->main == extra->id)) {
            link = &extra->next;
            continue;
        }
        *link = extra->next;
        extra_track_free(extra);
        is_changed = 1;
    }
    return is_changed;
}
