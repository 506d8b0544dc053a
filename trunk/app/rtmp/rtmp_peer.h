#ifndef APP_RTMP_RTMP_PEER_H
#define APP_RTMP_RTMP_PEER_H

/*
 * One RTMP connection, for the files that serve it: rtmp_session.c, rtmp_publish.c, rtmp_play.c,
 * rtmp_redirect.c, and the routes of the tables (rtmp_session.h).
 */
#include "app/core/server.h"
#include "app/stream/permit.h"
#include "app/stream/session_list.h"
#include "base/yield.h"
#include "co/net.h"
#include "live/source.h"
#include "proto/rtmp_talk.h"

struct via_claim;

/* How long another server may take to answer before it counts as unreachable. */
#define RTMP_CLAIM_TIMEOUT (USEC_PER_SEC / 2)
/* How long a peer may take to read an answer. */
#define RTMP_ANSWER_TIMEOUT (10 * USEC_PER_SEC)

struct rtmp_session {
    struct server *server;
    struct net_conn *conn;
    struct config *config; /* held: the snapshot at the session's start, then of its last request */
    struct rtmp_talk *talk;
    char *tc_url;
    char *app;           /* from connect, if the tcUrl contains none; else NULL */
    char *page_url;      /* NULL: none */
    char *swf_url;       /* NULL: none */
    char *param;         /* of the current request; NULL: none */
    char *via;           /* via_chain of another Millrace server; NULL: not such a server */
    usec_t requested_at; /* when the client requested the stream; 0: the stream was not live */
    struct session_entry entry;   /* in the session list while a publish or play runs */
    struct via_claim *claim;      /* of another Millrace server while it plays; else NULL */
    struct permit *permits;       /* granted for the current request */
    struct permit *conn_permits;  /* granted for the connection, or this message stream of it */
    struct rtmp_streams *streams; /* NULL: the connection has one message stream */
    MAY_YIELD void (*serve)(
        struct rtmp_session *session); /* serves the requests of one message stream, to its end */
    uint8_t takes_tracks;              /* the client has announced support for multitrack */
    uint8_t was_named;                 /* a publish or play was logged */
    uint8_t is_logged;                 /* the error that ends the session was logged */
};

/* Gives a refused peer time to read the refusal: closing with unread input would discard it. Does
 * nothing for one of several message streams, whose connection continues. Yields, for half a second
 * at most. */
MAY_YIELD void rtmp_peer_linger(struct rtmp_session *session);

/* What the client states about itself, with these parameters of its request; points into the
 * session and param. */
struct session_facts rtmp_peer_facts(const struct rtmp_session *session, const char *param);

/* At the start of a publish or play ("publish", "play"): logs a line and adds the session to the
 * session list. rtmp_peer_log_end() logs its end and removes it. */
void rtmp_peer_log_start(struct rtmp_session *session, const char *what,
                         const struct source *source);
void rtmp_peer_log_end(struct rtmp_session *session, const char *what, const struct source *source,
                       const struct err *err);

/*
 * Tells the peer that another server has the stream (302, rtmp_redirect.c). Returns an error, which
 * ends the session. Yields.
 */
struct directory_place;
MAY_YIELD struct err *rtmp_redirect_send(struct rtmp_session *session, const struct source *source,
                                         const struct rtmp_request *request, const char *param,
                                         const struct directory_place *place);
/* The same with a whole address, "rtmp://…" or "rtmps://…", for which rtmp_redirect_is_usable() is
 * true. */
int rtmp_redirect_is_usable(const char *location);
MAY_YIELD struct err *rtmp_redirect_to(struct rtmp_session *session,
                                       const struct rtmp_request *request, const char *location);

#endif
