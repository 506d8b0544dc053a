#ifndef APP_WORKER_PRIVATE_H
#define APP_WORKER_PRIVATE_H

/*
 * What worker.c (who has which stream) and worker_relay.c (fetching it) share.
 */
#include "app/worker.h"
#include "co/co.h"

/* How long a relay goes on that nobody watches, and one whose publication is over. */
#define WORKER_RELAY_LINGER (2 * USEC_PER_SEC)
#define WORKER_RELAY_STALE  USEC_PER_SEC

struct net_conn;
struct pull;

/* A stream of another worker, published here from there. Lives as long as its pull. */
struct worker_relay {
    struct worker_relay *prev, *next;
    struct worker *worker;
    struct stream *stream; /* NULL: given up, be it for a publisher of our own */
    struct source *source; /* held */
    struct pull *pull;
    struct registry_holder holder;
    usec_t
        stale_since; /* the publication is over, and what is under way still comes; 0: it is not */
    usec_t watched_at; /* when somebody last did */
};

struct worker {
    struct server *server;
    struct worker_share *share;
    int slot;
    struct net_conn *bell;
    struct co *listener;   /* hears the bell */
    struct co *pulse;      /* shows the master that the event loop runs; NULL: it does not ask */
    struct net_conn *door; /* where others hand connections over */
    struct co *porter;     /* takes them */
    struct worker_relay *relays;
    struct co_cond ended; /* a relay has */
    struct co_cond told;  /* the bell was heard, or a relay has let go of its stream */
};

/* From here on connections that others hand over are taken. */
struct err *worker_door_open(struct worker *worker);

/* Starts one; the stream has none. */
void worker_relay_start(struct worker *worker, struct stream *stream,
                        const struct registry_holder *holder);
/* It publishes no more from here on, and ends as soon as it runs. */
void worker_relay_drop(struct worker_relay *relay);
/* The registry says that the publication is over, or another one. */
void worker_relay_stale(struct worker_relay *relay, usec_t now);

/* Looks again whether a stream that is wanted here is to be had from another worker. */
void worker_look(struct worker *worker, struct stream *stream);

#endif
