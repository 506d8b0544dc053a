#ifndef APP_WORKER_H
#define APP_WORKER_H

/*
 * This process as one of the server's workers: the publish lock over all of them, and
 * relays of the streams that others hold. server->worker is NULL where there is one
 * process only: then these do nothing, and a stream is the publisher's who takes it first.
 * Nothing here yields but where a timeout says so.
 */
#include "app/server.h"
#include "app/worker_share.h"
#include "co/tls.h"
#include "live/registry.h"

struct stream;
struct worker;

/* Makes server->worker; both are borrowed. Before server_run(), on the first coroutine. */
struct err *worker_new(struct server *server, struct worker_share *share, int slot);
/* Ends the relays; the server's connections are gone. */
void worker_free(struct worker *worker, usec_t timeout_never);

/* The address of this worker's own listener ("unix:/…"), for the others. */
int worker_endpoint(const struct worker *worker, char *out, size_t cap);

/* Whether this worker listens there: a UNIX socket cannot be shared, the first one has it. */
int worker_listens(const struct worker *worker, const char *endpoint);

/* The listeners are open: the master may know. */
void worker_ready(struct worker *worker);

/*
 * A publisher asks for the stream, of all workers. 0, or -1: another has it. A relay of it
 * ends here and now. print: see registry.h, or NULL.
 */
int worker_claim(struct stream *stream, const uint8_t *print, enum registry_takeover takeover);
/* What an origin's pull of a stream that is published elsewhere claims it with: a publisher here
 * takes it over by that. */
extern const uint8_t worker_stray_print[REGISTRY_PRINT_SIZE];
/* The publisher is gone. */
void worker_release(struct stream *stream);

/* Somebody here wants to watch: if another worker has the stream, it is fetched. */
void worker_want(struct stream *stream);

/* For on_unpublish: a relay whose publication is over ends now that all of it has come. */
void worker_relay_ended(struct stream *stream);

/* True when another worker has this stream ("vhost/app/stream"). */
int worker_is_elsewhere(const struct server *server, const char *key);

/* Relays that nobody watches any more end. Called every 100 ms while there are streams. */
void worker_tick(struct worker *worker, usec_t now);

/* Against the server's limits: NULL, or which one it would break. A connection; and what an
 * address has (app/peer.h). */
const char *worker_enter(struct worker *worker);
void worker_leave(struct worker *worker);
const char *worker_peer_enter(struct worker *worker, const char *ip);
void worker_peer_leave(struct worker *worker, const char *ip);

/* A stream is to be made here, against max_streams of all workers: 0, or -1. And it is gone. */
int worker_stream_enter(struct worker *worker, const char *key);
void worker_stream_leave(struct worker *worker, const char *key);

/* For struct tls_options: the secret of all workers' session tickets. arg is the worker. */
int worker_tls_secret(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);

#endif
