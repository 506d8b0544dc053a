#ifndef APP_HTTP_HTTP_LIVE_PRIVATE_H
#define APP_HTTP_HTTP_LIVE_PRIVATE_H

/*
 * What http_live.c (which stream an address is of) and http_live_viewer.c (who watches it) share,
 * and nobody else.
 */
#include "app/http/http_exchange.h"
#include "live/source.h"
#include "media/mux.h"

struct config_vhost;

/*
 * The request's answer is the stream: takes the connection over. There is no other way to a
 * viewer, so it is here that the client's right to it is asked.
 */
struct err *http_live_take(struct http_exchange *x, struct source *source,
                           const struct config_vhost *vhost, const struct mux *mux, usec_t timeout);

#endif
