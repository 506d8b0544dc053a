/*
 * A drain waits for those who are there, and whoever comes meanwhile would make it longer: he
 * is sent to another server, with the address that he has asked for. The Location names no
 * scheme (RFC 9110, section 10.2.2, and RFC 3986, section 4.2), since a server behind a proxy does
 * not know which one its clients use: theirs stays, be it http, https or a WebSocket's.
 */
#include "app/http/http_drain.h"

#include "app/core/drain.h"
#include "proto/url.h"

#include <string.h>

/* The lines of a redirection, with the port that the client has come to unless there is another. */
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

struct err *http_drain_answer(struct http_exchange *x, int *is_done, usec_t timeout)
{
    const struct server *server = x->server;
    const char *place = drain_pick(server, &server->config->grace_redirect);
    struct buf lines;
    struct err *err;

    /* Without a place to name, who comes is served for as long as others may still send him. */
    *is_done =
        server->state != SERVER_RUNNING && !x->is_worker && (place != NULL || server->is_closed);
    if (!*is_done)
        return NULL;
    x->keep_alive = 0;
    if (place == NULL)
        return http_answer_error(x, 503, NULL, timeout, "this server is about to end");
    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    if (location(x, place, &lines) != 0)
        err = http_answer_error(x, 503, NULL, timeout, "this server is about to end");
    else
        err = http_answer(x, 302, NULL, (const char *)buf_data(&lines), NULL, 0, timeout);
    buf_fini(&lines);
    return err;
}
