#ifndef APP_HTTP_HTTP_PAGE_H
#define APP_HTTP_HTTP_PAGE_H

/*
 * The settings of the server that the player page needs, at /players/server.json: public,
 * read-only, the same for all clients. A link of the HTTP chain.
 * {"rtmp_port":1935,"republish_wait_ms":15000} and "rewind_ms":60000 where viewers may begin so far
 * in the past, and "qoe":true while http_api takes reports (app/control/qoe.h),
 * and "time_ms", the server's clock in ms since 1970, where streams have time stamps.
 */
#include "app/http/http_exchange.h"

struct config;

#define HTTP_PAGE_PATH "/players/server.json"
#define HTTP_PAGE_MAX  176 /* bytes of the answer, terminator included */

/* NULL if out of memory. next is borrowed. */
struct http_handler *http_page_new(struct http_handler *next);

/*
 * The answer. listen_port: of the RTMP listener that clients reach, 0 for none; public_rtmp_port
 * overrides it. 0, or -1 when cut.
 */
int http_page_print(const struct config *config, int listen_port, char out[HTTP_PAGE_MAX]);

#endif
