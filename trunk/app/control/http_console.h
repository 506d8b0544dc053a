#ifndef APP_CONTROL_HTTP_CONSOLE_H
#define APP_CONTROL_HTTP_CONSOLE_H

/*
 * The console's files at http_api's own listeners: "/console/" of http_server.dir, which next
 * serves (app/http/http_static.h). Every other path is answered with 404, so that the API's port
 * shows no other files. Users of SRS look for the console there; http_server serves it too.
 */
#include "app/http/http_exchange.h"

/* NULL if out of memory. next is borrowed. */
struct http_handler *http_console_new(struct http_handler *next);

#endif
