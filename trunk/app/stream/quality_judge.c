/*
 * The rules by which a viewer of ?quality=auto changes the rung: down as soon as a queue stands, up
 * after a clear time that grows with each failure, so that a steady path sees few changes.
 */
#include "app/stream/quality_judge.h"

#include <string.h>

#define PAUSE ((usec_t)200 * USEC_PER_MS)
/* The beginning of a stream, or of a rung, comes at once: its queue says nothing. */
#define GRACE ((usec_t)1500 * USEC_PER_MS)
/* A better rung that is left again within this time has failed; one that has lasted so long, not.
 */
#define TRIAL   ((usec_t)20 * USEC_PER_SEC)
#define SETTLED ((usec_t)60 * USEC_PER_SEC)
/* After a rung was not to be had. */
#define RETRY ((usec_t)3 * USEC_PER_SEC)

void quality_judge_begin(struct quality_judge *judge, usec_t now)
{
    memset(judge, 0, sizeof(*judge));
    judge->since = judge->clear_since = now;
    judge->clear_needed = QUALITY_JUDGE_CLEAR;
}

int quality_judge_wants(const struct quality_judge *judge, usec_t now)
{
    return judge->late_since != 0 || judge->sampled_at == 0 || now - judge->sampled_at >= PAUSE;
}

static enum quality_verdict take_late(struct quality_judge *judge,
                                      const struct quality_sample *sample, uint64_t *rate)
{
    usec_t span;

    if (judge->late_since == 0) {
        judge->late_since = sample->now;
        judge->late_acked = sample->acked;
    }
    span = sample->now - judge->late_since;
    if (span < QUALITY_JUDGE_STANDS)
        return QUALITY_STAY;
    judge->clear_since = sample->now;
    if (sample->now - judge->since < GRACE || sample->now < judge->retry_at)
        return QUALITY_STAY;
    *rate = (sample->acked - judge->late_acked) * (uint64_t)USEC_PER_SEC / (uint64_t)span;
    return QUALITY_WORSE;
}

static enum quality_verdict take_clear(struct quality_judge *judge, usec_t now)
{
    judge->late_since = 0;
    if (judge->is_up && now - judge->since >= SETTLED)
        judge->clear_needed = QUALITY_JUDGE_CLEAR;
    return now - judge->clear_since >= judge->clear_needed && now >= judge->retry_at
               ? QUALITY_BETTER
               : QUALITY_STAY;
}

enum quality_verdict quality_judge_take(struct quality_judge *judge,
                                        const struct quality_sample *sample, uint64_t *rate)
{
    judge->sampled_at = sample->now;
    return sample->waiting >= QUALITY_JUDGE_LATE ? take_late(judge, sample, rate)
                                                 : take_clear(judge, sample->now);
}

void quality_judge_arrived(struct quality_judge *judge, int is_better, usec_t now)
{
    if (!is_better && judge->is_up && now - judge->since < TRIAL &&
        judge->clear_needed < QUALITY_JUDGE_CLEAR_MAX)
        judge->clear_needed *= 2;
    judge->is_up = is_better;
    judge->since = judge->clear_since = now;
    judge->late_since = judge->retry_at = 0;
}

void quality_judge_refused(struct quality_judge *judge, usec_t now)
{
    judge->retry_at = now + RETRY;
}
