#ifndef APP_SERVER_SERVICE_H
#define APP_SERVER_SERVICE_H

/*
 * The server as a process runs it: listeners, HTTP chains, all features of the tables, drain, and
 * stop.
 */
#include "app/core/server.h"
#include "base/yield.h"

/* config is taken over (one reference); log and tables are borrowed. */
MAY_YIELD struct err *service_new(struct server **out, const struct log *log, struct config *config,
                                  const struct tables *tables);
MAY_YIELD void service_free(struct server *server);

/* Callbacks for the process around the server; each is called at most once. */
struct service_phases {
    /* The listeners are open, and nothing was read from a client: gives up privileges, enters the
     * sandbox. */
    struct err *(*confine)(void *arg);
    void (*ready)(void *arg);    /* every listener listens, every feature has started */
    void (*stopping)(void *arg); /* a drain or the end begins */
    void *arg;
};

/* Raises the limit on open files to what this configuration may need. */
void service_raise_descriptors(const struct tables *tables, const struct config *config,
                               const struct log *log);

/* Opens the listeners, serves until a stop or a drain has ended, closes everything. */
MAY_YIELD struct err *service_run(struct server *server, const struct service_phases *phases);

/* Starts a drain: no new clients, and the server ends with its last connection. */
void service_drain(struct server *server);

#endif
