#ifndef APP_CONTROL_HOOKS_PRIVATE_H
#define APP_CONTROL_HOOKS_PRIVATE_H

/*
 * The state of the callbacks in a process, for the hooks_*.c files only.
 *
 *   hooks_gate ──▶ hooks_query ──▶ hooks_call      a client waits for the answer
 *        │              │
 *        └── permit ────┴─▶ hooks_notify ─▶ hooks_target ─▶ hooks_call     nobody waits
 *   hooks_watch ──────────────▶ hooks_notify
 *        each start in hooks_ledger, until its end is delivered
 */
#include "app/control/hooks_event.h"
#include "app/control/hooks_ledger.h"
#include "app/control/hooks_pool.h"
#include "app/core/server.h"
#include "base/yield.h"
#include "co/co.h"

struct shared_map;
struct hooks_message;
struct hooks_query;
struct hooks_share;
struct hooks_target;
struct hooks_vhost;

/* Of undelivered events, by their clients. */
#define HOOKS_BUCKETS 1024

struct hooks {
    struct server *server;
    struct hooks_share *share;   /* of all workers */
    struct hooks_ledger *ledger; /* of this one */
    struct hooks_pool *pool;
    struct hooks_message *bucket[HOOKS_BUCKETS];
    struct hooks_target *targets; /* URLs with undelivered events */
    struct hooks_vhost *vhosts;   /* with clients that wait for an answer */
    struct hooks_query *queries;  /* of these clients */
    size_t waiting;               /* queries under way */
    size_t queued;                /* events not delivered */
    size_t coroutines;            /* that are running */
    struct co_cond changed;       /* one of these three */
    usec_t watched_at;            /* hooks_watch.c */
    uint8_t is_over;              /* send nothing more */
};

/* What all workers share: made by the master, or by the only process. */
struct hooks_share {
    int slots; /* processes of all generations */
    struct hooks_ledgers *ledgers;
    struct shared_map
        *watched; /* streams with viewers; its lock is that of orphaned ledgers, too */
};

/* This process's number among the workers; 0 if it is the only one. */
int hooks_slot(const struct hooks *hooks);

/* ---- hooks_query.c ---- */

struct hooks_answer;
/*
 * Asks the URLs of the event in turn until one does not say yes. `record`: of the ledger, which is
 * removed unless the answer is a yes. If the calling coroutine is interrupted, the query continues;
 * after a yes the end is reported then. 0: *out is the answer; 503: too many clients wait already.
 */
int hooks_query(struct hooks *hooks, const struct config_vhost *vhost,
                const struct hooks_event *event, uint32_t record, struct hooks_answer *out,
                usec_t timeout);
/* Ends the queries that still run, as if their servers had not answered. */
void hooks_query_abort(struct hooks *hooks);

/* ---- hooks_notify.c ---- */

/* Reports an event that has no record. */
void hooks_notify(struct hooks *hooks, const struct hooks_event *event);
/* Reports the end of a recorded start, now: reads the record, which is removed after delivery. */
void hooks_notify_end(struct hooks *hooks, uint32_t record, uint64_t bytes_in, uint64_t bytes_out);
/* Reports the end of a start that another worker has recorded, which has died. */
void hooks_notify_orphan(struct hooks *hooks, const struct hooks_record *record);
/* For the stop of the server: tries everything now, until all is delivered and no client waits, or
 * the deadline; then ends the senders. */
void hooks_notify_flush(struct hooks *hooks, usec_t deadline);

/* ---- hooks_stat.c ---- */

/* Counts a call that began then and has ended now. */
void hooks_stat_count(struct hooks *hooks, enum config_hook hook, int is_failure, usec_t began_at);
/* An answer was a no. */
void hooks_stat_refusal(struct hooks *hooks, enum config_hook hook);
/* A client was refused because of max_calls, or an event was not delivered. */
void hooks_stat_drop(struct hooks *hooks, enum config_hook hook);

/* ---- hooks_record.c ---- */

struct recorded_file;
void hooks_record(struct server *server, void *own, const struct recorded_file *file);

/* ---- hooks_segment.c ---- */

struct finished_segment;
void hooks_segment(struct server *server, void *own, const struct finished_segment *segment);

/* ---- hooks_watch.c ---- */

struct session_entry;
void hooks_watch_enter(struct server *server, void *own, const struct session_entry *session);
void hooks_watch_leave(struct server *server, void *own, const struct session_entry *session);
void hooks_watch_publish(struct hooks *hooks, const char *key);
void hooks_watch_tick(struct hooks *hooks, usec_t now);
void hooks_watch_reap(struct hooks_share *share, int slot);

#endif
