#ifndef APP_CONTROL_HTTP_API_H
#define APP_CONTROL_HTTP_API_H

/*
 * The HTTP API under /api/v1/, in the JSON shape that consoles for SRS expect: a link of the HTTP
 * chain. http_api's own address serves everything; http_server's, if it is another one, serves only
 * what the player page needs (versions and streams). Requests for anything that is not public are
 * answered to this machine only, unless `open` is on (app/http/api_access.h). Names of streams are
 * shown, never their parameters. `http_api { enabled; }` switches the API, and is checked for each
 * request.
 */
#include "app/core/listener.h"
#include "app/http/http_exchange.h"

/* next: NULL for the chain of http_api's own listeners; borrowed. NULL if out of memory. */
struct http_handler *http_api_new(struct http_handler *next);

/* The API's own listeners. A row of the tables. */
extern const struct listener_type http_api_listener;

#endif
