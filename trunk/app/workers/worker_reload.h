#ifndef APP_WORKERS_WORKER_RELOAD_H
#define APP_WORKERS_WORKER_RELOAD_H

/*
 * A reload with several workers, in shared memory. The master reads the file and opens the sockets
 * that it adds, then asks all workers for one step and waits for their answers, then for the next:
 *
 *   PREPARE   each opens and checks everything that can fail, and changes nothing
 *   COMMIT    all could: each applies it
 *   ABANDON   one could not: each closes what it opened
 *
 * The configuration goes to the workers as a source (app/config/config_source.h), new sockets
 * through a channel (co/net_pass.h).
 */
#include "app/config/config_source.h"
#include "app/core/endpoint.h"
#include "app/core/reload.h"
#include "app/core/server.h"
#include "base/yield.h"

#include <stdatomic.h>

struct worker;
struct worker_share;

enum worker_reload_step {
    WORKER_RELOAD_NONE,
    WORKER_RELOAD_PREPARE,
    WORKER_RELOAD_COMMIT,
    WORKER_RELOAD_ABANDON
};

#define WORKER_RELOAD_WHY_MAX 512

/* Written by the worker, before `order`. */
struct worker_reload_answer {
    _Atomic uint32_t order; /* the last order that it has carried out */
    int code;               /* enum err_code; 0: no error */
    char why[WORKER_RELOAD_WHY_MAX];
};

/* Written by the master, before `order`. */
struct worker_reload {
    _Atomic uint32_t order; /* counts the steps that were asked for */
    int step;               /* enum worker_reload_step: of this order */
    /* For PREPARE. */
    int port_count; /* sockets in each worker's channel */
    int port_type[ENDPOINTS_MAX];
    char port[ENDPOINTS_MAX][160];
    size_t source_len;
    _Atomic uint32_t asked, taken; /* requests of workers; those that the master has seen */
    /* The reload of this number is over, and `report` describes it. */
    _Atomic uint32_t started, ended;
    struct reload_report report;
    struct worker_reload_answer answer[CONFIG_PROCESSES_MAX];
    uint8_t source[CONFIG_SOURCE_BYTES_MAX + 65536];
};

/* For the master, before it forks. */
struct err *worker_reload_share_new(struct worker_share *share);
void worker_reload_share_free(struct worker_share *share);

/* The row of struct tables. ask() sends a signal to the master and waits until its reload is over.
 */
extern const struct reload_route worker_reload_route;

/* Carries out the step that the master asks for, if there is one. Called at each notification. */
MAY_YIELD void worker_reload_look(struct worker *worker);
/* This worker ends: closes what it opened for a reload that is not over. */
void worker_reload_leave(struct worker *worker);

/* For the master: whether workers have asked for a reload since the last call. */
int worker_reload_take(struct worker_share *share);

#endif
