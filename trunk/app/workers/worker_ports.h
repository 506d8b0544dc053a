#ifndef APP_WORKERS_WORKER_PORTS_H
#define APP_WORKERS_WORKER_PORTS_H

/*
 * The workers' listening sockets. Before it forks, the master opens one for each worker and address
 * (SO_REUSEPORT) and keeps them open: connections in the accept queue of a worker that dies stay
 * there for its replacement or for another worker. A UNIX socket is opened once, for the first
 * worker. `rank` is the worker's, in its generation (app/workers/worker_generation.h). Never
 * yields.
 */
#include "app/config/config.h"
#include "base/log.h"

struct listener_type;
struct upgrade_state;
struct worker_share;
struct worker_ports;

/* For the master: opens the sockets of all workers. The error names the type and the address. */
struct err *worker_ports_new(struct worker_ports **out, const struct listener_type *const *types,
                             const struct config *config, int workers);
/* Closes the sockets that this process still has. NULL is allowed. */
void worker_ports_free(struct worker_ports *ports);

/*
 * An upgrade, for the master: what the program that takes its place needs to have the same sockets;
 * and in that program, the sockets of the new generation, with those that this configuration adds.
 * After an error the descriptors are still open. worker_ports_commit() then closes the others.
 */
void worker_ports_save(const struct worker_ports *ports, struct upgrade_state *state);
struct err *worker_ports_resume(struct worker_ports **out, const struct upgrade_state *state,
                                const struct listener_type *const *types,
                                const struct config *config, int workers);
/* Whether worker_ports_resume() would find the addresses free that the configuration adds. */
struct err *worker_ports_try(const struct upgrade_state *state,
                             const struct listener_type *const *types, const struct config *config);

/* For a worker, right after the fork: closes the sockets of the other workers. */
void worker_ports_keep(struct worker_ports *ports, int rank);
/* A socket of the worker for this address and listener type; the caller then owns it. -1: there are
 * no more. */
int worker_ports_take(struct worker_ports *ports, int rank, const char *endpoint, int type);

/*
 * A reload, for the master: opens the sockets that this configuration adds; the error names the
 * type and the address, and nothing has changed. Then either one of the next two. commit closes
 * those that the configuration does not have.
 */
struct err *worker_ports_add(struct worker_ports *ports, const struct listener_type *const *types,
                             const struct config *config);
void worker_ports_abandon(struct worker_ports *ports);
void worker_ports_commit(struct worker_ports *ports, const struct listener_type *const *types,
                         const struct config *config);
/* The i-th added one; *fd is its socket of this worker, -1: none. NULL: there are no more. */
const char *worker_ports_added(const struct worker_ports *ports, int i, int rank, int *type,
                               int *fd);

/* The same, for a worker: takes over an added socket, which worker_ports_take() then returns;
 * worker_ports_abandon() closes those that were not taken. */
struct err *worker_ports_adopt(struct worker_ports *ports, int rank, const char *endpoint, int type,
                               int fd);

/* For the master, before it starts another worker: reopens sockets that the last worker has shut
 * down. */
void worker_ports_renew(struct worker_ports *ports, int rank, const struct log *log);
/* For the master: hands connections from the accept queues of a worker that does not accept them to
 * other workers. Returns the number of connections. */
int worker_ports_rescue(struct worker_share *share, int slot);

#endif
