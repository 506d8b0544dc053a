#ifndef APP_CORE_ENDPOINT_H
#define APP_CORE_ENDPOINT_H

/*
 * All addresses that a configuration tells the server to listen on, in one list: the server opens
 * them, and with several workers the master does before it forks. A port alone ("1935", "*:1935")
 * stands for both families: it is listed for IPv4, and for IPv6 where the kernel has that.
 */
#include "app/config/config.h"

enum server_kind {
    SERVER_RTMP,
    SERVER_HTTP,
    SERVER_API,
    SERVER_HTTPS,
    SERVER_RTMPS,
    SERVER_WORKER /* other workers, at our own socket: no part of any limit */
};

/* RTMP, RTMPS, HTTP, HTTPS and API listeners together, for IPv4 and IPv6. */
#define ENDPOINTS_MAX (2 * 5 * CONFIG_LISTEN_MAX)

struct endpoint {
    const char *text; /* the configuration's, or a spelling of endpoints */
    enum server_kind kind;
};

struct endpoints {
    int count, spelt_count;
    struct endpoint item[ENDPOINTS_MAX];
    char spelt[5 * CONFIG_LISTEN_MAX][sizeof("[::]:65535")];
};

/*
 * out points into config and into itself. An API address that is one of http_server's is listed
 * once, as HTTP. has_ipv6: net_has_ipv6(). A port alone is IPv4's when an IPv6 address with the
 * same port is listed as well, and port 0 is.
 */
void endpoints_list(const struct config *config, int has_ipv6, struct endpoints *out);

/* Whether an API address is one of http_server's, which serves both. */
int endpoint_is_shared(const struct config *config, const char *endpoint);

/* For messages: "RTMP", "HTTP API", ... */
const char *server_kind_name(enum server_kind kind);

#endif
