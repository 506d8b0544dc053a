#ifndef APP_STREAM_STREAM_H
#define APP_STREAM_STREAM_H

/*
 * What the application keeps of each live source: its names, who publishes it, its rates, and one
 * block of memory for each observer. Attached to a source when the hub makes it, gone with it.
 * Never yields.
 */
#include "app/config/config.h"
#include "app/core/rate.h"
#include "app/core/server.h"
#include "app/stream/observer.h"
#include "co/co.h"
#include "live/source.h"

struct session_entry;
struct publication;

struct stream {
    struct server *server;
    struct source *source;
    char vhost[256];
    char app[256];
    char name[256];
    struct publication *publication; /* that has the source, app/stream/publication.h, or NULL */
    struct publication *reserved;    /* those that have claims only, or had */
    struct co_cond told; /* viewers have begun or left; the holder has answered or ended */
    const struct session_entry *publisher; /* in the list of clients; NULL: nobody publishes */
    struct rate rate;
    uint32_t internal_viewers; /* other processes of this server, which are no clients */
    /* The observers' states follow: observer_state(). */
};

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

/* Whether anybody but this row (NULL: anybody) brings the stream here, or would for a viewer. */
int stream_is_coming(const struct stream *stream, const struct observer *except);
/* Whether another process of this server publishes it, and it is only relayed here. */
int stream_is_relayed(const struct stream *stream);
/* source_fit(), also of a stream that another process has. */
enum source_fit stream_fit(const struct stream *stream, const struct mux *mux,
                           enum source_only only);

/* What other servers are to be told of the stream has changed. */
void stream_ask_again(struct stream *stream);

/* No process of this server has the stream any more: rows that would bring it may, and with hstrs
 * off nobody waits for it any longer. */
void stream_unclaimed(struct stream *stream);

#endif
