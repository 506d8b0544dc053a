#ifndef APP_CORE_KEEPER_H
#define APP_CORE_KEEPER_H

/*
 * A small process beside a server that gives up its privileges or is in a sandbox. It does what the
 * server may no longer do itself, and nothing else: it opens the configuration's own files, its
 * private keys, certificates and log, and removes the pid file. Which files these are it reads from
 * the configuration itself, so that a process that has been taken over gains nothing by asking.
 *
 *   server, or each worker ──path──▶ keeper ──descriptor──▶
 *
 * It ends with the last process that could ask. A question blocks its process until it is answered.
 */
#include "app/config/config.h"
#include "app/core/privileges.h"
#include "base/opener.h"

struct keeper;

enum keeper_file {
    KEEPER_SECRET, /* private keys and certificates, for reading */
    KEEPER_CONFIG, /* files of the configuration, for reading */
    KEEPER_LOG     /* the log file, for appending; it is created for the user of the privileges */
};

/* All of it is borrowed, and used until the fork only. */
struct keeper_options {
    struct config *config;
    const struct config_options *reload; /* where the configuration is read again */
    char **environment;
    const char *pid; /* the file that may be removed; "": none */
    const struct privileges *privileges;
};

/* Forks it; `processes` can ask. */
struct err *keeper_start(struct keeper **out, const struct keeper_options *options, int processes);
/* This process asks as number `slot` from now on; those that it forks later may call this again.
 * keeper may be NULL. */
void keeper_use(struct keeper *keeper, int slot);
/* Closes this process's side and frees it; the process that started it waits for its end. NULL is
 * allowed. */
void keeper_free(struct keeper *keeper);

/* A descriptor, which the caller owns; -1 with errno: EACCES for a path that the configuration does
 * not have. keeper may be NULL. */
int keeper_open(struct keeper *keeper, enum keeper_file kind, const char *path);
/* The same as struct opener: arg is the keeper. */
int keeper_open_secret(void *arg, const char *path);
int keeper_open_config(void *arg, const char *path);
int keeper_open_log(void *arg, const char *path);
/* Removes the pid file: 0, or -1. */
int keeper_remove_pid(struct keeper *keeper);

#endif
