#ifndef APP_HTTP_HTTP_TARGET_H
#define APP_HTTP_HTTP_TARGET_H

/*
 * What a request's address means: the vhost whose rules, streams, and files count, and the stream
 * that is mounted there, if any. Resolved once for each request; all links of the chain use the
 * same answer, so that none can be reached past the rules of another. Pure.
 */
#include "app/config/config.h"
#include "media/mux.h"

struct http_address {
    const char *host;  /* of the Host line or an absolute target, without port */
    const char *query; /* ?vhost= goes before the host */
    const char *path;  /* decoded and cleaned */
};

struct http_target {
    const struct config_vhost *vhost; /* NULL: this host is not served */
    char host[256];                   /* as the request names it */
    const struct mux *mux;            /* the format of the stream's address; NULL: not a stream's */
    char app[256];                    /* "" when the mount has no [app] */
    char stream[256];
};

/*
 * The owner is, in this order: the vhost with a mount whose host part has text and names the host,
 * the path fitting it too; the vhost of this name; the vhost with any mount, live or static, that
 * names the host; __defaultVhost__. Between mounts of one rank mount_wins() decides, then the
 * configuration's order.
 */
void http_target_find(const struct config *config, const struct http_address *address,
                      struct http_target *out);

/* The vhost that owns the stream's addresses at this host: for streams asked for by name. NULL:
 * not served. */
const struct config_vhost *http_target_vhost(const struct config *config, const char *host,
                                             const char *query);

/*
 * The first vhost that wants signed addresses for a stream at this path, whatever the host: what is
 * everybody's must not lead around it. NULL: none.
 */
const struct config_vhost *http_target_guard(const struct config *config, const char *path,
                                             struct http_target *out);

#endif
