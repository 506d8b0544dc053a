#ifndef APP_RTMP_RTMP_LISTENER_H
#define APP_RTMP_RTMP_LISTENER_H

/* The listener types that speak RTMP. Rows of the tables. */
#include "app/core/listener.h"

extern const struct listener_type rtmp_listener;
extern const struct listener_type rtmp_listener_tls;

#endif
