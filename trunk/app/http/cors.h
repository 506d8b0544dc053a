#ifndef APP_HTTP_CORS_H
#define APP_HTTP_CORS_H

/*
 * Cross-origin answers (`http_server { crossdomain on; }`) and OPTIONS: the first in
 * the chain, so that errors and redirects bear the lines too. Looks at the
 * configuration at each request.
 */
#include "app/http/http_exchange.h"

/*
 * Appends the answer's CORS lines to x->extra, if they are switched on: for an answer to what
 * never reached the chain. 0 or -1.
 */
int cors_append(struct http_exchange *x);

/* NULL without memory. next is borrowed. */
struct http_handler *cors_new(struct http_handler *next);

/*
 * Whether the page that a request comes from may use this server without CORS, which does not bind
 * WebSockets: with crossdomain on any page, else one of this server's own, by its Host. So
 * may a request without Origin, which no browser sends.
 */
int cors_allows_page(const struct http_exchange *x);

#endif
