#ifndef APP_HTTP_HTTP_LISTENER_H
#define APP_HTTP_HTTP_LISTENER_H

/* The listener types of http_server. Rows of the tables. */
#include "app/core/listener.h"

extern const struct listener_type http_listener;
extern const struct listener_type http_listener_tls;

/* For listener types of other folders that speak HTTP; their flags are those of
 * app/http/http_session.h. */
extern const struct listener_protocol http_listener_protocol;

#endif
