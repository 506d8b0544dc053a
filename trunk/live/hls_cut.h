#ifndef LIVE_HLS_CUT_H
#define LIVE_HLS_CUT_H

/*
 * Cuts a transport stream, as the TS rendition has it, into segments, and these into parts. A
 * segment begins with the tables before a keyframe, or, without video, before any audio frame; a
 * part begins at any frame that counts for durations. The bytes are those of the ring. Pure, never
 * yields.
 */
#include "live/hls_window.h"

struct hls_cut {
    struct hls_window *window; /* borrowed */
    struct hls_segment *open;  /* under construction; NULL: no memory, or nothing has come */
    uint8_t is_open;           /* its first frame has come */
    uint8_t is_broken;         /* the next segment does not continue the one before */
    uint8_t has_video;         /* the PMT lists video */
    uint8_t has_program;       /* a PMT has come: */
    uint8_t is_changed;        /* it differs from that of the open segment */
    uint8_t has_head;          /* tables have come since the last frame: */
    size_t head;               /* where they begin in the open part */
    uint8_t program[188];      /* the section of the PMT, padded */
    uint64_t begin;            /* time of the open segment's first frame, ticks */
    uint64_t part;             /* of the open part's */
    uint8_t has_sync;          /* the open part has the start of a sync point */
    uint32_t ended_parts;      /* so far, to see whether there are new ones */
    uint64_t key;              /* of its last sync point */
    uint64_t last;             /* of the last frame that counts for durations */
    uint64_t step;             /* ticks between the last two of these */
    uint64_t gop;              /* between the last two sync points */
    uint64_t lost;             /* segments that were dropped: too long, or no memory */
    uint64_t forced;           /* segments that do not begin with a keyframe */
    void (*on_segment)(void *arg, const struct hls_segment *segment); /* NULL: none */
    void *arg;
};

/* is_broken: the first segment continues a playlist that had others before. */
void hls_cut_init(struct hls_cut *cut, struct hls_window *window, int is_broken);
void hls_cut_fini(struct hls_cut *cut);

struct hls_clock {
    usec_t now, wall; /* clock_now(), clock_wall() */
};

/* The next whole packets of the stream. A malformed packet breaks it, as hls_cut_break() does. */
void hls_cut_feed(struct hls_cut *cut, const uint8_t *data, size_t len,
                  const struct hls_clock *clock);

/* The stream does not continue with what comes next: ends the open segment. */
void hls_cut_break(struct hls_cut *cut, const struct hls_clock *clock);

#endif
