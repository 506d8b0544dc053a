#ifndef LIVE_SOURCE_PUSH_H
#define LIVE_SOURCE_PUSH_H

/*
 * A publisher's frames on their way into the renditions, from the bottom up: each of these calls
 * only those above it in this file. Above renditions.h, below source.c. Private to live. Never
 * yields.
 */
#include "live/renditions.h"

/* How much media is waited for the second track before the FLV header is decided. */
#define SOURCE_GUESS_MS 500

/* ---- which tracks there are (source_tracks.c) ---- */

/* As if it had never been. */
void source_track_forget(struct source_track *track);
/* What the FLV header promises: as given; or as soon as it can be known from what was seen. */
void source_decide(struct source *source, int has_audio, int has_video);
void source_guess(struct source *source, int64_t ms);
/* A change that FLV players cannot follow: connected ones end, the header is decided again. */
void source_break(struct source *source, int has_audio, int has_video);
/* A frame has come at this time: how much of one track comes without the other. */
void source_note_silence(struct source *source, enum jitter_track which, int64_t ms);
/* A track that appears after the header was decided, that is missing for too long, or that a new
 * publisher no longer has. */
void source_check_tracks(struct source *source, const struct frame *frame, int64_t ms);
/* The same by the clock: a track that has not come by now is not waited for. */
void source_settle(struct source *source, usec_t now);

/* ---- frames ---- */

/* A frame of the main track, as an ordinary message (source_push_main.c). */
void source_push_main(struct source *source, const struct frame *frame, usec_t now);
/* A script tag (source_push_script.c). */
void source_push_script(struct source *source, const struct frame *frame, usec_t now);
/* A message of audio or video, of one track or of several (source_push_av.c). */
void source_push_av(struct source *source, const struct frame *frame, usec_t now);

/* The same by way of the queue of mix_correct, where that is on (source_mix.c). */
void source_mix_push(struct source *source, const struct frame *frame, usec_t now);
/* All that waits there goes on, in its order; or is forgotten. */
void source_mix_flush(struct source *source, usec_t now);
void source_mix_forget(struct source *source);

/* Pushes the frame as it should be, when it is malformed in a known way: 1, else 0
 * (source_repair.c). */
int source_repair(struct source *source, const struct frame *frame, usec_t now);

#endif
