#ifndef APP_CONFIG_CONFIG_PATHS_H
#define APP_CONFIG_CONFIG_PATHS_H

/*
 * The paths of a configuration, and what the server does there. A directive is a path by the type
 * of its row, so a new one is known here, and to the sandbox, without another line of code.
 */
#include "app/config/config.h"

enum config_path_kind {
    CONFIG_PATH_READ,   /* a file that is read: certificates of authorities */
    CONFIG_PATH_SECRET, /* a file with a key, or what belongs to it */
    CONFIG_PATH_SERVE,  /* a folder whose files clients may get */
    CONFIG_PATH_STORE,  /* files that are created, renamed and removed; may be a template
                           ("/data/[app]/[stream].flv"): its folder is what precedes the template */
    CONFIG_PATH_LOG,    /* a file that is appended to, and created */
    CONFIG_PATH_SOCKET  /* a UNIX socket to listen on */
};

struct config_path {
    enum config_path_kind kind;
    const char *directive; /* "dir", for messages */
    const char *text;      /* never empty; relative to work_dir */
    int is_default;        /* no configuration names it */
};

/* Calls visit for every path, also of blocks that are not enabled, until it returns something else
 * than 0, and returns that. Never yields. */
int config_paths(const struct config *config,
                 int (*visit)(void *arg, const struct config_path *path), void *arg);

#endif
