#ifndef APP_STREAM_OBSERVER_H
#define APP_STREAM_OBSERVER_H

/*
 * Who wants to know what happens at streams. A feature is one row: it has a state of its own in the
 * server and one in each stream, and is told of what happens; nobody calls it by name. All
 * functions may be NULL. None of them yields but those that take a timeout or bear MAY_YIELD.
 *
 *   source ──event──▶ stream.c ──▶ row 0 (mounts)    own[0]   state at offset[0] in the stream
 *                              ──▶ row 1 (fan-out)   own[1]   state at offset[1]
 *                              ──▶ …
 */
#include "app/core/server.h"
#include "base/yield.h"
#include "live/source.h"

struct stream;
struct viewer;

struct observer {
    const char *name;
    size_t state_size; /* of its state in each stream; zeroed when the stream is made */

    /* The process, in the order of the rows. open() may set *own; start() comes when the
     * configuration is checked and before listeners open. */
    struct err *(*open)(struct server *server, void **own);
    struct err *(*start)(struct server *server, void *own);
    /* The listeners are open. */
    struct err *(*ready)(struct server *server, void *own);
    /* Every 100 ms while there are streams. */
    void (*tick)(struct server *server, void *own, usec_t now);
    /* The end, in the reverse order: no new connections are wanted; none is taken any more; all
     * connections are gone, what is left ends within timeout. close() frees own. */
    void (*leave)(struct server *server, void *own);
    MAY_YIELD void (*halt)(struct server *server, void *own);
    void (*stop)(struct server *server, void *own, usec_t timeout);
    MAY_YIELD void (*close)(struct server *server, void *own);

    /* A stream is made, and let go. */
    void (*attach)(struct stream *stream, void *state);
    void (*detach)(struct stream *stream, void *state);
    /* live/source.h says when. */
    void (*on_publish)(struct stream *stream, void *state);
    void (*on_unpublish)(struct stream *stream, void *state);
    void (*on_gone)(struct stream *stream, void *state);
    void (*on_data)(struct stream *stream, void *state);
    void (*on_viewers)(struct stream *stream, void *state);
    void (*on_watched)(struct stream *stream, void *state);
    void (*on_facts)(struct stream *stream, void *state);
    /* This viewer holds too much dropped memory: 1 when it was this row's, which closes it. */
    int (*on_evict)(struct stream *stream, void *state, struct viewer *viewer);
    /* No process of this server has the stream any more. */
    void (*on_unclaimed)(struct stream *stream, void *state);

    /* What other servers are to be told of the stream has changed: a row that waits for it reports
     * it. */
    void (*on_ask_again)(struct stream *stream, void *state);

    /* Whether it brings the stream here, or would for a viewer who waits. */
    int (*is_coming)(const struct stream *stream, const void *state);
    /* Whether another process of this server publishes it, and it is only relayed here. */
    int (*is_relayed)(const struct stream *stream, const void *state);
    /* What is known of the stream elsewhere, where more is known than here: 1 with *facts. */
    int (*facts)(const struct stream *stream, const void *state, struct source_facts *facts);
    /* Whether another process of this server has the stream of this key. */
    int (*is_elsewhere)(const struct server *server, const void *own, const char *key);
    /* Whether streams of this vhost come from elsewhere when somebody watches. */
    int (*fetches)(const struct config_vhost *vhost);
    /* Whether another server is known to have the stream of this key; asks it within timeout. */
    int (*is_remote)(struct server *server, const struct config_vhost *vhost, const char *key,
                     usec_t timeout);
};

/* Lays out the states in the streams; before any stream is made. */
void observer_layout(struct server *server);

/* A row's state in the server, and in a stream; NULL where the server has no such row. */
void *observer_own(const struct server *server, const struct observer *row);
void *observer_state(const struct stream *stream, const struct observer *row);
/* Sets the first, for a row whose state main makes. */
void observer_set_own(struct server *server, const struct observer *row, void *own);

/* The process's steps, for all rows. An error of one row ends the step. */
struct err *observers_open(struct server *server);
struct err *observers_start(struct server *server);
struct err *observers_ready(struct server *server);
void observers_tick(struct server *server, usec_t now);
void observers_leave(struct server *server);
MAY_YIELD void observers_halt(struct server *server);
void observers_stop(struct server *server, usec_t timeout);
MAY_YIELD void observers_close(struct server *server);

/* True when one row says so (struct observer). */
int observers_are_elsewhere(const struct server *server, const char *key);
int observers_fetch(const struct tables *tables, const struct config_vhost *vhost);
int observers_are_remote(struct server *server, const struct config_vhost *vhost, const char *key,
                         usec_t timeout);

#endif
