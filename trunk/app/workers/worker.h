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

/* The path of the socket at which another worker listens for this one; 0, or -1. */
int worker_socket_path(const struct worker *worker, int slot, char *out, size_t cap);

/* The local stream whose publication has this number, live or reserved by a pull; NULL: none. */
struct source *worker_publication_find(struct server *server, uint64_t number);

#endif
