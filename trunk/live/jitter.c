/*
 * Puts publishers' timestamps on the stream's own timeline.
 *
 * Each track keeps the offset between the publisher's clock and ours. When a frame does not fit the
 * timeline (a restart, a jump of an hour, a clock that was set back), the track gets a new offset
 * by which the frame follows the last one. When the other track's clock jumps, too, and this offset
 * fits, it takes the same one, so the two stay as far apart as the publisher intended.
 *
 * The rungs of a ladder come from one encoder and take each other's offsets in the same way, so
 * that one timestamp means the same moment in each of them. A rung that returns alone therefore
 * skips the time of its absence, unlike a stream on its own.
 */
#include "live/jitter.h"

#include <assert.h>
#include <string.h>

#define JITTER_AUDIO_MS     23 /* 1024 samples at 44.1 kHz */
#define JITTER_VIDEO_MS     40
#define JITTER_DURATION_MAX 1000
/* Another worker's timeline is taken as it is when it is at most this far ahead of ours. */
#define JITTER_KEEP_MS 250
/* How long a publication looks for rungs that began at the same time. */
#define JITTER_SETTLE_MS 1000
/* Where timelines begin again at 0 (source_push_main.c): no rung joins another one beyond. */
#define JITTER_JOIN_MAX (((int64_t)1 << 31) - 3600 * 1000)
/* A pulled timeline that begins later than this restarts at 0: it would soon reach its end. */
#define JITTER_KEEP_MAX ((int64_t)1 << 30)

void jitter_reset(struct jitter *jitter, enum time_jitter mode, int is_mixed)
{
    struct jitter_peers peers;
    uint64_t repairs;

    assert(jitter != NULL);
    repairs = jitter->repairs;
    peers = jitter->peers;
    memset(jitter, 0, sizeof(*jitter));
    jitter->repairs = repairs;
    jitter->peers = peers;
    jitter->mode = mode;
    jitter->is_mixed = is_mixed;
    jitter->track[JITTER_AUDIO].duration = JITTER_AUDIO_MS;
    jitter->track[JITTER_VIDEO].duration = JITTER_VIDEO_MS;
}

void jitter_publish(struct jitter *jitter)
{
    jitter->has_published = 0;
    for (int i = 0; i < JITTER_TRACKS; i++)
        jitter->track[i].is_seen = 0;
}

void jitter_save(const struct jitter *jitter, struct source_time *out)
{
    int leader = jitter->track[JITTER_VIDEO].is_seen ? JITTER_VIDEO : JITTER_AUDIO;

    memset(out, 0, sizeof(*out));
    out->last = jitter->last;
    out->at = jitter->last_at;
    out->is_read = jitter->has_published;
    out->offset = jitter->track[leader].offset;
    out->has_begun = jitter->has_begun;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        out->track_last[i] = jitter->track[i].has_out ? jitter->track[i].last : -1;
        out->duration[i] = (int32_t)jitter->track[i].duration;
    }
}

void jitter_resume(struct jitter *jitter, const struct source_time *time, usec_t now)
{
    assert(!jitter->has_published);
    if (!time->has_begun || jitter->mode == TIME_JITTER_OFF ||
        (jitter->has_begun && time->last < jitter->last))
        return;
    jitter->last = time->last;
    jitter->last_at = now;
    jitter->has_begun = 1;
    for (int i = 0; i < JITTER_TRACKS; i++) {
        jitter->track[i].has_out = time->track_last[i] >= 0;
        jitter->track[i].last = time->track_last[i];
        jitter->track[i].duration = time->duration[i];
    }
}

/* The position for a frame of this track whose timestamp does not fit. */
static int64_t jitter_next(const struct jitter *jitter, enum jitter_track track)
{
    return jitter->has_begun ? jitter->last + jitter->track[track].duration : 0;
}

static int jitter_fits(const struct jitter *jitter, enum jitter_track track, int64_t out)
{
    if (jitter->mode == TIME_JITTER_ZERO)
        return 1;
    if (out > jitter->last + jitter->slack + JITTER_JUMP_MS || out < jitter->last - JITTER_JUMP_MS)
        return 0;
    return !jitter->track[track].has_out || out >= jitter->track[track].last - JITTER_BACK_MS;
}

/* ---- the rungs of a ladder ---- */

/* Whether another rung's offset puts this frame where that rung is now, without a step back here.
 */
static int peer_fits(const struct jitter *jitter, enum jitter_track track,
                     const struct source_peer *peer, int64_t in, usec_t now)
{
    int64_t out = in + peer->time.offset;
    int64_t there = peer->time.last + (now - peer->time.at) / USEC_PER_MS;

    if (!peer->is_live || !peer->time.is_read || out < 0 || out >= JITTER_JOIN_MAX ||
        out > there + JITTER_JUMP_MS || out < peer->time.last - JITTER_JUMP_MS)
        return 0;
    if (jitter->track[track].has_out && out < jitter->track[track].last - JITTER_BACK_MS)
        return 0;
    return !jitter->has_begun || out >= jitter->last - JITTER_JUMP_MS;
}

/* Takes the offset of another rung if one fits: 1. Else 0, and *base is a position after which no
 * rung has frames: the publication may begin there, and the other rungs may follow. */
static int jitter_join(struct jitter *jitter, enum jitter_track track, int64_t in, usec_t now,
                       int64_t *base)
{
    struct source_peer peers[SOURCE_PEERS_MAX];
    size_t count = 0;

    if (jitter->peers.look != NULL && !jitter->keeps)
        count = jitter->peers.look(jitter->peers.arg, peers);
    *base = 0;
    for (size_t i = 0; i < count; i++) {
        const struct source_time *time = &peers[i].time;

        if (peer_fits(jitter, track, &peers[i], in, now)) {
            jitter->track[track].offset = time->offset;
            return 1;
        }
        if (time->has_begun && (peers[i].is_live || peers[i].is_watched) &&
            time->last < JITTER_JOIN_MAX && time->last > *base)
            *base = time->last;
    }
    return 0;
}

/* Two rungs at different processes may begin at the same moment, and not have seen each other: the
 * one that comes later in the ladder then follows the other. */
static void jitter_settle(struct jitter *jitter, enum jitter_track track, int64_t in, usec_t now)
{
    struct source_peer peers[SOURCE_PEERS_MAX];
    size_t count = 0;

    if (jitter->peers.look != NULL && !jitter->keeps && jitter->last < jitter->joins_until)
        count = jitter->peers.look(jitter->peers.arg, peers);
    for (size_t i = 0; i < count; i++) {
        if (!peers[i].is_before || !peer_fits(jitter, track, &peers[i], in, now))
            continue;
        for (int k = 0; k < JITTER_TRACKS; k++)
            jitter->track[k].offset = peers[i].time.offset;
        return;
    }
}

/* Chooses the track's offset for the input time `in`. */
static void jitter_place(struct jitter *jitter, enum jitter_track track, int64_t in, usec_t now)
{
    int64_t base;
    enum jitter_track other = track == JITTER_AUDIO ? JITTER_VIDEO : JITTER_AUDIO;

    if (jitter->track[other].is_seen &&
        jitter_fits(jitter, track, in + jitter->track[other].offset))
        jitter->track[track].offset = jitter->track[other].offset;
    else if (!jitter_join(jitter, track, in, now, &base))
        jitter->track[track].offset = jitter_next(jitter, track) - in;
}

/* Unwraps the 32-bit clock: a step of less than 2^31 in either direction is taken as it is. */
static int64_t jitter_unwrap(const struct jitter *jitter, enum jitter_track track,
                             uint32_t timestamp)
{
    enum jitter_track other = track == JITTER_AUDIO ? JITTER_VIDEO : JITTER_AUDIO;
    int from = jitter->track[track].is_seen ? (int)track : (int)other;

    if (!jitter->track[from].is_seen)
        return timestamp;
    return jitter->track[from].in + (int32_t)(timestamp - jitter->track[from].raw);
}

static void jitter_measure(struct jitter *jitter, enum jitter_track track, int64_t step)
{
    int64_t *duration = &jitter->track[track].duration;

    if (step > 0 && step <= JITTER_DURATION_MAX)
        *duration = (*duration * 7 + step + 4) / 8;
    if (*duration < 1)
        *duration = 1;
}

static int64_t jitter_hold(const struct jitter *jitter, enum jitter_track track, int64_t out)
{
    if (jitter->mode != TIME_JITTER_FULL)
        return out < 0 ? 0 : out;
    if (jitter->track[track].has_out && out < jitter->track[track].last)
        out = jitter->track[track].last;
    if (jitter->is_mixed && jitter->has_begun && out < jitter->last)
        out = jitter->last;
    return out < 0 ? 0 : out;
}

/* Whether a pull's first frame may stay where it is: no step back on its track, and no gap by which
 * players would lag (they may have missed what was lost with a worker or an origin). */
static int jitter_stays(const struct jitter *jitter, enum jitter_track track, int64_t out)
{
    if (!jitter->has_begun)
        return out < JITTER_KEEP_MAX;
    if (jitter->track[track].has_out ? out < jitter->track[track].last : out < jitter->last)
        return 0;
    return out >= jitter->last - JITTER_BACK_MS &&
           out <= jitter->last + jitter->slack + JITTER_KEEP_MS;
}

/* The offset of a publisher's first frame. */
static int64_t jitter_begin(struct jitter *jitter, enum jitter_track track, int64_t in, usec_t now)
{
    int64_t before = jitter->track[track].offset;
    int64_t base;

    if (jitter->keeps && jitter_stays(jitter, track, in))
        return 0;
    if (jitter->keeps && jitter->has_begun && jitter_stays(jitter, track, in + before))
        return before;
    if (jitter_join(jitter, track, in, now, &base))
        return jitter->track[track].offset;
    if (base > 0 && base >= jitter->last)
        return base + jitter->track[track].duration - in;
    return jitter_next(jitter, track) - in;
}

int64_t jitter_apply(struct jitter *jitter, enum jitter_track track, uint32_t timestamp, usec_t now)
{
    int64_t in;
    int64_t out;

    assert(jitter != NULL && track < JITTER_TRACKS);
    if (jitter->mode == TIME_JITTER_OFF)
        return timestamp;
    jitter->slack = jitter->has_begun ? (now - jitter->last_at) / USEC_PER_MS : 0;
    in = jitter_unwrap(jitter, track, timestamp);
    if (!jitter->has_published) {
        /* The publisher's first frame decides the offset of both tracks. */
        jitter->track[track].offset = jitter_begin(jitter, track, in, now);
        jitter->has_published = 1;
        jitter->joins_until = in + jitter->track[track].offset + JITTER_SETTLE_MS;
    } else if (!jitter->track[track].is_seen) {
        jitter_place(jitter, track, in, now);
    } else {
        jitter_measure(jitter, track, in - jitter->track[track].in);
        if (!jitter_fits(jitter, track, in + jitter->track[track].offset)) {
            jitter_place(jitter, track, in, now);
            jitter->repairs++;
        } else {
            jitter_settle(jitter, track, in, now);
        }
    }
    out = jitter_hold(jitter, track, in + jitter->track[track].offset);
    jitter->repairs += out > in + jitter->track[track].offset;
    jitter->track[track].is_seen = 1;
    jitter->track[track].raw = timestamp;
    jitter->track[track].in = in;
    jitter->track[track].last = out;
    jitter->track[track].has_out = 1;
    if (!jitter->has_begun || out >= jitter->last) {
        jitter->last = out;
        jitter->last_at = now;
    }
    jitter->has_begun = 1;
    return out;
}

int64_t jitter_follow(const struct jitter *jitter, enum jitter_track track, uint32_t timestamp)
{
    int64_t out;

    assert(jitter != NULL && track < JITTER_TRACKS);
    if (jitter->mode == TIME_JITTER_OFF)
        return timestamp;
    if (!jitter->track[track].is_seen)
        return jitter->last;
    out = jitter_unwrap(jitter, track, timestamp) + jitter->track[track].offset;
    /* The data's clock has jumped and the track's clock has not yet: the data gets the timestamp of
     * the track's last frame. */
    if (!jitter_fits(jitter, track, out))
        out = jitter->track[track].last;
    return jitter_hold(jitter, track, out);
}

int64_t jitter_data(const struct jitter *jitter, uint32_t timestamp)
{
    enum jitter_track track = jitter->track[JITTER_VIDEO].is_seen ? JITTER_VIDEO : JITTER_AUDIO;
    int64_t out;

    assert(jitter != NULL);
    if (jitter->mode == TIME_JITTER_OFF)
        return timestamp;
    if (!jitter->track[track].is_seen)
        return jitter->last;
    out = jitter_unwrap(jitter, track, timestamp) + jitter->track[track].offset;
    /* Some encoders always send data with timestamp 0. */
    if (out < jitter->last - JITTER_BACK_MS || out > jitter->last + JITTER_JUMP_MS)
        out = jitter->last;
    return out < 0 ? 0 : out;
}

int64_t jitter_stay(const struct jitter *jitter, enum jitter_track track, uint32_t timestamp)
{
    assert(jitter != NULL && track < JITTER_TRACKS);
    if (jitter->mode == TIME_JITTER_OFF)
        return timestamp;
    return jitter->track[track].has_out ? jitter->track[track].last : jitter->last;
}
