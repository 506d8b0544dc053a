#ifndef LIVE_SOURCE_PUSH_H
#define LIVE_SOURCE_PUSH_H

/*
 * The way of a publisher's frames into the renditions, from the bottom up: each function calls only
 * those above it in this file. Above renditions.h, below source.c. Private to live. Never yields.
 */
#include "live/renditions.h"

/* How much media to receive before the FLV header is decided without the second track. */
#define SOURCE_GUESS_MS 500

/* ---- which tracks there are (source_tracks.c) ---- */

/* Resets the track as if it had never existed. */
void source_track_forget(struct source_track *track);
/* Decides which tracks the FLV header announces: as given; or, as soon as possible, from the frames
 * seen so far. */
void source_decide(struct source *source, int has_audio, int has_video);
void source_guess(struct source *source, int64_t ms);
/* A change that FLV players cannot follow: ends connected viewers and decides the header again. */
void source_break(struct source *source, int has_audio, int has_video);
/* Measures how long one track is silent while the other is not; called for each frame. */
void source_note_silence(struct source *source, enum jitter_track which, int64_t ms);
/* Breaks at a track that appears after the header was decided, is missing for too long, or that a
 * new publisher no longer has. */
void source_check_tracks(struct source *source, const struct frame *frame, int64_t ms);
/* By the clock: stops waiting for a track that has not arrived. */
void source_settle(struct source *source, usec_t now);

/* ---- time stamps (source_stamp.c) ---- */

/* Adds a time stamp after this frame at `ms`, if one is due. */
void source_stamp(struct source *source, const struct frame *frame, int64_t ms, usec_t now);
/* A script tag of the publisher that is a time stamp: passed on if it comes from another server of
 * ours, else dropped. 1 if it was one. */
int source_stamp_relay(struct source *source, const struct frame *frame, usec_t now);

/* ---- measuring (source_measure.c) ---- */

void source_measure_publish(struct source *source);
/* A frame of a main track was placed at `ms`. */
void source_measure(struct source *source, const struct frame *frame, int64_t ms);

/* ---- frames ---- */

/* A frame of the main track, as an ordinary message (source_push_main.c). */
void source_push_main(struct source *source, const struct frame *frame, usec_t now);
/* A script tag (source_push_script.c). */
void source_push_script(struct source *source, const struct frame *frame, usec_t now);
/* A message of audio or video, of one track or of several (source_push_av.c). */
void source_push_av(struct source *source, const struct frame *frame, usec_t now);

/* The same, by way of the queue of mix_correct if that is on (source_mix.c). */
void source_mix_push(struct source *source, const struct frame *frame, usec_t now);
/* Pushes all queued frames in their order; or drops them. */
void source_mix_flush(struct source *source, usec_t now);
void source_mix_forget(struct source *source);

/* If the frame is malformed in a known way, pushes it repaired and returns 1; else 0
 * (source_repair.c). */
int source_repair(struct source *source, const struct frame *frame, usec_t now);

#endif
