#ifndef PROTO_URL_H
#define PROTO_URL_H

/* Addresses: RTMP's, with vhost and parameters wherever clients put them, and HTTP's, with
 * decoding. Pure. */
#include "base/scan.h"

#include <stddef.h>

#define URL_DEFAULT_VHOST "__defaultVhost__"

/* Bytes of app, stream and parameters together, as sent: as much as an HTTP request line may hold.
 */
#define URL_RTMP_MAX 4096

struct url_rtmp {
    char schema[16];              /* "rtmp", "rtmps" */
    char host[256];               /* without brackets */
    int port;                     /* 1935, 443 for rtmps when not given */
    char vhost[256];              /* from ?vhost=, ?domain=, ...vhost...name, else host */
    char app[256];                /* any depth, decoded, without /_definst_ */
    char stream[256];             /* last path segment, decoded */
    char param[URL_RTMP_MAX + 1]; /* "?a=b&c=d" of app and stream, joined, raw; "" if none */
    const char *fault;            /* what is wrong, after SCAN_BAD; constant */
};

/* The parts of an address that a client sends in connect and in publish or play. */
struct url_rtmp_call {
    const char *tc_url; /* "rtmp://host:port/app?vhost=v" */
    const char *app;    /* connect's app, for a tcUrl without a path or a scheme; or NULL */
    const char *stream; /* "livestream?token=x"; NULL while it is unknown */
};

/*
 * SCAN_BAD for a non-RTMP address, an empty app, a part that is too long or has control characters,
 * or a badly encoded name (see url_path_clean()). If app has several segments (players that send
 * the whole path), app and stream stay as given. A stream without a name ("", "?a=b") is the app's
 * last segment; with an app of one segment it stays "".
 */
enum scan url_rtmp_parse_call(struct url_rtmp *url, const struct url_rtmp_call *call);

/* The same without connect's app. */
enum scan url_rtmp_parse(struct url_rtmp *url, const char *tc_url, const char *stream);

/* A whole "rtmp://host/app/stream?x=y": the last segment is the stream. Nothing is decoded: such
 * addresses are configured, or built here. */
enum scan url_rtmp_parse_full(struct url_rtmp *url, const char *address);

/* Where the stream begins in an address's path, "/app/stream?x=y" or "/app?vhost=v/stream?x=y";
 * NULL: it has none. */
const char *url_rtmp_split(const char *rest);

struct url_http {
    char schema[16]; /* "http", "https", "ws", "wss" */
    char host[256];
    int port;
    char path[1024]; /* "/live/livestream.flv", raw */
    char query[URL_RTMP_MAX];
};

/* SCAN_DONE, or SCAN_BAD for another schema, no host, or a part that does not fit. Nothing is
 * decoded. */
enum scan url_http_parse(struct url_http *url, const char *address);

/*
 * The address that a Location at `at` means (RFC 9110, section 10.2.2): a full address,
 * "//host/path" or "/path"; anything else is copied. 0, or -1 when it does not fit.
 */
int url_http_next(const struct url_http *at, const char *location, char *out, size_t cap);

/*
 * "host", "host:port" or "[v6]:port" into host (lower case, without brackets) and *port, which is
 * unchanged without a port; a leading "user@" is skipped. 0, or -1 when it is malformed or does not
 * fit; an empty host is allowed.
 */
int url_authority_parse(const char *text, size_t len, char *host, size_t cap, int *port);

/*
 * Percent-decodes a path into out and removes ".", ".." and doubled slashes.
 * SCAN_BAD for a bad escape, %00, a control character, a backslash, a ".." above the root, or when
 * it does not fit.
 */
enum scan url_path_clean(char *out, size_t cap, const char *path, size_t len);

/* The decoded value of the first `name` in "a=b&c=d" (a leading '?' is allowed). 0; -1: absent, bad
 * or cut. */
int url_query_get(const char *query, const char *name, char *out, size_t cap);

#endif
