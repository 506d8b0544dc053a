#ifndef APP_WORKERS_WORKER_H
#define APP_WORKERS_WORKER_H

/*
 * This process as one of the server's workers: the publish lock over all of them, and pulls of the
 * streams that others hold. Where there is one process only none of this exists: its observer and
 * its claim (below) are rows without a state. Nothing here yields but where a timeout says so.
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

/* Makes this process a worker; both are borrowed. Before service_run(), on the first coroutine. */
struct err *worker_new(struct server *server, struct worker_share *share, int slot);

/* This server's worker; NULL: there is one process only. */
struct worker *worker_of(const struct server *server);

/* The address of this worker's own listener ("unix:/…"), for the others. */
int worker_endpoint(const struct worker *worker, char *out, size_t cap);

/* The socket that the master has opened for this address and listener type, the caller's from now
 * on; -1: none. */
int worker_port(const struct worker *worker, const char *endpoint, int type);

/* Whether this worker listens there: a UNIX socket cannot be shared, the first one has it. */
int worker_listens(const struct worker *worker, const char *endpoint);

/*
 * A connection that this worker has just accepted, of this listener type: 1 when another one that
 * has fewer has taken it, 0 to keep it. What others hand over here is given to `take`
 * (worker_take_with()).
 */
int worker_hand_over(struct worker *worker, int type, int fd);
typedef void (*worker_take_fn)(struct server *server, struct net_conn *conn, int type);
void worker_take_with(struct worker *worker, worker_take_fn take);

/* The stream here whose publication has this number, playing or reserved by a pull; NULL: none. */
struct source *worker_publication_find(struct server *server, uint64_t number);

/* For struct tls_options: the secret of all workers' session tickets. arg is the worker. */
int worker_tls_secret(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);

#endif
