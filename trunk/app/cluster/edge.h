#ifndef APP_CLUSTER_EDGE_H
#define APP_CLUSTER_EDGE_H

/*
 * Streams that are fetched from other servers while they have viewers: those of a vhost whose
 * cluster mode is remote, and those of http_pull's sources. The first viewer, over any protocol,
 * starts one pull; it ends shortly after the last viewer leaves.
 */
#include "app/cluster/pull.h"
#include "app/config/config.h"
#include "app/config/origin.h"
#include "app/stream/gate.h"
#include "app/stream/observer.h"

struct server;
struct stream;

/* The rows: the observer starts and ends pulls; the gate checks the claims of other servers, and
 * asks the origin about a client. */
extern const struct observer edge_observer;
extern const struct gate edge_gate;

/* True for a vhost whose streams are fetched from origins. */
int edge_is_remote(const struct config_vhost *vhost);
/* True for a stream that is fetched from another server. */
int edge_fetches(const struct stream *stream);
/* True when a pull of the stream could not start: waiting for it is pointless. */
int edge_is_full(const struct stream *stream);
/* False for a stream whose name cannot be expressed in the origin's protocol: it is never
 * requested. */
int edge_can_ask(const struct stream *stream, const struct config_vhost *vhost);

/*
 * A viewer that connected over `scheme` (ORIGIN_RTMP, ORIGIN_FLV) wants to play. With follow_client
 * the origin is asked over the same protocol. With token_traverse an origin is asked whether a
 * viewer with these parameters ("a=b", "") may play. ERR_DENIED with the reason if not; NULL also
 * when no origin can be asked.
 */
struct err *edge_ask(struct stream *stream, const struct config_vhost *vhost,
                     enum origin_scheme scheme, const char *param, usec_t timeout);

/* Which other server has the stream of this key ("vhost/app/stream"), by the vhost's directory or
 * its coworkers. 0 with *place, or -1. */
int edge_lookup(struct server *server, const struct config_vhost *vhost, const char *key,
                struct directory_place *place, usec_t timeout);

/* The i-th origin of a vhost, "host[:port]", for this protocol; NULL after the last. */
const char *edge_origin(const struct config_vhost *vhost, enum origin_scheme scheme, int i,
                        char *out, size_t cap);

#endif
