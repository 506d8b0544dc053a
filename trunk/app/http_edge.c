/*
 * Between "this is the stream" and "this is a viewer of it": requests of other servers of
 * ours bear a header, which makes them relays and lets loops be noticed; and an edge may
 * have to ask its origin about each client.
 */
#include "app/http_edge.h"

#include "app/directory.h"
#include "app/edge.h"
#include "app/edge_claim.h"
#include "app/http_ws.h"
#include "app/log_limit.h"
#include "app/server.h"
#include "app/stream.h"
#include "app/worker.h"
#include "base/str.h"
#include "proto/url.h"

#include <string.h>

static struct err *edge_refuse(struct http_exchange *x, struct err *why, int *is_done,
                               usec_t timeout)
{
    int status = err_code(why) == ERR_DENIED      ? 403
                 : err_code(why) == ERR_NOT_FOUND ? 404
                 : err_code(why) == ERR_PROTO     ? 400
                                                  : 503;
    struct err *err;

    *is_done = 1;
    log_peer(x->server, LOG_WARN, "relay refused", x->conn->ip, "%s: refused: %s", x->conn->ip,
             err_text(why));
    err = http_ws_refuse(x, status, NULL, timeout, err_text(why));
    err_free(why);
    return err;
}

/* Where the client is sent: its own scheme stays, as in app/drain.c. 0 or -1. */
static int edge_location(const struct http_exchange *x, const char *vhost, const char *address,
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
    /* The other server goes by another name, which tells it nothing of the vhost. */
    if (!is_default && url_query_get(query, "vhost", given, sizeof(given)) != 0) {
        rc |= buf_printf(out, "%cvhost=", *query != '\0' ? '&' : '?');
        rc |= http_path_encode(out, vhost);
    }
    rc |= buf_printf(out, "\r\n");
    return rc != 0 ? rc : buf_append(out, "", 1);
}

/* redirect: to whoever has the stream, as the directory says. */
static struct err *edge_send_on(struct http_exchange *x, const struct config_vhost *vhost,
                                const struct source *source, int *is_done, usec_t timeout)
{
    const struct stream *stream = source_data(source);
    struct directory_place place;
    const char *address;
    struct err *err = NULL;
    struct buf lines;

    if (!vhost->cluster.redirect || stream->vhost[0] == STREAM_PULLED ||
        source_state(source) == SOURCE_LIVE || worker_is_elsewhere(x->server, source_key(source)) ||
        directory_find(x->server, vhost, source_key(source), &place, DIRECTORY_TIMEOUT) !=
            DIRECTORY_THERE)
        return NULL;
    address = x->is_tls ? place.https : place.http;
    if (address[0] == '\0')
        return NULL;
    buf_init(&lines, HTTP_ANSWER_HEAD_MAX);
    if (edge_location(x, stream->vhost, address, &lines) == 0) {
        *is_done = 1;
        log_info(x->server->log, "%s: sent on to %s, which has %s", x->conn->ip, address,
                 source_key(source));
        err = http_answer(x, 302, NULL, (const char *)buf_data(&lines), NULL, 0, timeout);
    }
    buf_fini(&lines);
    return err;
}

int http_edge_is_elsewhere(struct http_exchange *x, const struct config_vhost *vhost,
                           const char *app, const char *name, usec_t timeout)
{
    struct directory_place place;
    char key[SOURCE_KEY_MAX];

    if (!directory_is_used(vhost) ||
        str_format(key, sizeof(key), "%s/%s/%s", vhost->name, app, name) != 0)
        return 0;
    return directory_find(x->server, vhost, key, &place,
                          timeout < DIRECTORY_TIMEOUT ? timeout : DIRECTORY_TIMEOUT) ==
           DIRECTORY_THERE;
}

/* Nobody could be asked for it: whoever waited for it would wait in vain. */
static int is_unspeakable(const struct stream *stream, const struct config_vhost *vhost)
{
    return stream->pull == NULL && source_state(stream->source) == SOURCE_IDLE &&
           edge_fetches(stream) && !edge_can_ask(stream, vhost);
}

/* Its pull could not begin: who waited for it would wait in vain. */
static int is_one_too_many(const struct stream *stream)
{
    return stream->pull == NULL && edge_fetches(stream) && !edge_has_room(stream->server->edge) &&
           source_state(stream->source) == SOURCE_IDLE;
}

struct err *http_edge_ask(struct http_exchange *x, const struct config_vhost *vhost,
                          struct source *source, const struct mux **mux, int *is_done,
                          usec_t timeout)
{
    const char *relay = http_message_header(x->request, VIA_CHAIN_HEADER);
    struct stream *stream = source_data(source);
    struct err *err = NULL;

    *is_done = 0;
    if (relay != NULL)
        err =
            edge_claim_check(x->server, stream, &(struct via_claimant){vhost, x->conn->ip, relay});
    if (err == NULL && is_unspeakable(stream, vhost))
        err = err_new(ERR_NOT_FOUND, "the origin cannot be asked for a stream of this name");
    if (err == NULL && is_one_too_many(stream))
        err = err_new(ERR_LIMIT, "too many streams are fetched here already");
    if (err != NULL)
        return edge_refuse(x, err, is_done, timeout);
    if (relay != NULL && *mux == &mux_flv)
        *mux = &mux_relay;
    /* To ask takes a while, over which nobody else need hold the stream. */
    source_ref(source);
    err = edge_ask(stream, vhost, ORIGIN_FLV, x->request->query, timeout);
    if (err != NULL)
        err = edge_refuse(x, err, is_done, timeout);
    else
        err = edge_send_on(x, vhost, source, is_done, timeout);
    source_unref(source);
    return err;
}
