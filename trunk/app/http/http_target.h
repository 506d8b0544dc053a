#ifndef APP_HTTP_HTTP_TARGET_H
#define APP_HTTP_HTTP_TARGET_H

/*
 * Resolves a request's address: the vhost whose rules, streams and files apply, and the stream that
 * is mounted there, if any. Resolved once for each request; all links of the chain use the same
 * result, so that no link can be used to avoid the rules of another. Pure.
 */
#include "app/config/config.h"
#include "media/mux.h"

struct http_address {
    const char *host;  /* of the Host line or an absolute target, without port */
    const char *query; /* ?vhost= takes precedence over the host */
    const char *path;  /* decoded and cleaned */
};

struct http_target {
    const struct config_vhost *vhost; /* NULL: the vhost of this host is disabled */
    char host[256];                   /* as the request names it */
    const struct mux *mux;            /* the format of the stream's address; NULL: not a stream */
    char app[256];                    /* "" when the mount has no [app] */
    char stream[256];
};

/*
 * The owner is, in this order: the vhost with a mount whose host part is literal and equals the
 * host, and whose path matches too; the vhost with this name; the vhost with any mount, live or
 * static, that names the host; __defaultVhost__. Between mounts of one rank mount_wins() decides,
 * then the order of the configuration.
 */
void http_target_find(const struct config *config, const struct http_address *address,
                      struct http_target *out);

/* The vhost that owns the stream addresses of this host, for streams requested by name. NULL: this
 * host is not served. */
const struct config_vhost *http_target_vhost(const struct config *config, const char *host,
                                             const char *query);

/*
 * The first vhost that requires signed addresses for a stream at this path, whatever the host: the
 * files that all vhosts share must not bypass it. NULL: none.
 */
const struct config_vhost *http_target_guard(const struct config *config, const char *path,
                                             struct http_target *out);

#endif
