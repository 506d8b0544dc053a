#ifndef APP_WORKERS_WORKER_SPREAD_H
#define APP_WORKERS_WORKER_SPREAD_H

/*
 * Which worker should serve a new connection, by what each one has. Never yields.
 */
#include "app/workers/worker_share.h"

/*
 * The worker that should take a new connection of `slot`: one with so few connections that the
 * handover is worth it. -1: none. worker_spread_handed() and worker_spread_taken() then count the
 * handover.
 */
int worker_spread_lighter(const struct worker_share *share, int slot);
/* The worker with the fewest connections, other than `slot`; -1: none accepts any. */
int worker_spread_lightest(const struct worker_share *share, int slot);
void worker_spread_handed(struct worker_share *share, int to);
void worker_spread_taken(struct worker_share *share, int slot);
/* The worker has ended, for the master: hands the connections that it has not taken to workers of
 * the newest generation. */
void worker_spread_rescue(struct worker_share *share, int slot);
/* The worker ends: hand no more connections to it. */
void worker_spread_leaves(struct worker_share *share, int slot);

#endif
