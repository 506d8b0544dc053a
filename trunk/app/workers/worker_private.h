#ifndef APP_WORKERS_WORKER_PRIVATE_H
#define APP_WORKERS_WORKER_PRIVATE_H

/*
 * What worker.c (the process), worker_claim.c (who has which stream), worker_stream.c (what is told
 * of one) and worker_pull.c (fetching it) share, and nobody else.
 */
#include "app/workers/worker.h"
#include "base/yield.h"
#include "co/co.h"
#include "live/registry.h"
#include "live/stream_clock.h"

/* How long a pull continues without viewers, or after the end of its publication. */
#define WORKER_PULL_LINGER (2 * USEC_PER_SEC)
#define WORKER_PULL_STALE  USEC_PER_SEC

struct net_conn;
struct pull;

/* A stream of another worker, published here from there. Lives as long as its pull. */
struct worker_pull {
    struct worker_pull *prev, *next;
    struct worker *worker;
    struct stream *stream; /* NULL: given up, be it for a publisher of our own */
    struct source *source; /* held */
    struct pull *pull;
    struct publication *publication;
    struct registry_holder holder;
    usec_t stale_since; /* the publication is over, what is under way still comes; 0: it is not */
    usec_t watched_at;  /* when somebody last did */
};

struct worker {
    struct server *server;
    const struct observer *row; /* worker_observer */
    /* Looks again whether a stream that is wanted here is to be had from another worker. */
    void (*look)(struct worker *worker, struct stream *stream);
    struct worker_share *share;
    int slot;
    struct net_conn *notify_fd;      /* the registry has changed, or the master asks */
    struct co *listener;             /* waits for that */
    struct net_conn *handoff_socket; /* connections that others hand over */
    struct co *handoff_acceptor;     /* takes them */
    worker_take_fn take;
    struct worker_pull *pulls;
    struct co_cond ended; /* a pull has */
    struct co_cond told;  /* the registry has changed, or a pull has let go of its stream */
};

/* What a worker keeps of each stream. */
struct worker_stream {
    uint64_t claim;                 /* our publication's number among the workers; 0: none */
    uint8_t is_reserved;            /* by a pull, which may have nothing of it yet */
    uint32_t asked;                 /* the newest question whether its publisher is there */
    struct stream_clock_cell *time; /* of the workers' stream_clock; NULL: no room */
    uint64_t time_number;           /* of the publication here whose time stands in it; 0: none */
    usec_t wanted_at;               /* when the first of those came who watch now */
    struct worker_pull *pull;       /* published here from another worker; else NULL */
};

/* Only where the process is a worker. */
struct worker_stream *worker_stream_of(const struct stream *stream);

/* From here on connections that others hand over are taken. */
struct err *worker_handoff_open(struct worker *worker);
MAY_YIELD void worker_handoff_close(struct worker *worker);

/* Starts one; the stream has none. */
void worker_pull_start(struct worker *worker, struct stream *stream,
                       const struct registry_holder *holder);
/* It publishes no more from here on, and ends as soon as it runs. */
void worker_pull_drop(struct worker_pull *own);
/* Other servers that ask for the stream have said more: a pull that waits passes it on. */
void worker_pull_again(struct stream *stream, void *state);
/* The registry says that the publication is over, or another one. */
void worker_pull_stale(struct worker_pull *own, usec_t now);

/* worker_stream.c: the observer's functions. */
void worker_stream_attach(struct stream *stream, void *state);
void worker_stream_detach(struct stream *stream, void *state);
void worker_stream_on_publish(struct stream *stream, void *state);
void worker_stream_on_unpublish(struct stream *stream, void *state);
void worker_stream_on_data(struct stream *stream, void *state);
void worker_stream_on_watched(struct stream *stream, void *state);
void worker_stream_on_facts(struct stream *stream, void *state);
int worker_stream_facts(const struct stream *stream, const void *state, struct source_facts *facts);
/* A publication of ours is in the source now: its time continues from the latest position at any
 * worker. */
void worker_stream_opened(struct publication *p, uint64_t token);
/* Waits for the rest of what was published before: this worker's pull ends, and whoever was put out
 * lets go. */
void worker_stream_settle(struct publication *p, uint64_t token, usec_t timeout);
/* Until those at other workers who waited for it get it. */
MAY_YIELD void worker_stream_linger(struct publication *p, uint64_t token);

#endif
