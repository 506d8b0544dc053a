#ifndef APP_DRAIN_H
#define APP_DRAIN_H

/*
 * What newcomers are told by a server that is about to end: grace_redirect and grace_redirect_rtmp
 * name servers that they are sent on to.
 */
#include "app/http_exchange.h"
#include "proto/rtmp_talk.h"

/*
 * A request that would become a viewer. *is_done: it was answered, with 302 while there is
 * somewhere to go, or with 503 once the server takes nobody any more.
 */
struct err *drain_answer(struct http_exchange *x, int *is_done, usec_t timeout);

/* The tcUrl an RTMP client is sent on to: 0, or -1 when it is served here. */
int drain_tc_url(const struct server *server, const struct rtmp_connect *connect, char *out,
                 size_t cap);

#endif
