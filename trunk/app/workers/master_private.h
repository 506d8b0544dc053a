#ifndef APP_WORKERS_MASTER_PRIVATE_H
#define APP_WORKERS_MASTER_PRIVATE_H

/* Private to master.c (starting, ending, signals), master_watch.c (workers that hang) and
 * master_upgrade.c. */
#include "app/workers/master.h"
#include "app/workers/master_reload.h"
#include "app/workers/master_upgrade.h"
#include "app/workers/watchdog.h"

#include <signal.h>

struct master_child {
    pid_t pid;       /* 0: none */
    usec_t ready_at; /* 0: not yet */
    usec_t due_at;   /* when to start a replacement */
    unsigned failures;
    struct watchdog dog;
    struct proc_stat stat; /* at the last look, if it had not answered */
};

struct master {
    const struct master_options *options;
    struct worker_share *share;
    struct master_child child[CONFIG_PROCESSES_MAX];
    sigset_t signals;
    usec_t kill_at; /* USEC_NEVER: not set */
    struct watchdog_times times;
    int has_served; /* 1 once all workers were ready */
    int is_ending;
    struct master_reload reload;
    struct master_upgrade upgrade;
    pid_t pid[CONFIG_PROCESSES_MAX]; /* of the workers, for a reload */
    struct err *err;
};

/* How many workers of all generations there are; whether one of the newest is missing. */
int master_children(const struct master *master);
int master_is_short(const struct master *master);

/* master_watch.c: when to look at the workers, or to ask them; USEC_NEVER: not at all. */
usec_t master_watch_at(const struct master *master);
/* Does that, if it is time. */
void master_watch(struct master *master);

#endif
