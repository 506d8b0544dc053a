#ifndef APP_STREAM_SESSION_LIST_H
#define APP_STREAM_SESSION_LIST_H

/*
 * The publishers and viewers that the API lists. Each session owns its entry, adds it when its
 * stream starts and removes it when the stream ends. Never yields.
 */
#include "base/clock.h"
#include "co/co.h"
#include "co/net.h"
#include "live/source.h"

struct server;

struct session_entry {
    struct session_entry *prev, *next;
    struct net_conn *conn; /* borrowed, like the source */
    const struct source *source;
    const char *format; /* "rtmp", "flv", "ts", …; constant */
    usec_t since;
    int is_publisher;
    int is_worker;       /* another worker fetches or publishes the stream: not listed */
    char id[CO_ID_SIZE]; /* the log's context id */
};

/* The caller has set conn, source, format and is_publisher. Runs in the session's coroutine. */
void session_list_enter(struct server *server, struct session_entry *client);
void session_list_leave(struct server *server, struct session_entry *client);

#endif
