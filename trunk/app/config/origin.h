#ifndef APP_CONFIG_ORIGIN_H
#define APP_CONFIG_ORIGIN_H

/*
 * Configured addresses of other servers, and the address of one stream there. Pure.
 */
#include "proto/rtmp_target.h"
#include "proto/url.h"

#include <stddef.h>

#define ORIGIN_URL_MAX 2048 /* of a configured address, terminator included */

struct origin_stream {
    const char *vhost; /* NULL, "" or __defaultVhost__: the other server's default */
    const char *app;
    const char *name;
    const char *param; /* "?a=b", "a=b" or "" */
};

enum origin_scheme { ORIGIN_RTMP, ORIGIN_FLV, ORIGIN_FLVS, ORIGIN_RTMPS };

/* Checks "host", "host:port", "[v6]:port". 0 or -1. */
int origin_check(const char *text);
/* The same, or "rtmp(s)://host[:port]" with an optional path of [app] and [stream] and a query. */
int origin_destination_check(const char *text, const char **why);
/* Checks "rtmp://host[:port]" or "http(s)://host[:port]/path". */
int origin_source_check(const char *name, const char *url, const char **why);

/* One stream at another server, split into parts that are not parsed as an address again. */
struct origin_target {
    enum origin_scheme scheme;
    struct rtmp_target rtmp; /* ORIGIN_RTMP, ORIGIN_RTMPS */
    struct url_http http;    /* ORIGIN_FLV, ORIGIN_FLVS; the path is escaped */
    char vhost[256];         /* HTTP: the Host header; "": that of the address */
};

int origin_is_http(enum origin_scheme scheme);

/*
 * The stream at a server whose address passed origin_check(). 0, or -1 if the names are too long or
 * the protocol cannot express them, so that the request would mean another stream. Leaves out
 * parameters that select a vhost or a part of the stream.
 */
int origin_target(enum origin_scheme scheme, const char *origin, const struct origin_stream *stream,
                  struct origin_target *out);
/* The same for an address that passed origin_destination_check(). */
int origin_destination(const char *text, const struct origin_stream *stream,
                       struct rtmp_target *out);
/*
 * The same for an address that passed origin_source_check(): uses [app] and [stream] of its path if
 * it has these; else the form of nginx-http-flv, "path?app=…&stream=…", with port=… unless port is
 * "".
 */
int origin_source(const char *url, const struct origin_stream *stream, const char *port,
                  struct origin_target *out);

int origin_is_same(const struct origin_target *a, const struct origin_target *b);

/* "rtmp://host:port": the part of an address or target that a log may show. */
void origin_show(const char *url, char *out, size_t cap);
void origin_target_show(const struct origin_target *target, char *out, size_t cap);

#endif
