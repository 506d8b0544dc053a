#ifndef LIVE_JITTER_H
#define LIVE_JITTER_H

/*
 * One timeline per stream name, whatever its publishers' clocks do: begins at
 * 0, never steps back on a track, goes on by one frame's duration at a new
 * publisher or a jump, and moves both tracks by the same offset so that sound and picture
 * stay together. Pure.
 */
#include "live/source.h"

#include <stdint.h>

/* A publisher's clock that leaves the timeline, and the time that really passed, by more than this
 * has jumped. */
#define JITTER_JUMP_MS 5000
/* A track that steps back by more than this has jumped; by less, it is held. */
#define JITTER_BACK_MS 1000

enum jitter_track { JITTER_AUDIO, JITTER_VIDEO, JITTER_TRACKS };

struct jitter {
    enum time_jitter mode;
    int is_mixed;      /* mix_correct: monotonic over both tracks together */
    int keeps;         /* the publisher's times are such a timeline's: they stay, where that goes */
    int has_begun;     /* something was put on the timeline since the last reset */
    int has_published; /* the present publisher has sent a frame */
    int64_t last;      /* the latest time given out, ms */
    usec_t last_at;    /* when that was */
    int64_t slack;     /* ms that really passed since then, while a frame is placed */
    struct {
        int is_seen;    /* by the present publisher */
        uint32_t raw;   /* its last timestamp as it came */
        int64_t in;     /* the same, unwrapped */
        int64_t offset; /* in + offset = out */
        int64_t last;   /* last time given out; only if has_out */
        int has_out;
        int64_t duration; /* of a frame, estimated, ms */
    } track[JITTER_TRACKS];
};

/* The timeline begins at 0 with the next frame. */
void jitter_reset(struct jitter *jitter, enum time_jitter mode, int is_mixed);

/* Another publisher comes: its first frame follows the last one. */
void jitter_publish(struct jitter *jitter);

/* Where it stands; and that the next publisher's first frame follows that, if it is no step back.
 */
void jitter_save(const struct jitter *jitter, struct source_time *out);
void jitter_resume(struct jitter *jitter, const struct source_time *time, usec_t now);

/* The time in ms for a frame with this timestamp that came at `now`. */
int64_t jitter_apply(struct jitter *jitter, enum jitter_track track, uint32_t timestamp,
                     usec_t now);

/* The time for a frame that goes along with this track's and does not move the timeline. */
int64_t jitter_follow(const struct jitter *jitter, enum jitter_track track, uint32_t timestamp);

/*
 * The time for a data message that belongs to no track (onTextData): where the publisher's clock
 * puts it; that of the newest frame where it fits nowhere. It does not move the timeline.
 */
int64_t jitter_data(const struct jitter *jitter, uint32_t timestamp);

/*
 * The time for what is said about a track and is no frame (its end, a seek): that of its last
 * frame, since the other track may be ahead of the next one.
 */
int64_t jitter_stay(const struct jitter *jitter, enum jitter_track track, uint32_t timestamp);

#endif
