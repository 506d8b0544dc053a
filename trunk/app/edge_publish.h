#ifndef APP_EDGE_PUBLISH_H
#define APP_EDGE_PUBLISH_H

/* A publisher that reached an edge: relayed to the origin. */
#include "app/rtmp_session_private.h"

struct edge_publish {
    struct source *source; /* where the stream is pulled into, should somebody watch; no more */
    const struct config_vhost *vhost;
    const struct rtmp_request *request;
    const char *app, *stream, *param;
    const char *at;   /* "host:port" of the one that is to be asked; NULL: who has it, or may */
    int is_unreached; /* told afterwards: that one was not reached, and the encoder knows nothing */
};

/*
 * Until the encoder ends it (NULL: its connection may go on) or one of both sides fails; what the
 * origin says no to, the encoder is told with the origin's words.
 */
struct err *edge_publish_run(struct rtmp_session *session, struct edge_publish *publish);

#endif
