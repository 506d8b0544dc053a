#ifndef APP_RTMP_RTMP_SESSION_PRIVATE_H
#define APP_RTMP_RTMP_SESSION_PRIVATE_H

/*
 * The functions of rtmp_publish.c and rtmp_play.c that rtmp_session.c calls.
 */
#include "app/rtmp/rtmp_peer.h"
#include "app/rtmp/rtmp_session.h"
#include "base/yield.h"
#include "live/viewer.h"

/*
 * Returns when the peer ends the publish (NULL: the connection may continue) or the session ends.
 * The caller owns source and vhost; param is the part of the address after '?'. ERR_BUSY if another
 * publisher has the stream or has taken it over; the peer has already been answered.
 */
MAY_YIELD struct err *rtmp_publish_run(struct rtmp_session *session, struct source *source,
                                       const struct config_vhost *vhost,
                                       const struct rtmp_request *request, const char *param);
/* The same for a play; sends the answer, on this message stream. */
MAY_YIELD struct err *rtmp_play_run(struct rtmp_session *session, struct source *source,
                                    const struct config_vhost *vhost,
                                    const struct viewer_wish *wish, uint32_t stream_id);
/* What this player gets, by its parameters and the start argument of its play command. NULL, or
 * what is malformed. */
const char *rtmp_play_wish(const struct rtmp_session *session, const char *param, double start,
                           struct viewer_wish *wish);

#endif
