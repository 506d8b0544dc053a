#ifndef APP_STREAM_STREAM_H
#define APP_STREAM_STREAM_H

/*
 * The application's data of each live source: its names, publisher and rates, and one block of
 * memory for each observer. Created and freed with the source. Never yields.
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
    struct publication *publication;    /* the one that has the source, or NULL */
    struct publication *reserved;       /* those that have, or had, only claims */
    const struct publication *granting; /* waits for publisher_ops.grant, or NULL */
    struct co_cond changed; /* viewers have started or left; the holder has answered or ended */
    const struct session_entry *publisher; /* in the session list; NULL: no publisher */
    char *tc_url; /* of the latest publisher over RTMP, else of the first player; NULL: none */
    struct rate rate;
    uint8_t is_ended;          /* its vhost was removed: it is neither published nor played again */
    uint32_t beginnings;       /* publications that begin here, and wait for the previous one */
    uint32_t internal_viewers; /* other processes of this server; not counted as clients */
    struct session_entry *internal; /* the list of them */
    uint64_t internal_bytes;        /* sent to former ones */
    /* The observers' states follow: observer_state(). */
};

/* The key of a stream that is pulled from an http_pull source begins with this and the name of the
 * source. */
#define STREAM_PULLED '@'

/* For hub_on_new() and hub_on_free(); arg is the server. stream_attach() returns -1 if out of
 * memory. */
int stream_attach(struct source *source, void *arg);
void stream_detach(struct source *source, void *arg);

/* For hub_each(): takes a sample for the stream's rates; arg is not used. */
void stream_sample(struct source *source, void *arg);

/* Translates the vhost's directives into the source's configuration. */
void stream_source_config(const struct config_vhost *vhost, struct source_config *out);

/* The source of vhost/app/name; NULL with *err set (limit, memory, names too long). Adds no
 * reference. */
struct source *stream_get(struct server *server, const struct config_vhost *vhost, const char *app,
                          const char *name, struct err **err);

/* The same, with `place` in the key instead of the vhost's name. */
struct source *stream_get_as(struct server *server, const struct config_vhost *vhost,
                             const char *place, const char *app, const char *name,
                             struct err **err);

/*
 * The same for a publisher: sets *err beyond max_streams, which does not count streams that viewers
 * only wait for. The caller must call stream_publish_end() later, and hold a reference until then.
 */
struct source *stream_get_publish(struct server *server, const struct config_vhost *vhost,
                                  const char *app, const char *name, struct err **err);
void stream_publish_end(struct source *source);

/* Whether the stream is published, here or at another worker. */
int stream_is_live(const struct server *server, const struct source *source);

/* Whether any row except `except` (NULL: any row) brings the stream here, or would for a viewer. */
int stream_is_coming(const struct stream *stream, const struct observer *except);
/* Whether another process of this server publishes the stream and this one pulls it. */
int stream_is_worker_pull(const struct stream *stream);
/* source_fit(), also for a stream that another process has. */
enum source_fit stream_fit(const struct stream *stream, const struct mux *mux,
                           enum source_only only);

/* Tells the rows that the vhost's values have changed (struct observer, on_vhost). */
void stream_on_vhost(struct stream *stream, const struct config_vhost *before,
                     const struct config_vhost *vhost);
/* Whether the configuration has the stream's vhost, or fetches it without one. */
int stream_is_served(const struct stream *stream, const struct config *config);

/* Call it when what this server tells other servers about the stream has changed. */
void stream_ask_again(struct stream *stream);

/* With hstrs off, viewers do not wait for a stream that has no publisher: notifies those that wait,
 * unless the stream is published, or about to be. */
void stream_give_up(struct stream *stream);

/* No process of this server has the stream any more: rows may now bring it here. With hstrs off,
 * viewers stop waiting for it. */
void stream_unclaimed(struct stream *stream);

#endif
