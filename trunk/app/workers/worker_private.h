#ifndef APP_WORKERS_WORKER_PRIVATE_H
#define APP_WORKERS_WORKER_PRIVATE_H

/*
 * Shared by worker.c (the process), worker_shared.c, worker_claim.c (which worker has which
 * stream), worker_stream.c (facts and clock of a stream) and worker_pull.c (pulls) only.
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
struct reload_ops;

/* A pull of another worker's stream, which is published here. Lives as long as its pull. */
struct worker_pull {
    struct worker_pull *prev, *next;
    struct worker *worker;
    struct stream *stream; /* NULL: given up, maybe for a local publisher */
    struct source *source; /* held */
    struct pull *pull;
    struct publication *publication;
    struct registry_holder holder;
    usec_t stale_since; /* when the publication ended, while its last frames arrive; 0: not ended */
    usec_t watched_at;  /* when it last had a viewer */
};

struct worker {
    struct server *server;
    const struct observer *row; /* worker_observer */
    /* Checks again whether another worker has a stream that is wanted here. */
    void (*look)(struct worker *worker, struct stream *stream);
    struct worker_share *share;
    int slot;
    struct net_conn *notify_fd;      /* the registry has changed, or the master asks */
    struct co *listener;             /* waits for that */
    struct net_conn *handoff_socket; /* connections that other workers hand over */
    struct co *handoff_acceptor;     /* takes them */
    server_take_fn take;
    const struct reload_ops *reload_ops; /* NULL: not yet */
    void *reload_plan;                   /* prepared, not committed; NULL: none */
    uint32_t reload_order;               /* the last order of the master */
    struct worker_pull *pulls;
    struct co_cond ended;   /* a pull has ended */
    struct co_cond changed; /* the registry has changed, or a pull has released its stream */
};

/* A worker's state in each stream. */
struct worker_stream {
    uint64_t claim;                 /* the number of our publication; 0: none */
    uint8_t is_reserved;            /* by a pull, which may have no media yet */
    uint32_t asked;                 /* the newest question whether its publisher is alive */
    struct stream_clock_cell *time; /* of the workers' stream_clock; NULL: no room */
    uint64_t time_number;           /* the local publication that writes it; 0: none */
    usec_t wanted_at;               /* when the first of the current viewers arrived */
    struct worker_pull *pull;       /* publishes the stream here from another worker; else NULL */
};

/* Only in a process that is a worker. */
struct worker_stream *worker_stream_of(const struct stream *stream);

/* worker_shared.c: for the server of a worker. */
extern const struct server_shared worker_shared;

/* As hand_over of struct server_shared. */
int worker_handoff_give(void *arg, int type, int fd);
/* Starts taking connections that other workers hand over. */
struct err *worker_handoff_open(struct worker *worker);
MAY_YIELD void worker_handoff_close(struct worker *worker);

/* Starts a pull; the stream must have none. */
void worker_pull_start(struct worker *worker, struct stream *stream,
                       const struct registry_holder *holder);
/* Ends its publication at once; the pull ends as soon as its coroutine runs. */
void worker_pull_drop(struct worker_pull *own);
/* The via_chain claims of the stream have grown: a waiting pull passes them on. */
void worker_pull_again(struct stream *stream, void *state);
/* The registry says that the publication has ended or was replaced. */
void worker_pull_stale(struct worker_pull *own, usec_t now);

/* worker_stream.c: the observer's functions. */
void worker_stream_attach(struct stream *stream, void *state);
void worker_stream_detach(struct stream *stream, void *state);
void worker_stream_on_publish(struct stream *stream, void *state);
void worker_stream_on_unpublish(struct stream *stream, void *state);
void worker_stream_on_data(struct stream *stream, void *state);
void worker_stream_on_watched(struct stream *stream, void *state);
void worker_stream_on_facts(struct stream *stream, void *state);
int worker_stream_find(const struct server *server, const void *own, const char *key,
                       struct source_peer *peer, struct source_facts *facts);
int worker_stream_facts(const struct stream *stream, const void *state, struct source_facts *facts);
/* Our publication has the source now: its timestamps continue from the latest position at any
 * worker. */
void worker_stream_opened(struct publication *p, uint64_t token);
/* Waits for the rest of the previous publication: this worker's pull ends, and an evicted publisher
 * releases the stream. */
void worker_stream_settle(struct publication *p, uint64_t token, usec_t timeout);
/* Waits until viewers that wait at other workers have received it. */
MAY_YIELD void worker_stream_linger(struct publication *p, uint64_t token);

#endif
