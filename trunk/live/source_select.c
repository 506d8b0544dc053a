/*
 * Renditions of chosen tracks of a multitrack stream. Each is fed as those of the default tracks
 * are, with another track's frames in the place of the main one's. A track that is not there is
 * replaced by the default one. When what a rendition gets changes its track or its configuration,
 * its viewers end there and come again; for players can follow no such change.
 */
#include "base/str.h"
#include "live/source_private.h"
#include "media/flv.h"
#include "media/flv_tracks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Renditions of chosen tracks: any viewer may ask for any number. */
#define SELECTS_MAX 16

/* "a1", "v12" or "3"; answers the rest, or NULL. */
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

static int is_selected(const struct source_select *select)
{
    return select->is_all || select->wants[JITTER_AUDIO] || select->wants[JITTER_VIDEO];
}

void source_select_fit(const struct source *source, const struct mux *mux,
                       struct source_select *select)
{
    if (mux->relays)
        select->is_all = 1;
    if (mux->stands_alone)
        select->is_all = 0; /* it has a place for one track of each kind */
    for (int i = 0; i < JITTER_TRACKS; i++) {
        /* No rendition is made for what is known not to be there. */
        if (select->is_all || (i == JITTER_VIDEO && mux->audio_only) ||
            (source->is_decided && source_side_find(source, i, select->id[i]) == NULL))
            select->wants[i] = 0;
        if (!select->wants[i])
            select->id[i] = 0;
    }
}

int source_select_is_full(const struct source *source, const struct source_select *select)
{
    int count = 0;

    if (!is_selected(select) || select->is_all)
        return 0;
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        count += is_selected(&r->select) && !r->select.is_all;
    return count >= SELECTS_MAX;
}

static int is_side(const struct source *source, const struct source_select *select, int which)
{
    const struct source_track *track = &source->track[which];

    if (!select->wants[which] || (track->has_main && track->main == select->id[which]))
        return 0;
    return source_side_find(source, which, select->id[which]) != NULL;
}

/* Viewers end here, the next ones begin at the next start. */
static void select_cut(struct rendition *rendition)
{
    rendition_drop_begin(rendition);
    ring_drop_start(&rendition->ring);
    rendition_cut(rendition);
    if (rendition->mux->stands_alone)
        rendition_restart(rendition);
}

void source_select_set(const struct source *source, struct rendition *rendition)
{
    for (int i = 0; i < JITTER_TRACKS; i++)
        rendition->is_side[i] = (uint8_t)is_side(source, &rendition->select, i);
}

void source_select_again(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        uint8_t former[JITTER_TRACKS];

        memcpy(former, r->is_side, sizeof(former));
        source_select_set(source, r);
        if (memcmp(former, r->is_side, sizeof(former)) != 0)
            select_cut(r);
    }
}

uint8_t source_select_track(const struct rendition *rendition, enum jitter_track which)
{
    const struct source_track *track = &rendition->source->track[which];

    if (rendition->is_side[which])
        return rendition->select.id[which];
    return track->has_main ? track->main : 0;
}

void source_select_push(struct source *source, enum jitter_track which, uint8_t id,
                        const struct frame *frame, int is_changed, int64_t ms, usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        if (!r->is_side[which] || r->select.id[which] != id || !rendition_takes(r, frame->type))
            continue;
        if (is_changed && r->is_fed && !r->mux->in_band)
            select_cut(r);
        if (r->is_fed && (r->mux->in_band || !frame->is_header))
            rendition_push(r, frame, (uint32_t)ms, now);
    }
}

void source_select_open(const struct source *source, const struct rendition *rendition,
                        struct rendition_opening *opening)
{
    opening->sides = NULL;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        const struct source_track *track = &source->track[i];
        const struct source_side *side = NULL;

        if (rendition->select.is_all) {
            side = track->has_main ? source_side_find(source, i, track->main) : NULL;
            if (side != NULL && side->original != NULL)
                opening->header[i] = NULL; /* it is one of the messages below */
            opening->sides = source->sides;
        } else if (rendition->is_side[i]) {
            side = source_side_find(source, i, rendition->select.id[i]);
            opening->header[i] = side != NULL ? side->header : NULL;
            opening->codec[i] = side != NULL ? side->codec : CODEC_NONE;
        }
    }
}

/* ---- all tracks, as published ---- */

void source_full_make(struct source *source, usec_t now)
{
    const struct source_select all = {.is_all = 1};

    if (source->full != NULL)
        return;
    source->full = source_rendition(source, &mux_flv_all, SOURCE_BOTH, &all, now);
    if (source->full != NULL)
        source->full->is_kept = 1;
}

void source_full_drop(struct source *source)
{
    struct rendition *full = source->full;

    if (full == NULL)
        return;
    source->full = NULL;
    full->is_kept = 0;
    source_rendition_left(source, full);
}

const struct rendition *source_replayed(const struct source *source,
                                        const struct rendition *rendition)
{
    if (source->full == NULL || source->full == rendition || !is_selected(&rendition->select))
        return &source->native;
    return source->full;
}

void source_pass_all(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->select.is_all && rendition_takes(r, frame->type) && !rendition_has_had(r, frame))
            rendition_push(r, frame, (uint32_t)ms, now);
}

/* The frame of `full`, as one that was chosen gets it. */
static void replay_track(struct rendition *rendition, const struct frame *frame, usec_t now)
{
    /* What formats without sequence headers in their ring have of them is their opening. */
    if (frame->is_header && !rendition->mux->in_band)
        return;
    rendition_push(rendition, frame, frame->timestamp, now);
}

void source_select_replay(struct rendition *rendition, const struct frame *frame, usec_t now)
{
    enum jitter_track which = frame->type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO;
    uint8_t id = source_select_track(rendition, which);
    struct flv_tracks tracks;
    struct flv_track track;
    struct frame plain = *frame;

    assert(is_selected(&rendition->select));
    if (frame->type == FRAME_SCRIPT && !rendition->mux->in_band)
        return;
    if (rendition->select.is_all || frame->type == FRAME_SCRIPT) {
        const struct source_track *main = &rendition->source->track[which];

        if (frame->is_multi ? !flv_tracks_have(frame, main->main) : main->main != 0)
            plain.is_key = 0;
        rendition_push(rendition, &plain, frame->timestamp, now);
        return;
    }
    if (!frame->is_multi) {
        if (id == 0)
            replay_track(rendition, frame, now);
        return;
    }
    if (flv_tracks_open(&tracks, frame) != 0)
        return;
    while (flv_tracks_next(&tracks, &track) == 1) {
        struct buf body;

        buf_init(&body, FLV_BODY_MAX);
        if (track.id == id && flv_track_unwrap(&tracks, &track, &body, &plain) == 0)
            replay_track(rendition, &plain, now);
        buf_fini(&body);
    }
}
