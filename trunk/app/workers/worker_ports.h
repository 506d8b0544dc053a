#ifndef APP_WORKERS_WORKER_PORTS_H
#define APP_WORKERS_WORKER_PORTS_H

/*
 * The workers' listening sockets. The master opens one for each worker and each address
 * (SO_REUSEPORT) before it forks, and keeps them open: what the kernel has accepted for a worker
 * that dies stays in the queue, for the one that takes its place or for another worker.
 * Nothing here yields. UNIX sockets are not among them: the first worker opens those itself.
 */
#include "app/config/config.h"
#include "base/log.h"

struct listener_type;
struct worker_share;
struct worker_ports;

/* The master's: opens all of them, for so many workers. The error names the type and the address.
 */
struct err *worker_ports_new(struct worker_ports **out, const struct listener_type *const *types,
                             const struct config *config, int workers);
/* Closes what this process still has. NULL is allowed. */
void worker_ports_free(struct worker_ports *ports);

/* A worker's, right after the fork: the others' sockets are none of its business. */
void worker_ports_keep(struct worker_ports *ports, int slot);
/* The worker's socket for this address and listener type, from now on the caller's; -1: there is
 * none, it opens its own. */
int worker_ports_take(struct worker_ports *ports, int slot, const char *endpoint, int type);

/* The master's, before it starts another worker: a socket that the last one has shut is opened
 * anew. */
void worker_ports_renew(struct worker_ports *ports, int slot, const struct log *log);
/* The master's: connections that wait in the queues of a worker that does not accept them are
 * handed to the others. Answers how many. */
int worker_ports_rescue(struct worker_share *share, int slot);

#endif
