#ifndef APP_CLUSTER_HTTP_PULL_H
#define APP_CLUSTER_HTTP_PULL_H

/*
 * Streams named in the query, "/live?app=myapp&stream=test", as users of nginx-http-flv write it:
 * this server's own, or with src=NAME those of a configured source. A handler of the HTTP chain.
 */
#include "app/config/config.h"
#include "app/config/origin.h"
#include "app/http/http_exchange.h"

/* NULL without memory. next is borrowed. */
struct http_handler *http_pull_new(struct http_handler *next);

/*
 * A stream at a source. place: the source's name, for HTTP optionally followed by ":port", which is
 * passed on. 0, or -1 when there is no such source.
 */
int http_pull_target(const struct config *config, const char *place,
                     const struct origin_stream *stream, struct origin_target *out);

#endif
