#ifndef APP_HTTP_HTTP_LIVE_H
#define APP_HTTP_HTTP_LIVE_H

/*
 * The live part of the HTTP chain: a request for a mounted stream becomes a
 * viewer; one for a stream nobody publishes waits for it (hstrs); anything else goes on.
 */
#include "app/http/http_exchange.h"

struct server;

/* The chain's link; next is static. NULL without memory. */
struct http_handler *http_live_new(struct http_handler *next);

/* Another worker asks for a stream that is published here: as it was published, at once. The query
 * says since when it is wanted there (clock_now(), which is the same for all). */
#define HTTP_LIVE_SINCE "since"
struct source;
struct err *http_live_serve_worker(struct http_exchange *x, struct source *source, usec_t timeout);

/* A stream by its names; place: what its key begins with, the vhost's name or another. */
struct config_vhost;
struct http_live_name {
    const struct config_vhost *vhost; /* whose directives count */
    const char *place, *app, *stream;
};
struct err *http_live_serve_name(struct http_exchange *x, const struct http_live_name *name,
                                 usec_t timeout);

/* The handler of a mount in the serve-mux (struct stream_mount). */
struct err *http_live_serve_mount(struct http_handler *self, struct http_exchange *x,
                                  usec_t timeout);

#endif
