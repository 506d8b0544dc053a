/*
 * A drain waits for those who are there, and whoever comes meanwhile would make it longer: he
 * is sent to another server, with the address that he has asked for. The Location names no
 * scheme (RFC 9110, section 10.2.2, and RFC 3986, section 4.2), since a server behind a proxy does
 * not know which one its clients use: theirs stays, be it http, https or a WebSocket's.
 */
#include "app/drain.h"

#include "app/server.h"
#include "base/str.h"
#include "proto/rtmp_target.h"
#include "proto/url.h"

#include <assert.h>
#include <string.h>

#define HOST_SIZE 256

/* One of them, in turn as time goes by; NULL: there are none, or nobody is to go. */
static const char *drain_pick(const struct server *server, const struct config_strings *list)
{
    if (server->state != SERVER_DRAINING || list->count == 0)
        return NULL;
    return list->item[(co_now() / USEC_PER_MS) % list->count];
}

/* "host" or "host:port" apart; *port stays where none is given. The host is in brackets if need be.
 */
static int drain_split(const char *place, char host[HOST_SIZE + 2], int *port)
{
    char bare[HOST_SIZE];
    int is_v6;

    if (url_authority_parse(place, strlen(place), bare, sizeof(bare), port) != 0)
        return -1;
    is_v6 = strchr(bare, ':') != NULL;
    return str_format(host, HOST_SIZE + 2, "%s%s%s", is_v6 ? "[" : "", bare, is_v6 ? "]" : "");
}

/* The lines of a redirection, with the port that the client has come to unless there is another. */
static int drain_location(const struct http_exchange *x, const char *place, struct buf *out)
{
    const char *own = http_message_header(x->request, "Host");
    const char *query = x->request->query;
    char host[HOST_SIZE + 2];
    char name[HOST_SIZE];
    int port = 0;
    int given = 0;

    if (own != NULL && url_authority_parse(own, strlen(own), name, sizeof(name), &port) != 0)
        return -1;
    if (drain_split(place, host, &given) != 0)
        return -1;
    /* The port that is given is plain HTTP's. */
    if (given > 0 && !x->is_tls)
        port = given;
    /* It holds for as long as the drain lasts, and no cache knows how long that is. */
    if (buf_printf(out, "Cache-Control: no-store\r\nLocation: //%s", host) != 0 ||
        (port > 0 && buf_printf(out, ":%d", port) != 0) ||
        http_path_encode(out, x->request->path) != 0 ||
        buf_printf(out, "%s%s\r\n", query[0] != '\0' ? "?" : "", query) != 0)
        return -1;
    return buf_append(out, "", 1);
}

struct err *drain_answer(struct http_exchange *x, int *is_done, usec_t timeout)
{
    const struct server *server = x->server;
    const char *place = drain_pick(server, &server->config->grace_redirect);
    struct buf lines;
    struct err *err;

    /* Without a place to name, who comes is served for as long as others may still send him. */
    *is_done = server->state != SERVER_RUNNING && !x->is_worker &&
               (place != NULL || server->listener_count == 0);
    if (!*is_done)
        return NULL;
    x->keep_alive = 0;
    if (place == NULL)
        return http_answer_error(x, 503, NULL, timeout, "this server is about to end");
    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    if (drain_location(x, place, &lines) != 0)
        err = http_answer_error(x, 503, NULL, timeout, "this server is about to end");
    else
        err = http_answer(x, 302, NULL, (const char *)buf_data(&lines), NULL, 0, timeout);
    buf_fini(&lines);
    return err;
}

int drain_tc_url(const struct server *server, const struct rtmp_connect *connect, char *out,
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
    char host[HOST_SIZE + 2];
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
