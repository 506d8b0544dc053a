#ifndef APP_HTTP_API_H
#define APP_HTTP_API_H

/*
 * The HTTP API under /api/v1/, in the JSON shape that consoles for SRS know: a link
 * of the HTTP chain. Everything is served at http_api's own address; at http_server's,
 * when it is another one, only what the player page needs (versions and streams).
 * What is not public is answered to this machine only unless `open` (app/api_access.h).
 * Names of streams are shown, never their parameters. Switched by `http_api { enabled; }`,
 * looked at with each request.
 */
#include "app/http_exchange.h"

struct config;

/* Whether an address is the API's, and whether what it answers is public. */
int http_api_has(const struct http_exchange *x);
int http_api_is_public(const char *path);

/* next: NULL for the chain of http_api's own listeners. NULL without memory. next is borrowed. */
struct http_handler *http_api_new(struct http_handler *next);
void http_api_free(struct http_handler *handler);

/* Whether this address of http_api's `listen` is one of http_server's, too: one listener serves
 * both then. */
int http_api_is_shared(const struct config *config, const char *endpoint);

#endif
