#ifndef APP_WORKERS_WORKER_HTTP_H
#define APP_WORKERS_WORKER_HTTP_H

/*
 * What a worker serves to the other workers at its own socket: its unmodified streams, and its part
 * of the API. There is no access check: only this server can enter the directory of the socket.
 */
#include "app/core/listener.h"
#include "app/http/http_exchange.h"

/* Followed by the publication's number (live/registry.h). */
#define WORKER_HTTP_PATH "/pull/"
/* The query: the time since which the stream is wanted (clock_now(), the same for all workers). */
#define WORKER_HTTP_SINCE "since"

/* A link of the chain for such connections. NULL if out of memory. */
struct http_handler *worker_http_new(struct http_handler *next);

/* The socket at which the other workers connect to this one. A row of the tables. */
extern const struct listener_type worker_http_listener;

#endif
