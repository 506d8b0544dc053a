#ifndef APP_HTTP_HTTP_STATIC_H
#define APP_HTTP_HTTP_STATIC_H

/*
 * Static files: `http_static` of the request's vhost, then `http_server.dir` for every host. The
 * last link of the chain: answers 404 for what it does not find. Reads the configuration for each
 * request.
 */
#include "app/http/http_exchange.h"

/* Whether there is a file at the request's address. Does not yield. */
int http_static_has(struct http_exchange *x);

/* NULL if out of memory. */
struct http_handler *http_static_new(struct http_handler *next);

#endif
