#ifndef APP_RTMP_RTMP_DRAIN_H
#define APP_RTMP_RTMP_DRAIN_H

/* The server to which a draining server redirects RTMP clients. Never yields. */
#include "app/core/server.h"
#include "proto/rtmp_talk.h"

/* The tcUrl to redirect a client to: 0, or -1 if it is served here. */
int rtmp_drain_tc_url(const struct server *server, const struct rtmp_connect *connect, char *out,
                      size_t cap);

#endif
