#ifndef APP_HLS_HLS_PRIVATE_H
#define APP_HLS_HLS_PRIVATE_H

/* Shared by the files of this folder only. */
#include "app/hls/hls.h"
#include "app/hls/hls_address.h"
#include "app/hls/hls_reload.h"
#include "app/hls/hls_share.h"
#include "app/stream/session_facts.h"
#include "app/stream/stream.h"
#include "base/yield.h"
#include "co/co.h"
#include "live/hls_cut.h"
#include "live/hls_playlist.h"

struct hls_session;

/* The state in the server. */
struct hls {
    struct server *server;
    struct hls_share *share;
    int slot;                 /* this worker's number */
    struct hls_stream *first; /* those with segments here */
    struct hls_stream *left;  /* published here, with segments at another worker */
    struct hls_session *sessions;
    /* A stream has begun or ended, here or at another worker, or has its first segment. */
    struct co_cond changed;
    struct co_cond grown; /* streams have new parts or segments, have ended, or are gone */
    usec_t checked_at;    /* the sessions */
};

/* The state in a stream. */
struct hls_stream {
    struct hls_stream *prev, *next; /* in one of the lists of struct hls */
    struct stream *stream;
    uint8_t is_left;       /* which one; nothing below counts then */
    struct source *source; /* held; NULL: no segments are kept here */
    struct viewer *viewer; /* NULL: nothing is published now */
    uint32_t skips;        /* of the viewer, so far */
    uint8_t is_attending;  /* so that the stream comes here from the worker that publishes it now */
    usec_t idle_at;        /* since when nothing is published */
    usec_t ended_at;       /* nothing will be added any more; 0: not ended */
    uint8_t is_warned;     /* the log has been told of its GOPs */
    uint8_t is_short;      /* there was no memory for its viewer */
    struct hls_window window;
    struct hls_cut cut;
    /* The publisher: its address and parameters, and in place of the pages its id and its IP
     * address; "": not known. */
    struct session_facts publisher;
    char *publisher_block;
};

struct hls *hls_of(const struct server *server);

/* The stream with this key, if this worker has a segment of it; else NULL. */
struct hls_stream *hls_find(const struct hls *hls, const char *key);

/* Waits until something has changed, or a short time is over; 0, or -1: the server stops. */
int hls_wait(struct hls *hls, usec_t timeout);

/* ---- hls_stream.c ---- */

struct hls_stream *hls_stream_of(const struct stream *stream);
/* A publication has begun here: makes its segments, unless another worker does. */
void hls_stream_begin(struct stream *stream, const struct config_vhost *vhost);
/* Takes what is published now, wherever it comes from. */
void hls_stream_receive(struct hls_stream *own);
/* Takes what the ring has. */
void hls_stream_take(struct hls_stream *own);
/* The publication is over: finishes the last segment. */
void hls_stream_unpublish(struct hls_stream *own);
/* Drops everything. */
void hls_stream_stop(struct hls_stream *own);
/* Whether no other worker has taken it over. */
int hls_stream_is_mine(const struct hls_stream *own);
/* 1: stays a viewer, so that this worker pulls the stream from the one that publishes it. */
void hls_stream_attend(struct hls_stream *own, int is_attending);
/* Nothing is published now: ends the playlist, and drops it, when it is time. */
void hls_stream_check_idle(struct hls_stream *own, usec_t now);
void hls_stream_limit(struct hls_stream *own, const struct config_vhost *vhost);

/* ---- hls_session.c ---- */

struct hls_request {
    struct hls *hls;
    struct http_exchange *x;
    const struct hls_address *address;
    char id[HLS_SHARE_ID_SIZE]; /* of the session */
    struct hls_reload reload;
};

/* Begins a session for the request, whose id is set: asks everything that decides whether its
 * client may play. DONE: it was refused, and has its answer. */
enum http_step hls_session_begin(struct hls_request *request, usec_t timeout);
/* Writes a new id. */
void hls_session_id(char id[HLS_SHARE_ID_SIZE]);
/* Whether the text could be an id. */
int hls_session_is_id(const char *text);
/* Ends the session of this id that has just begun here: its client gets nothing. */
void hls_session_abandon(struct hls *hls, const char *id);
/* Ends those whose players have left. */
void hls_session_check(struct hls *hls, usec_t now);
void hls_session_end_all(struct hls *hls);

/* ---- hls_worker.c ---- */

/* Answers the request with what another worker has: a playlist, or a segment. DONE, FAILED, or
 * NEXT: that worker does not have it. */
enum http_step hls_worker_answer(struct hls_request *request, const struct hls_names *names,
                                 int slot, usec_t timeout);

/* ---- hls_http.c ---- */

/* Waits for the first segment of a stream that has none yet: 0, or -1: none came in time. */
int hls_http_wait(struct hls *hls, const char *key, usec_t timeout);
/* The session of the request is alive, and was sent so many bytes more. NULL is allowed. */
void hls_http_touch(const struct hls_request *request, uint64_t bytes);
/* Waits as hls_reload_wait() and sends the playlist of a stream that this worker has. request: of a
 * player; NULL: of another worker. */
struct err *hls_http_send_playlist(struct http_exchange *x, const struct hls_request *request,
                                   const char *key, const struct hls_names *names,
                                   const struct hls_reload *reload, usec_t timeout);
/* The same for a segment, or with part >= 0 for a part of it, which may have been announced only.
 */
struct err *hls_http_send_segment(struct http_exchange *x, const struct hls_request *request,
                                  const char *key, const struct hls_reload *wanted, usec_t timeout);

#endif
