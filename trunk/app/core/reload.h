#ifndef APP_CORE_RELOAD_H
#define APP_CORE_RELOAD_H

/*
 * How features ask for a reload of the configuration, as SIGHUP does, and learn its result: through
 * struct tables. With several workers the master reads and checks the file and all workers apply
 * it, whichever of them is asked.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/yield.h"

#include <stdint.h>

struct config;
struct log;
struct server;

enum reload_state {
    RELOAD_NONE,    /* none since the start */
    RELOAD_RUNNING, /* the files are read, or workers apply them */
    RELOAD_APPLIED, /* also if nothing has changed */
    RELOAD_FAILED   /* nothing was changed */
};

#define RELOAD_TEXT_MAX ((size_t)16 * 1024)

/* Too large for a coroutine's stack: allocate it. */
struct reload_report {
    enum reload_state state;
    uint32_t number;         /* reloads since the start, this one included */
    enum err_code code;      /* FAILED: of the error */
    usec_t ended_at;         /* clock_wall(); 0: not yet */
    int changes;             /* directives that differ, and vhosts */
    char restart_names[256]; /* those that take effect after a restart: "workers, pid" */
    /* APPLIED: the changes, "-directive before;" and "+directive now;", a line each, secrets
     * masked. FAILED: the error, with file, line and directive. Cut at its size. */
    char text[RELOAD_TEXT_MAX];
};

struct reload_door {
    /* Reloads and waits until all workers are done: NULL, or the error that *out describes.
     * ERR_TIMEOUT: it has not finished yet. out may be NULL. Yields. */
    struct err *(*now)(struct server *server, struct reload_report *out, usec_t timeout);
    /* The last reload, or the one that is running. Never yields. */
    void (*last)(const struct server *server, struct reload_report *out);
};

/*
 * How a process applies a configuration: everything that can fail is in prepare(), which takes over
 * the configuration and changes nothing; *plan is then passed to one of the others.
 */
struct reload_ops {
    struct err *(*prepare)(struct server *server, struct config *config, void **plan);
    MAY_YIELD void (*commit)(struct server *server, void *plan);
    void (*abandon)(struct server *server, void *plan);
};

/* A row for processes that reload together: another process reads the file, and asks all of them.
 */
struct reload_route {
    /* 1 if this process is one of them; it then carries out ops (borrowed) when it is asked to. */
    int (*join)(struct server *server, const struct reload_ops *ops);
    /* Asks for a reload, and does not wait for it. */
    void (*request)(struct server *server);
    /* As now() and last() of a reload_door. */
    struct err *(*ask)(struct server *server, usec_t timeout);
    void (*last)(const struct server *server, struct reload_report *out);
};

/*
 * For code that runs a reload, to be called in this order. Changes: `config` as it was read, with
 * new values of directives that need a restart, too. Log: a line for each change. End: err is
 * borrowed, NULL: the new configuration is in effect; logs the result.
 */
void reload_report_begin(struct reload_report *report);
void reload_report_changes(struct reload_report *report, const struct config *before,
                           const struct config *config);
void reload_report_log(const struct reload_report *report, const struct log *log);
void reload_report_end(struct reload_report *report, const struct log *log, const struct err *err);

#endif
