/*
 * Workers that hang: the master asks all of them from time to time, by a number in shared memory,
 * and kills one that has not answered for worker_timeout (watchdog.h counts the time). Meanwhile
 * other workers get the connections that wait for it.
 */
#include "app/workers/master_private.h"

#include "app/workers/worker_generation.h"
#include "app/workers/worker_ports.h"
#include "base/clock.h"

#include <signal.h>

/* Starting and ending may take longer than a turn of the event loop. */
#define MASTER_SLOW_FACTOR 6

static void child_kill(const struct master *master, int slot)
{
    const struct master_child *child = &master->child[slot];

    log_error(master->options->log,
              "worker %d, process %d, has not responded for %d ms (%s): killed", slot + 1,
              (int)child->pid, (int)(child->dog.silent / USEC_PER_MS),
              watchdog_state_name(child->stat.state));
    (void)kill(child->pid, SIGKILL);
}

/* Looks at one worker; 1 if it must be killed. */
static int child_look(struct master *master, int slot, usec_t elapsed)
{
    usec_t timeout = (*master->options->config)->worker_timeout;
    usec_t step = watchdog_step(timeout);
    struct worker_slot *shared = &master->share->slot[slot];
    struct master_child *child = &master->child[slot];

    if (child->pid == 0)
        return 0;
    if (shared->beat == shared->asked) {
        child->dog.silent = child->dog.wasted = 0;
        shared->is_late = 0;
        return 0;
    }
    child->stat = (struct proc_stat){.state = '?', .cpu_time = child->dog.cpu_time};
    proc_stat_read(child->pid, &child->stat);
    watchdog_look(&child->dog, shared->beat, &child->stat, elapsed, step);
    shared->is_late = shared->state == WORKER_READY && watchdog_is_late(&child->dog, step);
    return child->dog.wasted >= (shared->state == WORKER_READY ? 1 : MASTER_SLOW_FACTOR) * timeout;
}

/* Whether an answer is missing. */
static int is_waiting(const struct master *master)
{
    for (int i = 0; i < master->share->count; i++) {
        const struct worker_slot *slot = &master->share->slot[i];

        if (master->child[i].pid != 0 && slot->beat != slot->asked)
            return 1;
    }
    return 0;
}

/* The time of the next look or question. While a worker is missing, its queued connections must be
 * handed to others at each step. */
usec_t master_watch_at(const struct master *master)
{
    usec_t timeout = (*master->options->config)->worker_timeout;
    usec_t look = master->times.checked_at + watchdog_step(timeout);
    usec_t next;

    if (timeout == 0)
        return USEC_NEVER;
    next = watchdog_next(&master->times, is_waiting(master), timeout);
    return look < next && master_is_short(master) ? look : next;
}

static void watch_ask(struct master *master, usec_t now)
{
    for (int i = 0; i < master->share->count; i++) {
        struct worker_slot *slot = &master->share->slot[i];

        master->child[i].dog.beat = slot->beat;
        slot->asked = slot->beat + 1;
    }
    worker_share_ring(master->share);
    master->times = (struct watchdog_times){now, now};
}

/* Kills at most one worker per look, and a sleeping one only if no other qualifies: it may just
 * wait for a lock that the other one holds. Then all workers get their time again. */
static void watch_look(struct master *master, usec_t now)
{
    usec_t elapsed = now - master->times.checked_at;
    int victim = -1;

    master->times.checked_at = now;
    for (int i = 0; i < master->share->count; i++) {
        if (child_look(master, i, elapsed) &&
            (victim < 0 || master->child[victim].stat.state == 'S'))
            victim = i;
        if (worker_generation_is_current(master->share, i) &&
            (master->child[i].pid == 0 || master->share->slot[i].is_late))
            (void)worker_ports_rescue(master->share, i);
    }
    if (victim < 0)
        return;
    child_kill(master, victim);
    for (int i = 0; i < master->share->count; i++)
        master->child[i].dog.wasted = 0;
}

void master_watch(struct master *master)
{
    usec_t timeout = (*master->options->config)->worker_timeout;
    usec_t now = clock_now();
    usec_t at = master_watch_at(master);

    if (at == USEC_NEVER || now < at)
        return;
    if (is_waiting(master) || now < watchdog_next(&master->times, 0, timeout))
        watch_look(master, now);
    else
        watch_ask(master, now);
}
