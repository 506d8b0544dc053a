#ifndef APP_HTTP_HTTP_PUBLISH_H
#define APP_HTTP_HTTP_PUBLISH_H

/*
 * Publishing over HTTP: a POST or PUT of FLV to the address of a stream, with `publish { http on;
 * }`. It passes the gates and the publication as an RTMP publisher does. The request's body is read
 * as it comes, and the answer follows its end.
 */
#include "app/http/http_exchange.h"

/* A link of the chain before those that serve streams. NULL if out of memory. */
struct http_handler *http_publish_new(struct http_handler *next);

/* Whether the body of such a request is a stream: it has no limit, and its handler reads it. */
int http_publish_is_stream(const struct http_message *request);

#endif
