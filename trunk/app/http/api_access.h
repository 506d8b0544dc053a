#ifndef APP_HTTP_API_ACCESS_H
#define APP_HTTP_API_ACCESS_H

/*
 * Access to the API: from this machine only, unless `http_api { open on; }`. Never yields.
 */
#include "app/http/http_exchange.h"

#define API_ACCESS_PREFIX "/api/v1/"

/* Whether a request is for the API, and whether this path is public: public paths are also served
 * at http_server's address when http_api has another, and to pages of other sites. */
int api_access_has(const struct http_exchange *x);
int api_access_is_public(const char *path);

/* NULL: the client may read everything. Else the reason why not (constant, for the answer): then
 * only public paths are served. */
const char *api_access_check(const struct http_exchange *x);

#endif
