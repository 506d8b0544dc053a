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
#include "live/hls_segment.h"

#define HLS_TICKS_PER_SEC 90000
/* The longest target duration, in seconds. */
#define HLS_TARGET_MAX 60

struct hls_limits {
    usec_t fragment; /* the shortest segment, apart from the first ones and the last */
    usec_t window;   /* of the playlist */
    usec_t part;     /* of low-latency HLS; 0: segments have one part */
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
    struct hls_segment *open;   /* under construction, borrowed; its ended parts are listed; NULL */
    uint64_t listed_ticks;
    uint64_t part_target; /* the longest part that is to be expected, ticks; 0: there are none */
    uint64_t next;        /* number of the next segment */
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

/* Adds a complete segment at the end, and takes over the caller's reference. now: clock_now(). */
void hls_window_add(struct hls_window *window, struct hls_segment *segment, usec_t now);

/* Drops what no player may ask for any more. */
void hls_window_trim(struct hls_window *window, usec_t now);

/* A complete segment; NULL: it is gone, or not there yet. */
struct hls_segment *hls_window_find(const struct hls_window *window, uint64_t number);

/* The same for a segment that may be under construction, of which only ended parts can be had. */
struct hls_segment *hls_window_find_open(const struct hls_window *window, uint64_t number);

/* Whether a part is listed, or, with part -1, a segment. A part beyond the last one of its segment
 * is the first one of the next (RFC 8216bis, section 6.2.5.2). */
int hls_window_has(const struct hls_window *window, uint64_t number, int64_t part);

/* The duration that a part must not exceed, in ticks; 0: segments have one part. */
uint64_t hls_window_part_ticks(const struct hls_window *window);

/* The duration that the target duration allows, in ticks (section 4.3.3.1: as rounded). */
uint64_t hls_window_ticks_max(const struct hls_window *window);

#endif
