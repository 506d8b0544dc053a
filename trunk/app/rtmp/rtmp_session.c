/*
 * The coroutine of one RTMP connection: handshake, connect, and then requests. Each request is a
 * publish (rtmp_publish.c) or a play (rtmp_play.c) and runs until the peer ends it. Memory that
 * only the start of a session needs (addresses, read buffers) is freed before the long part begins.
 */
#include "app/rtmp/rtmp_session.h"

#include "app/config/mount.h"
#include "app/core/admission.h"
#include "app/core/log_limit.h"
#include "app/core/metrics.h"
#include "app/rtmp/rtmp_drain.h"
#include "app/rtmp/rtmp_gate.h"
#include "app/rtmp/rtmp_session_private.h"
#include "app/rtmp/rtmp_streams.h"
#include "app/stream/gate.h"
#include "app/stream/stream.h"
#include "app/stream/via_claim.h"
#include "base/str.h"
#include "base/version.h"
#include "co/co.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The time limit for the whole connect; those of the handshake and of a request are configured. */
#define CONNECT_TIMEOUT (10 * USEC_PER_SEC)

/* Needed until a request is granted, and freed then. */
struct rtmp_setup {
    struct rtmp_request request;
    struct url_rtmp url;
};

/* ---- start ---- */

static struct err *session_talk(struct rtmp_session *session)
{
    const struct config *config = session->config;
    struct rtmp_talk_config talk = {.chunk_size = (uint32_t)config->chunk_size,
                                    .out_ack_size = 2500000,
                                    .message_max = (size_t)config->max_message,
                                    .server = MILLRACE_NAME,
                                    .version = MILLRACE_VERSION,
                                    .pid = (int)getpid(),
                                    .id = co_id(),
                                    .now = co_now};

    session->talk = rtmp_talk_new(&session->conn->io, &talk);
    return session->talk != NULL ? NULL : err_new(ERR_NOMEM, "no memory for a session");
}

static void session_sizes(struct rtmp_session *session, const struct config_vhost *vhost)
{
    int64_t chunk_size = vhost->chunk_size > 0 ? vhost->chunk_size : session->config->chunk_size;

    rtmp_talk_set_sizes(session->talk, (uint32_t)chunk_size, (uint32_t)vhost->out_ack_size,
                        (uint32_t)vhost->in_ack_size);
}

/* Redirects the client to another server while this one drains; NULL: served here. Not inlined: its
 * buffer would stay on the session's stack. */
static MAY_YIELD __attribute__((noinline)) struct err *
session_send_on(struct rtmp_session *session, const struct rtmp_connect *connect)
{
    char tc_url[1024];
    struct err *err;

    if (rtmp_drain_tc_url(session->server, connect, tc_url, sizeof(tc_url)) != 0)
        return NULL;
    err = rtmp_talk_connect_no(session->talk, "This server is shutting down", tc_url,
                               RTMP_ANSWER_TIMEOUT);
    if (err != NULL)
        return err;
    rtmp_peer_linger(session);
    return err_new(ERR_DENIED, "redirected to %s", tc_url);
}

/* Refuses a connect with a reason; returns the reason. */
static MAY_YIELD struct err *session_reject(struct rtmp_session *session, struct err *why)
{
    struct err *sent =
        rtmp_talk_connect_no(session->talk, err_text(why), NULL, RTMP_ANSWER_TIMEOUT);

    if (sent == NULL)
        rtmp_peer_linger(session);
    err_free(sent);
    return why;
}

/* Copies text; NULL for an empty one. -1 if out of memory. */
static int keep(char **kept, const char *text)
{
    *kept = text[0] != '\0' ? strdup(text) : NULL;
    return *kept != NULL || text[0] == '\0' ? 0 : -1;
}

static MAY_YIELD struct err *session_connect(struct rtmp_session *session,
                                             struct rtmp_connect *connect)
{
    const struct config_vhost *vhost;
    usec_t timeout = session->config->rtmp_handshake_timeout;
    struct err *err;

    err = rtmp_talk_accept_connect(session->talk, connect,
                                   timeout < CONNECT_TIMEOUT ? timeout : CONNECT_TIMEOUT);
    if (err != NULL)
        return err_code(err) == ERR_DENIED ? session_reject(session, err) : err;
    session->tc_url = strdup(connect->tc_url);
    session->takes_tracks = connect->is_multitrack != 0;
    if (session->tc_url == NULL || keep(&session->app, connect->app) != 0 ||
        keep(&session->page_url, connect->page_url) != 0 ||
        keep(&session->swf_url, connect->swf_url) != 0 || keep(&session->via, connect->via) != 0)
        return err_new(ERR_NOMEM, "no memory for a session");
    err = session_send_on(session, connect);
    if (err != NULL)
        return err;
    vhost = config_vhost_find(session->config, connect->address.vhost);
    if (vhost == NULL)
        return session_reject(session,
                              err_new(ERR_DENIED, "vhost %s is disabled", connect->address.vhost));
    session_sizes(session, vhost);
    return rtmp_talk_connect_ok(session->talk, RTMP_ANSWER_TIMEOUT);
}

static MAY_YIELD struct err *session_begin(struct rtmp_session *session)
{
    struct rtmp_connect *connect;
    struct err *err = session_talk(session);

    if (err != NULL)
        return err;
    /* Answers are small and the peer waits for them: Nagle's algorithm would delay each of them
     * until an acknowledgement. */
    net_tune(session->conn, 0, 1);
    err = rtmp_talk_accept_handshake(session->talk, session->config->rtmp_handshake_timeout);
    if (err != NULL)
        return err;
    connect = malloc(sizeof(*connect));
    if (connect == NULL)
        return err_new(ERR_NOMEM, "no memory for a session");
    err = session_connect(session, connect);
    free(connect);
    return err;
}

/* ---- requests ---- */

static MAY_YIELD struct err *session_refuse(struct rtmp_session *session,
                                            const struct rtmp_request *request, const char *why,
                                            struct err *err)
{
    const char *code = request->intent == RTMP_INTENT_PUBLISH ? "NetStream.Publish.BadName"
                                                              : "NetStream.Play.Failed";
    struct err *sent = rtmp_talk_refuse(session->talk, request, code, why, RTMP_ANSWER_TIMEOUT);

    if (sent == NULL)
        rtmp_peer_linger(session);
    err_free(sent);
    return err;
}

/* Asks the gates whether this client may do this. source: NULL until it is found. */
static MAY_YIELD struct err *session_ask(struct rtmp_session *session,
                                         const struct rtmp_setup *setup, struct source *source,
                                         const struct config_vhost *vhost)
{
    struct rtmp_gate target = {.request = &setup->request,
                               .source = source,
                               .vhost = vhost,
                               .app = setup->url.app,
                               .stream = setup->url.stream,
                               .param = setup->url.param};

    return rtmp_gate_ask(session, &target, RTMP_ANSWER_TIMEOUT);
}

/* Combines the addresses of connect and request. */
static struct err *session_address(const struct rtmp_session *session,
                                   const struct rtmp_request *request, struct url_rtmp *url)
{
    struct url_rtmp_call call = {session->tc_url, session->app, request->stream};

    if (request->stream == NULL)
        return err_new(ERR_PROTO, "the address is too long");
    if (url_rtmp_parse_call(url, &call) != SCAN_DONE)
        return err_new(ERR_PROTO, "%s", url->fault);
    if (url->stream[0] == '\0')
        return err_new(ERR_PROTO, "the address has no stream name (rtmp://host/app/stream)");
    return NULL;
}

/* Whether this stream is published, here or at another worker. */
static int session_has_stream(const struct rtmp_session *session, const struct config_vhost *vhost,
                              const struct url_rtmp *url)
{
    const struct source *source;
    char key[SOURCE_KEY_MAX];

    if (str_format(key, sizeof(key), "%s/%s/%s", vhost->name, url->app, url->stream) != 0)
        return 0;
    source = hub_find(session->server->hub, key);
    return (source != NULL && source_state(source) != SOURCE_IDLE) ||
           observers_are_elsewhere(session->server, key);
}

/* Finds the stream whose HTTP address ends in this name, by the template that matches the address.
 * 0, or -1. */
static int session_template(const struct config_vhost *vhost, struct url_rtmp *url)
{
    struct mount_list list = {vhost->http_remux.mount.item, vhost->http_remux.mount.count, 0};
    struct mount_match match;
    char path[sizeof(url->app) + sizeof(url->stream) + 2];

    if (str_format(path, sizeof(path), "/%s/%s", url->app, url->stream) != 0 ||
        mount_find(&list, vhost->name, path, &match) < 0 || strcmp(match.app, url->app) != 0)
        return -1;
    return str_copy(url->stream, sizeof(url->stream), match.stream);
}

/* Some players, and edges of other servers, request a stream by its HTTP file name. */
static __attribute__((noinline)) void session_extension(const struct rtmp_session *session,
                                                        const struct config_vhost *vhost,
                                                        struct url_rtmp *url)
{
    char *dot = strrchr(url->stream, '.');

    if (dot == NULL || dot == url->stream || mux_find(dot) == NULL ||
        session_has_stream(session, vhost, url))
        return;
    if (session_template(vhost, url) != 0)
        *dot = '\0';
}

/* Admits the connection for its purpose, and takes a reference to the source. */
static MAY_YIELD struct err *session_admit(struct rtmp_session *session,
                                           const struct rtmp_setup *setup,
                                           const struct config_vhost *vhost, struct source **source)
{
    const struct rtmp_request *request = &setup->request;
    const struct url_rtmp *url = &setup->url;
    int is_publish = request->intent == RTMP_INTENT_PUBLISH;
    const char *limit = NULL;
    struct err *err;

    if (is_publish)
        limit = admission_become(session->server, session->conn, QUOTA_PUBLISHER);
    if (limit == NULL && is_publish)
        *source = stream_get_publish(session->server, vhost, url->app, url->stream, &err);
    else if (limit == NULL)
        *source = stream_get(session->server, vhost, url->app, url->stream, &err);
    if (limit == NULL && *source == NULL)
        return session_refuse(session, request, "Too many streams", err);
    if (limit == NULL)
        source_ref(*source);
    if (limit == NULL && !is_publish) {
        int is_live = stream_is_live(session->server, *source);

        limit = admission_play(session->server, session->conn, is_live);
        session->requested_at = is_live ? session->requested_at : 0;
    }
    if (limit == NULL)
        return NULL;
    err = err_new(ERR_LIMIT, "service unavailable: %s", limit);
    return session_refuse(session, request, err_text(err), err);
}

/* A request is judged by the current configuration, even if the connection is older. Nothing that
 * belongs to the former one runs now. */
static void session_renew_config(struct rtmp_session *session)
{
    if (session->config == session->server->config)
        return;
    config_unref(session->config);
    session->config = config_ref(session->server->config);
}

/* Reads one request and finds its source, which the caller unrefs. */
static MAY_YIELD struct err *session_find(struct rtmp_session *session, struct rtmp_setup *setup,
                                          struct source **source, const struct config_vhost **vhost)
{
    const struct rtmp_request *request = &setup->request;
    struct url_rtmp *url = &setup->url;
    struct err *err;

    err = rtmp_talk_accept_request(session->talk, &setup->request,
                                   session->config->rtmp_handshake_timeout);
    if (err != NULL)
        return err;
    session->requested_at = co_now();
    session_renew_config(session);
    err = session_address(session, request, url);
    if (err != NULL)
        return session_refuse(session, request, err_text(err), err);
    *vhost = config_vhost_find(session->config, url->vhost);
    if (*vhost == NULL)
        return session_refuse(session, request, "The vhost is disabled",
                              err_new(ERR_DENIED, "vhost %s is disabled", url->vhost));
    if (request->intent == RTMP_INTENT_PLAY)
        session_extension(session, *vhost, url);
    err = session_ask(session, setup, NULL, *vhost);
    if (err != NULL)
        return err;
    if (session->server->memory.level != MEMORY_EASY) {
        metrics_add_label(session->server->metrics, METRICS_REFUSALS, "max_memory", 1);
        return session_refuse(session, request, "service unavailable: max_memory",
                              err_new(ERR_LIMIT, "service unavailable: max_memory"));
    }
    err = session_admit(session, setup, *vhost, source);
    if (err != NULL)
        return err;
    return session_ask(session, setup, *source, *vhost);
}

/* Publishes here, or at another server if the route says so. */
static MAY_YIELD struct err *session_publish(struct rtmp_session *session,
                                             const struct rtmp_request *request,
                                             struct source *source,
                                             const struct config_vhost *vhost)
{
    const struct rtmp_route *route = session->server->tables->publish_route;
    const struct stream *stream = source_data(source);
    const char *param = session->param != NULL ? session->param : "";
    struct rtmp_route_request publish = {.source = source,
                                         .vhost = vhost,
                                         .request = request,
                                         .app = stream->app,
                                         .stream = stream->name,
                                         .param = param};
    struct err *err;

    if (route != NULL && route->is_used(vhost)) {
        err = rtmp_gate_last(session, source, vhost, request, RTMP_ANSWER_TIMEOUT);
        return err != NULL ? err : route->run(session, &publish);
    }
    return rtmp_publish_run(session, source, vhost, request, param);
}

/* The claim of a player that is another server's pull. Not inlined, to keep the playing stack
 * small. */
static __attribute__((noinline)) struct via_claim *session_claim(const struct rtmp_session *session,
                                                                 const struct source *source,
                                                                 const struct config_vhost *vhost)
{
    struct via_claimant claimant = {vhost, session->conn->ip, session->via};

    return claimant.text != NULL ? via_claim_enter(source_data(source), &claimant) : NULL;
}

static MAY_YIELD struct err *session_play(struct rtmp_session *session, struct source *source,
                                          const struct config_vhost *vhost,
                                          const struct viewer_wish *wish, uint32_t stream_id)
{
    struct err *err;

    session->claim = session_claim(session, source, vhost);
    err = rtmp_play_run(session, source, vhost, wish, stream_id);
    via_claim_leave(session->claim);
    session->claim = NULL;
    return err;
}

static MAY_YIELD struct err *session_request(struct rtmp_session *session)
{
    const struct config_vhost *vhost = NULL;
    struct source *source = NULL;
    struct rtmp_setup *setup = calloc(1, sizeof(*setup));
    const char *reason = NULL;
    struct viewer_wish wish;
    struct rtmp_request request;
    struct err *err;

    if (setup == NULL)
        return err_new(ERR_NOMEM, "no memory for a request");
    err = session_find(session, setup, &source, &vhost);
    request = setup->request;
    if (err == NULL && request.intent == RTMP_INTENT_PLAY)
        reason = rtmp_play_wish(session, setup->url.param, request.start, &wish);
    if (reason != NULL)
        err = session_refuse(session, &request, reason,
                             err_new(ERR_PROTO, "malformed parameter: %s", reason));
    if (err == NULL && keep(&session->param, setup->url.param) != 0)
        err = err_new(ERR_NOMEM, "no memory for a request");
    free(setup);
    if (err == NULL && request.intent == RTMP_INTENT_PUBLISH)
        err = session_publish(session, &request, source, vhost);
    else if (err == NULL)
        err = rtmp_gate_last(session, source, vhost, &request, RTMP_ANSWER_TIMEOUT);
    if (err == NULL && request.intent == RTMP_INTENT_PLAY)
        err = session_play(session, source, vhost, &wish, request.stream_id);
    permit_end_all(&session->permits, session->conn->bytes_in, session->conn->bytes_out);
    free(session->param);
    session->param = NULL;
    if (source != NULL && request.intent == RTMP_INTENT_PUBLISH)
        stream_publish_end(source);
    if (source != NULL)
        source_unref(source);
    return err;
}

/* Logs why the session ended, unless another line says so, and frees err. */
static void session_log_error(struct rtmp_session *session, struct err *err)
{
    const char *ip = session->conn->ip;

    if (!session->is_logged && !(session->was_named && err_is_quiet(err)))
        log_peer_err(session->server, err_is_quiet(err) ? LOG_INFO : LOG_WARN, "RTMP error", ip,
                     err, "RTMP from %s: %s", ip, err_text(err));
    err_free(err);
}

static MAY_YIELD void session_serve(struct rtmp_session *session)
{
    struct err *err = NULL;

    while (err == NULL)
        err = session_request(session);
    session_log_error(session, err);
}

void rtmp_session_run(struct server *server, struct net_conn *conn)
{
    struct rtmp_session session = {.server = server,
                                   .conn = conn,
                                   .config = config_ref(server->config),
                                   .serve = session_serve};
    struct err *err = session_begin(&session);

    if (err == NULL)
        session_serve(&session);
    else
        session_log_error(&session, err);
    rtmp_streams_end(&session);
    permit_end_all(&session.conn_permits, conn->bytes_in, conn->bytes_out);
    rtmp_talk_free(session.talk);
    free(session.tc_url);
    free(session.app);
    free(session.page_url);
    free(session.swf_url);
    free(session.via);
    config_unref(session.config);
}
