/*
 * Redirects clients that connect during a drain to another server: one of grace_redirect_rtmp, or
 * one of grace_redirect with the port that the client used here.
 */
#include "app/rtmp/rtmp_drain.h"

#include "app/core/drain.h"
#include "base/str.h"
#include "proto/rtmp_target.h"

#include <assert.h>
#include <string.h>

int rtmp_drain_tc_url(const struct server *server, const struct rtmp_connect *connect, char *out,
                      size_t cap)
{
    const struct config *config = server->config;
    const struct config_strings *list = config->grace_redirect_rtmp.count > 0
                                            ? &config->grace_redirect_rtmp
                                            : &config->grace_redirect;
    const char *place = drain_pick(server, list);
    const struct url_rtmp *url = &connect->address;
    int has_vhost = strcmp(url->vhost, url->host) != 0;
    char app[3 * sizeof(url->app)] = "";
    char host[DRAIN_HOST_SIZE];
    int given = 0;

    assert(out != NULL && cap > 0);
    if (place == NULL || rtmp_target_name(app, sizeof(app), url->app) != 0 ||
        drain_split(place, host, &given) != 0)
        return -1;
    /* The port of a grace_redirect entry is an HTTP port, so do not use it. */
    if (given == 0 || list == &config->grace_redirect)
        given = url->port;
    return str_format(out, cap, "%s://%s:%d/%s%s%s", url->schema, host, given, app,
                      has_vhost ? "?vhost=" : "", has_vhost ? url->vhost : "");
}
