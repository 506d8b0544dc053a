#ifndef APP_RTMP_RTMP_DRAIN_H
#define APP_RTMP_RTMP_DRAIN_H

/* Where RTMP clients are sent by a server that is about to end. Never yields. */
#include "app/core/server.h"
#include "proto/rtmp_talk.h"

/* The tcUrl that a client is sent on to: 0, or -1 when it is served here. */
int rtmp_drain_tc_url(const struct server *server, const struct rtmp_connect *connect, char *out,
                      size_t cap);

#endif
