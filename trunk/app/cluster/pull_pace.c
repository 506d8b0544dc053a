/*
 * The timeouts of a pull: for connecting, for media, and between two rounds. They are short where
 * there is another origin, so that viewers notice no interruption. Pauses have a random part, so
 * that a thousand edges do not reconnect at the same moment.
 */
#include "app/cluster/pull_private.h"

#include <sys/random.h>

#define PULL_PAUSE_MIN (100 * USEC_PER_MS)
#define PULL_PAUSE_MAX (3 * USEC_PER_SEC)
/* Until the origin has been asked: other origins are untried, all have failed, or it is the only
 * one. */
#define PULL_CONNECT_SOON USEC_PER_SEC
#define PULL_CONNECT_NEXT (3 * USEC_PER_SEC)
#define PULL_CONNECT_ONLY (10 * USEC_PER_SEC)
/* How long to wait for the only origin before asking it again, in case it died unnoticed. */
#define PULL_WAIT_ONLY (35 * USEC_PER_SEC)

usec_t pull_connect_timeout(const struct pull *pull)
{
    if (pull->target_count == 1 && pull->options.find == NULL)
        return PULL_CONNECT_ONLY;
    /* A distant origin gets more time in the second round. */
    return pull->failures < (unsigned)pull->target_count ? PULL_CONNECT_SOON : PULL_CONNECT_NEXT;
}

/* With another origin every second counts; without one, switching early gains nothing. */
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
        return err_new(ERR_TIMEOUT, "stream is not published there");
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
