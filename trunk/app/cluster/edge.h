#ifndef APP_CLUSTER_EDGE_H
#define APP_CLUSTER_EDGE_H

/*
 * Streams that come from elsewhere while somebody watches: those of a vhost
 * whose cluster is remote, and those of http_pull's sources. The first viewer, over
 * whatever protocol, starts one pull; a moment after the last one it ends.
 */
#include "app/cluster/pull.h"
#include "app/config/config.h"
#include "app/config/origin.h"
#include "app/stream/gate.h"
#include "app/stream/observer.h"

struct server;
struct stream;

/* The rows: what starts and ends pulls; what other servers and the origin say of a client. */
extern const struct observer edge_observer;
extern const struct gate edge_gate;

/* True for a vhost whose streams are fetched. */
int edge_is_remote(const struct config_vhost *vhost);
/* True for a stream that is. */
int edge_fetches(const struct stream *stream);
/* True when a pull of the stream could not start: waiting for it is pointless. */
int edge_is_full(const struct stream *stream);
/* False for a stream whose name the origin's protocol has no spelling for: it is never asked for.
 */
int edge_can_ask(const struct stream *stream, const struct config_vhost *vhost);

/*
 * A viewer wants to play, who came by this protocol (ORIGIN_RTMP, ORIGIN_FLV): follow_client asks
 * the origin by the same. token_traverse: asks an origin whether one with these parameters
 * ("a=b", "") may. ERR_DENIED with the reason if not; NULL also when no origin can be asked.
 */
struct err *edge_ask(struct stream *stream, const struct config_vhost *vhost,
                     enum origin_scheme scheme, const char *param, usec_t timeout);

/* The i-th origin of a vhost, "host[:port]", to be asked by this protocol; NULL after the last. */
const char *edge_origin(const struct config_vhost *vhost, enum origin_scheme scheme, int i,
                        char *out, size_t cap);

#endif
