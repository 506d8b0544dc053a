#ifndef APP_EDGE_H
#define APP_EDGE_H

/*
 * Streams that come from elsewhere while somebody watches: those of a vhost
 * whose cluster is remote, and those of http_pull's sources. The first viewer, over
 * whatever protocol, starts one pull; a moment after the last one it ends.
 */
#include "app/config.h"
#include "app/origin.h"
#include "app/pull.h"

struct directory_place;
struct server;
struct stream;
struct edge;
struct http_exchange;

/* server is borrowed. NULL without memory. */
struct edge *edge_new(struct server *server);
/* After edge_stop(). NULL is allowed. */
void edge_free(struct edge *edge);

/* True for a vhost whose streams are fetched. */
int edge_is_remote(const struct config_vhost *vhost);
/* True for a stream that is. */
int edge_fetches(const struct stream *stream);
/* True while what is published here is what was fetched. */
int edge_plays(const struct stream *stream);
/* False for a stream whose name the origin's protocol has no spelling for: it is never asked for.
 */
int edge_can_ask(const struct stream *stream, const struct config_vhost *vhost);
/* True while one more pull may begin, be it in place of one that waits. */
int edge_has_room(const struct edge *edge);

/* The source's on_viewers. */
void edge_on_viewers(struct stream *stream);

/* Its pull has more to say of who asks for the stream: asks anew, unless the stream plays. */
void edge_ask_anew(struct stream *stream);

/*
 * A viewer wants to play, who came by this protocol (ORIGIN_RTMP, ORIGIN_FLV): follow_client asks
 * the origin by the same. token_traverse: asks an origin whether one with these parameters
 * ("a=b", "") may. ERR_DENIED with the reason if not; NULL also when no origin can be asked.
 */
struct err *edge_ask(struct stream *stream, const struct config_vhost *vhost,
                     enum origin_scheme scheme, const char *param, usec_t timeout);

/* The i-th origin of a vhost, "host[:port]", to be asked by this protocol; NULL behind the last. */
const char *edge_origin(const struct config_vhost *vhost, enum origin_scheme scheme, int i,
                        char *out, size_t cap);

/*
 * With a directory (app/directory.h) an origin fetches, too: what is published at another one, for
 * viewers who came to the wrong one. The source's on_publish and on_unpublish:
 */
void edge_on_publish(struct stream *stream);
void edge_on_unpublish(struct stream *stream);
/* An encoder has been granted the stream: what an origin fetches of it from elsewhere is over. */
void edge_give_way(struct stream *stream);
/* It is said that the stream of this key is published there by now. */
void edge_heard(struct server *server, const char *key, const struct directory_place *place);
/* Such words may have been missed: whatever waits is looked up again. */
void edge_look_again(struct server *server);

/* Ends pulls that nobody watches any more. Every 100 ms or so. */
void edge_tick(struct edge *edge, usec_t now);

/* Ends all, and waits for them. */
void edge_stop(struct edge *edge, usec_t timeout);

/* Who is believed with flvs; NULL with *err set. Kept until edge_free(). */
struct tls *edge_tls(struct edge *edge, const char *ca, struct err **err);

#endif
