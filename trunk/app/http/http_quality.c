/*
 * ?quality= turns the address of a ladder into that of one of its rungs, before the stream is
 * looked for: everything after that, such as the rules of access, works as if the client had asked
 * for the rung itself.
 */
#include "app/http/http_quality.h"

#include "app/config/ladder.h"
#include "app/http/auth.h"
#include "app/stream/rungs.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <string.h>

/* The names of streams are shorter (http_target.h). */
#define QUALITY_MAX 256

/* The rung with this quality: its index, or -1. */
static int rung_named(const struct ladder *ladder, const char *quality)
{
    for (int i = 0; i < ladder->count; i++)
        if (strcmp(ladder->rung[i].quality, quality) == 0)
            return i;
    return -1;
}

enum http_quality http_quality_find(const struct http_exchange *x, const struct http_target *target,
                                    struct http_target *rung)
{
    const char *query = x->request->query;
    char quality[QUALITY_MAX];
    struct ladder ladder;
    int at, is_auto;

    assert(target->vhost != NULL && rung != NULL);
    if (query == NULL || target->mux == NULL || !target->vhost->http_remux.enabled ||
        target->vhost->ladder.count == 0 ||
        url_query_get(query, HTTP_QUALITY_PARAMETER, quality, sizeof(quality)) != 0 ||
        ladder_find(&target->vhost->ladder, target->app, target->stream, &ladder) != 0)
        return HTTP_QUALITY_NONE;
    *rung = *target;
    is_auto = strcmp(quality, HTTP_QUALITY_BY_SERVER) == 0;
    at = is_auto ? quality_first(x->server, target->vhost->name, &ladder)
                 : rung_named(&ladder, quality);
    if (at < 0 || str_copy(rung->app, sizeof(rung->app), ladder.rung[at].app) != 0 ||
        str_copy(rung->stream, sizeof(rung->stream), ladder.rung[at].name) != 0)
        return HTTP_QUALITY_UNKNOWN;
    return is_auto ? HTTP_QUALITY_AUTO : HTTP_QUALITY_FOUND;
}

/* Parts of the names of a pattern are the client's: a header must not contain everything. */
static int is_token(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return 0;
    return 1;
}

int http_quality_append(struct http_exchange *x)
{
    char quality[QUALITY_MAX];

    if (url_query_get(x->request->query, HTTP_QUALITY_PARAMETER, quality, sizeof(quality)) != 0 ||
        !is_token(quality))
        return 0;
    return buf_printf(&x->extra, HTTP_QUALITY_HEADER ": %s\r\n", quality);
}

const char *http_quality_check(struct http_exchange *x, const struct mux *mux,
                               const struct viewer_wish *wish)
{
    static const struct source_select defaults;

    if (mux == &mux_original)
        x->wants_auto = 0;
    if (!x->wants_auto || (mux == &mux_flv && wish->only == SOURCE_BOTH &&
                           memcmp(&wish->select, &defaults, sizeof(defaults)) == 0))
        return NULL;
    return "quality=auto: only for FLV with both tracks; use quality=NAME";
}

quality_rungs http_quality_rungs(struct http_exchange *x, const struct config_vhost *vhost,
                                 const struct source *source, usec_t timeout)
{
    struct auth_stream other = {.vhost = vhost};
    quality_rungs rungs = 0;
    struct ladder ladder;

    if (rungs_ladder(source_data(source), &ladder) != 0)
        return 0;
    for (int i = 0; i < ladder.count; i++) {
        struct err *err = NULL;

        if (i == ladder.at) {
            rungs |= (quality_rungs)1 << i;
            continue;
        }
        other.app = ladder.rung[i].app;
        other.name = ladder.rung[i].name;
        other.source = stream_get(x->server, vhost, other.app, other.name, &err);
        err_free(err);
        if (other.source != NULL && auth_may_play(x, &other, timeout))
            rungs |= (quality_rungs)1 << i;
    }
    return rungs;
}
