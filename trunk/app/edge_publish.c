/*
 * An encoder that publishes to an edge: the edge publishes at the origin in its name, passes
 * on message by message, and the origin decides. Who watches at this edge gets the stream from the
 * origin like everybody else, so there is one way that a stream goes and one place that
 * knows who publishes it. A slow origin slows the encoder, as it would without the edge.
 */
#include "app/edge_publish.h"

#include "app/origin.h"
#include "app/relay.h"
#include "app/server.h"
#include "base/str.h"
#include "base/version.h"
#include "co/co.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UP_CONNECT (3 * USEC_PER_SEC)
#define UP_SEND    (10 * USEC_PER_SEC)

struct upstream {
    struct rtmp_session *session;
    struct net_conn *conn;
    struct rtmp_talk *talk;
    struct url_rtmp url;
    char address[ORIGIN_URL_MAX];
    char relay[RELAY_TEXT_MAX];
    char name[1400];
};

/* ---- reaching an origin ---- */

/* "host:port" of the i-th one; NULL behind the last. */
static const char *publish_origin(const struct config_vhost *vhost, int i, char *out, size_t cap)
{
    const struct config_cluster *cluster = &vhost->cluster;
    const struct config_strings *list =
        cluster->publish_origin.count > 0 ? &cluster->publish_origin : &cluster->origin;
    char host[256];
    int port = 0;
    int is_v6;

    if (i >= list->count)
        return NULL;
    if (list == &cluster->publish_origin || cluster->protocol == (int)ORIGIN_RTMP)
        return list->item[i];
    /* Its port is HTTP's: RTMP is at RTMP's own. */
    if (url_authority_parse(list->item[i], strlen(list->item[i]), host, sizeof(host), &port) != 0)
        return NULL;
    is_v6 = strchr(host, ':') != NULL;
    return str_format(out, cap, "%s%s%s:1935", is_v6 ? "[" : "", host, is_v6 ? "]" : "") == 0
               ? out
               : NULL;
}

static void up_close(struct upstream *up)
{
    rtmp_talk_free(up->talk);
    net_free(up->conn);
    up->talk = NULL;
    up->conn = NULL;
}

static struct err *up_ask(struct upstream *up)
{
    usec_t deadline = co_deadline(UP_CONNECT);
    struct err *err = rtmp_talk_handshake(up->talk, co_left(deadline));

    if (err == NULL)
        err = rtmp_talk_connect(up->talk, &up->url, co_left(deadline));
    if (err == NULL &&
        str_format(up->name, sizeof(up->name), "%s%s", up->url.stream, up->url.param) != 0)
        err = err_new(ERR_DENIED, "the stream's name is too long");
    if (err == NULL)
        err = rtmp_talk_publish(up->talk, up->name, co_left(deadline));
    return err;
}

static struct err *up_open(struct upstream *up)
{
    const struct config *config = up->session->config;
    struct rtmp_talk_config talk = {.chunk_size = (uint32_t)config->chunk_size,
                                    .message_max = (size_t)config->max_message,
                                    .server = MILLRACE_NAME,
                                    .version = MILLRACE_VERSION,
                                    .pid = (int)getpid(),
                                    .id = co_id(),
                                    .now = co_now,
                                    .relay = up->relay};
    struct err *err;

    if (url_rtmp_parse_full(&up->url, up->address) != SCAN_DONE)
        return err_new(ERR_DENIED, "the stream's name is malformed");
    err = net_connect(up->url.host, up->url.port, &up->conn, UP_CONNECT);
    if (err != NULL)
        return err;
    net_tune(up->conn, 0, 1);
    up->talk = rtmp_talk_new(&up->conn->io, &talk);
    err = up->talk != NULL ? up_ask(up) : err_new(ERR_NOMEM, "no memory to relay");
    if (err != NULL)
        up_close(up);
    return err;
}

/* The first origin that takes it. One that says no has spoken for all. */
static struct err *up_connect(struct upstream *up, const struct config_vhost *vhost,
                              const struct origin_stream *names)
{
    struct err *err = err_new(ERR_CONFIG, "the edge has no origin");
    const char *origin;
    char text[300];

    for (int i = 0; (origin = publish_origin(vhost, i, text, sizeof(text))) != NULL; i++) {
        err_free(err);
        if (origin_url(ORIGIN_RTMP, origin, names, up->address) != 0)
            return err_new(ERR_DENIED, "the stream's name is too long");
        err = up_open(up);
        if (err == NULL || err_code(err) == ERR_DENIED || err_code(err) == ERR_INTERRUPTED)
            return err;
        log_warn(up->session->server->log, "publish at origin %s: %s", origin, err_text(err));
    }
    return err;
}

/* ---- relaying ---- */

/* Takes what the origin says, without waiting. */
static __attribute__((noinline)) struct err *up_listen(struct upstream *up)
{
    uint8_t data[1024];

    for (;;) {
        ssize_t got = net_try_read(up->conn, data, sizeof(data));
        struct rtmp_message message;
        enum rtmp_event event;
        struct err *err;
        int more = 1;

        if (got == 0)
            return err_new(ERR_CLOSED, "the origin closed");
        if (got < 0)
            return errno == EAGAIN ? NULL : err_sys(errno, "origin");
        err = rtmp_talk_feed(up->talk, data, (size_t)got);
        while (err == NULL && more)
            err = rtmp_talk_take(up->talk, &event, &message, &more);
        if (err == NULL)
            err = rtmp_talk_keep(up->talk);
        if (err != NULL)
            return err;
    }
}

static struct err *up_loop(struct upstream *up, const struct config_publish *limits)
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
            err = rtmp_talk_send(up->talk, &message, UP_SEND);
            timeout = limits->normal_timeout;
        }
        if (err == NULL)
            err = up_listen(up);
        if (err != NULL)
            return err;
        if (up->session->server->state == SERVER_STOPPING)
            return err_new(ERR_INTERRUPTED, "the server stops");
    }
}

/* Tells the encoder what the origin has said. */
static void encoder_refuse(struct rtmp_session *session, const struct rtmp_request *request,
                           const struct err *why)
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
        rtmp_session_linger(session);
    err_free(err);
}

static struct err *publish_relayed(struct upstream *up, struct source *source,
                                   const struct config_vhost *vhost,
                                   const struct rtmp_request *request)
{
    struct rtmp_session *session = up->session;
    struct err *err;

    rtmp_session_log(session, "publish", source);
    err = rtmp_talk_publish_ok(session->talk, request, RTMP_ANSWER_TIMEOUT);
    if (err == NULL)
        err = up_loop(up, &vhost->publish);
    if (err != NULL && err_code(err) == ERR_DENIED)
        encoder_refuse(session, request, err);
    rtmp_session_log_end(session, "publish", source, err);
    return err;
}

struct err *edge_publish_run(struct rtmp_session *session, struct source *source,
                             const struct config_vhost *vhost, const struct rtmp_request *request,
                             const struct url_rtmp *url)
{
    const char *name =
        strcmp(vhost->cluster.vhost, "[vhost]") == 0 ? vhost->name : vhost->cluster.vhost;
    struct origin_stream names = {name, url->app, url->stream, url->param};
    struct upstream *up = calloc(1, sizeof(*up));
    struct relay relay = {0};
    struct err *err;

    if (up == NULL)
        return err_new(ERR_NOMEM, "no memory to relay");
    up->session = session;
    if (session->relay != NULL)
        (void)relay_parse(&relay, session->relay);
    relay_write(&relay, session->server->server_id, up->relay);
    err = up_connect(up, vhost, &names);
    if (err != NULL) {
        encoder_refuse(session, request, err);
        err = err_wrap(err, "publish %s at the origin", source_key(source));
    } else {
        err = publish_relayed(up, source, vhost, request);
    }
    up_close(up);
    free(up);
    return err;
}
