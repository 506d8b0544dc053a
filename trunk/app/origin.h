#ifndef APP_ORIGIN_H
#define APP_ORIGIN_H

/*
 * Addresses of other servers as they are configured, and the address that one
 * stream has there. Pure.
 */
#include "base/buf.h"

#include <stddef.h>

#define ORIGIN_URL_MAX 2048 /* terminator included */

struct origin_stream {
    const char *vhost; /* NULL, "" or __defaultVhost__: the other server's own */
    const char *app;
    const char *name;
    const char *param; /* "?a=b", "a=b" or "" */
};

enum origin_scheme { ORIGIN_RTMP, ORIGIN_FLV, ORIGIN_FLVS, ORIGIN_RTMPS };

/* "host", "host:port", "[v6]:port". 0 or -1. */
int origin_check(const char *text);
/* The same, or "rtmp(s)://host[:port]" with perhaps a path of [app] and [stream] and a query. */
int origin_destination_check(const char *text, const char **why);
/* "rtmp://host[:port]" or "http(s)://host[:port]/path". */
int origin_source_check(const char *name, const char *url, const char **why);

/* The stream at a server given by origin_check(). 0, or -1 when it is too long. */
int origin_url(enum origin_scheme scheme, const char *origin, const struct origin_stream *stream,
               char out[ORIGIN_URL_MAX]);
/* At one given by origin_destination_check(). */
int origin_destination_url(const char *text, const struct origin_stream *stream,
                           char out[ORIGIN_URL_MAX]);
/*
 * At one given by origin_source_check(): by its path's [app] and [stream] where it has these; else
 * as nginx-http-flv is asked, "path?app=…&stream=…", with port=… unless that is "".
 */
int origin_source_url(const char *url, const struct origin_stream *stream, const char *port,
                      char out[ORIGIN_URL_MAX]);

struct url_rtmp;
/*
 * Changes url to where a server sends its client on: `to` is a tcUrl, or one with the stream
 * behind it, as some servers say. What url says of stream, vhost and parameters stays. 0, or -1
 * when that is no address that can be followed.
 */
int origin_redirect(struct url_rtmp *url, const char *to);

/* "rtmp://host:port": what a log may show of an address. */
void origin_show(const char *url, char *out, size_t cap);

#endif
