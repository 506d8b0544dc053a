#ifndef APP_WORKERS_MASTER_H
#define APP_WORKERS_MASTER_H

/*
 * The process above the workers: starts them, replaces a worker that dies, and passes signals on.
 * It serves no connections and uses no coroutines: it only waits for signals.
 */
#include "app/config/config.h"
#include "app/core/log_sink.h"
#include "app/core/privileges.h"
#include "app/core/supervisor.h"
#include "app/workers/worker_share.h"
#include "base/yield.h"

struct upgrade;

/* All of it is borrowed and outlives the master. */
struct master_options {
    struct config **config;      /* the current one, which a reload replaces */
    const char *server_id;       /* app/core/server_id.h */
    const struct tables *tables; /* app/core/tables.h */
    struct log *log;             /* HUP sets its level */
    struct log_sink_file *sink;
    const struct config_options *reload; /* where SIGHUP reads again */
    char **environment;
    struct supervisor *supervisor;       /* informed of a reload */
    struct upgrade *upgrade;             /* app/workers/upgrade.h */
    const struct privileges *privileges; /* the workers change to */
    /* Runs in the new process and returns its exit status. */
    MAY_YIELD int (*serve)(void *arg, struct worker_share *share, int slot);
    /* All workers serve, for the first time. */
    void (*ready)(void *arg);
    /* The workers are asked to end. */
    void (*stopping)(void *arg);
    void *arg;
};

/*
 * Call it after signals_block() and before co_init(). Returns when the last worker has ended: NULL
 * if that was requested, else the error, because a worker could not even start.
 */
struct err *master_run(const struct master_options *options);

/* The delay before a dead worker is replaced, in microseconds. failures: how many workers in a row
 * ended before they served; served: how long this one served, -1: not at all. */
usec_t master_pause(unsigned failures, usec_t served);

#endif
