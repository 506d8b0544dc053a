#ifndef APP_API_ACCESS_H
#define APP_API_ACCESS_H

/*
 * Whether the API may be asked: by this machine only, unless `http_api { open on; }`. Never
 * yields.
 */
#include "app/http_exchange.h"

/* NULL: it may be asked for everything. Else why not (constant, for the answer): then only what is
 * public is answered. */
const char *api_access_check(const struct http_exchange *x);

#endif
