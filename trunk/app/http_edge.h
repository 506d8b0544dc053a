#ifndef APP_HTTP_EDGE_H
#define APP_HTTP_EDGE_H

/*
 * What is asked of an HTTP request for a stream before it becomes a viewer, where other
 * servers are concerned: whether it comes from one, and what the origin says of it.
 */
#include "app/config.h"
#include "app/http_exchange.h"
#include "live/source.h"

/*
 * A relay of ours gets the stream as it was published: *mux changes. *is_done: it was answered with
 * a refusal, be it a loop of servers or the origin's (token_traverse).
 */
struct err *http_edge_ask(struct http_exchange *x, const struct config_vhost *vhost,
                          struct source *source, const struct mux **mux, int *is_done,
                          usec_t timeout);

/* Whether the directory says that another server has this stream. */
int http_edge_is_elsewhere(struct http_exchange *x, const struct config_vhost *vhost,
                           const char *app, const char *name, usec_t timeout);

#endif
