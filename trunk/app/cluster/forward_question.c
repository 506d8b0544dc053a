/*
 * The question to forward's backend about a stream that is published: who publishes what. The
 * backend answers with destinations.
 */
#include "app/cluster/forward_question.h"

#include "app/cluster/forward_backend.h"
#include "app/cluster/upstream_tls.h"
#include "app/core/server.h"
#include "app/stream/publication.h"
#include "app/stream/stream.h"
#include "base/str.h"

#include <stdlib.h>

/* NULL without memory, or when the publisher has disconnected meanwhile. */
static char *question_body(const struct stream *stream)
{
    struct session_info publisher;
    struct forward_question question = {.server_id = stream->server->server_id,
                                        .service_id = stream->server->service_id,
                                        .vhost = stream->vhost,
                                        .app = stream->app,
                                        .stream = stream->name};

    if (publication_describe(stream, &publisher) != 0)
        return NULL;
    question.client_id = publisher.id;
    question.ip = publisher.ip;
    question.tc_url = publisher.tc_url;
    question.param = publisher.param;
    return forward_json_question(&question);
}

struct err *forward_question_ask(const struct stream *stream, const char *backend,
                                 const struct config_forward *config, struct forward_urls *urls,
                                 usec_t timeout)
{
    struct origin_stream names = {stream->vhost, stream->app, stream->name, NULL};
    char *body = question_body(stream);
    struct tls *tls = NULL;
    struct err *err = NULL;

    if (body == NULL)
        return err_new(ERR_CLOSED, "publisher disconnected");
    if (str_starts(backend, "https:"))
        tls = upstream_tls(stream->server, config->ca, &err);
    if (err == NULL)
        err = forward_backend_ask(backend, body, tls, &names, urls, timeout);
    free(body);
    return err;
}
