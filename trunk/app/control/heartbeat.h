#ifndef APP_CONTROL_HEARTBEAT_H
#define APP_CONTROL_HEARTBEAT_H

/*
 * The heartbeat: a POST of JSON to another server at regular times, which says that this server
 * runs, and where (SRS's proxy server learns of its origins this way). One process of the server
 * sends it: the only one, or the first worker.
 */
#include "app/core/server.h"
#include "app/stream/observer.h"

extern const struct observer heartbeat_observer;

#endif
