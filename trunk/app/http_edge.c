/*
 * Between "this is the stream" and "this is a viewer of it": requests of other servers of
 * ours bear a header, which makes them relays and lets loops be noticed; and an edge may
 * have to ask its origin about each client.
 */
#include "app/http_edge.h"

#include "app/edge.h"
#include "app/relay.h"
#include "app/server.h"
#include "app/stream.h"

static struct err *edge_refuse(struct http_exchange *x, struct err *why, int *is_done,
                               usec_t timeout)
{
    int status = err_code(why) == ERR_DENIED ? 403 : err_code(why) == ERR_PROTO ? 400 : 503;
    struct err *err;

    *is_done = 1;
    log_warn(x->server->log, "%s: refused: %s", x->conn->ip, err_text(why));
    err = http_answer_error(x, status, NULL, timeout, "%s", err_text(why));
    err_free(why);
    return err;
}

struct err *http_edge_ask(struct http_exchange *x, const struct config_vhost *vhost,
                          struct source *source, const struct mux **mux, int *is_done,
                          usec_t timeout)
{
    const char *relay = http_message_header(x->request, RELAY_HEADER);
    struct stream *stream = source_data(source);
    struct err *err = NULL;

    *is_done = 0;
    if (relay != NULL)
        err = edge_note(x->server, stream, relay);
    if (err != NULL)
        return edge_refuse(x, err, is_done, timeout);
    if (relay != NULL && *mux == &mux_flv)
        *mux = &mux_relay;
    /* To ask takes a while, over which nobody else need hold the stream. */
    source_ref(source);
    err = edge_ask(stream, vhost, x->request->query, timeout);
    source_unref(source);
    return err != NULL ? edge_refuse(x, err, is_done, timeout) : NULL;
}
