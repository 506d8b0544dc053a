#ifndef APP_STREAM_QUALITY_JUDGE_H
#define APP_STREAM_QUALITY_JUDGE_H

/*
 * When a viewer of ?quality=auto changes the rung. What waits for it in the kernel and in the ring
 * is sampled. A keyframe or a batch fills the queue for a moment on any path: a queue counts only
 * if it stands, that is if no sample for a while was below a limit. Pure.
 */
#include "base/clock.h"

/* A queue stands if no sample was less than QUALITY_JUDGE_LATE for QUALITY_JUDGE_STANDS. */
#define QUALITY_JUDGE_LATE   ((usec_t)200 * USEC_PER_MS)
#define QUALITY_JUDGE_STANDS ((usec_t)400 * USEC_PER_MS)
/* How long the path must be clear for a better rung, at first; twice as long after each try that
 * failed, up to the maximum. */
#define QUALITY_JUDGE_CLEAR     ((usec_t)10 * USEC_PER_SEC)
#define QUALITY_JUDGE_CLEAR_MAX ((usec_t)160 * USEC_PER_SEC)

struct quality_judge {
    usec_t since;        /* when it began, or arrived at its rung */
    usec_t sampled_at;   /* the last sample; 0: none yet */
    usec_t late_since;   /* all samples were late since then; 0: the last one was not */
    uint64_t late_acked; /* bytes acknowledged at that time */
    usec_t clear_since;  /* no queue stood since then */
    usec_t clear_needed; /* before the next better rung */
    usec_t retry_at;     /* not before */
    int is_up;           /* the last switch was to a better rung */
};

struct quality_sample {
    usec_t now;
    usec_t waiting; /* how much of the stream, in time, waits to be sent or acknowledged, beyond
                     * what a round trip holds */
    uint64_t acked; /* bytes that the peer has acknowledged so far */
};

enum quality_verdict {
    QUALITY_STAY,
    QUALITY_WORSE, /* *rate: bytes per second that the path has carried while the queue stood */
    QUALITY_BETTER /* a better rung may be tried */
};

void quality_judge_begin(struct quality_judge *judge, usec_t now);

/* Whether a sample is wanted now: several a second, more while a queue may stand. */
int quality_judge_wants(const struct quality_judge *judge, usec_t now);

/* Takes a sample. *rate is valid only for QUALITY_WORSE. */
enum quality_verdict quality_judge_take(struct quality_judge *judge,
                                        const struct quality_sample *sample, uint64_t *rate);

/* The viewer is at another rung; is_better: than before. */
void quality_judge_arrived(struct quality_judge *judge, int is_better, usec_t now);

/* The rung that was to be tried is not to be had now. */
void quality_judge_refused(struct quality_judge *judge, usec_t now);

#endif
