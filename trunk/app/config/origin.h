#ifndef APP_CONFIG_ORIGIN_H
#define APP_CONFIG_ORIGIN_H

/*
 * Addresses of other servers as they are configured, and the address that one
 * stream has there. Pure.
 */
#include "proto/rtmp_target.h"
#include "proto/url.h"

#include <stddef.h>

#define ORIGIN_URL_MAX 2048 /* of a configured address, terminator included */

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

/* One stream at another server, by its parts: nothing of it is read as an address again. */
struct origin_target {
    enum origin_scheme scheme;
    struct rtmp_target rtmp; /* ORIGIN_RTMP, ORIGIN_RTMPS */
    struct url_http http;    /* ORIGIN_FLV, ORIGIN_FLVS; the path is escaped */
    char vhost[256];         /* HTTP: the Host header; "": the address's */
};

int origin_is_http(enum origin_scheme scheme);

/*
 * The stream at a server given by origin_check(). 0, or -1 when the protocol has no spelling for
 * these names, so that another stream would be asked for, or they are too long. Parameters that
 * choose a vhost, or what of the stream is sent, are left out.
 */
int origin_target(enum origin_scheme scheme, const char *origin, const struct origin_stream *stream,
                  struct origin_target *out);
/* At one given by origin_destination_check(). */
int origin_destination(const char *text, const struct origin_stream *stream,
                       struct rtmp_target *out);
/*
 * At one given by origin_source_check(): by its path's [app] and [stream] where it has these; else
 * as nginx-http-flv is asked, "path?app=…&stream=…", with port=… unless that is "".
 */
int origin_source(const char *url, const struct origin_stream *stream, const char *port,
                  struct origin_target *out);

int origin_is_same(const struct origin_target *a, const struct origin_target *b);

/* "rtmp://host:port": what a log may show of an address, or of a target. */
void origin_show(const char *url, char *out, size_t cap);
void origin_target_show(const struct origin_target *target, char *out, size_t cap);

#endif
