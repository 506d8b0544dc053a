#ifndef APP_CONTROL_HTTP_API_H
#define APP_CONTROL_HTTP_API_H

/*
 * The HTTP API under /api/v1/, in the JSON shape that consoles for SRS expect: a link of the HTTP
 * chain. http_api's own addresses serve everything; http_server's, if it has others, serve only
 * versions and streams. app/http/api_access.h says who may ask. Names of streams are shown, never
 * their parameters. `http_api { enabled; }` switches the API, and is checked for each request.
 */
#include "app/http/http_exchange.h"

/* next: NULL for the chain of http_api's own listeners; borrowed. NULL if out of memory. */
struct http_handler *http_api_new(struct http_handler *next);

/* The list of streams for the player page: public, read-only, without their clients, whatever
 * password the API asks for. A link of http_server's chain. */
#define HTTP_API_LIST "/players/streams.json"
struct http_handler *http_api_list_new(struct http_handler *next);

/* Whether the whole API is served where this request arrived, and not only its public part. */
int http_api_has_all(const struct http_exchange *x);

#endif
