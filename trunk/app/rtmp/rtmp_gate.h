#ifndef APP_RTMP_RTMP_GATE_H
#define APP_RTMP_RTMP_GATE_H

/* Asks the gates (app/stream/gate.h) on behalf of an RTMP client, which gets their verdict. */
#include "app/rtmp/rtmp_peer.h"

struct rtmp_gate {
    const struct rtmp_request *request;
    struct source *source; /* NULL: not found yet */
    const struct config_vhost *vhost;
    const char *app, *stream;
    const char *param; /* NULL: none */
    int is_last;       /* the gates of the last stage */
};

/* NULL: granted. An error ends the session; the peer has already been answered. */
struct err *rtmp_gate_ask(struct rtmp_session *session, const struct rtmp_gate *target,
                          usec_t timeout);

/* The same for the last gates and the session's current request. */
struct err *rtmp_gate_last(struct rtmp_session *session, struct source *source,
                           const struct config_vhost *vhost, const struct rtmp_request *request,
                           usec_t timeout);

#endif
