/*
 * A gate's verdict in HTTP: a status with its reason, a challenge for a missing signature (RFC
 * 9110, section 11.6.1), or a redirect to the server that has the stream.
 */
#include "app/http/http_verdict.h"

#include "app/core/log_limit.h"
#include "app/http/http_ws.h"
#include "base/str.h"
#include "proto/url.h"

#include <string.h>

/* A scheme of our own: for Basic, browsers would show a password dialog. */
#define VERDICT_CHALLENGE "WWW-Authenticate: Signed realm=\"stream\"\r\n"

/* After 302 clients may repeat the request as GET; after 307 they send the body again. */
static int redirect_status(const struct gate_request *request)
{
    return request->action == ACCESS_PUBLISH ? 307 : 302;
}

/* The Location of a redirect: the client keeps its scheme, as in http_drain.c. 0 or -1. */
static int location(const struct http_exchange *x, const char *vhost, const char *address,
                    struct buf *out)
{
    const char *query = x->request->query;
    int is_default = strcmp(vhost, URL_DEFAULT_VHOST) == 0;
    char given[256];
    int rc = buf_printf(out, "Cache-Control: no-store\r\nLocation: //%s", address);

    for (const char *p = query; *p != '\0'; p++)
        if (*p <= ' ' || *p == 0x7f)
            return -1;
    rc |= http_path_encode(out, x->request->path);
    rc |= buf_printf(out, "%s%s", *query != '\0' ? "?" : "", query);
    /* The other server has another host name, so the vhost must be named. */
    if (!is_default && url_query_get(query, "vhost", given, sizeof(given)) != 0) {
        rc |= buf_printf(out, "%cvhost=", *query != '\0' ? '&' : '?');
        rc |= http_path_encode(out, vhost);
    }
    rc |= buf_printf(out, "\r\n");
    return rc != 0 ? rc : buf_append(out, "", 1);
}

static struct err *redirect(struct http_exchange *x, const struct gate_request *request,
                            const struct gate_verdict *verdict, usec_t timeout)
{
    const char *address = x->is_tls ? verdict->place.https : verdict->place.http;
    struct err *err;
    struct buf lines;

    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    if (address[0] != '\0' && location(x, request->vhost->name, address, &lines) == 0) {
        log_info(x->server->log, "%s: redirected to %s, which has %s/%s/%s", x->conn->ip, address,
                 request->vhost->name, request->app, request->stream);
        err = http_answer(x, redirect_status(request), NULL, (const char *)buf_data(&lines), NULL,
                          0, timeout);
    } else {
        err = http_ws_refuse(x, 404, NULL, "stream is published at another server", timeout);
    }
    buf_fini(&lines);
    return err;
}

/* To a whole address, if it is one that HTTP clients can go to. */
static struct err *redirect_to(struct http_exchange *x, int status, const char *location,
                               usec_t timeout)
{
    struct err *err;
    struct buf lines;

    if (!str_starts(location, "http://") && !str_starts(location, "https://") && location[0] != '/')
        return http_ws_refuse(x, 403, NULL, "stream is available over another protocol only",
                              timeout);
    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    if (buf_printf(&lines, "Cache-Control: no-store\r\nLocation: %s\r\n", location) != 0 ||
        buf_append(&lines, "", 1) != 0)
        err = err_new(ERR_NOMEM, "no memory for a redirection");
    else
        err = http_answer(x, status, NULL, (const char *)buf_data(&lines), NULL, 0, timeout);
    buf_fini(&lines);
    return err;
}

struct err *http_verdict_answer(struct http_exchange *x, const struct gate_request *request,
                                const struct gate_verdict *verdict, usec_t timeout)
{
    int is_publish = request->action == ACCESS_PUBLISH;

    if (verdict->status == 302 && verdict->location[0] != '\0')
        return redirect_to(x, redirect_status(request), verdict->location, timeout);
    if (verdict->status == 302)
        return redirect(x, request, verdict, timeout);
    log_peer(x->server, LOG_INFO, is_publish ? "publish refused" : "play refused", x->conn->ip,
             "refused %s %s/%s/%s from %s: %d %s", is_publish ? "publish" : "play",
             request->vhost->name, request->app, request->stream, x->conn->ip, verdict->status,
             verdict->reason);
    return http_ws_refuse(x, verdict->status, verdict->status == 401 ? VERDICT_CHALLENGE : NULL,
                          verdict->reason, timeout);
}
