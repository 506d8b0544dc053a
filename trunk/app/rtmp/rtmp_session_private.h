#ifndef APP_RTMP_RTMP_SESSION_PRIVATE_H
#define APP_RTMP_RTMP_SESSION_PRIVATE_H

/*
 * What rtmp_session.c calls of rtmp_publish.c and rtmp_play.c.
 */
#include "app/rtmp/rtmp_peer.h"
#include "app/rtmp/rtmp_session.h"
#include "base/yield.h"

/*
 * Until the peer ends it (NULL: the connection may go on) or the session ends.
 * source and vhost stay the caller's; param is what the address has behind '?'. ERR_BUSY while
 * another publishes, or when another took over; the peer was told.
 */
MAY_YIELD struct err *rtmp_publish_run(struct rtmp_session *session, struct source *source,
                                       const struct config_vhost *vhost,
                                       const struct rtmp_request *request, const char *param);
/* The same for a play of these tracks, which is answered here, on this message stream. */
MAY_YIELD struct err *rtmp_play_run(struct rtmp_session *session, struct source *source,
                                    const struct config_vhost *vhost,
                                    const struct source_select *select, uint32_t stream_id);
/* Which tracks of a multitrack stream this player gets. 0, or -1 when ?track= is malformed. */
int rtmp_play_tracks(const struct rtmp_session *session, const char *param,
                     struct source_select *select);

#endif
