/*
 * Renditions of selected tracks of a multitrack stream. Each is fed like those of the default
 * tracks, with the selected track's frames instead of the main one's. A missing track is replaced
 * by the default one. When its track or that track's configuration changes, its viewers end and
 * reconnect, since players cannot follow such a change.
 */
#include "live/renditions.h"

#include <string.h>

/* Limit of renditions with a selection: any viewer may ask for any number. */
#define SELECTS_MAX 16

/* Parses "a1", "v12" or "3"; returns the rest of the text, or NULL. */
static const char *select_part(struct source_select *select, const char *text)
{
    int first = *text == 'v' ? JITTER_VIDEO : JITTER_AUDIO;
    int last = *text == 'a' ? JITTER_AUDIO : JITTER_VIDEO;
    unsigned id = 0;
    int digits = 0;

    if (*text == 'a' || *text == 'v')
        text++;
    for (; *text >= '0' && *text <= '9' && digits < 4; text++, digits++)
        id = id * 10 + (unsigned)(*text - '0');
    if (digits == 0 || id > UINT8_MAX)
        return NULL;
    for (int i = first; i <= last; i++) {
        if (select->wants[i])
            return NULL;
        select->wants[i] = 1;
        select->id[i] = (uint8_t)id;
    }
    return text;
}

int source_select_parse(struct source_select *select, const char *text)
{
    memset(select, 0, sizeof(*select));
    if (strcmp(text, "all") == 0) {
        select->is_all = 1;
        return 0;
    }
    for (;;) {
        text = select_part(select, text);
        if (text == NULL || (*text != '\0' && *text != ','))
            break;
        if (*text == '\0')
            return 0;
        text++;
    }
    memset(select, 0, sizeof(*select));
    return -1;
}

int source_select_is_default(const struct source_select *select)
{
    return !select->is_all && !select->wants[JITTER_AUDIO] && !select->wants[JITTER_VIDEO];
}

void source_select_fit(const struct source *source, const struct mux *mux,
                       struct source_select *select)
{
    if (mux_is_original(mux))
        select->is_all = 1;
    if (mux_is_container(mux))
        select->is_all = 0; /* it carries one track of each kind */
    for (int i = 0; i < JITTER_TRACKS; i++) {
        /* No rendition is made for a track that is known not to exist. */
        if (select->is_all || (i == JITTER_VIDEO && mux_is_audio_only(mux)) ||
            (source->is_decided && extra_track_find(source, i, select->id[i]) == NULL))
            select->wants[i] = 0;
        if (!select->wants[i])
            select->id[i] = 0;
    }
}

int source_select_is_full(const struct source *source, const struct source_select *select)
{
    int count = 0;

    if (source_select_is_default(select) || select->is_all)
        return 0;
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        count += !source_select_is_default(&r->select) && !r->select.is_all;
    return count >= SELECTS_MAX;
}

static int is_extra(const struct source *source, const struct source_select *select, int which)
{
    const struct source_track *track = &source->track[which];

    if (!select->wants[which] || (track->has_main && track->main == select->id[which]))
        return 0;
    return extra_track_find(source, which, select->id[which]) != NULL;
}

/* Ends the viewers here; new ones begin at the next sync point. */
static void select_cut(struct rendition *rendition)
{
    rendition->backlog.is_void = 1;
    rendition_drop_start(rendition);
    ring_drop_sync(&rendition->ring);
    rendition_cut(rendition);
    if (mux_is_container(rendition->mux))
        rendition_restart(rendition);
}

void source_select_set(const struct source *source, struct rendition *rendition)
{
    for (int i = 0; i < JITTER_TRACKS; i++)
        rendition->is_extra[i] = (uint8_t)is_extra(source, &rendition->select, i);
}

void source_select_again(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        uint8_t former[JITTER_TRACKS];

        memcpy(former, r->is_extra, sizeof(former));
        source_select_set(source, r);
        if (memcmp(former, r->is_extra, sizeof(former)) != 0)
            select_cut(r);
    }
}

uint8_t source_select_track(const struct rendition *rendition, enum jitter_track which)
{
    const struct source_track *track = &rendition->source->track[which];

    if (rendition->is_extra[which])
        return rendition->select.id[which];
    return track->has_main ? track->main : 0;
}

void source_select_push(struct source *source, enum jitter_track which, uint8_t id,
                        const struct frame *frame, int is_changed, int64_t ms, usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        if (!r->is_extra[which] || r->select.id[which] != id || !rendition_takes(r, frame->type))
            continue;
        r->backlog.is_void |= is_changed;
        if (is_changed && r->is_fed && !mux_is_in_band(r->mux))
            select_cut(r);
        if (r->is_fed && (mux_is_in_band(r->mux) || !frame->is_header))
            rendition_push(r, frame, (uint32_t)ms, now);
    }
}

void source_select_init_data(const struct source *source, const struct rendition *rendition,
                             struct init_data *init)
{
    init->extra_tracks = NULL;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        const struct source_track *track = &source->track[i];
        const struct extra_track *extra = NULL;

        if (rendition->select.is_all) {
            extra = track->has_main ? extra_track_find(source, i, track->main) : NULL;
            if (extra != NULL && extra->original != NULL)
                init->header[i] = NULL; /* it is included in extra_tracks below */
            init->extra_tracks = source->extra_tracks;
        } else if (rendition->is_extra[i]) {
            extra = extra_track_find(source, i, rendition->select.id[i]);
            init->header[i] = extra != NULL ? extra->header : NULL;
            init->codec[i] = extra != NULL ? extra->codec : CODEC_NONE;
        }
    }
}
