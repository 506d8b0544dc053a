/*
 * token_traverse: the origin decides which clients may play, the edge cannot. So the edge asks as
 * the viewer would, with the parameters of the viewer's address, and uses only the answer. If no
 * origin is reachable, the viewer is let in and waits like all others; it receives nothing until an
 * origin accepts the pull, which carries the same parameters.
 */
#include "app/cluster/edge.h"

#include "app/cluster/directory.h"
#include "app/cluster/edge_private.h"
#include "app/cluster/rtmp_upstream.h"
#include "app/cluster/upstream_tls.h"
#include "app/core/server.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/http_client.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

/*
 * Asks the origins in turn until one answers: HEAD over HTTP, play over RTMP; the addresses carry
 * the viewer's parameters. ERR_DENIED with the origin's reason; NULL: the viewer may play, or no
 * origin answers, and the pull will find out.
 */
static struct err *ask_origins(struct server *server, const struct config_vhost *vhost,
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

/* The server that has the stream according to the directory: it is asked first. */
static void origins_found(struct stream *stream, const struct config_vhost *vhost,
                          const char *param, struct edge_origins *out, usec_t timeout)
{
    if (edge_directory_find(stream, vhost, param, &out->target[0], timeout) == 0) {
        out->origin[0].target = &out->target[0];
        out->count = 1;
    }
}

struct err *edge_ask(struct stream *stream, const struct config_vhost *vhost,
                     enum origin_scheme scheme, const char *param, usec_t timeout)
{
    struct edge_stream *own = edge_stream_of(stream);
    struct edge_origins *origins;
    struct err *err = NULL;
    char *copy;

    own->asked_by = (uint8_t)scheme;
    own->was_asked = 1;
    if (stream->vhost[0] != STREAM_PULLED && edge_has_origin_pulls(vhost))
        edge_keep_token(stream, vhost, param);
    if (stream->vhost[0] == STREAM_PULLED || !edge_is_remote(vhost) ||
        !vhost->cluster.token_traverse)
        return NULL;
    origins = malloc(sizeof(*origins));
    copy = strdup(param);
    if (origins == NULL || copy == NULL) {
        free(origins);
        free(copy);
        return err_new(ERR_NOMEM, "no memory to ask the origin");
    }
    memset(origins, 0, offsetof(struct edge_origins, target));
    origins_found(stream, vhost, param, origins, DIRECTORY_TIMEOUT);
    if (edge_origins_add(stream, own, vhost, param, origins) == 0)
        err = ask_origins(stream->server, vhost, origins->origin, origins->count, timeout);
    free(origins);
    if (err != NULL) {
        free(copy);
        return err;
    }
    /* The pull uses the same parameters, and so the same permission. */
    free(own->param);
    own->param = copy;
    return NULL;
}
