#ifndef APP_WORKERS_MASTER_UPGRADE_H
#define APP_WORKERS_MASTER_UPGRADE_H

/*
 * An upgrade as the master drives it (app/workers/upgrade.h). One at a time; how many old workers
 * there may be is limited by the slots (app/workers/worker_generation.h). Functions that execute
 * the other program return only if nothing was executed. Never yields.
 */
#include "app/workers/upgrade.h"

#include <sys/stat.h>

struct master;

enum master_upgrade_step {
    MASTER_UPGRADE_NONE,
    MASTER_UPGRADE_TRYING,  /* the running program: the trial of the new one runs */
    MASTER_UPGRADE_STARTING /* the new program: its workers start */
};

struct master_upgrade {
    enum master_upgrade_step step;
    struct upgrade *program; /* borrowed */
    usec_t deadline;         /* of this step */
    pid_t pid;               /* the trial; 0: none, or it has ended */
    int has_ended;
    int status;           /* with which it has ended */
    int output;           /* its standard output and error; -1: none */
    struct stat file;     /* the program that is tried */
    int is_reload_wanted; /* meanwhile */
};

/* USR2: starts the trial, or logs why not. */
void master_upgrade_ask(struct master *master);
/* Whether this child was the trial. */
int master_upgrade_child(struct master *master, pid_t pid, int status);
/* Continues or ends what is due; call it after each signal and at the deadline. */
void master_upgrade_look(struct master *master);
/* The server ends: kills the trial. */
void master_upgrade_stop(struct master *master);

/* The new program: takes the share, the sockets and the workers over, and prepares the next
 * generation. Or the old program, again: takes them over. */
struct err *master_upgrade_adopt(struct master *master);
/* All new workers are ready: the old ones retire. */
void master_upgrade_ready(struct master *master);
/* They cannot start: executes the other program again. */
void master_upgrade_fail(struct master *master, const struct err *why);

#endif
