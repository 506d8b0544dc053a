#ifndef LIVE_JITTER_H
#define LIVE_JITTER_H

/*
 * One timeline per stream name, whatever its publishers' clocks do: it begins at 0, never steps
 * back on a track, continues by one frame's duration at a new publisher or a jump, and moves both
 * tracks by the same offset so that audio and video stay in sync. Pure.
 */
#include "live/source.h"

#include <stdint.h>

/* A timestamp that differs from the timeline, and from the real time that passed, by more than this
 * is a jump. */
#define JITTER_JUMP_MS 5000
/* A step back by more than this is a jump; a smaller one is held at the last timestamp. */
#define JITTER_BACK_MS 1000

enum jitter_track { JITTER_AUDIO, JITTER_VIDEO, JITTER_TRACKS };

/* The streams of the same encoder: see source_events.on_peers. look == NULL: there are none. */
struct jitter_peers {
    size_t (*look)(void *arg, struct source_peer out[SOURCE_PEERS_MAX]);
    void *arg;
};

struct jitter {
    enum time_jitter mode;
    int is_mixed; /* mix_correct: monotonic over both tracks together */
    int keeps; /* the publisher's timestamps are already on such a timeline: keep them if possible
                */
    int has_begun;       /* a frame was placed since the last reset */
    int has_published;   /* the current publisher has sent a frame */
    int64_t last;        /* the latest output timestamp, ms */
    usec_t last_at;      /* when that was placed */
    int64_t joins_until; /* before this position the publication may still take a rung's offset */
    int64_t slack;       /* real time since then, ms, while a frame is placed */
    struct jitter_peers peers; /* kept at a reset */
    uint64_t repairs;          /* frames whose timestamps did not fit and were moved; never reset */
    struct {
        int is_seen;    /* by the current publisher */
        uint32_t raw;   /* its last input timestamp */
        int64_t in;     /* the same, unwrapped */
        int64_t offset; /* in + offset = out */
        int64_t last;   /* last output timestamp; only if has_out */
        int has_out;
        int64_t duration; /* estimated frame duration, ms */
    } track[JITTER_TRACKS];
};

/* Resets the timeline: the next frame is at 0. */
void jitter_reset(struct jitter *jitter, enum time_jitter mode, int is_mixed);

/* A new publisher begins: its first frame follows the last one. */
void jitter_publish(struct jitter *jitter);

/* jitter_save() saves the position. jitter_resume() makes the next publisher's first frame continue
 * there, unless that is a step back. */
void jitter_save(const struct jitter *jitter, struct source_time *out);
void jitter_resume(struct jitter *jitter, const struct source_time *time, usec_t now);

/* The output timestamp, ms, of a frame with this timestamp that arrived at `now`. */
int64_t jitter_apply(struct jitter *jitter, enum jitter_track track, uint32_t timestamp,
                     usec_t now);

/* The same for a frame that accompanies this track and does not move the timeline. */
int64_t jitter_follow(const struct jitter *jitter, enum jitter_track track, uint32_t timestamp);

/*
 * The same for a data message that belongs to no track (onTextData): its own timestamp by the
 * publisher's clock, or the newest frame's if that does not fit. Does not move the timeline.
 */
int64_t jitter_data(const struct jitter *jitter, uint32_t timestamp);

/*
 * The same for a message about a track that is not a frame (end of sequence, seek): the timestamp
 * of the track's last frame, because the other track may already be ahead of the track's next
 * frame.
 */
int64_t jitter_stay(const struct jitter *jitter, enum jitter_track track, uint32_t timestamp);

#endif
