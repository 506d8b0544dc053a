#ifndef APP_STREAM_RUNG_KEYS_H
#define APP_STREAM_RUNG_KEYS_H

/* Whether the keyframes of two rungs of a ladder are at the same times. Pure. */
#include <stdint.h>

/* Keyframes that are remembered of each rung, and how many must be comparable for a verdict. */
#define RUNG_KEYS_MAX 8
#define RUNG_KEYS_MIN 3
/* Two keyframes are at the same time if they differ by no more than this, ms. */
#define RUNG_KEYS_SAME_MS 5

/* The newest keyframes of a stream, the newest one last. All zero: none yet. */
struct rung_keys {
    uint8_t count;
    int64_t at[RUNG_KEYS_MAX]; /* presentation times, ms */
};

/* How the keyframes of a rung compare with those of another one. */
enum rung_match {
    RUNG_UNKNOWN, /* too few keyframes yet */
    RUNG_ALIGNED, /* each keyframe of the rung is one of the other, too */
    RUNG_PARTLY,  /* some are */
    RUNG_APART    /* none is */
};

/* Remembers the newest keyframe; the same one again and negative values change nothing. A step back
 * begins again: the timeline did. */
void rung_keys_note(struct rung_keys *keys, int64_t key);

/* Compares the keyframes in the time that is remembered of both. */
enum rung_match rung_keys_compare(const struct rung_keys *own, const struct rung_keys *other);

/* "unknown", "aligned", "partly", "apart". */
const char *rung_keys_match_name(enum rung_match match);

#endif
