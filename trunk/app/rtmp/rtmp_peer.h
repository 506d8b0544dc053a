#ifndef APP_RTMP_RTMP_PEER_H
#define APP_RTMP_RTMP_PEER_H

/*
 * One RTMP connection, as those see it that serve it: rtmp_session.c, rtmp_publish.c, rtmp_play.c,
 * rtmp_redirect.c, and the routes of the tables (rtmp_session.h).
 */
#include "app/core/server.h"
#include "app/stream/session_list.h"
#include "base/yield.h"
#include "co/net.h"
#include "live/source.h"
#include "proto/rtmp_talk.h"

/* What a question to another server may take, before it counts as unreachable. */
#define RTMP_CLAIM_TIMEOUT (USEC_PER_SEC / 2)
/* An answer that a peer does not take in this time. */
#define RTMP_ANSWER_TIMEOUT (10 * USEC_PER_SEC)

struct rtmp_session {
    struct server *server;
    struct net_conn *conn;
    struct config *config; /* held: the session keeps the snapshot that it began with */
    struct rtmp_talk *talk;
    char *tc_url;
    char *app;      /* connect's own, where the tcUrl tells none; NULL: it does */
    char *page_url; /* NULL: none */
    char *via;      /* what a server of ours says of itself; NULL: it is none */
    struct session_entry
        client; /* in the server's list from the line at its start to the one at its end */
    struct rtmp_streams *streams; /* NULL: the connection has one message stream */
    MAY_YIELD void (*serve)(
        struct rtmp_session *session); /* the requests of one message stream, to its end */
    uint8_t takes_tracks;              /* it said that it understands multitrack */
    uint8_t was_named;                 /* a publish or play was logged */
    uint8_t is_logged;                 /* and so was the error that ends the session */
};

/* Gives a refused peer time to read the refusal: a close over unread bytes would discard it. For
 * one of several message streams, whose connection continues, it does nothing. Yields, for half a
 * second at most. */
MAY_YIELD void rtmp_peer_linger(struct rtmp_session *session);

/* At the start of a publish or play ("publish", "play"): a log line, and an entry in the list of
 * clients; and the same at its end. */
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

#endif
