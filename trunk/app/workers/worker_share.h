#ifndef APP_WORKERS_WORKER_SHARE_H
#define APP_WORKERS_WORKER_SHARE_H

/*
 * What the processes of one server share. The master creates it before it forks, the workers use
 * it, and the master cleans it up after a worker that dies. Never yields.
 */
#include "app/core/places.h"
#include "app/core/server.h"
#include "co/tls.h"
#include "live/registry.h"
#include "live/stream_clock.h"

#include <stdatomic.h>
#include <sys/types.h>

struct metrics;
struct shared_map;
struct upgrade_state;
struct worker_reload;
struct worker_ports;

enum worker_state {
    WORKER_GONE,     /* no process */
    WORKER_STARTING, /* forked */
    WORKER_READY,    /* its listeners are open */
    WORKER_ENDING    /* it no longer serves connections */
};

/* In shared memory, written by the worker itself, and by the master while there is no worker. */
struct worker_slot {
    _Atomic uint32_t generation; /* 0: the slot is free (app/workers/worker_generation.h) */
    _Atomic int32_t rank;        /* among the workers of its generation, from 0 */
    _Atomic int32_t state;       /* enum worker_state */
    /* Connections handed to it, and those of them that it has taken. Neither is ever reset. */
    _Atomic uint32_t handed, taken;
    _Atomic int32_t is_leaving; /* hand nothing to it any more */
    _Atomic int32_t is_retired; /* a newer generation accepts connections: server_retire() */
    _Atomic uint64_t memory;    /* bytes */
    /* The master asks whether the event loop runs; it does if beat equals asked. */
    _Atomic uint32_t asked, beat;
    /* Set by the master: no answer for a while, hand nothing to it for now. */
    _Atomic int32_t is_late;
    _Atomic int32_t has_changed; /* the registry, since it last checked its streams */
};

struct worker_share {
    int count;   /* of slots: processes of all generations */
    int workers; /* of the newest generation */
    uint32_t generation;
    struct shared_memory *memory; /* the tables; NULL in a worker */
    pid_t master;
    usec_t started_at;
    struct worker_slot *slot;
    size_t slot_bytes;
    struct places *places, *pulls; /* of connections, of pulls */
    struct registry *registry;
    struct shared_map *ip_counts; /* connections per IP address and worker */
    struct shared_map *streams;   /* the same for published streams */
    struct stream_clock *times;
    struct shared_map *secrets;   /* one entry */
    struct metrics *metrics;      /* app/core/metrics.h: a block for each worker */
    struct worker_ports *ports;   /* app/workers/worker_ports.h; NULL: each worker opens its own */
    struct worker_reload *reload; /* app/workers/worker_reload.h */
    char *folder;                 /* private: contains the workers' own sockets */
    char server_id[32];           /* set by the master: all workers are one server */
    uint8_t via_key[32];          /* for app/config/via_chain.h: all workers are one server */
    char service_id[SERVER_SERVICE_ID_SIZE];
    const struct tables *tables;            /* the features that share something; NULL: none */
    void *row_shared[SERVER_OBSERVERS_MAX]; /* app/stream/observer.h: observers_share_new() */
    int wake[2];                            /* co/notify_signal.h; -1: none */
    int notify_fd[CONFIG_PROCESSES_MAX];    /* co/notify.h: the registry has changed; -1: none */
    int handoff_socket[CONFIG_PROCESSES_MAX]
                      [2]; /* co/net_pass.h: connections handed over; -1: none */

    int port_socket[CONFIG_PROCESSES_MAX]
                   [2]; /* co/net_pass.h: listeners that a reload adds; -1: none */
};

/* The number of workers that the configuration requests. */
int worker_share_count(const struct config *config);

/* For the master, before it forks: creates shared memory, also that of the features in these tables
 * (NULL: none), and a directory for sockets. ERR_SYS, ERR_NOMEM. */
struct err *worker_share_new(struct worker_share **out, const struct config *config,
                             const struct tables *tables);
/*
 * An upgrade: what a program that takes this one's place needs to have the same share; and that
 * share, in that program. config: of the new workers. ERR_LIMIT: the two programs lay the tables
 * out in different ways. After an error the descriptors are still open.
 */
void worker_share_save(const struct worker_share *share, struct upgrade_state *state);
struct err *worker_share_adopt(struct worker_share **out, const struct upgrade_state *state,
                               const struct config *config, const struct tables *tables);
/* Whether that would succeed, with so many workers as this configuration requests. */
struct err *worker_share_try(const struct upgrade_state *state, const struct config *config,
                             const struct tables *tables);
/* Frees this process's view; the master also removes the directory. */
void worker_share_free(struct worker_share *share);

/* Wakes all workers that exist: the registry has changed, or the master asks. */
void worker_share_ring(const struct worker_share *share);
/* Wakes one: connections of it have lost their places. */
void worker_share_ring_one(const struct worker_share *share, int slot);

/* Cleans up after a dead worker: its streams, connections and socket. */
void worker_share_reap(struct worker_share *share, int slot);

/* The secret from which the keys of session tickets are derived (co/tls.h); it changes by itself.
 * 0, or -1. */
int worker_share_secret(struct worker_share *share, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);

/* The path of the socket at which a worker listens for the others; 0, or -1 if it is too long. */
int worker_share_path(const struct worker_share *share, int slot, char *out, size_t cap);

/* The number of workers that exist, of all generations. */
int worker_share_processes(const struct worker_share *share);

/* Sets a worker's memory use (bytes) and returns the sum of the others. */
uint64_t worker_share_memory(struct worker_share *share, int slot, uint64_t used);

/* Counts a connection, or a request that came through a trusted proxy, against the limit of one
 * address (quota_address()). */
const char *worker_share_ip_enter(struct worker_share *share, int slot, const char *name,
                                  uint64_t limit);
void worker_share_ip_leave(struct worker_share *share, int slot, const char *name);

/* Forgets what a dead worker has counted. */
void worker_share_limits_reap(const struct worker_share *share, int slot);

/* Counts a stream ("vhost/app/stream") to be published against max_streams, which counts each
 * stream once: 0, or -1: no room. */
int worker_share_stream_enter(struct worker_share *share, int slot, const char *key,
                              uint64_t streams_max);
void worker_share_stream_leave(struct worker_share *share, int slot, const char *key);

#endif
