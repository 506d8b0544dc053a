#ifndef APP_WORKERS_WORKER_SHARE_H
#define APP_WORKERS_WORKER_SHARE_H

/*
 * What the processes of one server share: made by the master before it forks, used by
 * the workers, cleaned by the master when one of them dies. Never yields.
 */
#include "app/core/quota.h"
#include "co/tls.h"
#include "live/registry.h"
#include "live/stream_clock.h"

#include <stdatomic.h>
#include <sys/types.h>

struct shared_map;
struct worker_ports;

enum worker_state {
    WORKER_GONE,     /* no process */
    WORKER_STARTING, /* forked */
    WORKER_READY,    /* its listeners are open */
    WORKER_ENDING    /* it serves nobody any more */
};

/* In shared memory, written by the worker itself, and by the master while there is none. */
struct worker_slot {
    _Atomic int32_t state; /* enum worker_state */
    _Atomic uint32_t connections;
    /* What others have handed to it, and what it has taken of that; they count on. */
    _Atomic uint32_t handed, taken;
    _Atomic int32_t is_leaving; /* nothing is to be handed to it any more */
    _Atomic uint64_t memory;    /* bytes */
    /* The master asks whether its event loop runs; it does when beat is the same. */
    _Atomic uint32_t asked, beat;
    /* The master's: no answer has come for a while, nothing is to be handed to it for now. */
    _Atomic int32_t is_late;
    _Atomic uint32_t quota[QUOTA_CLASSES]; /* of its connections, how many are of each class */
    _Atomic int64_t oldest[QUOTA_CLASSES]; /* since when the oldest of each is; 0: there is none */
};

struct worker_share {
    int count; /* of workers */
    pid_t master;
    usec_t started_at;
    struct worker_slot *slot;
    struct registry *registry;
    struct shared_map
        *ip_counts; /* connections of each address, one number a worker; NULL: not limited */
    struct shared_map *streams; /* the same of streams that are published */
    struct stream_clock *times;
    struct shared_map *secrets; /* one entry */
    struct worker_ports *ports; /* app/worker_ports.h; NULL: each worker opens its own */
    char *folder;               /* private: the workers' own sockets */
    char server_id[32];
    uint8_t via_key[32];               /* of app/via_chain.h: the workers are one server */
    int notify_fd[CONFIG_WORKERS_MAX]; /* co/notify.h: the registry has changed; -1: none */
    int handoff_socket[CONFIG_WORKERS_MAX]
                      [2]; /* co/net_pass.h: connections that others hand over; -1 */
};

/* How many workers that configuration means. */
int worker_share_count(const struct config *config);

/* The master makes it before it forks: shared memory, a folder of sockets. ERR_SYS, ERR_NOMEM. */
struct err *worker_share_new(struct worker_share **out, const struct config *config);
/* Frees this process's view; the master's also removes the folder. */
void worker_share_free(struct worker_share *share);

/* Wakes all workers: a stream has come or gone, or the master asks. */
void worker_share_ring(const struct worker_share *share);

/* A worker's process is gone: its streams, connections and socket with it. */
void worker_share_reap(struct worker_share *share, int slot);

/* What session tickets' keys are made from (co/tls.h); it changes by itself. 0, or -1. */
int worker_share_secret(struct worker_share *share, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);

/* Where a worker listens for the others; 0, or -1 when it does not fit. */
int worker_share_path(const struct worker_share *share, int slot, char *out, size_t cap);

/* Counts a connection in, against the whole server's limit. NULL, or the name of the limit
 * (constant) that it would break; then it is not counted. */
const char *worker_share_enter(struct worker_share *share, int slot, const struct config *config);
void worker_share_leave(struct worker_share *share, int slot);

/* Connections of a class: so many more (or fewer) at this worker; and how many all workers have. */
void worker_share_quota_add(struct worker_share *share, int slot, enum quota_class class,
                            int delta);
/* Since when the oldest of a class is here (clock_now()); 0: there is none. */
void worker_share_oldest(struct worker_share *share, int slot, enum quota_class class,
                         usec_t since);
uint64_t worker_share_quota(const struct worker_share *share, enum quota_class class);

/*
 * The worker that a new connection at `slot` were better handed to: one with so many fewer that
 * it is worth it; or, when the server is full, the one where the connection is that is evicted next
 * (app/admission.h). -1: none. Then, that it was, and that it has been taken there.
 */
int worker_share_lighter(const struct worker_share *share, int slot, const struct config *config);
/* Whichever has the fewest, other than `slot`; -1: no other one takes any. */
int worker_share_lightest(const struct worker_share *share, int slot);
void worker_share_handed(struct worker_share *share, int to);
void worker_share_taken(struct worker_share *share, int slot);
/* It ends, and has no use for any more. */
void worker_share_leaves(struct worker_share *share, int slot);

/* Says how much memory (bytes) a worker has; answers what the others have together. */
uint64_t worker_share_memory(struct worker_share *share, int slot, uint64_t used);

/* The limit of what one address (quota_address()) has: connections, and requests by way of trusted
 * proxies. */
const char *worker_share_ip_enter(struct worker_share *share, int slot, const char *name,
                                  uint64_t limit);
void worker_share_ip_leave(struct worker_share *share, int slot, const char *name);

/* A stream ("vhost/app/stream") that is to be published, against max_streams, which counts each
 * once: 0, or -1: no room. */
int worker_share_stream_enter(struct worker_share *share, int slot, const char *key);
void worker_share_stream_leave(struct worker_share *share, int slot, const char *key);

#endif
