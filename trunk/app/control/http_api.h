#ifndef APP_CONTROL_HTTP_API_H
#define APP_CONTROL_HTTP_API_H

/*
 * The HTTP API under /api/v1/, in the JSON shape that consoles for SRS know: a link
 * of the HTTP chain. Everything is served at http_api's own address; at http_server's,
 * when it is another one, only what the player page needs (versions and streams).
 * What is not public is answered to this machine only unless `open` (app/api_access.h).
 * Names of streams are shown, never their parameters. Switched by `http_api { enabled; }`,
 * looked at with each request.
 */
#include "app/core/listener.h"
#include "app/http/http_exchange.h"

/* next: NULL for the chain of http_api's own listeners. NULL without memory. next is borrowed. */
struct http_handler *http_api_new(struct http_handler *next);

/* Its own listeners. A row of the tables. */
extern const struct listener_type http_api_listener;

#endif
