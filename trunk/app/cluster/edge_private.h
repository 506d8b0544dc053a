#ifndef APP_CLUSTER_EDGE_PRIVATE_H
#define APP_CLUSTER_EDGE_PRIVATE_H

/*
 * Shared by the edge*.c files only. Calls point down in this order: edge_gate.c, edge_ask.c;
 * edge.c, edge_room.c and edge_directory.c; edge_origin.c.
 */
#include "app/cluster/edge.h"
#include "app/stream/publication.h"
#include "co/co.h"

/* One stream that is fetched, or will be. */
struct edge_pull {
    struct stream *stream;
    struct pull *pull;
    struct publication *publication; /* of an origin pull only while it is live, else NULL */
    usec_t alone_since;              /* when the last viewer left, us; 0: it has viewers */
    struct edge_pull *prev, *next;
    char *key;              /* in the directory; NULL: its vhost has none */
    uint8_t is_origin_pull; /* of an origin: the stream may be published here at any time */
    uint8_t is_yielding;    /* it ends to make room for another pull */
    uint32_t place;         /* edge_room.c; 0: none */
};

struct edge {
    struct server *server;
    struct edge_pull *list;
    struct co_cond changed;
    int is_ending;
    usec_t retry_at;    /* a pull could not start: then for all viewers without one; 0: none */
    usec_t retry_pause; /* the last one */
};

/* What an edge stores for each stream. */
struct edge_stream {
    struct edge_pull *pull; /* fetches it from another server; NULL: none */
    char *param;            /* of the viewer that the origin accepted last; NULL: none */
    uint8_t asked_by;       /* enum origin_scheme: protocol of the last viewer */
    uint8_t was_asked;      /* asked_by is set */
};

struct edge_stream *edge_stream_of(const struct stream *stream);
/* Starts or stops the pull, as viewers have come or the last one has left. */
void edge_look(struct stream *stream);
/* Reserves the stream for this pull; NULL: another publisher has it. */
struct publication *edge_reserve(struct edge_pull *ep);
/* Announcements of the directory: the stream of this key is now published there; and that some
 * announcements may have been missed, so that every waiting pull looks its stream up again. */
void edge_directory_moved(struct server *server, const char *key,
                          const struct directory_place *place);
void edge_directory_again(struct server *server);
/* A publisher other than the pull publishes here: there is nothing left to pull. */
void edge_directory_on_publish(struct stream *stream, void *state);

/* True while one more pull may begin, possibly in place of one that waits. */
int edge_has_room(const struct edge *edge);
/* Takes a place for a pull: a free one, or that of the oldest pull that waits. 0, or -1. */
int edge_room_enter(struct edge *edge, struct edge_pull *ep);
void edge_room_leave(struct edge *edge, struct edge_pull *ep);
/* Whether a pull that has ended may start again for the viewers that it has. */
int edge_room_ended(struct edge *edge, struct edge_pull *ep);
/* The pull receives its stream, or waits for it again. */
void edge_room_is_live(struct edge *edge, struct edge_pull *ep, int is_live);
/* The observer's function: ends pulls whose places were given to others. */
void edge_room_settle(struct server *server, void *own);

/* Whether this vhost is an origin that looks streams up in the directory. */
int edge_has_origin_pulls(const struct config_vhost *vhost);
/* Whether such a stream should be fetched now. */
int edge_wants_origin_pull(struct stream *stream);

/* Sets ep's key and the directory's options for pull_start(). 0, or -1 without memory. */
int edge_directory_prepare(struct edge_pull *ep, const struct config_vhost *vhost,
                           struct pull_options *options);

/* Looks up the server that has the stream, for a viewer with these parameters. 0, or -1: the
 * directory has no answer. */
int edge_directory_find(struct stream *stream, const struct config_vhost *vhost, const char *param,
                        struct origin_target *out, usec_t timeout);
/* A viewer was accepted by its signed address: pulls from another origin use the same signature. */
void edge_keep_token(struct stream *stream, const struct config_vhost *vhost, const char *query);

/* ---- edge_origin.c ---- */

/* The origins of one stream, in the form that pull_start() takes. */
struct edge_origins {
    struct pull_origin origin[PULL_ORIGINS_MAX];
    int count;
    struct origin_target target[PULL_ORIGINS_MAX];
};

/* The origins that the stream's pull asks; none for one that only the directory finds. 0, or -1
 * when no address can be built. */
int edge_origins(const struct stream *stream, const struct edge_stream *own,
                 const struct config_vhost *vhost, struct edge_origins *out);
/* Appends the vhost's origins, with these parameters. 0, or -1: the list is still empty. */
int edge_origins_add(const struct stream *stream, const struct edge_stream *own,
                     const struct config_vhost *vhost, const char *param, struct edge_origins *out);
/* Whether one of them needs TLS. */
int edge_origins_are_secure(const struct edge_origins *origins);

/* The protocol used to ask a stream's origin: the viewer's own if follow_client is set and it
 * differs from the configured one; https and http count as one. */
enum origin_scheme edge_scheme(const struct edge_stream *own, const struct config_vhost *vhost);
#define EDGE_VHOST_SIZE 256
/* The vhost to ask the other server for; "": that server's default. EDGE_VHOST_SIZE bytes. */
void edge_asked_vhost(const struct config_vhost *vhost, const struct stream *stream, char *out);

#endif
