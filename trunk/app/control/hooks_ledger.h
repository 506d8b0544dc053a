#ifndef APP_CONTROL_HOOKS_LEDGER_H
#define APP_CONTROL_HOOKS_LEDGER_H

/*
 * The starts that callback servers have been asked for and whose end they have not been told yet:
 * one ledger per worker, in shared memory, so that another worker can report the ends when a worker
 * is killed. Only its own worker writes to a ledger, until the master marks it as orphaned; then
 * whichever worker has the lock of all ledgers empties it. Bounded. Never yields.
 *
 *   ASKED ─▶ OPEN ─▶ ENDED ─▶ removed, once the end is delivered
 *      └─ removed (a no)
 */
#include "app/control/hooks_event.h"
#include "base/shared_memory.h"

#include <stddef.h>

enum hooks_state {
    HOOKS_ASKED = 2, /* the answer is not known yet */
    HOOKS_OPEN,      /* granted */
    HOOKS_ENDED      /* the session is over */
};

struct hooks_record {
    enum hooks_state state;
    enum config_hook stop;        /* the event that reports its end */
    uint32_t delivered;           /* bits: the URLs that have been notified */
    usec_t began_at;              /* clock_now() */
    usec_t ended_at;              /* 0: not yet */
    uint64_t bytes_in, bytes_out; /* received from and sent to the client, at the end */
    struct hooks_client client;   /* page_url is not kept: "" */
};

struct hooks_ledger;
struct hooks_ledgers;

/* For so many workers, with room for blocks_max blocks in each. Call before the fork. memory as for
 * shared_map_new(). NULL without memory, or if an opened memory has other ledgers. */
struct hooks_ledgers *hooks_ledgers_new(struct shared_memory *memory, int workers,
                                        size_t blocks_max);
/* Unmaps them in this process. NULL is allowed. */
void hooks_ledgers_free(struct hooks_ledgers *all);
struct hooks_ledger *hooks_ledgers_at(struct hooks_ledgers *all, int worker);
int hooks_ledgers_count(const struct hooks_ledgers *all);

/* Adds a record: its number, or 0 if there is no room. */
uint32_t hooks_ledger_add(struct hooks_ledger *ledger, const struct hooks_record *record);
/* Granted, and begins now. */
void hooks_ledger_open(struct hooks_ledger *ledger, uint32_t number, usec_t began_at);
void hooks_ledger_end(struct hooks_ledger *ledger, uint32_t number, usec_t ended_at,
                      uint64_t bytes_in, uint64_t bytes_out);
void hooks_ledger_deliver(struct hooks_ledger *ledger, uint32_t number, int url);
void hooks_ledger_remove(struct hooks_ledger *ledger, uint32_t number);

/* Reads a record; its texts point into *text, which the caller frees. 0, or -1 without memory, or
 * if it is damaged. */
int hooks_ledger_read(const struct hooks_ledger *ledger, uint32_t number, struct hooks_record *out,
                      char **text);

/* The number of the first record after this one (0: of all); 0 at the end. */
uint32_t hooks_ledger_next(const struct hooks_ledger *ledger, uint32_t number);

/* The worker is dead. */
void hooks_ledger_orphan(struct hooks_ledger *ledger);
int hooks_ledger_is_orphan(const struct hooks_ledger *ledger);
/* Empties it; it is no longer an orphan. */
void hooks_ledger_reset(struct hooks_ledger *ledger);

#endif
