#ifndef APP_HTTP_HTTP_MOUNTS_H
#define APP_HTTP_HTTP_MOUNTS_H

/*
 * The addresses of a published stream in the serve-mux: one for each mount of its vhost. Never
 * yields.
 */
#include "app/http/http_exchange.h"
#include "app/stream/observer.h"

struct mux;

/* The row. */
extern const struct observer http_mounts_observer;

struct http_mount {
    struct http_handler handler; /* first: the serve-mux's handler is cast to this mount */
    struct stream *stream;
    const struct mux *mux;
    int has_host;  /* its template has a host part: requests of other vhosts do not find it */
    char *pattern; /* as mounted; NULL: not mounted */
};

#endif
