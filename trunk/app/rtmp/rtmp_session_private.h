#ifndef APP_RTMP_RTMP_SESSION_PRIVATE_H
#define APP_RTMP_RTMP_SESSION_PRIVATE_H

/*
 * The functions of rtmp_publish.c and rtmp_play.c that rtmp_session.c calls.
 */
#include "app/rtmp/rtmp_peer.h"
#include "app/rtmp/rtmp_session.h"
#include "base/yield.h"

/*
 * Returns when the peer ends the publish (NULL: the connection may continue) or the session ends.
 * The caller owns source and vhost; param is the part of the address after '?'. ERR_BUSY if another
 * publisher has the stream or has taken it over; the peer has already been answered.
 */
MAY_YIELD struct err *rtmp_publish_run(struct rtmp_session *session, struct source *source,
                                       const struct config_vhost *vhost,
                                       const struct rtmp_request *request, const char *param);
/* The same for a play of these tracks; sends the answer, on this message stream. */
MAY_YIELD struct err *rtmp_play_run(struct rtmp_session *session, struct source *source,
                                    const struct config_vhost *vhost,
                                    const struct source_select *select, uint32_t stream_id);
/* The tracks of a multitrack stream that this player gets. 0, or -1 if ?track= is malformed. */
int rtmp_play_tracks(const struct rtmp_session *session, const char *param,
                     struct source_select *select);

#endif
