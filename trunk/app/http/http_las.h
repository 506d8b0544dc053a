#ifndef APP_HTTP_HTTP_LAS_H
#define APP_HTTP_HTTP_LAS_H

/*
 * The manifest of a quality ladder for LAS players, at APP/LADDER.las.json. A link of the HTTP
 * chain.
 */
#include "app/http/http_exchange.h"

#define HTTP_LAS_EXTENSION ".las.json"

/* NULL if out of memory. next is borrowed. */
struct http_handler *http_las_new(struct http_handler *next);

#endif
