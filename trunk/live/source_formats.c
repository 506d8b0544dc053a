/*
 * The renditions of a source: found, made with their first viewer out of the FLV
 * ring, fed, ended and let go.
 *
 * There are three kinds. FLV, the native one and those of one track alone, gets
 * frames as FLV players bear them (source_push.c). RTMP gets them as published. Formats that
 * stand alone (TS, MP3, AAC) get them as published too; TS not before the tracks
 * are known, so that what it says of the stream is right from its first byte on.
 */
#include "live/source_private.h"
#include "media/flv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum source_fit source_facts_fit(const struct source_facts *facts, const struct mux *mux,
                                 enum source_only only)
{
    enum source_fit fit = SOURCE_UNFIT;

    if (mux->carries == NULL && only == SOURCE_BOTH)
        return SOURCE_FITS;
    if (!facts->is_decided && !(mux->audio_only && facts->codec[JITTER_AUDIO] != CODEC_NONE))
        return SOURCE_FIT_UNKNOWN;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        enum codec codec = facts->codec[i];

        if (i == JITTER_VIDEO ? mux->audio_only || only == SOURCE_AUDIO_ONLY
                              : only == SOURCE_VIDEO_ONLY)
            continue;
        if (codec != CODEC_NONE && (mux->carries == NULL || mux->carries(codec)))
            return SOURCE_FITS;
        if (codec == CODEC_NONE && (facts->is_announced[i] || !facts->is_settled))
            fit = SOURCE_FIT_UNKNOWN;
    }
    return fit;
}

void source_facts(const struct source *source, struct source_facts *out)
{
    memset(out, 0, sizeof(*out));
    if (source->state != SOURCE_LIVE)
        return;
    out->is_decided = source->is_decided != 0;
    out->is_settled = source->is_settled != 0;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        out->is_announced[i] = source->track[i].is_announced != 0;
        out->codec[i] = (uint8_t)source->track[i].codec;
    }
}

enum source_fit source_fit(const struct source *source, const struct mux *mux,
                           enum source_only only)
{
    struct source_facts facts;

    source_facts(source, &facts);
    return source_facts_fit(&facts, mux, only);
}

void source_tell_facts(struct source *source)
{
    struct source_facts facts;

    if (source->events.on_facts == NULL)
        return;
    source_facts(source, &facts);
    if (memcmp(&facts, &source->told, sizeof(facts)) == 0)
        return;
    source->told = facts;
    source->events.on_facts(source, source->events.arg);
}

/* ---- what opens a stream ---- */

/* What a promised track is, as far as it is known before its first frame. */
static enum codec track_codec(const struct source_track *track, enum frame_type type)
{
    const struct blob *header = track->pending;
    struct frame frame;

    if (!track->is_announced)
        return CODEC_NONE;
    if (track->codec != CODEC_NONE)
        return track->codec != CODEC_OTHER ? track->codec : CODEC_NONE;
    if (header == NULL) /* promised by the configuration alone */
        return CODEC_OTHER;
    flv_frame_parse(&frame, type, 0, header->data, header->len);
    return frame.codec;
}

static void source_opening(const struct source *source, struct rendition_opening *opening)
{
    memset(opening, 0, sizeof(*opening));
    opening->has_audio = source->track[JITTER_AUDIO].is_announced;
    opening->has_video = source->track[JITTER_VIDEO].is_announced;
    opening->is_lax = !source->config.guess_has_av && !source->config.drop_if_not_match;
    opening->meta = source->meta;
    opening->codec[JITTER_AUDIO] = track_codec(&source->track[JITTER_AUDIO], FRAME_AUDIO);
    opening->codec[JITTER_VIDEO] = track_codec(&source->track[JITTER_VIDEO], FRAME_VIDEO);
    for (int i = 0; i < JITTER_TRACKS; i++) {
        const struct source_track *track = &source->track[i];

        /* A track's first header opens the stream before its first frame has come. */
        opening->header[i] = track->codec == CODEC_NONE ? track->pending : track->header;
    }
}

/* What opens the stream changes for those who begin from now on. */
void source_reopen(struct source *source)
{
    struct rendition_opening opening;

    if (!source->is_decided)
        return;
    source_opening(source, &opening);
    rendition_open_with(&source->native, &opening);
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        struct rendition_opening own = opening;

        source_select_open(source, r, &own);
        rendition_open_with(r, &own);
    }
}

/* ---- making and feeding ---- */

/* Fills a rendition with what there is of the stream. */
static void source_fill(struct source *source, struct rendition *rendition)
{
    struct rendition_opening opening;

    source_opening(source, &opening);
    source_select_open(source, rendition, &opening);
    if (rendition->mux->stands_alone)
        rendition_restart(rendition);
    rendition_prime(rendition, FRAME_VIDEO, opening.header[JITTER_VIDEO]);
    rendition_prime(rendition, FRAME_AUDIO, opening.header[JITTER_AUDIO]);
    rendition_open_with(rendition, &opening);
    rendition_replay(rendition, source_replayed(source, rendition), source->native.pushed_at);
    if (!rendition->is_side[JITTER_VIDEO])
        rendition_prime(rendition, FRAME_VIDEO, source->track[JITTER_VIDEO].pending);
    if (!rendition->is_side[JITTER_AUDIO])
        rendition_prime(rendition, FRAME_AUDIO, source->track[JITTER_AUDIO].pending);
    rendition->is_fed = 1;
}

/* True for those that are fed from the first frame on: RTMP, and what has nothing to say of tracks.
 */
static int rendition_is_eager(const struct rendition *rendition)
{
    return rendition->mux->audio_only || (rendition->mux->in_band && !rendition->mux->stands_alone);
}

static struct rendition *rendition_find(struct source *source, const struct mux *mux,
                                        enum source_only only, const struct source_select *select)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->mux == mux && r->only == only && memcmp(&r->select, select, sizeof(r->select)) == 0)
            return r;
    return NULL;
}

struct rendition *source_rendition(struct source *source, const struct mux *mux,
                                   enum source_only only, const struct source_select *select,
                                   usec_t now)
{
    static const struct source_select defaults;
    struct source_select fit = *select;
    struct rendition *rendition;

    if (mux->audio_only)
        only = SOURCE_BOTH;
    source_select_fit(source, mux, &fit);
    if (mux == source->native.mux && only == SOURCE_BOTH &&
        memcmp(&fit, &defaults, sizeof(fit)) == 0)
        return &source->native;
    rendition = rendition_find(source, mux, only, &fit);
    if (rendition != NULL || source_select_is_full(source, &fit))
        return rendition;
    rendition = malloc(sizeof(*rendition));
    if (rendition == NULL)
        return NULL;
    if (rendition_init(rendition, source, mux) != 0) {
        free(rendition);
        return NULL;
    }
    rendition->only = only;
    rendition->select = fit;
    source_select_set(source, rendition);
    rendition->pushed_at = now;
    if (source->is_decided || rendition_is_eager(rendition))
        source_fill(source, rendition);
    rendition->next = source->others;
    source->others = rendition;
    return rendition;
}

/* Whether it gets the frames of this kind's main track. */
static int rendition_takes_main(const struct rendition *rendition, enum frame_type type)
{
    return rendition_takes(rendition, type) &&
           (type == FRAME_SCRIPT ||
            !rendition->is_side[type == FRAME_AUDIO ? JITTER_AUDIO : JITTER_VIDEO]);
}

/* What the rendition gets in the place of this frame; NULL: it has had it. */
static const struct frame *rendition_original(const struct rendition *rendition,
                                              const struct frame *frame)
{
    const struct source *source = rendition->source;

    if (source->original == NULL || !rendition->select.is_all)
        return frame;
    return source->original_sent ? NULL : source->original;
}

/*
 * FLV players stall at a sequence header that they have had; those that come before the header is
 * decided open the stream.
 */
int rendition_has_had(const struct rendition *rendition, const struct frame *frame)
{
    const struct source *source = rendition->source;

    return frame->is_header && rendition->mux == &mux_flv_all &&
           (source->is_repeat || !source->is_decided);
}

static void rendition_push_main(struct rendition *rendition, const struct frame *frame, int64_t ms,
                                usec_t now)
{
    const struct frame *original = rendition_original(rendition, frame);

    if (original != NULL && !rendition_has_had(rendition, original))
        rendition_push(rendition, original, (uint32_t)ms, now);
}

void source_spread(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->mux->in_band && r->is_fed && rendition_takes_main(r, frame->type))
            rendition_push_main(r, frame, ms, now);
    source->original_sent = 1;
}

void source_pass(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!r->mux->stands_alone && rendition_is_eager(r) && rendition_takes_main(r, frame->type))
            rendition_push_main(r, frame, ms, now);
    source->original_sent = 1;
}

void source_feed(struct source *source, const struct frame *frame, int64_t ms, usec_t now)
{
    rendition_push(&source->native, frame, (uint32_t)ms, now);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!r->mux->in_band && r->is_fed && rendition_takes_main(r, frame->type))
            rendition_push(r, frame, (uint32_t)ms, now);
}

void source_feed_all(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!r->is_fed)
            source_fill(source, r);
}

void source_starve(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        r->is_fed = rendition_is_eager(r);
}

void source_set_limits(struct source *source)
{
    rendition_set_limits(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_set_limits(r);
}

/* ---- a publication's beginning ---- */

/* Whether anybody has not begun yet: several workers make one who comes later think so, too. */
static int source_keeps_begin(const struct source *source)
{
    return source->config.keeps_begin || source_started(source) < source->stat.viewers;
}

void source_hold_begin(struct source *source)
{
    if (!source_keeps_begin(source))
        return;
    source->holds_begin = 1;
    rendition_hold_begin(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_hold_begin(r);
}

void source_drop_begin(struct source *source)
{
    if (!source->holds_begin)
        return;
    source->holds_begin = 0;
    rendition_drop_begin(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_drop_begin(r);
}

static void rendition_forget_places(struct rendition *rendition)
{
    for (struct viewer *v = rendition->viewers; v != NULL; v = v->next)
        if (v->place == VIEWER_NEW)
            ring_cursor_leave(&rendition->ring, &v->cursor);
    /* Its first sound is one of those that the relay has brought. */
    if (!rendition->first_is_start)
        ring_cursor_leave(&rendition->ring, &rendition->first);
}

void source_forget_places(struct source *source)
{
    /* Where there are only sounds the relay has brought earlier ones than they are to begin with.
     */
    if (!rendition_has_starts(&source->native))
        source_drop_begin(source);
    rendition_forget_places(&source->native);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        rendition_forget_places(r);
}

/* ---- ending ---- */

void source_drop_flv_starts(struct source *source)
{
    source_drop_begin(source);
    ring_drop_start(&source->native.ring);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!r->mux->in_band)
            ring_drop_start(&r->ring);
}

void source_drop_starts(struct source *source)
{
    source_drop_begin(source);
    ring_drop_start(&source->native.ring);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        ring_drop_start(&r->ring);
}

static int rendition_must_end(const struct rendition *rendition, enum source_cut who)
{
    switch (who) {
    case SOURCE_CUT_CHANGE:
        return !rendition->mux->in_band ||
               source_fit(rendition->source, rendition->mux, rendition->only) == SOURCE_UNFIT;
    case SOURCE_CUT_ALL:
        break;
    }
    return 1;
}

void source_cut(struct source *source, enum source_cut who)
{
    source_drop_begin(source);
    rendition_cut(&source->native);
    source->repeats_sets = 0;
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (rendition_must_end(r, who))
            rendition_cut(r);
}

int source_cut_relays(struct source *source)
{
    int has_any = 0;

    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        if (!r->mux->relays)
            continue;
        rendition_cut(r);
        has_any = 1;
    }
    return has_any;
}

size_t source_started(const struct source *source)
{
    size_t started = source->native.started;

    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        started += r->started;
    return started;
}

int source_is_watched(const struct source *source)
{
    if (source->native.started > 0)
        return 1;
    for (const struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->started > 0 && !r->mux->relays)
            return 1;
    return 0;
}

int source_is_waited_for(const struct source *source)
{
    return source->state == SOURCE_LIVE && source->has_first &&
           source_started(source) < source->stat.viewers;
}

/* ---- who stays ---- */

void source_keep(struct source *source, const struct mux *mux)
{
    const struct source_select defaults = {0};
    struct rendition *rendition;

    assert(mux->audio_only);
    if (source->config.fast_cache == 0)
        return;
    rendition = source_rendition(source, mux, SOURCE_BOTH, &defaults, source->native.pushed_at);
    if (rendition != NULL)
        rendition->is_kept = 1;
}

size_t source_shrink(struct source *source)
{
    size_t bytes;

    source_drop_begin(source);
    bytes = ring_shrink(&source->native.ring);
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        bytes += ring_shrink(&r->ring);
    return bytes;
}

static void source_unlink(struct source *source, struct rendition *rendition)
{
    struct rendition **link = &source->others;

    while (*link != rendition)
        link = &(*link)->next;
    *link = rendition->next;
    if (source->full == rendition)
        source->full = NULL;
    rendition_fini(rendition);
    free(rendition);
}

void source_rendition_left(struct source *source, struct rendition *rendition)
{
    if (rendition != &source->native && rendition->viewer_count == 0 && !rendition->is_kept)
        source_unlink(source, rendition);
}

void source_let_go(struct source *source)
{
    struct rendition *next;

    for (struct rendition *r = source->others; r != NULL; r = next) {
        next = r->next;
        r->is_kept = 0;
        source_rendition_left(source, r);
    }
}
