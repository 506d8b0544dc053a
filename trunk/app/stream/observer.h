#ifndef APP_STREAM_OBSERVER_H
#define APP_STREAM_OBSERVER_H

/*
 * A feature that follows events of streams is one row. It has a state of its own in the server and
 * one in each stream, and receives events; no other code calls it by name. All functions may be
 * NULL. Only functions with a timeout or with MAY_YIELD may yield.
 *
 *   source ──event──▶ stream.c ──▶ row 0 (mounts)    own[0]   state at offset[0] in the stream
 *                              ──▶ row 1 (fan-out)   own[1]   state at offset[1]
 *                              ──▶ …
 */
#include "app/core/server.h"
#include "base/yield.h"
#include "live/source.h"

struct finished_segment;
struct recorded_file;
struct session_entry;
struct stream;
struct viewer;

struct observer {
    const char *name;
    size_t state_size; /* of its state in each stream; zeroed when the stream is created */

    /* What all processes of the server share, made before they are forked: observer_shared(). The
     * master calls share_reap() when the process with this number has ended, before the others are
     * told (on_workers). A share_new() needs the other two functions. */
    struct err *(*share_new)(struct shared_memory *memory, const struct config *config, int slots,
                             void **shared);
    void (*share_free)(void *shared);
    void (*share_reap)(void *shared, int slot);

    /* The process, in the order of the rows. open() may set *own; start() runs after the
     * configuration is checked and before listeners open. */
    struct err *(*open)(struct server *server, void **own);
    struct err *(*start)(struct server *server, void *own);
    /* The listeners are open. */
    struct err *(*ready)(struct server *server, void *own);
    /* Every 100 ms while there are streams. */
    void (*tick)(struct server *server, void *own, usec_t now);
    /* Another process has taken places of this one (app/core/places.h). */
    void (*settle)(struct server *server, void *own);
    /* Shutdown, in reverse order. leave(): the server no longer wants new connections; halt(): it
     * accepts none any more; stop(): all connections have closed, the rest must end within timeout.
     * close() frees own. */
    void (*leave)(struct server *server, void *own);
    MAY_YIELD void (*halt)(struct server *server, void *own);
    void (*stop)(struct server *server, void *own, usec_t timeout);
    MAY_YIELD void (*close)(struct server *server, void *own);

    /*
     * A reload, in the order of the rows. check_config(): whether the new configuration can be
     * applied; the first error ends the reload, and nothing changes. on_config(): server->config is
     * the new one; both stay valid until the function returns. on_vhost(): the same for each stream
     * whose vhost still exists, after all on_config(); vhosts of the two configurations.
     */
    struct err *(*check_config)(struct server *server, void *own, const struct config *config);
    void (*on_config)(struct server *server, void *own, const struct config *before,
                      const struct config *config);
    void (*on_vhost)(struct stream *stream, void *state, const struct config_vhost *before,
                     const struct config_vhost *vhost);

    /* Another process of this server has ended, or the streams that other processes publish have
     * changed. */
    void (*on_workers)(struct server *server, void *own);

    /* A client begins to publish or play, or ends it (app/stream/session_list.h). */
    void (*on_enter)(struct server *server, void *own, const struct session_entry *session);
    void (*on_leave)(struct server *server, void *own, const struct session_entry *session);

    /* A recording is finished (app/stream/recorded_file.h). */
    void (*on_record)(struct server *server, void *own, const struct recorded_file *file);

    /* A segment of HLS is finished (app/stream/finished_segment.h). */
    void (*on_segment)(struct server *server, void *own, const struct finished_segment *segment);

    /* A stream is created or destroyed. */
    void (*attach)(struct stream *stream, void *state);
    void (*detach)(struct stream *stream, void *state);
    /* live/source.h says when. */
    void (*on_publish)(struct stream *stream, void *state);
    void (*on_unpublish)(struct stream *stream, void *state);
    void (*on_gone)(struct stream *stream, void *state);
    void (*on_data)(struct stream *stream, void *state);
    void (*on_viewers)(struct stream *stream, void *state);
    void (*on_watched)(struct stream *stream, void *state);
    void (*on_begin)(struct stream *stream, void *state, struct viewer *viewer);
    void (*on_facts)(struct stream *stream, void *state);
    /* This viewer holds too much dropped memory. Returns 1 if it belongs to this row, which closes
     * it. */
    int (*on_evict)(struct stream *stream, void *state, struct viewer *viewer);
    /* No process of this server has the stream any more. */
    void (*on_unclaimed)(struct stream *stream, void *state);

    /* The information that this server sends to other servers about the stream has changed: a row
     * that waits for the stream at another server sends it again. */
    void (*on_ask_again)(struct stream *stream, void *state);

    /* Whether the row pulls the stream to this process, or would for a waiting viewer. */
    int (*is_coming)(const struct stream *stream, const void *state);
    /* Whether another process of this server publishes the stream and this one pulls it. */
    int (*is_worker_pull)(const struct stream *stream, const void *state);
    /* Facts about the stream at another process, if it knows more than this one: 1 with *facts. */
    int (*facts)(const struct stream *stream, const void *state, struct source_facts *facts);
    /* The streams that share this one's timeline, as source_events.on_peers. */
    size_t (*peers)(struct stream *stream, void *state, struct source_peer *out);
    /* What another process of this server that publishes the stream with this key shares about it:
     * 1. 0: *peer is what is left of its last publication, or all zero. */
    int (*find)(const struct server *server, const void *own, const char *key,
                struct source_peer *peer, struct source_facts *facts);
    /* Whether another process of this server has the stream with this key. */
    int (*is_elsewhere)(const struct server *server, const void *own, const char *key);
    /* Whether streams of this vhost are pulled from other servers when a viewer connects. */
    int (*fetches)(const struct config_vhost *vhost);
    /* Whether another server is known to have the stream with this key; asks it within timeout. */
    int (*is_remote)(struct server *server, const struct config_vhost *vhost, const char *key,
                     usec_t timeout);
};

/* Lays out the states in the streams. Call it before any stream is created. */
void observer_layout(struct server *server);

/* A row's state in the server, and in a stream; NULL if the server has no such row. */
void *observer_own(const struct server *server, const struct observer *row);
void *observer_state(const struct stream *stream, const struct observer *row);
/* Sets the row's state in the server, for a row whose state main() creates. */
void observer_set_own(struct server *server, const struct observer *row, void *own);

/*
 * What all processes share. The master, or the only process, makes it: shared[] has room for
 * SERVER_OBSERVERS_MAX rows. memory as for shared_map_new(). observers_share_free() frees it in
 * this process.
 */
struct err *observers_share_new(const struct tables *tables, struct shared_memory *memory,
                                const struct config *config, int slots, void **shared);
void observers_share_free(const struct tables *tables, void **shared);
void observers_share_reap(const struct tables *tables, void *const *shared, int slot);
/* What the row shares; this process's number among all that share it, from 0. */
void *observer_shared(const struct server *server, const struct observer *row);
int observer_slot(const struct server *server);

/* The steps of the process, for all rows. An error of one row ends the step. */
struct err *observers_open(struct server *server);
struct err *observers_start(struct server *server);
struct err *observers_ready(struct server *server);
void observers_tick(struct server *server, usec_t now);
void observers_settle(struct server *server);
struct err *observers_check_config(struct server *server, const struct config *config);
void observers_on_config(struct server *server, const struct config *before);
void observers_on_workers(struct server *server);
void observers_on_enter(struct server *server, const struct session_entry *session);
void observers_on_leave(struct server *server, const struct session_entry *session);
void observers_on_record(struct server *server, const struct recorded_file *file);
void observers_on_segment(struct server *server, const struct finished_segment *segment);
void observers_leave(struct server *server);
MAY_YIELD void observers_halt(struct server *server);
void observers_stop(struct server *server, usec_t timeout);
MAY_YIELD void observers_close(struct server *server);

/* The first row that answers (struct observer). 1, or 0: no other process publishes the stream. */
int observers_find(const struct server *server, const char *key, struct source_peer *peer,
                   struct source_facts *facts);
/* 1 if the function of at least one row returns 1 (struct observer). */
int observers_are_elsewhere(const struct server *server, const char *key);
int observers_fetch(const struct tables *tables, const struct config_vhost *vhost);
int observers_are_remote(struct server *server, const struct config_vhost *vhost, const char *key,
                         usec_t timeout);

#endif
