#ifndef APP_CLUSTER_FORWARD_BACKEND_H
#define APP_CLUSTER_FORWARD_BACKEND_H

/*
 * The backend of forward: a server of the operator that is queried at each publish for the
 * destinations of the stream.
 */
#include "app/cluster/forward_json.h"
#include "base/clock.h"
#include "co/tls.h"

/* Posts the JSON of forward_json_question() and reads the answer. tls is for https; NULL: none. */
struct err *forward_backend_ask(const char *backend, const char *body, struct tls *tls,
                                const struct origin_stream *stream, struct forward_urls *out,
                                usec_t timeout);

#endif
