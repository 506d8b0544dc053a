#ifndef APP_ACCESS_H
#define APP_ACCESS_H

/*
 * May this client publish, or play, this stream? One policy for RTMP, HTTP and WebSocket, with and
 * without TLS: rules by address, by page, and signed addresses, as the stream's vhost
 * configures them. Asked for the stream that is served in the end, never for the spelling
 * of an address. Never yields.
 */
#include "app/security.h"

#include <stdint.h>

struct access_request {
    enum access_action action;
    const struct config_vhost *vhost; /* the stream's own */
    const char *app;
    const char *stream;
    const char *query; /* the address's parameters, raw, with or without '?' */
    const char *ip;    /* the client's; "" on a UNIX socket */
    const char *page;  /* whose page it comes from; NULL or "" when it names none */
};

/*
 * 0 lets it through. Else 401 (an address that is not signed) or 403, and *reason, a constant
 * text to be shown. now: seconds since 1970.
 */
int access_check(const struct access_request *request, int64_t now, const char **reason);

/* The same at this moment. */
int access_check_now(const struct access_request *request, const char **reason);

#endif
