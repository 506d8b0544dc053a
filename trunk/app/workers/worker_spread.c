/*
 * The kernel's distribution is even to about a twentieth with a thousand connections, and uneven
 * after a worker has been replaced. A small difference is left alone: a moved connection may be the
 * only viewer of its stream at the other worker, which then costs a pull.
 */
#include "app/workers/worker_spread.h"

#include "co/net_pass.h"

#include <unistd.h>

#define SPREAD_SLACK 4
#define SPREAD_PART  64 /* plus this part of the lightest worker's load */

static uint32_t load_of(const struct worker_share *share, int slot)
{
    const struct worker_slot *one = &share->slot[slot];
    int32_t under_way = (int32_t)(one->handed - one->taken);

    return places_of(share->places, slot) + (under_way > 0 ? (uint32_t)under_way : 0);
}

int worker_spread_lightest(const struct worker_share *share, int slot)
{
    uint32_t least = UINT32_MAX;
    int lightest = -1;

    for (int i = 0; i < share->count; i++) {
        const struct worker_slot *one = &share->slot[i];
        uint32_t load = load_of(share, i);

        /* Of another generation it has no channel. */
        if (i != slot && load < least && one->generation == share->slot[slot].generation &&
            one->state == WORKER_READY && !one->is_leaving && !one->is_late) {
            least = load;
            lightest = i;
        }
    }
    return lightest;
}

int worker_spread_lighter(const struct worker_share *share, int slot)
{
    uint32_t own = load_of(share, slot);
    int lightest = worker_spread_lightest(share, slot);
    uint32_t least = lightest >= 0 ? load_of(share, lightest) : own;

    return own > least && own - least > SPREAD_SLACK + least / SPREAD_PART ? lightest : -1;
}

void worker_spread_handed(struct worker_share *share, int to)
{
    share->slot[to].handed++;
}

void worker_spread_taken(struct worker_share *share, int slot)
{
    share->slot[slot].taken++;
}

void worker_spread_rescue(struct worker_share *share, int slot)
{
    uint8_t what;
    int fd;

    share->slot[slot].generation = share->generation;
    while (share->handoff_socket[slot][0] >= 0 &&
           net_pass_take_fd(share->handoff_socket[slot][0], &fd, &what)) {
        int to = worker_spread_lightest(share, slot);

        if (to >= 0 && net_pass_give(share->handoff_socket[to][1], fd, what) == 0)
            worker_spread_handed(share, to);
        close(fd);
    }
}

void worker_spread_leaves(struct worker_share *share, int slot)
{
    share->slot[slot].is_leaving = 1;
}
