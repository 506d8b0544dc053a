#ifndef APP_STREAM_H
#define APP_STREAM_H

/*
 * What the application keeps of each live source: its names, its addresses in
 * the serve-mux while it is published, its channel in the fan-out. Attached to a source
 * when the hub makes it, gone with it. Never yields.
 */
#include "app/config.h"
#include "app/http_exchange.h"
#include "app/rate.h"
#include "co/co.h"
#include "live/source.h"

struct server;
struct fanout_channel;
struct edge_pull;
struct forwarding;
struct via_claims;
struct publishing;
struct worker_relay;
struct timetable_cell;
struct client;

struct stream_mount {
    struct http_handler handler; /* first: the serve-mux's handler is this mount */
    struct stream *stream;
    const struct mux *mux;
    int is_of_vhost; /* its template names [vhost]: other hosts do not find it */
    char *pattern;   /* as mounted; NULL: not mounted */
};

struct stream {
    struct server *server;
    struct source *source;
    char vhost[256];
    char app[256];
    char name[256];
    struct fanout_channel *channel;
    struct publishing *holder; /* rtmp_publish.c's, who may be taken over from; else NULL */
    struct stream_mount mount[CONFIG_MOUNT_MAX];
    int mount_count;
    const struct client *publisher; /* NULL: nobody publishes */
    struct rate rate;
    uint64_t claim;                /* our publication's number among the workers; 0: none */
    struct co_cond told;           /* viewers have begun or left; rtmp_contest.c's: the publisher */
    uint32_t asked;                /* has said that it is there, to this question of a worker's; */
    uint8_t is_asked;              /* or it is to say so; */
    uint8_t is_ending;             /* or it is gone, and only those are waited for who want it */
    struct timetable_cell *time;   /* ours of the workers' timetable; NULL: there is none */
    uint64_t time_number;          /* of the publication here whose time stands in it; 0: none */
    usec_t wanted_at;              /* when the first of those came who watch now */
    struct worker_relay *relay;    /* published here from another worker; else NULL */
    uint32_t relayed;              /* viewers that are other workers */
    struct directory_entry *entry; /* ours in the directory; NULL: none */
    struct edge_pull *pull;        /* fetches it from elsewhere: edge.c's; NULL: nobody does */
    struct via_claims *via;        /* what servers that ask for it claim; NULL: nothing */
    char *param;                   /* of the viewer that the origin let in last; NULL: none */
    uint8_t asked_by;              /* enum origin_scheme: how the viewer came who asked last */
    uint8_t was_asked;             /* somebody did */
    struct forwarding *forwards;   /* forward.c's: who publishes it on */
};

/* How old a publication becomes at the least, while anybody waits for it. */
#define STREAM_LINGER USEC_PER_SEC
/* A stream of one of http_pull's sources is kept under this and the source's name. */
#define STREAM_PULLED '@'

/* For hub_on_new() and hub_on_free(); arg is the server. stream_attach() is -1 without memory. */
int stream_attach(struct source *source, void *arg);
void stream_detach(struct source *source, void *arg);

/* For hub_each(): takes a sample for the stream's rates; arg is not used. */
void stream_sample(struct source *source, void *arg);

/* The vhost's directives as the source wants them. */
void stream_source_config(const struct config_vhost *vhost, struct source_config *out);

/* The source of vhost/app/name; NULL with *err set (limit, memory, names too long). No reference is
 * added. */
struct source *stream_get(struct server *server, const struct config_vhost *vhost, const char *app,
                          const char *name, struct err **err);

/* The same under another name than the vhost's. */
struct source *stream_get_as(struct server *server, const struct config_vhost *vhost,
                             const char *place, const char *app, const char *name,
                             struct err **err);

/*
 * The same for one who is to publish it: *err beyond max_streams, which counts none of those that
 * are only waited for. stream_publish_end() is owed for it, with a reference held until then.
 */
struct source *stream_get_publish(struct server *server, const struct config_vhost *vhost,
                                  const char *app, const char *name, struct err **err);
void stream_publish_end(struct source *source);

/* Whether somebody publishes it, here or at another worker. */
int stream_is_live(const struct server *server, const struct source *source);

/*
 * Before a publication is over: one that was short goes on until those who waited for it have
 * begun, until so long after its own beginning, or until another publisher asks for the stream.
 */
void stream_linger(struct stream *stream, usec_t timeout);

/* Nobody publishes it: with hstrs off nobody waits for it any longer. */
void stream_give_up(struct stream *stream);

/* The mux row of a mount's extension (".flv"); NULL if we have none. */
const struct mux *stream_mux(const char *extension);

#endif
