#ifndef PROTO_RTMP_TARGET_H
#define PROTO_RTMP_TARGET_H

/*
 * A stream at another RTMP server: the address to connect to, and the texts to send, byte for byte.
 * Pure.
 */
#include "proto/url.h"

/* Sizes with terminator: enough for everything that the server's own parser accepts. */
#define RTMP_TARGET_APP_MAX    1024
#define RTMP_TARGET_TC_URL_MAX (RTMP_TARGET_APP_MAX + 768)
#define RTMP_TARGET_USER_MAX   128
#define RTMP_TARGET_NAME_MAX \
    (sizeof(((struct url_rtmp *)0)->stream) + sizeof(((struct url_rtmp *)0)->param))

struct rtmp_target {
    char schema[16]; /* "rtmp", "rtmps" */
    char host[256];  /* without brackets */
    int port;
    char app[RTMP_TARGET_APP_MAX];       /* connect's app */
    char tc_url[RTMP_TARGET_TC_URL_MAX]; /* connect's tcUrl */
    char name[RTMP_TARGET_NAME_MAX];     /* the stream name that play and publish send */
    /* For a server that requires login (proto/rtmp_auth.h), decoded; "": none. */
    char user[RTMP_TARGET_USER_MAX];
    char password[RTMP_TARGET_USER_MAX];
};

/* A stream by its parts. No text is NULL. */
struct rtmp_parts {
    const char *schema;
    const char *host; /* without brackets */
    int port;
    const char *vhost; /* "" or __defaultVhost__: the other server's own */
    const char *app;
    const char *stream;
    const char *param; /* "?a=b", "a=b" or ""; `vhost` and `domain` are left out */
};

/*
 * 0, or -1 when RTMP cannot express these names: the server would parse another vhost, app or
 * stream, or the text is too long.
 */
int rtmp_target_make(struct rtmp_target *out, const struct rtmp_parts *parts);

/*
 * A whole address "rtmp(s)://host[:port]/app/stream?x=y": app and stream are sent byte for byte,
 * also as "app/?x=y" and "app?x=y/stream"; so is the tcUrl, without a "user:password@". 0, or -1
 * when it is malformed or too long.
 */
int rtmp_target_read(struct rtmp_target *out, const char *address);

/*
 * Reads "user:password@" of "user:password@host:port" (len bytes) into user and password. Returns
 * the beginning of the host, or NULL when malformed or too long.
 */
const char *rtmp_target_read_user(struct rtmp_target *out, const char *authority, size_t len);

/* Appends a name unchanged, except for '%': servers that decode names, as ours do, must not read it
 * as an escape. 0 or -1. */
int rtmp_target_name(char *out, size_t cap, const char *name);

/* Rebuilds tcUrl from schema, host, port and app. 0, or -1 when it is too long. */
int rtmp_target_tc_url(struct rtmp_target *target);

/*
 * Changes target to the redirection `to`: a tcUrl, or one followed by the stream, as some servers
 * send. The stream, the vhost and the parameters stay; user and password are removed, since they
 * are for the first server only. 0, or -1 when `to` is not a usable address; then nothing has
 * changed.
 */
int rtmp_target_redirect(struct rtmp_target *target, const char *to);

#endif
