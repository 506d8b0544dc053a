#ifndef APP_WORKERS_MASTER_RELOAD_H
#define APP_WORKERS_MASTER_RELOAD_H

/*
 * A reload as the master drives it (app/workers/worker_reload.h). Blocks until the workers have
 * answered, or a signal asks the server to end; never yields.
 */
#include "app/workers/master.h"

struct master_reload {
    const struct master_options *options;
    struct worker_share *share;
    const pid_t *pid;     /* of each worker; 0: none */
    struct config *first; /* at the start; held */
    int shown;            /* the memory file of app/config/config_running.h; -1: none */
};

/* The caller has set options, share and pid. */
void master_reload_open(struct master_reload *reload);
/* Also for a worker that was just forked. */
void master_reload_close(struct master_reload *reload);

/* Reads the file again; the result is in the log and in the shared report. */
void master_reload_run(struct master_reload *reload);

#endif
