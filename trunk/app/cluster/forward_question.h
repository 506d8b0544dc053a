#ifndef APP_CLUSTER_FORWARD_QUESTION_H
#define APP_CLUSTER_FORWARD_QUESTION_H

/* Asks a backend to which servers a published stream is forwarded. */
#include "app/cluster/forward_json.h"
#include "app/config/config.h"

struct stream;

/* ERR_CLOSED: the publisher has disconnected meanwhile. ERR_DENIED: the backend has answered that
 * the stream is not forwarded. */
struct err *forward_question_ask(const struct stream *stream, const char *backend,
                                 const struct config_forward *config, struct forward_urls *urls,
                                 usec_t timeout);

#endif
