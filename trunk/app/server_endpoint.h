#ifndef APP_SERVER_ENDPOINT_H
#define APP_SERVER_ENDPOINT_H

/*
 * All addresses that a configuration tells the server to listen on, in one list: the server opens
 * them, and with several workers the master does before it forks. A port alone ("1935", "*:1935")
 * stands for both families: it is listed for IPv4, and for IPv6 where the kernel has that.
 */
#include "app/config.h"
#include "app/server_connection.h"

struct server_endpoint {
    const char *text; /* the configuration's, or a spelling of server_endpoints */
    enum server_kind kind;
};

struct server_endpoints {
    int count, spelt_count;
    struct server_endpoint item[SERVER_LISTENERS_MAX];
    char spelt[5 * CONFIG_LISTEN_MAX][sizeof("[::]:65535")];
};

/*
 * out points into config and into itself. An API address that is one of http_server's is listed
 * once, as HTTP. has_ipv6: net_has_ipv6(). A port alone is IPv4's when an IPv6 address with the
 * same port is listed as well, and port 0 is.
 */
void server_endpoints_list(const struct config *config, int has_ipv6, struct server_endpoints *out);

/* For messages: "RTMP", "HTTP API", ... */
const char *server_kind_name(enum server_kind kind);

#endif
