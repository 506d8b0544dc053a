#ifndef APP_HTTP_API_ACCESS_H
#define APP_HTTP_API_ACCESS_H

/*
 * Whether the API may be asked: by this machine only, unless `http_api { open on; }`. Never
 * yields.
 */
#include "app/http/http_exchange.h"

#define API_ACCESS_PREFIX "/api/v1/"

/* Whether a request is for the API, and whether what is at this path is public: also answered at
 * http_server's address when http_api has another, and to pages of other sites. */
int api_access_has(const struct http_exchange *x);
int api_access_is_public(const char *path);

/* NULL: it may be asked for everything. Else why not (constant, for the answer): then only what is
 * public is answered. */
const char *api_access_check(const struct http_exchange *x);

#endif
