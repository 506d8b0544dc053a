#ifndef APP_EDGE_PUBLISH_H
#define APP_EDGE_PUBLISH_H

/* A publisher that reached an edge: relayed to the origin. */
#include "app/rtmp_session_private.h"

/*
 * Until the encoder ends it (NULL: its connection may go on) or one of both sides fails; what the
 * origin says no to, the encoder is told with the origin's words. source is where the stream will
 * be pulled into, should somebody watch; it is not published by this.
 */
struct err *edge_publish_run(struct rtmp_session *session, struct source *source,
                             const struct config_vhost *vhost, const struct rtmp_request *request,
                             const struct url_rtmp *url);

#endif
