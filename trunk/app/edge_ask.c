/*
 * token_traverse: the origin knows who may play, the edge does not. So it asks as the
 * viewer would, with the parameters of the viewer's address, and takes nothing but the answer.
 * An origin that is away cannot be asked: viewers then wait like all others, and get nothing
 * before an origin has let in the pull, which bears the same parameters.
 */
#include "app/edge_ask.h"

#include "app/edge.h"
#include "app/server.h"
#include "base/str.h"
#include "base/version.h"
#include "co/http_client.h"
#include "proto/rtmp_talk.h"

#include <stdlib.h>
#include <unistd.h>

#define ASK_TIMEOUT (3 * USEC_PER_SEC)

static struct err *ask_http(struct server *server, const struct config_vhost *vhost,
                            const struct pull_origin *origin, usec_t timeout)
{
    struct http_client_options options = {
        .method = "HEAD", .host = origin->host, .connect_timeout = timeout};
    struct http_client *client = NULL;
    struct err *err = NULL;
    int status;

    if (str_starts(origin->url, "https:"))
        options.tls = edge_tls(server->edge, vhost->cluster.ca, &err);
    if (err == NULL)
        err = http_client_open(&client, origin->url, &options, timeout);
    if (err != NULL)
        return err;
    status = http_client_status(client);
    http_client_close(client);
    /* 404: it is not published yet, but this viewer may have it then. */
    if (status == 401 || status == 403)
        return err_new(ERR_DENIED, "the origin refuses it with %d", status);
    return NULL;
}

static struct err *ask_play(struct net_conn *conn, const struct url_rtmp *url, usec_t timeout)
{
    struct rtmp_talk_config config = {.chunk_size = 60000,
                                      .message_max = (size_t)1024 * 1024,
                                      .server = MILLRACE_NAME,
                                      .version = MILLRACE_VERSION,
                                      .pid = (int)getpid(),
                                      .id = co_id(),
                                      .now = co_now};
    struct rtmp_talk *talk = rtmp_talk_new(&conn->io, &config);
    usec_t deadline = co_deadline(timeout);
    char name[1400];
    struct err *err;

    if (talk == NULL)
        return err_new(ERR_NOMEM, "no memory to ask the origin");
    err = rtmp_talk_handshake(talk, co_left(deadline));
    if (err == NULL)
        err = rtmp_talk_connect(talk, url, co_left(deadline));
    if (err == NULL && str_format(name, sizeof(name), "%s%s", url->stream, url->param) != 0)
        err = err_new(ERR_DENIED, "the address is too long");
    if (err == NULL)
        err = rtmp_talk_play(talk, name, co_left(deadline));
    rtmp_talk_free(talk);
    return err;
}

static struct err *ask_rtmp(const struct pull_origin *origin, usec_t timeout)
{
    struct url_rtmp *url = malloc(sizeof(*url));
    struct net_conn *conn = NULL;
    struct err *err;

    if (url == NULL)
        return err_new(ERR_NOMEM, "no memory to ask the origin");
    if (url_rtmp_parse_full(url, origin->url) != SCAN_DONE)
        err = err_new(ERR_DENIED, "the address is malformed");
    else
        err = net_connect(url->host, url->port, &conn, timeout);
    if (err == NULL)
        err = ask_play(conn, url, timeout);
    net_free(conn);
    free(url);
    return err;
}

struct err *edge_ask_origins(struct server *server, const struct config_vhost *vhost,
                             const struct pull_origin *origins, int count, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout < ASK_TIMEOUT ? timeout : ASK_TIMEOUT);

    for (int i = 0; i < count && co_left(deadline) > 0; i++) {
        struct err *err = str_starts(origins[i].url, "rtmp")
                              ? ask_rtmp(&origins[i], co_left(deadline))
                              : ask_http(server, vhost, &origins[i], co_left(deadline));

        if (err == NULL || err_code(err) == ERR_DENIED)
            return err;
        log_debug(server->log, "token_traverse: %s", err_text(err));
        err_free(err);
    }
    return NULL;
}
