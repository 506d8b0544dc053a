#ifndef APP_WORKERS_MASTER_H
#define APP_WORKERS_MASTER_H

/*
 * The process above the workers: starts them, puts another in the place of one that
 * dies, and passes signals on. It serves nobody itself and knows no coroutines: it waits for
 * signals and nothing else.
 */
#include "app/config/config.h"
#include "app/core/log_sink.h"
#include "app/core/supervisor.h"
#include "app/workers/worker_share.h"
#include "base/yield.h"

/* All of it is borrowed and outlives the master. */
struct master_options {
    const struct config *config;
    const struct listener_type *const *listeners; /* app/core/listener.h */
    struct log *log;                              /* HUP sets its level */
    struct log_sink_file *sink;
    const struct config_options *reload; /* where HUP reads again */
    char **environment;
    struct supervisor *supervisor; /* is told of a reload */
    /* Runs in the new process, which ends with what it answers. */
    MAY_YIELD int (*serve)(void *arg, struct worker_share *share, int slot);
    /* All workers serve, for the first time. */
    void (*ready)(void *arg);
    /* They are asked to end. */
    void (*stopping)(void *arg);
    void *arg;
};

/*
 * After signals_block(), before co_init(). Answers when the last worker has ended: as asked
 * (NULL), or because one could not even start.
 */
struct err *master_run(const struct master_options *options);

/* When a worker that died is to be replaced: microseconds from now. failures: how many of its kind
 * ended before they served, one after another; served: how long this one did, -1: not at all. */
usec_t master_pause(unsigned failures, usec_t served);

#endif
