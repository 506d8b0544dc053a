/*
 * An encoder that publishes to an edge: the edge publishes at the origin on its behalf and relays
 * each message, and the origin decides. Viewers at this edge get the stream from the origin like
 * all others, so a stream has one path, and one server knows its publisher. A slow origin slows the
 * encoder down, as it would without the edge.
 */
#include "app/cluster/edge_publish.h"

#include "app/rtmp/rtmp_peer.h"
#include "app/rtmp/rtmp_session.h"
#include "app/rtmp/rtmp_streams.h"

#include "app/cluster/directory.h"
#include "app/cluster/edge.h"
#include "app/cluster/rtmp_upstream.h"
#include "app/core/server.h"
#include "app/stream/via_claim.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define UP_CONNECT (3 * USEC_PER_SEC)
#define UP_SEND    (10 * USEC_PER_SEC)

struct upstream {
    struct rtmp_session *session;
    struct rtmp_upstream origin;
    int is_quiet; /* the caller reports it when no origin answers */
    struct origin_target target;
    char via_chain[VIA_CHAIN_TEXT_MAX];
};

/* ---- connecting to an origin ---- */

/* The i-th publish origin; NULL after the last. */
static const char *publish_origin(const struct config_vhost *vhost, int i, char *out, size_t cap)
{
    const struct config_strings *list = &vhost->cluster.publish_origin;

    if (list->count > 0)
        return i < list->count ? list->item[i] : NULL;
    return edge_origin(vhost, ORIGIN_RTMP, i, out, cap);
}

static MAY_YIELD struct err *up_open(struct upstream *up)
{
    struct rtmp_upstream_options options = {
        .config = up->session->config, .intent = RTMP_INTENT_PUBLISH, .via = up->via_chain};

    return rtmp_upstream_open(&up->origin, &up->target.rtmp, &options, UP_CONNECT);
}

static MAY_YIELD struct err *up_try(struct upstream *up, const char *origin,
                                    const struct origin_stream *names, int *is_over)
{
    struct err *err;

    *is_over = 1;
    if (origin_target(ORIGIN_RTMP, origin, names, &up->target) != 0)
        return err_new(ERR_DENIED, "this stream name cannot be sent over RTMP");
    err = up_open(up);
    if (err == NULL || err_code(err) == ERR_DENIED || err_code(err) == ERR_INTERRUPTED)
        return err;
    *is_over = 0;
    log_err(up->session->server->log, up->is_quiet ? LOG_DEBUG : LOG_WARN, err,
            "publish to origin %s: %s", origin, err_text(err));
    return err;
}

/* Connects to the first origin that accepts the stream, starting with `first`. A refusal by one
 * origin is final. */
static MAY_YIELD struct err *up_connect(struct upstream *up, const struct config_vhost *vhost,
                                        const struct origin_stream *names, const char *first)
{
    struct err *err = err_new(ERR_CONFIG, "no origin is configured");
    const char *origin = first;
    char text[300];
    int is_over;

    for (int i = 0; origin != NULL || first == NULL; i++) {
        if (first == NULL || i > 0)
            origin = publish_origin(vhost, first != NULL ? i - 1 : i, text, sizeof(text));
        if (origin == NULL)
            break;
        err_free(err);
        err = up_try(up, origin, names, &is_over);
        if (is_over)
            break;
    }
    return err;
}

/* The server that already has the stream according to the directory; NULL: unknown. */
static MAY_YIELD const char *up_holder(const struct upstream *up, const struct config_vhost *vhost,
                                       const struct origin_stream *names,
                                       struct directory_place *place)
{
    const char *vhost_name =
        names->vhost[0] != '\0' ? names->vhost : config_vhost_find(up->session->config, "")->name;
    char key[SOURCE_KEY_MAX];

    if (!directory_is_used(vhost) ||
        str_format(key, sizeof(key), "%s/%s/%s", vhost_name, names->app, names->name) != 0)
        return NULL;
    return directory_find(up->session->server, vhost, key, place, DIRECTORY_TIMEOUT) ==
                   DIRECTORY_THERE
               ? place->rtmp
               : NULL;
}

/* ---- relaying ---- */

static MAY_YIELD struct err *up_loop(struct upstream *up, const struct config_publish *limits)
{
    usec_t timeout = limits->firstpkt_timeout;

    for (;;) {
        struct rtmp_message message;
        enum rtmp_event event;
        struct err *err = rtmp_talk_read(up->session->talk, &event, &message, timeout);

        if (err != NULL)
            return err_wrap(err, "encoder");
        if (event == RTMP_EVENT_UNPUBLISH)
            return NULL;
        if (event == RTMP_EVENT_MEDIA) {
            err = rtmp_talk_send(up->origin.talk, &message, UP_SEND);
            timeout = limits->normal_timeout;
        }
        if (event == RTMP_EVENT_ANOTHER)
            err = rtmp_streams_split(up->session, &message);
        if (err == NULL)
            err = rtmp_upstream_listen(&up->origin);
        if (err != NULL)
            return err;
        if (up->session->server->state == SERVER_STOPPING)
            return err_new(ERR_INTERRUPTED, "server is stopping");
    }
}

/* Passes the origin's refusal to the encoder. */
static MAY_YIELD void encoder_refuse(struct rtmp_session *session,
                                     const struct rtmp_request *request, const struct err *why)
{
    int is_busy = strstr(err_text(why), "BadName") != NULL;
    const char *code = is_busy                       ? "NetStream.Publish.BadName"
                       : err_code(why) == ERR_DENIED ? "NetStream.Publish.Denied"
                                                     : "NetStream.Publish.Failed";
    char text[512];
    struct err *err;

    if (str_format(text, sizeof(text), "The origin: %s", err_text(why)) != 0)
        text[sizeof(text) - 1] = '\0';
    err = rtmp_talk_refuse(session->talk, request, code, text, RTMP_ANSWER_TIMEOUT);
    if (err == NULL)
        rtmp_peer_linger(session);
    err_free(err);
}

static MAY_YIELD struct err *publish_relayed(struct upstream *up, struct source *source,
                                             const struct config_vhost *vhost,
                                             const struct rtmp_request *request)
{
    struct rtmp_session *session = up->session;
    struct err *err;

    rtmp_peer_log_start(session, "publish", source);
    err = rtmp_talk_publish_ok(session->talk, request, RTMP_ANSWER_TIMEOUT);
    if (err == NULL)
        err = up_loop(up, &vhost->publish);
    if (err != NULL && err_code(err) == ERR_DENIED)
        encoder_refuse(session, request, err);
    rtmp_peer_log_end(session, "publish", source, err);
    return err;
}

/* Looks for the server that already has an encoder's stream; *is_sent is 1 when the encoder was
 * redirected there. */
static MAY_YIELD struct err *edge_find(struct upstream *up, struct rtmp_route_request *publish,
                                       const struct origin_stream *names,
                                       struct directory_place *place, int *is_sent)
{
    *is_sent = 0;
    publish->at = up_holder(up, publish->vhost, names, place);
    if (publish->at == NULL || !publish->vhost->cluster.redirect)
        return NULL;
    *is_sent = 1;
    return rtmp_redirect_send(up->session, publish->source, publish->request, publish->param,
                              place);
}

static MAY_YIELD struct err *edge_relay(struct upstream *up, struct rtmp_route_request *publish,
                                        const struct origin_stream *names)
{
    struct rtmp_session *session = up->session;
    struct directory_place place;
    int is_only = publish->at != NULL;
    int is_over = 0;
    struct err *err = NULL;

    up->is_quiet = is_only;
    if (!is_only)
        err = edge_find(up, publish, names, &place, &is_over);
    if (is_over)
        return err;
    err = is_only ? up_try(up, publish->at, names, &is_over)
                  : up_connect(up, publish->vhost, names, publish->at);
    publish->is_unreached = is_only && !is_over;
    if (err == NULL)
        return publish_relayed(up, publish->source, publish->vhost, publish->request);
    if (!publish->is_unreached)
        encoder_refuse(session, publish->request, err);
    return err_wrap(err, "publish %s to the origin", source_key(publish->source));
}

static MAY_YIELD struct err *edge_publish_run(struct rtmp_session *session,
                                              struct rtmp_route_request *publish)
{
    const struct config_vhost *vhost = publish->vhost;
    const char *name =
        strcmp(vhost->cluster.vhost, "[vhost]") == 0 ? vhost->name : vhost->cluster.vhost;
    struct origin_stream names = {name, publish->app, publish->stream, publish->param};
    struct upstream *up = calloc(1, sizeof(*up));
    struct via_claimant claimant;
    struct err *err;

    if (up == NULL)
        return err_new(ERR_NOMEM, "no memory for a publish relay");
    up->session = session;
    claimant = (struct via_claimant){vhost, session->conn->ip, session->via};
    via_claim_pass(source_data(publish->source), &claimant, up->via_chain);
    err = edge_relay(up, publish, &names);
    rtmp_upstream_close(&up->origin, NULL);
    free(up);
    return err;
}

const struct rtmp_route edge_publish_route = {.is_used = edge_is_remote, .run = edge_publish_run};
