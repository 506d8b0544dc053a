/*
 * A drain waits for the connected clients, so new clients are redirected to another server, with
 * the address that they requested. The Location has no scheme (RFC 9110, section 10.2.2, and RFC
 * 3986, section 4.2), since a server behind a proxy does not know which one its clients use: the
 * client keeps its own, be it http, https, or a WebSocket's.
 */
#include "app/http/http_drain.h"

#include "app/core/drain.h"
#include "proto/url.h"

#include <string.h>

/* The header lines of a redirect, with the port of the request unless the place names another. */
static int location(const struct http_exchange *x, const char *place, struct buf *out)
{
    const char *own = http_message_header(x->request, "Host");
    const char *query = x->request->query;
    char host[DRAIN_HOST_SIZE];
    char name[DRAIN_HOST_SIZE];
    int port = 0;
    int given = 0;

    if (own != NULL && url_authority_parse(own, strlen(own), name, sizeof(name), &port) != 0)
        return -1;
    if (drain_split(place, host, &given) != 0)
        return -1;
    /* A configured port is the one of plain HTTP. */
    if (given > 0 && !x->is_tls)
        port = given;
    /* The redirect is valid only during the drain, so caches must not store it. */
    if (buf_printf(out, "Cache-Control: no-store\r\nLocation: //%s", host) != 0 ||
        (port > 0 && buf_printf(out, ":%d", port) != 0) ||
        http_path_encode(out, x->request->path) != 0 ||
        buf_printf(out, "%s%s\r\n", query[0] != '\0' ? "?" : "", query) != 0)
        return -1;
    return buf_append(out, "", 1);
}

enum http_step http_drain_answer(struct http_exchange *x, usec_t timeout)
{
    const struct server *server = x->server;
    const char *place = drain_pick(server, &server->config->grace_redirect);
    struct buf lines;
    struct err *err;

    /* Without a place, new clients are served until the listeners are closed; a process that
     * retires serves the connections that it has. */
    if (server->state == SERVER_RUNNING || x->is_worker || server->is_retiring ||
        (place == NULL && !server->is_closed))
        return HTTP_STEP_NEXT;
    x->keep_alive = 0;
    if (place == NULL)
        return http_step_answered(
            x, http_answer_error(x, 503, NULL, timeout, "this server is shutting down"));
    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    if (location(x, place, &lines) != 0)
        err = http_answer_error(x, 503, NULL, timeout, "this server is shutting down");
    else
        err = http_answer(x, 302, NULL, (const char *)buf_data(&lines), NULL, 0, timeout);
    buf_fini(&lines);
    return http_step_answered(x, err);
}
