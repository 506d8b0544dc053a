#ifndef APP_WORKERS_WORKER_HTTP_H
#define APP_WORKERS_WORKER_HTTP_H

/*
 * What a worker serves to the others at its own socket: its streams as they were
 * published, and its part of the API. Nobody is asked who he is there: the socket lies in a folder
 * that only this server may enter.
 */
#include "app/core/listener.h"
#include "app/http/http_exchange.h"

/* Followed by the publication's number (live/registry.h). */
#define WORKER_HTTP_RELAY "/relay/"
/* The query: since when it is wanted there (clock_now(), which is the same for all). */
#define WORKER_HTTP_SINCE "since"

/* The end of the chain for such connections; behind it stands next. NULL without memory. */
struct http_handler *worker_http_new(struct http_handler *next);

/* The socket at which the other workers ask this one. A row of the tables. */
extern const struct listener_type worker_http_listener;

#endif
