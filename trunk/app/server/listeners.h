#ifndef APP_SERVER_LISTENERS_H
#define APP_SERVER_LISTENERS_H

/*
 * The server's listeners and their accept loops: opened at the start, changed by a reload in two
 * steps, so that a listener that cannot be opened changes nothing.
 */
#include "app/core/server.h"
#include "base/yield.h"

struct listeners_plan;

/* The number of listener types in the tables. */
int listeners_types(const struct tables *tables);

/* Opens the certificates and all listeners of the configuration. */
struct err *listeners_open(struct server *server);
MAY_YIELD void listeners_close(struct server *server);
/* Closes those that newer processes of the server have open as well, and only those: they continue
 * to listen, and the queues of connections stay. */
MAY_YIELD void listeners_leave(struct server *server);

/* Opens the listeners that this configuration adds; they accept nothing yet. The error names the
 * type and the address. */
struct err *listeners_prepare(struct server *server, const struct config *config,
                              struct listeners_plan **out);
/* Closes them again. NULL is allowed. */
void listeners_abandon(struct listeners_plan *plan);
/* Starts the new ones and closes those that the configuration does not have; connections stay.
 * Frees the plan. */
MAY_YIELD void listeners_commit(struct server *server, struct listeners_plan *plan);

#endif
