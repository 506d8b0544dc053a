/*
 * A client that connects during a drain is sent to another server: grace_redirect_rtmp's,
 * or grace_redirect's with the port that the client came to.
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
    /* A port that is HTTP's is of no use here. */
    if (given == 0 || list == &config->grace_redirect)
        given = url->port;
    return str_format(out, cap, "%s://%s:%d/%s%s%s", url->schema, host, given, app,
                      has_vhost ? "?vhost=" : "", has_vhost ? url->vhost : "");
}
