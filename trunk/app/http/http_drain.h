#ifndef APP_HTTP_HTTP_DRAIN_H
#define APP_HTTP_HTTP_DRAIN_H

/*
 * What newcomers are told by a server that is about to end: grace_redirect names
 * servers that they are sent on to.
 */
#include "app/http/http_exchange.h"

/*
 * A request that would become a viewer. *is_done: it was answered, with 302 while there is
 * somewhere to go, or with 503 once the server takes nobody any more.
 */
struct err *http_drain_answer(struct http_exchange *x, int *is_done, usec_t timeout);

#endif
