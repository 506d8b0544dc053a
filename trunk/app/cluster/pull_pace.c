/*
 * A pull's patience: how long it waits for a connection, for media, and between two rounds. Where
 * there is another origin it is short, so that a viewer sees nothing of it; and pauses are
 * never quite the same, so that a thousand edges do not come back at one moment.
 */
#include "app/cluster/pull_private.h"

#include <sys/random.h>

#define PULL_PAUSE_MIN (100 * USEC_PER_MS)
#define PULL_PAUSE_MAX (3 * USEC_PER_SEC)
/* Until an origin was asked: others were not tried yet, all have failed, or it is the only one. */
#define PULL_CONNECT_SOON USEC_PER_SEC
#define PULL_CONNECT_NEXT (3 * USEC_PER_SEC)
#define PULL_CONNECT_ONLY (10 * USEC_PER_SEC)
/* How long the only origin is waited at before it is asked again, should it have died unseen. */
#define PULL_WAIT_ONLY (35 * USEC_PER_SEC)

usec_t pull_connect_timeout(const struct pull *pull)
{
    if (pull->target_count == 1 && pull->options.find == NULL)
        return PULL_CONNECT_ONLY;
    /* A distant origin gets more time in the second round. */
    return pull->failures < (unsigned)pull->target_count ? PULL_CONNECT_SOON : PULL_CONNECT_NEXT;
}

/* Where there is another origin a second counts; where there is none, nothing is won by haste. */
usec_t pull_limit(const struct pull *pull)
{
    int has_find = pull->options.find != NULL;
    int others = has_find && pull->at == 0 ? 0 : pull->target_count - has_find - 1;

    if (pull->is_live)
        return others > 0 ? pull->options.stall : 5 * pull->options.stall;
    return others > 0 ? pull->options.stall : PULL_WAIT_ONLY;
}

usec_t pull_left(const struct pull *pull)
{
    usec_t left = pull->media_at + pull_limit(pull) - co_now();

    return left > 0 ? left : 0;
}

struct err *pull_stalled(const struct pull *pull)
{
    if (!pull->is_live)
        return err_new(ERR_TIMEOUT, "nobody publishes it there");
    return err_new(ERR_TIMEOUT, "no media for %lld ms",
                   (long long)(pull_limit(pull) / USEC_PER_MS));
}

usec_t pull_pause(const struct pull *pull)
{
    unsigned count = (unsigned)pull->target_count;
    usec_t pause = PULL_PAUSE_MIN;
    uint16_t dice = 0;

    if (pull->failures == 0 || pull->failures % count != 0)
        return 0;
    for (unsigned round = pull->failures / count; round > 1 && pause < PULL_PAUSE_MAX; round--)
        pause *= 2;
    if (pause > PULL_PAUSE_MAX)
        pause = PULL_PAUSE_MAX;
    if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
        dice = 0;
    return pause / 2 + pause / 2 * dice / UINT16_MAX;
}
