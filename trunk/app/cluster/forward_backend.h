#ifndef APP_CLUSTER_FORWARD_BACKEND_H
#define APP_CLUSTER_FORWARD_BACKEND_H

/*
 * forward's backend: a server of the operator's that is asked, for each stream that is
 * published, where to forward it to.
 */
#include "app/cluster/forward_json.h"
#include "base/clock.h"
#include "co/tls.h"

/* Posts a question of forward_json_question()'s and reads the answer. tls is for https; NULL: there
 * is none. */
struct err *forward_backend_ask(const char *backend, const char *body, struct tls *tls,
                                const struct origin_stream *stream, struct forward_urls *out,
                                usec_t timeout);

#endif
