/*
 * Redirects players and encoders (302) to the server that has the stream, if that is configured.
 * RTMP has a redirect only in a refused connect, but the stream's name is known only at publish or
 * play; so the same text is sent in an onStatus then, as other servers do.
 */
#include "app/rtmp/rtmp_peer.h"

#include "app/config/directory_place.h"
#include "app/config/origin.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct redirect {
    struct origin_target target;
    char url[RTMP_TARGET_TC_URL_MAX + RTMP_TARGET_NAME_MAX];
};

static int redirect_make(struct redirect *to, const struct stream *stream, const char *param,
                         const struct directory_place *place)
{
    struct origin_stream names = {stream->vhost, stream->app, stream->name, param};
    const struct rtmp_target *rtmp = &to->target.rtmp;
    const char *mark;

    if (origin_target(ORIGIN_RTMP, place->rtmp, &names, &to->target) != 0)
        return -1;
    /* "app/stream?vhost=v&x=y": put the stream before the parameters of the tcUrl. */
    mark = strchr(rtmp->tc_url, '?');
    if (mark == NULL)
        return str_format(to->url, sizeof(to->url), "%s/%s", rtmp->tc_url, rtmp->name);
    return str_format(to->url, sizeof(to->url), "%.*s/%s%s%s", (int)(mark - rtmp->tc_url),
                      rtmp->tc_url, rtmp->name, strchr(rtmp->name, '?') != NULL ? "&" : "?",
                      mark + 1);
}

struct err *rtmp_redirect_send(struct rtmp_session *session, const struct source *source,
                               const struct rtmp_request *request, const char *param,
                               const struct directory_place *place)
{
    struct redirect *to = malloc(sizeof(*to));
    struct rtmp_elsewhere elsewhere;
    struct err *err;

    if (to == NULL)
        return err_new(ERR_NOMEM, "no memory for a redirection");
    elsewhere = (struct rtmp_elsewhere){to->target.rtmp.tc_url, to->url};
    if (redirect_make(to, source_data(source), param, place) != 0)
        err = err_new(ERR_LIMIT, "this address cannot be sent over RTMP");
    else
        err = rtmp_talk_send_on(session->talk, request, &elsewhere, RTMP_ANSWER_TIMEOUT);
    free(to);
    if (err != NULL)
        return err;
    rtmp_peer_linger(session);
    log_info(session->server->log, "%s: redirected to %s, which has %s", session->conn->ip,
             place->rtmp, source_key(source));
    return err_new(ERR_CLOSED, "redirected to %s", place->rtmp);
}

/* Where the stream begins in a whole address; NULL: it has none. */
static const char *stream_of(const char *location)
{
    const char *host = strstr(location, "://");

    return host != NULL ? url_rtmp_split(host + 3 + strcspn(host + 3, "/")) : NULL;
}

int rtmp_redirect_is_usable(const char *location)
{
    struct url_rtmp *url = malloc(sizeof(*url)); /* too large for a coroutine's stack */
    int is_usable = url != NULL &&
                    (str_starts(location, "rtmp://") || str_starts(location, "rtmps://")) &&
                    url_rtmp_parse_full(url, location) == SCAN_DONE && stream_of(location) != NULL;

    free(url);
    return is_usable;
}

struct err *rtmp_redirect_to(struct rtmp_session *session, const struct rtmp_request *request,
                             const char *location)
{
    const char *stream = stream_of(location);
    struct rtmp_elsewhere elsewhere;
    struct err *err;
    char *tc_url;

    assert(stream != NULL);
    tc_url = strndup(location, (size_t)(stream - 1 - location));
    if (tc_url == NULL)
        return err_new(ERR_NOMEM, "no memory for a redirection");
    elsewhere = (struct rtmp_elsewhere){tc_url, location};
    err = rtmp_talk_send_on(session->talk, request, &elsewhere, RTMP_ANSWER_TIMEOUT);
    free(tc_url);
    if (err != NULL)
        return err;
    rtmp_peer_linger(session);
    return err_new(ERR_CLOSED, "redirected by a callback server");
}
