#ifndef APP_RTMP_RTMP_SESSION_PRIVATE_H
#define APP_RTMP_RTMP_SESSION_PRIVATE_H

/*
 * What rtmp_session.c, rtmp_publish.c and rtmp_play.c share, and nobody else.
 */
#include "app/rtmp/rtmp_session.h"
#include "app/stream/client.h"
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
    struct client
        client; /* in the server's list from the line at its start to the one at its end */
    uint8_t takes_tracks; /* it said that it understands multitrack */
    uint8_t was_named;    /* a publish or play was logged */
    uint8_t is_logged;    /* and so was the error that ends the session */
};

/* Lets a refused peer read the refusal: a close over unread bytes would reset it away. */
void rtmp_session_linger(struct rtmp_session *session);

/*
 * The stream is at another server: tells the peer so (302), who may come again there. An error,
 * which ends the session.
 */
struct directory_place;
struct err *rtmp_session_redirect(struct rtmp_session *session, const struct source *source,
                                  const struct rtmp_request *request, const char *param,
                                  const struct directory_place *place);
/* The one line at the start of a publish or play ("publish", "play"), and the one at its end. */
void rtmp_session_log(struct rtmp_session *session, const char *what, const struct source *source);
void rtmp_session_log_end(struct rtmp_session *session, const char *what,
                          const struct source *source, const struct err *err);

/*
 * Until the peer ends it (NULL: the connection may go on) or the session ends.
 * source and vhost stay the caller's; param is what the address has behind '?'. ERR_BUSY while
 * another publishes, or when another took over; the peer was told.
 */
struct err *rtmp_publish_run(struct rtmp_session *session, struct source *source,
                             const struct config_vhost *vhost, const struct rtmp_request *request,
                             const char *param);
/* The same for a play of these tracks, which is answered here, on this message stream. */
struct err *rtmp_play_run(struct rtmp_session *session, struct source *source,
                          const struct config_vhost *vhost, const struct source_select *select,
                          uint32_t stream_id);
/* Which tracks of a multitrack stream this player gets. 0, or -1 when ?track= is malformed. */
int rtmp_play_tracks(const struct rtmp_session *session, const char *param,
                     struct source_select *select);

#endif
