#ifndef LIVE_RENDITIONS_H
#define LIVE_RENDITIONS_H

/*
 * All renditions of a source: how they are made, filled, fed, cut and released. Above
 * source_private.h, below source_push.h. Private to live. Never yields.
 */
#include "live/source_private.h"
#include "live/viewer.h"

/* ---- all of them together (renditions.c) ---- */

/* Pushes a frame as FLV players accept it: to the native rendition and the FLV ones of one track.
 */
void renditions_push_flv(struct source *source, const struct frame *frame, int64_t ms, usec_t now);
/*
 * Pushes a frame as published, to the formats that follow changes by themselves (mux_is_in_band()).
 */
void renditions_push_original(struct source *source, const struct frame *frame, int64_t ms,
                              usec_t now);
/* Pushes a frame only to RTMP players and other servers, which get everything. */
void renditions_push_rtmp_only(struct source *source, const struct frame *frame, int64_t ms,
                               usec_t now);
/* Pushes a message to those that get all tracks as published. */
void renditions_push_all_tracks(struct source *source, const struct frame *frame, int64_t ms,
                                usec_t now);

/* Pushes a time stamp to the formats that carry it. */
void renditions_push_stamp(struct source *source, const struct frame *frame, int64_t ms,
                           usec_t now);

/* The next frame has another configuration than those before it. */
void renditions_note_change(struct source *source);
/* The timeline begins again at 0: formats that must know the tracks before their first byte wait
 * for them again. */
void renditions_starve(struct source *source);
/* Applies the configured limits to all rings. */
void renditions_set_limits(struct source *source);

/* renditions_hold_start() holds the publication start from here on, for viewers that wait for it;
 * renditions_drop_start() releases it. */
void renditions_hold_start(struct source *source);
void renditions_drop_start(struct source *source);
/*
 * Forgets the starting positions of viewers that have not begun yet: they did not wait for the
 * frames that the rings contain now (the past of a worker pull), and will begin at a later place.
 */
void renditions_forget_places(struct source *source);

/* Forgets the sync points: no viewer begins before the next one. renditions_drop_flv_sync() forgets
 * only those of FLV. */
void renditions_drop_sync(struct source *source);
void renditions_drop_flv_sync(struct source *source);

/* The newest sync points are valid again. 1 if FLV has one. */
int renditions_restore_sync(struct source *source);

/* Frees a part of what a source does not need any more, if that is much: 1 if it did. */
int renditions_discard(struct source *source);
/* The same without end, before the source is freed. */
void renditions_discard_all(struct source *source);

enum renditions_cut {
    RENDITIONS_CUT_CHANGE, /* FLV viewers, and those whose format cannot carry what comes now */
    RENDITIONS_CUT_ALL
};

/* Ends the responses of connected viewers here. */
void renditions_cut(struct source *source, enum renditions_cut which);
/* The same for other servers. 1 if there is any rendition for them. */
int renditions_cut_original(struct source *source);

/* How many viewers have received bytes, over all formats. */
size_t renditions_started(const struct source *source);
/* Whether there is a viewer that has not, recordings among them. */
int renditions_have_waiting(const struct source *source);

/* A viewer left the rendition, which is freed with its last viewer unless it is kept. */
void renditions_leave(struct source *source, struct rendition *rendition);
/* Releases the rendition with all tracks as published (source->full). */
void renditions_drop_full(struct source *source);
/* Releases all kept renditions. */
void renditions_let_go(struct source *source);

/* ---- chosen tracks (source_select.c) ---- */

/* Whether it selects the default tracks. */
int source_select_is_default(const struct source_select *select);
/* Removes from the selection what makes no difference for this format and stream. */
void source_select_fit(const struct source *source, const struct mux *mux,
                       struct source_select *select);
/* Whether the limit of renditions with a selection is reached. */
int source_select_is_full(const struct source *source, const struct source_select *select);
/* Decides which tracks the rendition gets now. source_select_again() does so for all renditions,
 * and ends the viewers of those that change. */
void source_select_set(const struct source *source, struct rendition *rendition);
void source_select_again(struct source *source);
/* The id of the track of this kind that the rendition gets. */
uint8_t source_select_track(const struct rendition *rendition, enum jitter_track which);
/* Pushes a frame of an extra track, as an ordinary message, to the renditions that selected it;
 * is_changed: it is a new sequence header. */
void source_select_push(struct source *source, enum jitter_track which, uint8_t id,
                        const struct frame *frame, int is_changed, int64_t ms, usec_t now);
/* Puts the sequence headers of the rendition's tracks into its init data. */
void source_select_init_data(const struct source *source, const struct rendition *rendition,
                             struct init_data *init);

/* ---- init data (source_init_data.c) ---- */

/* The rendition's current init data. */
void source_init_data(const struct source *source, const struct rendition *rendition,
                      struct init_data *init);
/* The preamble of a viewer that gets messages as published and begins at the end of the ring: with
 * the sequence headers that precede this place and take effect at the next keyframe. A new
 * reference, or NULL without memory. */
struct blob *source_init_data_at_end(const struct source *source, struct rendition *rendition);
/* Init data changed: updates every rendition for the viewers that begin from now on. */
void source_init_data_renew(struct source *source);
/* The same for formats whose header describes the tracks for good, before the frame of this type
 * that has changed them: where the header differs now, the responses end and no viewer begins
 * before the next sync point. */
void source_init_data_renew_fixed(struct source *source, enum frame_type type);

/* ---- made in the middle of a stream (rendition_fill.c, source_rendition.c) ---- */

/*
 * Fills a rendition with init data and frames of the stream. One that keeps the past gets all that
 * can be used, in steps: it may be filling then. Others begin at the publication start while that
 * is held, for other servers and viewers that have waited; else at the newest sync point.
 */
void rendition_fill(struct rendition *rendition);
/* Copies frames from the rendition `native`, without the past. */
void rendition_fill_frames(struct rendition *rendition, const struct rendition *native, usec_t now);
/* The next step. 1 if more follows; 0: it has all. */
int rendition_fill_step(struct rendition *rendition);
/* The stream is about to change: a rendition that is filling goes without the past. */
void rendition_fill_end(struct rendition *rendition);
/* The same for all of a source. */
void renditions_fill_step(struct source *source);
void renditions_fill_end(struct source *source);

/* The rendition of this format and these tracks, with the past if the start needs that; made and
 * filled if there is none. NULL without memory, or when too many have a selection. */
struct rendition *source_rendition(struct source *source, const struct mux *mux,
                                   const struct viewer_wish *wish, usec_t now);
/* The tracks are known now: fills the renditions that waited for them. */
void source_rendition_fill_all(struct source *source);
/* Makes the rendition with all tracks as published (source->full). */
void source_rendition_make_full(struct source *source, usec_t now);

#endif
