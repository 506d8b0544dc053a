#ifndef APP_WORKERS_UPGRADE_H
#define APP_WORKERS_UPGRADE_H

/*
 * One program takes the place of another in the master's process, and the workers of both serve:
 *
 *      running program                        new program
 *      USR2: leaves its state ──── fork ────▶ TRY: can it read the configuration, the state, the
 *                                                  tables? opens nothing, exits
 *      executes it in its place ── exec ────▶ START: starts workers of the next generation
 *                                                  all ready: the old workers retire
 *      RESUME: continues as before ◀─ exec ──── they cannot start
 *
 * The process id stays, so do the pid file, the service manager's view, and the workers' parent.
 * Until the new workers are ready the old ones accept connections. Never yields.
 */
#include "app/core/tables.h"
#include "app/workers/upgrade_state.h"

enum upgrade_mode { UPGRADE_NONE, UPGRADE_TRY, UPGRADE_START, UPGRADE_RESUME };

struct upgrade {
    enum upgrade_mode mode; /* of this program */
    char **argv;            /* borrowed */
    int fd;                 /* of the state; -1: none */
    struct upgrade_state *state;
    char *program; /* the path by which the server was started; NULL: unknown */
    char *folder;  /* in which it was started */
    /* What the next program shall have besides the master's. */
    int pid_fd, server_id_fd; /* -1: none */
    const char *pid_path;
};

/* At the start of the program, before it changes its folder: whether another program has executed
 * it for an upgrade, and what the next one will be told. Removes the variable from the environment.
 */
struct err *upgrade_open(struct upgrade *upgrade, char **argv);
/* Forgets the other program: the upgrade is over. */
void upgrade_end(struct upgrade *upgrade);
/* Frees all of it. */
void upgrade_close(struct upgrade *upgrade);

/* UPGRADE_TRY: whether a server with this configuration could start; accepts in the state. */
struct err *upgrade_try(const struct upgrade *upgrade, const struct config *config,
                        const struct tables *tables);

/* Executes the program of the state in this process, START in the folder of the start, or RESUME
 * the program that ran before. Returns only on failure, with the error; nothing has changed then.
 */
struct err *upgrade_execute(const struct upgrade *upgrade, enum upgrade_mode mode);
/* UPGRADE_START: gives up before there were new workers: executes the other program again. Returns
 * only if that fails. */
void upgrade_give_up(const struct upgrade *upgrade, const struct err *why);

#endif
