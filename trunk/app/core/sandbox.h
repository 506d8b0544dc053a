#ifndef APP_CORE_SANDBOX_H
#define APP_CORE_SANDBOX_H

/*
 * Confines a process that serves clients, for good: no new privileges, only those files that were
 * allowed before (Landlock), only the system calls of a server and no program (seccomp), no core
 * file. What the kernel does not have is left out, and the log says so.
 *
 * A feature that needs a path of the configuration gives the row of its directive the type
 * CONFIG_PATH; one that needs another path calls sandbox_allow() before the server is ready. A
 * feature starts threads when it is ready, not before (struct observer, ready()).
 */
#include "app/config/config.h"
#include "base/yield.h"

struct co;
struct net_conn;

/* What may be done at a path and below it. */
enum sandbox_right {
    SANDBOX_READ = 1,    /* read files, list folders */
    SANDBOX_WRITE = 2,   /* write existing files */
    SANDBOX_CREATE = 4,  /* create, rename and remove files and folders */
    SANDBOX_SOCKETS = 8, /* create and remove UNIX sockets */
    SANDBOX_REMOVE = 16, /* remove empty folders */
};

struct sandbox_path {
    char *text; /* as it was found, without symbolic links */
    unsigned rights;
};

struct sandbox {
    int is_on;    /* this process is in it */
    int may_bind; /* set by the caller: it opens TCP ports itself */
    int landlock; /* version of the kernel's interface; 0: none */
    int count, cap;
    struct sandbox_path *path;
    const struct log *log;
    struct net_conn *notify; /* a system call was denied */
    struct co *watch;        /* logs it */
};

/* Whether this kernel, and this build, can confine anything. */
int sandbox_is_possible(void);

/* Before sandbox_enter(): a path that does not exist is no error, and stays out of reach. The
 * folder of a file, too, if it is not one of the system's top folders: then the file may be
 * replaced. ERR_NOMEM. */
struct err *sandbox_allow(struct sandbox *sandbox, const char *path, unsigned rights);
struct err *sandbox_allow_folder_of(struct sandbox *sandbox, const char *path, unsigned rights);
/* The folder in which this one is, whichever it is. */
struct err *sandbox_allow_folder_above(struct sandbox *sandbox, const char *path, unsigned rights);
/* The configuration's paths, and those that every server needs. */
struct err *sandbox_allow_config(struct sandbox *sandbox, const struct config *config);

/* Warns of configured folders to serve that do not exist: they stay out of reach. */
void sandbox_log_missing(const struct config *config, const struct log *log);

/* Confines the process, which must have one thread, and logs the system calls that are denied. log
 * is borrowed. After an error, nothing is promised: end. */
struct err *sandbox_enter(struct sandbox *sandbox, const struct log *log);
/* Frees what it has in memory; the process stays confined. */
MAY_YIELD void sandbox_close(struct sandbox *sandbox);

/* ERR_DENIED names the first path of another configuration that is out of reach. */
struct err *sandbox_check(const struct sandbox *sandbox, const struct config *config);

#endif
