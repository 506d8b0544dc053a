#ifndef LIVE_RENDITIONS_H
#define LIVE_RENDITIONS_H

/*
 * All renditions of a source: made, filled, fed, cut and let go. Above source_private.h, below
 * source_push.h. Private to live. Never yields.
 */
#include "live/source_private.h"

/* ---- all of them together (renditions.c) ---- */

/* One frame as FLV players accept it: into the native ring and those of one track alone. */
void renditions_push_flv(struct source *source, const struct frame *frame, int64_t ms, usec_t now);
/* One frame as published, for the formats that follow a stream by themselves (in_band). */
void renditions_push_original(struct source *source, const struct frame *frame, int64_t ms,
                              usec_t now);
/* One frame for RTMP players and relays alone, which get everything. */
void renditions_push_rtmp_only(struct source *source, const struct frame *frame, int64_t ms,
                               usec_t now);
/* One message for those that get all tracks as published. */
void renditions_push_all_tracks(struct source *source, const struct frame *frame, int64_t ms,
                                usec_t now);

/* The stream begins anew: those that have to know the tracks wait again. */
void renditions_starve(struct source *source);
/* The configuration's limits for all rings. */
void renditions_set_limits(struct source *source);

/* The first start of the publication that now comes is held, for those who wait for it. */
void renditions_hold_start(struct source *source);
void renditions_drop_start(struct source *source);
/* Who has not begun yet has not waited for what the ring has so far. */
void renditions_forget_places(struct source *source);

/* Nobody begins before the next keyframe; and the same for FLV's alone. */
void renditions_drop_sync(struct source *source);
void renditions_drop_flv_sync(struct source *source);

enum renditions_cut {
    RENDITIONS_CUT_CHANGE, /* FLV viewers, and those whose format has no place for what comes now */
    RENDITIONS_CUT_ALL
};

/* Connected viewers end here. */
void renditions_cut(struct source *source, enum renditions_cut who);
/* Relays end here. 1 when there is any. */
int renditions_cut_original(struct source *source);

/* Viewers that have taken bytes, of all formats. */
size_t renditions_started(const struct source *source);

/* A viewer has left the rendition: it goes with its last. */
void renditions_leave(struct source *source, struct rendition *rendition);
/* The one that holds all tracks as published goes, if it was only kept. */
void renditions_drop_full(struct source *source);
/* All that were only kept go. */
void renditions_let_go(struct source *source);

/* ---- chosen tracks (source_select.c) ---- */

/* Whether nothing is chosen. */
int source_select_is_default(const struct source_select *select);
/* What of the choice makes a difference for this format and stream. */
void source_select_fit(const struct source *source, const struct mux *mux,
                       struct source_select *select);
/* Whether there may be no further rendition of chosen tracks. */
int source_select_is_full(const struct source *source, const struct source_select *select);
/* Which tracks the rendition gets, now; and all of them again: those that change are cut. */
void source_select_set(const struct source *source, struct rendition *rendition);
void source_select_again(struct source *source);
/* The id of the track that it gets. */
uint8_t source_select_track(const struct rendition *rendition, enum jitter_track which);
/* A frame of a extra track as an ordinary one, for those that chose it; is_changed: its sequence
 * header is another than before. */
void source_select_push(struct source *source, enum jitter_track which, uint8_t id,
                        const struct frame *frame, int is_changed, int64_t ms, usec_t now);
/* What opens the stream, with the headers of the tracks that the rendition gets. */
void source_select_init_data(const struct source *source, const struct rendition *rendition,
                             struct init_data *init);

/* ---- init data (source_init_data.c) ---- */

/* The rendition's, as of now. */
void source_init_data(const struct source *source, const struct rendition *rendition,
                      struct init_data *init);
/* It has changed: every rendition gets its own for the viewers that begin from now on. */
void source_init_data_renew(struct source *source);

/* ---- made in the middle of a stream (rendition_fill.c, source_rendition.c) ---- */

/* Fills a rendition with what there is of the stream. */
void rendition_fill(struct rendition *rendition);
/*
 * Its frames, from the rendition `native`: from the publication's first start while that is held,
 * for relays and viewers that have waited; else from the newest.
 */
void rendition_fill_frames(struct rendition *rendition, const struct rendition *native, usec_t now);

/* The rendition of this format and these tracks, made and filled if there is none. NULL without
 * memory, or when there are too many of chosen tracks. */
struct rendition *source_rendition(struct source *source, const struct mux *mux,
                                   enum source_only only, const struct source_select *select,
                                   usec_t now);
/* The tracks are known: renditions that waited for that are filled. */
void source_rendition_fill_all(struct source *source);
/* The rendition that holds all tracks as published (source->full). */
void source_rendition_make_full(struct source *source, usec_t now);

#endif
