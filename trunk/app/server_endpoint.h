#ifndef APP_SERVER_ENDPOINT_H
#define APP_SERVER_ENDPOINT_H

/*
 * All addresses that a configuration tells the server to listen on, in one list: the server opens
 * them, and with several workers the master does before it forks.
 */
#include "app/config.h"
#include "app/server_connection.h"

struct server_endpoint {
    const char *text; /* the configuration's */
    enum server_kind kind;
};

struct server_endpoints {
    int count;
    struct server_endpoint item[SERVER_LISTENERS_MAX];
};

/* out points into config. An API address that is one of http_server's is listed once, as HTTP. */
void server_endpoints_list(const struct config *config, struct server_endpoints *out);

/* For messages: "RTMP", "HTTP API", ... */
const char *server_kind_name(enum server_kind kind);

#endif
