#ifndef APP_HTTP_CORS_H
#define APP_HTTP_CORS_H

/*
 * Cross-origin answers (`http_server { crossdomain on; }`) and OPTIONS: the first link of the
 * chain, so that errors and redirects have the header lines too. Reads the configuration for each
 * request.
 */
#include "app/http/http_exchange.h"

/*
 * Appends the answer's CORS lines to x->extra, if CORS is on: for answers to requests that never
 * reach the chain. 0 or -1.
 */
int cors_append(struct http_exchange *x);

/* NULL if out of memory. next is borrowed. */
struct http_handler *cors_new(struct http_handler *next);

/*
 * Whether the page that sent a WebSocket request may use this server (browsers do not apply CORS to
 * WebSockets): with crossdomain on every page, else the server's own pages, by Host. Requests
 * without Origin, which browsers never send, are allowed.
 */
int cors_allows_page(const struct http_exchange *x);

/* Whether a page of another origin sent the request, as its Origin line says; without one: no. */
int cors_is_other_page(const struct http_exchange *x);

/* Whether these are the same host; an IPv6 address may have brackets. */
int cors_is_same_host(const char *a, const char *b);

#endif
