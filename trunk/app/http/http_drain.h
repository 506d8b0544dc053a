#ifndef APP_HTTP_HTTP_DRAIN_H
#define APP_HTTP_HTTP_DRAIN_H

/*
 * How a draining server answers new clients: it redirects them to the servers of grace_redirect.
 */
#include "app/http/http_exchange.h"

/*
 * A request that would become a viewer. *is_done: it was answered, with 302 while there is
 * somewhere to go, or with 503 once the server takes nobody any more.
 */
struct err *http_drain_answer(struct http_exchange *x, int *is_done, usec_t timeout);

#endif
