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

/* The socket that the master has opened for this address and kind (enum server_kind), the caller's
 * from now on; -1: none. */
int worker_port(const struct worker *worker, const char *endpoint, int kind);

/* Whether this worker listens there: a UNIX socket cannot be shared, the first one has it. */
int worker_listens(const struct worker *worker, const char *endpoint);

/* The listeners are open: the master and the others may know. */
struct err *worker_ready(struct worker *worker);

/*
 * A connection that this worker has just accepted, of this kind (enum server_kind): 1 when another
 * one that has fewer has taken it, 0 to keep it.
 */
int worker_hand_over(struct worker *worker, int kind, int fd);
/* The others hand over nothing more from here on; and what they have handed over is not taken any
 * more: it is for the one that comes in this one's place. */
void worker_leaves(struct worker *worker);
void worker_door_close(struct worker *worker);

/*
 * A publisher asks for the stream, of all workers. 0, or -1: another has it. A relay of it
 * ends here and now. print: see registry.h, or NULL.
 */
int worker_claim(struct stream *stream, const uint8_t *print, enum registry_takeover takeover);
/* The same for an encoder: others fetch it from worker_opens() on, and the relay goes on until
 * worker_settle(). */
int worker_claim_early(struct stream *stream, const uint8_t *print,
                       enum registry_takeover takeover);
/* Waits for the rest of what was published before: this worker's relay ends, and who was put out
 * lets go. */
void worker_settle(struct stream *stream, usec_t timeout);
/* The source is published now, by who has the claim: the stream's time goes on from where it stands
 * at any worker. And it is not any more. */
void worker_opens(struct stream *stream);
void worker_closes(struct stream *stream);
/* Before that, as stream_linger(): until those at other workers who waited for it get it. A worker
 * that is busy may take longer. */
#define WORKER_LINGER (3 * USEC_PER_SEC)
void worker_linger(struct stream *stream, usec_t timeout);
/* A relay brings the stream here from now on. */
void worker_plays(struct stream *stream);
/* Frames have come. */
void worker_time(struct stream *stream);
/* Somebody has begun to watch it here, or nobody is left who had. */
void worker_watched(struct stream *stream);
/* A source of this name is here now, or not any more. */
void worker_attach(struct stream *stream);
void worker_detach(struct stream *stream);
/* What an origin's pull of a stream that is published elsewhere claims it with: a publisher here
 * takes it over by that. */
extern const uint8_t worker_stray_print[REGISTRY_PRINT_SIZE];
/* The publisher is gone. */
void worker_release(struct stream *stream);

/* One who was refused asks all workers whether the holder is still there: 1 when it is gone. 0:
 * it is there, or nobody says. */
int worker_contest(struct stream *stream, usec_t timeout);
/* The publisher here that was asked for is there; stream->asked is the question. */
void worker_answer(struct stream *stream);

/* What is known of a stream that is published here has changed. */
void worker_describe(struct stream *stream);
/* source_fit(), also of a stream that another worker has. */
enum source_fit worker_fit(const struct stream *stream, const struct mux *mux,
                           enum source_only only);

/* Somebody here wants to watch: if another worker has the stream, it is fetched. */
void worker_want(struct stream *stream);

/* Other servers that ask for the stream have said more: a relay that waits passes it on. */
void worker_relay_again(struct stream *stream);

/* For on_unpublish: a relay whose publication is over ends now that all of it has come. */
void worker_relay_ended(struct stream *stream);

/* True when another worker has this stream ("vhost/app/stream"). */
int worker_is_elsewhere(const struct server *server, const char *key);

/* Relays that nobody watches any more end. Called every 100 ms while there are streams. */
void worker_tick(struct worker *worker, usec_t now);

/* Against the server's limits: NULL, or which one it would break. A connection; and what an
 * address has (app/peer.h). */
/* Tells the others how much memory (bytes) this one has; answers what they have together, and how
 * many there are with this one. */
uint64_t worker_memory(struct worker *worker, uint64_t used, int *workers);

const char *worker_enter(struct worker *worker);
void worker_leave(struct worker *worker);
const char *worker_peer_enter(struct worker *worker, const char *name, uint64_t limit);
void worker_peer_leave(struct worker *worker, const char *name);
/* Connections of a class: so many more (or fewer) here; and how many all workers have, or this
 * process alone, which has `own`. */
void worker_quota_add(struct worker *worker, enum quota_class class, int delta);
void worker_quota_oldest(struct worker *worker, enum quota_class class, usec_t since);
uint64_t worker_quota_count(const struct worker *worker, enum quota_class class, uint64_t own);

/* A stream is to be published here, against max_streams of all workers: 0, or -1. And it is not any
 * more. */
int worker_stream_enter(struct worker *worker, const char *key);
void worker_stream_leave(struct worker *worker, const char *key);

/* For struct tls_options: the secret of all workers' session tickets. arg is the worker. */
int worker_tls_secret(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at);

#endif
