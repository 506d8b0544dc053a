#ifndef APP_CONTROL_HTTP_API_LISTENER_H
#define APP_CONTROL_HTTP_API_LISTENER_H

/*
 * The API's own listeners. Rows of the tables.
 */
#include "app/core/listener.h"

extern const struct listener_type http_api_listener;
extern const struct listener_type http_api_listener_tls;

/* Whether an address of the API is also one of http_server, which then serves both. */
int http_api_listener_is_joined(const struct config *config);

#endif
