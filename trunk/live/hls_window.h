#ifndef LIVE_HLS_WINDOW_H
#define LIVE_HLS_WINDOW_H

/*
 * The media segments of one stream for HLS (RFC 8216), in memory:
 *
 *    first           listed                    last
 *      |               |                        |
 *    +-v--+  +----+  +-v--+  +----+  +----+  +--v-+
 *    | 41 |->| 42 |->| 43 |->| 44 |->| 45 |->| 46 |    number
 *    +----+  +----+  +----+  +----+  +----+  +----+
 *    kept for players     the playlist has these
 *    with an old playlist
 *
 * The playlist has the newest segments of `window` seconds, and never less than three target
 * durations (section 6.2.2). A segment that leaves it stays for as long as a player may ask for it,
 * unless bytes_max is reached. The target duration never changes once there is a segment. Segments
 * are reference counted, so that one may be sent after it has left. Pure, never yields.
 */
#include "base/buf.h"
#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

#define HLS_TICKS_PER_SEC 90000
/* The longest target duration, in seconds. */
#define HLS_TARGET_MAX 60

struct hls_segment {
    struct hls_segment *next;
    uint32_t refs;
    uint64_t number;          /* media sequence number */
    uint64_t ticks;           /* duration, 90 kHz */
    usec_t date;              /* wall clock of its first frame */
    uint8_t is_discontinuous; /* nothing of the one before is to be expected to continue */
    usec_t unlisted_at;       /* when it left the playlist */
    struct buf data;
};

struct hls_limits {
    usec_t fragment; /* the shortest segment, apart from the first ones and the last */
    usec_t window;   /* of the playlist */
    size_t bytes_max;
};

/* What a playlist that continues somewhere else needs to know. */
struct hls_position {
    uint64_t number;          /* of the next segment */
    uint64_t discontinuities; /* EXT-X-DISCONTINUITY-SEQUENCE of it, without its own */
    uint32_t target;          /* seconds; 0: not known */
};

struct hls_window {
    struct hls_limits limits;
    struct hls_segment *first, *last;
    struct hls_segment *listed; /* the first that the playlist has; NULL: it is empty */
    uint64_t listed_ticks;
    uint64_t next;            /* number of the next segment */
    uint64_t discontinuities; /* tags that have left the playlist, or precede it */
    uint32_t target;          /* seconds; 0: not known yet */
    uint64_t bits_per_sec;    /* of the segment with the highest rate so far */
    size_t bytes;             /* of all segments */
};

/* Empty; from: where the numbers begin. */
void hls_window_init(struct hls_window *window, const struct hls_limits *limits,
                     const struct hls_position *from);
void hls_window_fini(struct hls_window *window);

/* The end of the playlist. */
void hls_window_position(const struct hls_window *window, struct hls_position *out);

/* Adds a segment at the end, whose data, duration, date and is_discontinuous are taken from
 * `ready`; its data is empty afterwards. now: clock_now(). The new segment, or NULL without memory:
 * then the data is lost. */
const struct hls_segment *hls_window_add(struct hls_window *window, struct hls_segment *ready,
                                         usec_t now);

/* Drops what no player may ask for any more. */
void hls_window_trim(struct hls_window *window, usec_t now);

/* NULL: it is gone, or not there yet. */
struct hls_segment *hls_window_find(const struct hls_window *window, uint64_t number);

struct hls_segment *hls_window_ref(struct hls_segment *segment);
/* NULL is allowed. */
void hls_window_unref(struct hls_segment *segment);

/* The duration that the target duration allows, in ticks (section 4.3.3.1: as rounded). */
uint64_t hls_window_ticks_max(const struct hls_window *window);

#endif
