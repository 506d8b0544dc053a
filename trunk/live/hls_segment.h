#ifndef LIVE_HLS_SEGMENT_H
#define LIVE_HLS_SEGMENT_H

/*
 * One media segment of HLS and its parts, in memory:
 *
 *    first            last
 *      |               |
 *    +-v-+  +---+  +---v - -
 *    | 0 |->| 1 |->| 2         under construction, not counted in `parts`
 *    +---+  +---+  +--- - - -
 *
 * The bytes of a segment are those of its parts, one after the other. The last part grows until it
 * is ended; the segment is complete when it was ended for good. Reference counted, so that what is
 * being sent stays when it leaves the playlist. Pure, never yields.
 */
#include "base/buf.h"
#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

struct hls_part {
    struct hls_part *next;
    uint64_t ticks;         /* duration, 90 kHz */
    uint8_t is_independent; /* has the start of a keyframe, or of any frame without video */
    struct buf data;
};

struct hls_segment {
    struct hls_segment *next; /* of the window */
    uint32_t refs;
    uint64_t number;          /* media sequence number; set by the window */
    uint64_t ticks;           /* duration, 90 kHz; of the ended parts */
    usec_t date;              /* wall clock of its first frame */
    uint8_t is_discontinuous; /* nothing of the one before is to be expected to continue */
    usec_t unlisted_at;       /* when it left the playlist */
    struct hls_part *first, *last;
    uint32_t parts; /* that are ended */
    size_t bytes;   /* of all parts */
    size_t bytes_max;
};

/* An empty segment with one open part, of at most bytes_max bytes; NULL: no memory. The caller
 * calls hls_segment_unref(). */
struct hls_segment *hls_segment_new(size_t bytes_max);

struct hls_segment *hls_segment_ref(struct hls_segment *segment);
/* NULL is allowed. */
void hls_segment_unref(struct hls_segment *segment);

/* Appends to the open part. 0, or -1: beyond the limit or without memory. */
int hls_segment_append(struct hls_segment *segment, const uint8_t *data, size_t len) ERR_MUST_CHECK;

/* Ends the open part after its first `at` bytes; what follows begins the next one. 0, or -1
 * without memory: then it is still open. */
int hls_segment_end_part(struct hls_segment *segment, size_t at, uint64_t ticks) ERR_MUST_CHECK;

/* Ends the last part and with it the segment, which lasts so many ticks. What follows the part's
 * first `at` bytes goes to the open part of `next`; NULL: it is dropped. 0, or -1: no memory for
 * that; the segment is complete nevertheless. */
int hls_segment_end(struct hls_segment *segment, size_t at, uint64_t ticks,
                    struct hls_segment *next) ERR_MUST_CHECK;

/* Part `index` if it is ended; else NULL. */
struct hls_part *hls_segment_part(const struct hls_segment *segment, uint64_t index);

#endif
