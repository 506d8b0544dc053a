/*
 * Asks the gates on behalf of an RTMP client and tells it their verdict. The last gates are asked
 * when the stream is free for a publisher, or carries what a player wants; what they grant belongs
 * to the session, or to its connection.
 */
#include "app/rtmp/rtmp_gate.h"

#include "app/stream/gate.h"

#include <stdlib.h>

/* Tells the peer a gate's verdict. Returns an error, which ends the session. */
static MAY_YIELD struct err *tell_verdict(struct rtmp_session *session,
                                          const struct rtmp_gate *target,
                                          const struct gate_verdict *verdict)
{
    int is_publish = target->request->intent == RTMP_INTENT_PUBLISH;
    struct err *sent;

    if (verdict->status == 302 && verdict->location[0] == '\0')
        return rtmp_redirect_send(session, target->source, target->request, target->param,
                                  &verdict->place);
    if (verdict->status == 302 && rtmp_redirect_is_usable(verdict->location))
        return rtmp_redirect_to(session, target->request, verdict->location);
    sent = rtmp_talk_refuse(session->talk, target->request,
                            is_publish               ? "NetStream.Publish.Denied"
                            : verdict->status == 508 ? RTMP_PLAY_LOOP
                                                     : "NetStream.Play.Failed",
                            verdict->reason, RTMP_ANSWER_TIMEOUT);
    if (sent == NULL)
        rtmp_peer_linger(session);
    err_free(sent);
    return err_new(ERR_DENIED, "refused %s %s/%s/%s: %s", is_publish ? "publish" : "play",
                   target->vhost->name, target->app, target->stream, verdict->reason);
}

struct err *rtmp_gate_ask(struct rtmp_session *session, const struct rtmp_gate *target,
                          usec_t timeout)
{
    int is_publish = target->request->intent == RTMP_INTENT_PUBLISH;
    struct session_facts facts = rtmp_peer_facts(session, target->param);
    struct gate_request request = {.server = session->server,
                                   .action = is_publish ? ACCESS_PUBLISH : ACCESS_PLAY,
                                   .protocol = GATE_RTMP,
                                   .vhost = target->vhost,
                                   .app = target->app,
                                   .stream = target->stream,
                                   .param = target->param,
                                   .ip = session->conn->ip,
                                   .page = session->page_url,
                                   .facts = &facts,
                                   .via = session->via,
                                   .source = target->source,
                                   .is_last = target->is_last,
                                   .type = "rtmp",
                                   .permits = &session->permits,
                                   .conn_permits = &session->conn_permits,
                                   .bytes_in = session->conn->bytes_in,
                                   .bytes_out = session->conn->bytes_out};
    struct gate_verdict *verdict = malloc(sizeof(*verdict));
    struct err *err = NULL;

    if (verdict == NULL)
        return err_new(ERR_NOMEM, "no memory for an access check");
    if (gates_ask(&request, verdict, timeout) != 0)
        err = tell_verdict(session, target, verdict);
    free(verdict);
    return err;
}

struct err *rtmp_gate_last(struct rtmp_session *session, struct source *source,
                           const struct config_vhost *vhost, const struct rtmp_request *request,
                           usec_t timeout)
{
    const struct stream *stream = source_data(source);
    struct rtmp_gate target = {.request = request,
                               .source = source,
                               .vhost = vhost,
                               .app = stream->app,
                               .stream = stream->name,
                               .param = session->param,
                               .is_last = 1};

    if (!gates_are_used(session->server, vhost, GATE_LAST))
        return NULL;
    return rtmp_gate_ask(session, &target, timeout);
}
