#ifndef APP_HLS_HLS_H
#define APP_HLS_HLS_H

/*
 * HLS (RFC 8216): each stream of a vhost with `hls`, or with a mount that ends in .m3u8, as a
 * playlist of segments, which are kept in memory.
 */
#include "app/stream/observer.h"

struct http_handler;

/* A row of the tables. */
extern const struct observer hls_observer;

#endif
