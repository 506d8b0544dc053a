#ifndef APP_CORE_ENDPOINT_H
#define APP_CORE_ENDPOINT_H

/*
 * All addresses that a configuration tells the server to listen on, in one list: the server opens
 * them, or with several workers the master before it forks. A port alone ("1935", "*:1935") stands
 * for both address families: it is listed for IPv4, and for IPv6 where the kernel supports that.
 */
#include "app/core/listener.h"

/* Of all types, for IPv4 and IPv6. */
#define ENDPOINTS_MAX (2 * LISTENER_TYPES_MAX * CONFIG_LISTEN_MAX)

struct endpoint {
    const char *text; /* the configuration's, or a spelling of endpoints */
    int type;         /* index in the list of listener types */
};

struct endpoints {
    int count, spelt_count;
    struct endpoint item[ENDPOINTS_MAX];
    char spelt[LISTENER_TYPES_MAX * CONFIG_LISTEN_MAX][sizeof("[::]:65535")];
};

/*
 * types ends with NULL. out points into config and into itself. An API address that is one of
 * http_server's is listed once, as HTTP. has_ipv6: net_has_ipv6(). A port alone is IPv4's when an
 * IPv6 address with the same port is listed as well, or when the port is 0.
 */
void endpoints_list(const struct listener_type *const *types, const struct config *config,
                    int has_ipv6, struct endpoints *out);

/* Whether an API address is also an address of http_server, which then serves both. */
int endpoint_is_shared(const struct config *config, const char *endpoint);

/* Whether this list has the same address. */
int endpoint_is_in(const struct config_strings *listen, const char *endpoint);

/*
 * How likely a client reaches a listener of this name ("0.0.0.0:1935", "[::]:1935"): 3 on all
 * addresses, 2 on one, 1 on loopback only, 0 for a UNIX socket.
 */
int endpoint_rank(const char *listener_name);

#endif
