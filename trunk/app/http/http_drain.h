#ifndef APP_HTTP_HTTP_DRAIN_H
#define APP_HTTP_HTTP_DRAIN_H

/*
 * How a draining server answers new clients: it redirects them to the servers of grace_redirect.
 */
#include "app/http/http_exchange.h"

/*
 * A request that would become a viewer. DONE: it was answered, with 302 where grace_redirect names
 * a server, or with 503 once the listeners are closed.
 */
enum http_step http_drain_answer(struct http_exchange *x, usec_t timeout);

#endif
