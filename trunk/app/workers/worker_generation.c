/*
 * The tables are made once, with slots for several generations, because old workers keep using
 * them. A generation has channels of its own: a worker hands connections only to workers that were
 * there when it was forked, of which it has the channels.
 */
#include "app/workers/worker_generation.h"

#include "app/workers/worker_share.h"
#include "co/net_pass.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* Generations that a server of few workers has room for, and their slots at most. A server of many
 * workers has room for two generations. */
#define GENERATIONS 16
#define SLOTS_MAX   64

int worker_generation_slots(int workers)
{
    int slots = workers * GENERATIONS < SLOTS_MAX ? workers * GENERATIONS : SLOTS_MAX;

    assert(workers > 0 && workers <= CONFIG_WORKERS_MAX);
    return slots < 2 * workers ? 2 * workers : slots;
}

int worker_generation_is_current(const struct worker_share *share, int slot)
{
    return share->slot[slot].generation == share->generation;
}

static int count_free(const struct worker_share *share)
{
    int room = 0;

    for (int i = 0; i < share->count; i++)
        room += share->slot[i].generation == 0;
    return room;
}

static void channel_close(int fd[2])
{
    for (int end = 0; end < 2; end++) {
        if (fd[end] >= 0)
            close(fd[end]);
        fd[end] = -1;
    }
}

void worker_generation_close(struct worker_share *share, int slot)
{
    channel_close(share->handoff_socket[slot]);
    channel_close(share->port_socket[slot]);
}

void worker_generation_end(struct worker_share *share, int slot)
{
    worker_generation_close(share, slot);
    share->slot[slot].generation = 0;
}

struct err *worker_generation_check(const struct worker_share *share, int workers)
{
    int room = count_free(share);

    if (room >= workers)
        return NULL;
    return err_new(ERR_LIMIT,
                   "no room for %d new workers: the server has %d places for old and new ones, of "
                   "which %d are free",
                   workers, share->count, room);
}

/* A generation that could not start may still have workers. */
static uint32_t next_generation(const struct worker_share *share)
{
    uint32_t last = share->generation;

    for (int i = 0; i < share->count; i++)
        if (share->slot[i].generation > last)
            last = share->slot[i].generation;
    return last + 1;
}

struct err *worker_generation_begin(struct worker_share *share, int workers)
{
    struct err *err = worker_generation_check(share, workers);
    int rank = 0;

    if (err != NULL)
        return err;
    share->generation = next_generation(share);
    share->workers = workers;
    for (int i = 0; i < share->count && rank < workers; i++) {
        if (share->slot[i].generation != 0)
            continue;
        if (net_pass_new(share->handoff_socket[i]) != 0 || net_pass_new(share->port_socket[i]) != 0)
            return err_sys(errno, "workers: channels");
        share->slot[i].generation = share->generation;
        share->slot[i].rank = rank++;
    }
    return NULL;
}
