#ifndef APP_CLUSTER_EDGE_PRIVATE_H
#define APP_CLUSTER_EDGE_PRIVATE_H

/*
 * What edge.c, edge_room.c and edge_directory.c share, and nobody else.
 */
#include "app/cluster/edge.h"
#include "app/stream/publication.h"
#include "co/co.h"

/* One stream that is fetched, or is to be. */
struct edge_pull {
    struct stream *stream;
    struct pull *pull;
    struct publication
        *publication;   /* from the start; that of an origin pull while it is live; else NULL */
    usec_t alone_since; /* 0: it is watched */
    struct edge_pull *prev, *next;
    char *key;              /* in the directory; NULL: its vhost has none */
    uint8_t is_origin_pull; /* an origin's own: the stream may be published here at any time */
    uint8_t is_yielding;    /* it ends for another one */
};

struct edge {
    struct server *server;
    struct edge_pull *list;
    size_t count;
    size_t yielding; /* of them, end for others */
    struct co_cond changed;
    int is_ending;
};

/* What an edge keeps of each stream. */
struct edge_stream {
    struct edge_pull *pull; /* fetches it from elsewhere; NULL: nobody does */
    char *param;            /* of the viewer that the origin let in last; NULL: none */
    uint8_t asked_by;       /* enum origin_scheme: how the viewer came who asked last */
    uint8_t was_asked;      /* somebody did */
};

struct edge_stream *edge_stream_of(const struct stream *stream);
/* Starts or stops the pull, as viewers have come or the last one has left. */
void edge_look(struct stream *stream);
/* The stream for this pull; NULL: another has it. */
struct publication *edge_reserve(struct edge_pull *ep);
/* The directory's news: the stream of this key is published there now; and some may have been
 * missed: whatever waits is looked up again. */
void edge_directory_moved(struct server *server, const char *key,
                          const struct directory_place *place);
void edge_directory_again(struct server *server);
/* Published here by somebody else than the pull: nothing is left to be fetched. */
void edge_directory_on_publish(struct stream *stream, void *state);

/* True while one more pull may begin, be it in place of one that waits. */
int edge_has_room(const struct edge *edge);
/* A place for one more pull: a free one, or that of the oldest pull that waits. 0, or -1. */
int edge_make_room(struct edge *edge);
/* A pull has ended. Whether it may start again for the remaining viewers. */
int edge_room_ended(struct edge *edge, struct edge_pull *ep);

/* Whether a stream of this vhost is one of an origin that looks it up elsewhere. */
int edge_has_origin_pulls(const struct config_vhost *vhost);
/* Whether such a stream should be fetched now. */
int edge_wants_origin_pull(struct stream *stream);

/* Sets ep's key and what pull_start() wants because of the directory. 0, or -1 without memory. */
int edge_directory_prepare(struct edge_pull *ep, const struct config_vhost *vhost,
                           struct pull_options *options);

/* Where the stream is, for one with these parameters. 0, or -1: the directory does not say. */
int edge_directory_find(struct stream *stream, const struct config_vhost *vhost, const char *param,
                        struct origin_target *out, usec_t timeout);
/* A viewer was let in by a signed address: what is fetched for it from another origin is, too. */
void edge_keep_token(struct stream *stream, const struct config_vhost *vhost, const char *query);

/* The protocol that a stream's origin is asked by. */
enum origin_scheme edge_scheme(const struct stream *stream, const struct config_vhost *vhost);
#define EDGE_VHOST_SIZE 256
/* The vhost that is asked for there; "": the other server's own. Of EDGE_VHOST_SIZE bytes. */
void edge_asked_vhost(const struct config_vhost *vhost, const struct stream *stream, char *out);

#endif
