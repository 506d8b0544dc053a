/*
 * token_traverse: the origin decides which clients may play, the edge cannot. So the edge asks as
 * the viewer would, with the parameters of the viewer's address, and uses only the answer. If no
 * origin is reachable, the viewer is let in and waits like all others; it receives nothing until an
 * origin accepts the pull, which carries the same parameters.
 */
#include "app/cluster/edge_ask.h"

#include "app/cluster/rtmp_upstream.h"
#include "app/cluster/upstream_tls.h"
#include "app/core/server.h"
#include "base/str.h"
#include "co/http_client.h"

#define ASK_TIMEOUT (3 * USEC_PER_SEC)

static struct err *ask_http(struct server *server, const struct config_vhost *vhost,
                            const struct origin_target *target, usec_t timeout)
{
    struct http_client_options options = {.method = "HEAD",
                                          .host = target->vhost[0] != '\0' ? target->vhost : NULL,
                                          .connect_timeout = timeout};
    struct http_client *client = NULL;
    struct err *err = NULL;
    int status;

    if (target->scheme == ORIGIN_FLVS)
        options.tls = upstream_tls(server, vhost->cluster.ca, &err);
    if (err == NULL)
        err = http_client_open_at(&client, &target->http, &options, timeout);
    if (err != NULL)
        return err;
    status = http_client_status(client);
    http_client_close(client);
    /* 404: not published yet, but this viewer may play it once it is. */
    if (status == 401 || status == 403)
        return err_new(ERR_DENIED, "the origin refused with status %d", status);
    return NULL;
}

static struct err *ask_rtmp(struct server *server, const struct rtmp_target *target, usec_t timeout)
{
    struct config *config = config_ref(server->config);
    struct rtmp_upstream_options options = {.config = config, .intent = RTMP_INTENT_PLAY};
    struct rtmp_upstream up = {NULL, NULL, 0};
    struct err *err = rtmp_upstream_open(&up, target, &options, timeout);

    config_unref(config);
    if (err == NULL)
        rtmp_upstream_close(&up, NULL);
    return err;
}

struct err *edge_ask_origins(struct server *server, const struct config_vhost *vhost,
                             const struct pull_origin *origins, int count, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout < ASK_TIMEOUT ? timeout : ASK_TIMEOUT);

    for (int i = 0; i < count && co_left(deadline) > 0; i++) {
        const struct origin_target *target = origins[i].target;
        struct err *err = origin_is_http(target->scheme)
                              ? ask_http(server, vhost, target, co_left(deadline))
                              : ask_rtmp(server, &target->rtmp, co_left(deadline));

        if (err == NULL || err_code(err) == ERR_DENIED)
            return err;
        log_err(server->log, LOG_DEBUG, err, "token_traverse: %s", err_text(err));
        err_free(err);
    }
    return NULL;
}
