#ifndef APP_HTTP_HTTP_LIVE_PRIVATE_H
#define APP_HTTP_HTTP_LIVE_PRIVATE_H

/*
 * Shared by http_live.c (finds the stream of an address) and http_live_viewer.c (runs its viewers)
 * only.
 */
#include "app/http/http_exchange.h"
#include "live/source.h"
#include "media/mux.h"

struct config_vhost;

/*
 * Answers the request with the stream and takes the connection over. Every HTTP viewer passes here,
 * so this function asks the gates for permission.
 */
struct err *http_live_take(struct http_exchange *x, struct source *source,
                           const struct config_vhost *vhost, const struct mux *mux, usec_t timeout);

#endif
