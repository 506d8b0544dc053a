/*
 * The edge's gate for viewers. Requests from our own servers list the servers that they came
 * through, so that loops are detected; an edge may have to ask its origin about each client; and a
 * viewer may be redirected to the server that has the stream.
 */
#include "app/cluster/edge.h"
#include "app/stream/gate.h"
#include "app/stream/via_claim.h"

#include <string.h>

static int refuse_error(struct gate_verdict *verdict, struct err *err)
{
    int status = err_code(err) == ERR_DENIED      ? 403
                 : err_code(err) == ERR_LOOP      ? 508
                 : err_code(err) == ERR_NOT_FOUND ? 404
                 : err_code(err) == ERR_PROTO     ? 400
                                                  : 503;

    (void)gate_refuse(verdict, status, "%s", err_text(err));
    err_free(err);
    return status;
}

/* redirect: to the server that has the stream according to the directory. */
static int ask_directory(const struct gate_request *request, struct gate_verdict *verdict,
                         usec_t timeout)
{
    const struct stream *stream = source_data(request->source);
    const char *key = source_key(request->source);
    struct directory_place *place = &verdict->place;
    const char *address;

    if (!request->vhost->cluster.redirect || stream->vhost[0] == STREAM_PULLED ||
        source_state(request->source) == SOURCE_LIVE ||
        observers_are_elsewhere(request->server, key) ||
        edge_lookup(request->server, request->vhost, key, place, timeout) != 0)
        return 0;
    address = request->protocol == GATE_RTMP ? place->rtmp
              : request->is_tls              ? place->https
                                             : place->http;
    return address[0] != '\0' ? gate_refuse(verdict, 302, "stream is published at another server")
                              : 0;
}

/* Whether this server has nothing of the stream, so that it would have to be fetched. */
static int is_missing(const struct gate_request *request)
{
    return source_state(request->source) == SOURCE_IDLE &&
           !observers_are_elsewhere(request->server, source_key(request->source));
}

/* The origin's protocol cannot express the stream's name: waiting for it is pointless. */
static int is_unspeakable(const struct stream *stream, const struct gate_request *request)
{
    if (!edge_fetches(stream) || edge_can_ask(stream, request->vhost))
        return 0;
    return request->protocol == GATE_RTMP || is_missing(request);
}

static int edge_gate_ask(const struct gate_request *request, struct gate_verdict *verdict,
                         usec_t timeout)
{
    struct stream *stream = source_data(request->source);
    int is_play = request->action == ACCESS_PLAY;
    enum origin_scheme scheme = request->protocol == GATE_RTMP ? ORIGIN_RTMP : ORIGIN_FLV;
    struct err *err = NULL;

    if (request->via != NULL)
        err = via_claim_check(request->server, stream,
                              &(struct via_claimant){request->vhost, request->ip, request->via});
    if (err == NULL && is_unspeakable(stream, request))
        err = err_new(ERR_NOT_FOUND, "this stream name cannot be requested from the origin");
    if (err == NULL && is_play && edge_is_full(stream) && is_missing(request))
        err = err_new(ERR_LIMIT, "service unavailable: max_pulls");
    if (err == NULL && is_play)
        err = edge_ask(stream, request->vhost, scheme, request->param, timeout);
    if (err != NULL)
        return refuse_error(verdict, err);
    verdict->is_original = request->via != NULL;
    return is_play ? ask_directory(request, verdict, timeout) : 0;
}

const struct gate edge_gate = {.name = "edge", .stage = GATE_FOUND, .ask = edge_gate_ask};
