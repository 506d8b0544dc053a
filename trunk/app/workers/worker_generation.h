#ifndef APP_WORKERS_WORKER_GENERATION_H
#define APP_WORKERS_WORKER_GENERATION_H

/*
 * The workers that were started together are a generation. An upgrade starts the next one in slots
 * of the shared tables that are free, while the workers of the last one still have clients:
 *
 *      slot        0   1   2   3   4 …
 *      generation  1   1   2   2   free       two workers each, after one upgrade
 *      rank        0   1   0   1
 *
 * A slot is free again when its worker has ended. All functions are for the master. Never yields.
 */
#include "base/err.h"

#include <stdint.h>

struct worker_share;

/* The number of slots for a server that starts with so many workers. */
int worker_generation_slots(int workers);

/* Gives so many free slots to a new generation. ERR_LIMIT: there are fewer; nothing has changed. */
struct err *worker_generation_begin(struct worker_share *share, int workers) ERR_MUST_CHECK;
/* The slot is free; its worker has ended. */
void worker_generation_end(struct worker_share *share, int slot);
/* Closes the slot's channels in this process. */
void worker_generation_close(struct worker_share *share, int slot);

/* Whether the slot is one of the newest generation. */
int worker_generation_is_current(const struct worker_share *share, int slot);
/* ERR_LIMIT: so many workers have no room. */
struct err *worker_generation_check(const struct worker_share *share, int workers) ERR_MUST_CHECK;

#endif
