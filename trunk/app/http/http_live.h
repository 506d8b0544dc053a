#ifndef APP_HTTP_HTTP_LIVE_H
#define APP_HTTP_HTTP_LIVE_H

/*
 * The live part of the HTTP chain. A request for a mounted stream becomes a viewer; a request for a
 * stream without a publisher waits for it (hstrs); all others go to the next link.
 */
#include "app/http/http_exchange.h"

struct server;

/* The chain's link; next is static. NULL if out of memory. */
struct http_handler *http_live_new(struct http_handler *next);

/* Another worker requests a stream that is published here: it gets the unmodified stream, frame by
 * frame. The query contains the time since which that worker wants it (clock_now(), which is the
 * same for all workers). */
#define HTTP_LIVE_SINCE "since"
struct source;
struct err *http_live_serve_worker(struct http_exchange *x, struct source *source, usec_t timeout);

/* A stream by its names. place: the first part of its key, the vhost's name or another. */
struct config_vhost;
struct http_live_name {
    const struct config_vhost *vhost; /* the vhost whose directives apply */
    const char *place, *app, *stream;
};
struct err *http_live_serve_name(struct http_exchange *x, const struct http_live_name *name,
                                 usec_t timeout);

/* The handler of a mount in the serve-mux (struct http_mount). */
struct err *http_live_serve_mount(struct http_handler *self, struct http_exchange *x,
                                  usec_t timeout);

#endif
