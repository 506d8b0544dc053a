#ifndef APP_WORKERS_WORKER_H
#define APP_WORKERS_WORKER_H

/*
 * This process as one of the server's workers: the publish lock across all workers, and pulls of
 * streams that other workers hold. With a single process none of this exists: its observer and its
 * claim (below) are rows without a state. Only functions with a timeout yield.
 */
#include "app/core/server.h"
#include "app/stream/observer.h"
#include "app/stream/publication.h"
#include "app/workers/worker_share.h"
#include "base/yield.h"
#include "co/tls.h"

struct worker;

/* The rows. */
extern const struct observer worker_observer;
extern const struct claim worker_claim;

/* Makes this process a worker; both are borrowed. Call it before service_run(), in the first
 * coroutine. */
struct err *worker_new(struct server *server, struct worker_share *share, int slot);

/* This server's worker; NULL: there is only one process. */
struct worker *worker_of(const struct server *server);

/* The address of this worker's own listener ("unix:/…"), for the other workers. */
int worker_endpoint(const struct worker *worker, char *out, size_t cap);

/* The socket that the master has opened for this address and listener type; the caller then owns
 * it. -1: none. */
int worker_port(const struct worker *worker, const char *endpoint, int type);

/* Whether it is the first of the workers, for what one process does for all. */
int worker_is_first(const struct worker *worker);

/* Whether this worker listens there: a UNIX socket cannot be shared, only the first worker has
 * it. */
int worker_listens(const struct worker *worker, const char *endpoint);

/*
 * Offers a connection that this worker has just accepted, of this listener type, to a worker with
 * fewer connections: 1 if that worker has taken it, 0 to keep it. Connections that other workers
 * hand over to this one are passed to `take` (worker_take_with()).
 */
int worker_hand_over(struct worker *worker, int type, int fd);
typedef MAY_YIELD void (*worker_take_fn)(struct server *server, struct net_conn *conn, int type);
void worker_take_with(struct worker *worker, worker_take_fn take);

/* The local stream whose publication has this number, live or reserved by a pull; NULL: none. */
struct source *worker_publication_find(struct server *server, uint64_t number);

/* For struct tls_options: the secret of all workers' session tickets. arg is the worker. */
int worker_tls_secret(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);

#endif
