#ifndef APP_STREAM_SESSION_LIST_H
#define APP_STREAM_SESSION_LIST_H

/*
 * The publishers and viewers that the API lists. Each session owns its entry, adds it when its
 * stream starts and removes it when the stream ends. Never yields.
 */
#include "app/stream/session_facts.h"
#include "base/clock.h"
#include "co/co.h"
#include "co/net.h"
#include "live/source.h"

struct server;
struct session_totals;
struct stream;
struct viewer;

struct session_entry {
    struct session_entry *prev, *next;
    struct net_conn *conn; /* borrowed, like the source */
    const struct source *source;
    const char *format;         /* "rtmp", "flv", "ts", …; constant */
    const char *extension;      /* of an HTTP viewer's address, ".flv"; NULL: none; constant */
    struct session_facts facts; /* borrowed; all zero is allowed, and means unknown */
    usec_t since;
    uint8_t is_publisher;
    uint8_t is_worker;           /* the session of another worker: not listed */
    uint8_t is_websocket;        /* an HTTP viewer over WebSocket */
    uint8_t is_auto;             /* a viewer of ?quality=auto: */
    uint32_t switches;           /* how often the server has changed its rung */
    uint64_t before[2];          /* bytes that its connection had received and sent before */
    const struct viewer *viewer; /* borrowed; NULL: none, or none at the moment */
    uint8_t has_failed;  /* it ended with an error other than a disconnect; set before it leaves */
    char id[CO_ID_SIZE]; /* the log's context id */
};

/* The totals of all clients that are or were listed; visits each listed one. */
void session_list_totals(const struct server *server, struct session_totals *out);

/* Bytes of a type, terminator included: "fmle-publish", "flv-play". */
#define SESSION_TYPE_SIZE 24

/* The type of a session, as the API and hooks name it: "fmle-publish", or "FORMAT-play". */
void session_list_type(const struct session_entry *entry, char out[SESSION_TYPE_SIZE]);

/* The caller has set conn, source, format, facts and is_publisher. Runs in the session's coroutine,
 * whose context id becomes the entry's id. */
void session_list_enter(struct server *server, struct session_entry *entry);
void session_list_leave(struct server *server, struct session_entry *entry);

/* Returns the sessions in turn, one at each call; NULL: there are none. */
struct session_entry *session_list_sample(struct server *server);
/* Bytes of this stream sent to other workers of this server (stream->internal_viewers), which do
 * not count as clients. */
uint64_t session_list_internal_bytes(const struct stream *stream);

#endif
