/*
 * "GET /live?src=a&port=1935&app=myapp&stream=test": many origins through one address, so that
 * browsers reach servers that they cannot reach directly. Only the configuration decides which
 * servers are asked: an unknown name, or a port other than the source's own, is refused. If clients
 * could choose the address, this server could be used to attack others.
 */
#include "app/cluster/http_pull.h"

#include "app/core/server.h"
#include "app/http/http_live.h"
#include "app/http/http_ws.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "proto/url.h"

#include <stdlib.h>
#include <string.h>

/* The parameters of a request. */
struct http_pull_request {
    char src[80];
    char port[8]; /* "" for none */
    char app[256];
    char stream[256];
};

static const char *source_url(const struct config *config, const char *name, size_t len)
{
    const struct config_strings *source = &config->http_server.http_pull.source;

    for (int i = 0; i + 1 < source->count; i += 2)
        if (strlen(source->item[i]) == len && memcmp(source->item[i], name, len) == 0)
            return source->item[i + 1];
    return NULL;
}

int http_pull_target(const struct config *config, const char *place,
                     const struct origin_stream *stream, struct origin_target *out)
{
    size_t len = strcspn(place, ":");
    const char *url = source_url(config, place, len);

    if (url == NULL)
        return -1;
    return origin_source(url, stream, place[len] == ':' ? place + len + 1 : "", out);
}

static int is_named(const char *query, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = query; *p != '\0'; p += strcspn(p, "&"), p += *p == '&')
        if (strncmp(p, name, len) == 0 && (p[len] == '=' || p[len] == '&' || p[len] == '\0'))
            return 1;
    return 0;
}

/* The query's value; "" when it is absent. -1: bad or too long. */
static int take(const char *query, const char *name, char *out, size_t cap)
{
    if (url_query_get(query, name, out, cap) == 0)
        return 0;
    out[0] = '\0';
    return is_named(query, name) ? -1 : 0;
}

static int name_is_good(const char *name)
{
    return name[0] != '\0' && name[0] != '/' && name[strlen(name) - 1] != '/' &&
           strstr(name, "//") == NULL && strpbrk(name, "?#\\") == NULL;
}

/* NULL, or what is wrong with the request. */
static const char *request_read(const char *query, struct http_pull_request *request)
{
    int64_t port;

    if (take(query, "src", request->src, sizeof(request->src)) != 0 ||
        take(query, "port", request->port, sizeof(request->port)) != 0 ||
        take(query, "app", request->app, sizeof(request->app)) != 0 ||
        take(query, "stream", request->stream, sizeof(request->stream)) != 0)
        return "a parameter is malformed or too long";
    if (!name_is_good(request->app) || !name_is_good(request->stream) ||
        strchr(request->stream, '/') != NULL)
        return "parameters app and stream are required";
    if (request->port[0] != '\0' && str_to_i64(request->port, 1, 65535, &port) != 0)
        return "port must be from 1 to 65535";
    return NULL;
}

/* RTMP's default port is ignored: players send it whatever the source's port is. */
static int port_is_known(const char *url, const char *port)
{
    struct url_rtmp rtmp;
    int64_t number;

    if (port[0] == '\0' || strcmp(port, "1935") == 0 || !str_starts(url, "rtmp:"))
        return 1;
    return str_to_i64(port, 1, 65535, &number) == 0 &&
           url_rtmp_parse(&rtmp, url, NULL) != SCAN_BAD && rtmp.port == number;
}

static struct err *pull_serve_source(struct http_exchange *x,
                                     const struct http_pull_request *request, usec_t timeout)
{
    /* A source belongs to no vhost: otherwise the client could choose which vhost's rules apply. */
    const struct config_vhost *vhost = config_vhost_find(x->config, "");
    const char *url = source_url(x->config, request->src, strlen(request->src));
    struct http_live_name name = {vhost, NULL, request->app, request->stream};
    char place[100];
    int has_port;

    if (vhost == NULL)
        return http_answer_error(x, 404, NULL, timeout, "the vhost of this host is disabled");
    if (url == NULL)
        return http_ws_refuse(x, 403, NULL, "src is not a configured source", timeout);
    if (!port_is_known(url, request->port))
        return http_ws_refuse(x, 403, NULL, "port is not that of the source", timeout);
    has_port = request->port[0] != '\0' && str_starts(url, "http");
    if (str_format(place, sizeof(place), "%c%s%s%s", STREAM_PULLED, request->src,
                   has_port ? ":" : "", has_port ? request->port : "") != 0)
        return http_answer_error(x, 400, NULL, timeout, "src is too long");
    name.place = place;
    return http_live_serve_name(x, &name, timeout);
}

static struct err *pull_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    const struct config_http_pull *config = &x->config->http_server.http_pull;
    struct http_pull_request request;
    const struct config_vhost *vhost;
    const char *why;

    if (!config->enabled || strcmp(x->request->path, config->mount) != 0 ||
        x->request->query[0] == '\0')
        return http_next(self, x, timeout);
    why = request_read(x->request->query, &request);
    if (why != NULL)
        return http_answer_error(x, 400, NULL, timeout, "%s", why);
    if (request.src[0] != '\0')
        return pull_serve_source(x, &request, timeout);
    vhost = http_target_vhost(x->config, x->request->host, x->request->query);
    if (vhost == NULL)
        return http_answer_error(x, 404, NULL, timeout, "the vhost of this host is disabled");
    return http_live_serve_name(
        x, &(struct http_live_name){vhost, vhost->name, request.app, request.stream}, timeout);
}

struct http_handler *http_pull_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = pull_serve;
    handler->next = next;
    return handler;
}
