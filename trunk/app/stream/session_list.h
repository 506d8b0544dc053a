#ifndef APP_STREAM_SESSION_LIST_H
#define APP_STREAM_SESSION_LIST_H

/*
 * The publishers and viewers, as the API lists them. Each session owns its
 * entry, puts it in when its stream starts and takes it out when it ends. Never yields.
 */
#include "base/clock.h"
#include "co/co.h"
#include "co/net.h"
#include "live/source.h"

struct server;

struct session_entry {
    struct session_entry *prev, *next;
    struct net_conn *conn; /* borrowed, as the source is */
    const struct source *source;
    const char *format; /* "rtmp", "flv", "ts", … constant */
    usec_t since;
    int is_publisher;
    int is_worker;       /* another worker fetches the stream, or publishes it: not shown */
    char id[CO_ID_SIZE]; /* the context id of the log */
};

/* The caller has set conn, source, format and is_publisher. Called on the session's coroutine. */
void session_list_enter(struct server *server, struct session_entry *client);
void session_list_leave(struct server *server, struct session_entry *client);

#endif
