#ifndef APP_HTTP_LIVE_H
#define APP_HTTP_LIVE_H

/*
 * The live part of the HTTP chain: a request for a mounted stream becomes a
 * viewer; one for a stream nobody publishes waits for it (hstrs); anything else goes on.
 */
#include "app/http_exchange.h"

struct server;

/* The chain's link; next is static. NULL without memory. Freed with http_live_free(). */
struct http_handler *http_live_new(struct http_handler *next);
void http_live_free(struct http_handler *handler);

/* The handler of a mount in the serve-mux (struct stream_mount). */
struct err *http_live_serve_mount(struct http_handler *self, struct http_exchange *x,
                                  usec_t timeout);

#endif
