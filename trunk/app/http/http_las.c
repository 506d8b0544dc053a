/*
 * LAS (Live Adaptive Streaming 1.0): a player reads this manifest once, and from then on asks for
 * one rung after another by ?startPts=, which all rungs understand in the same way. Rungs that are
 * not published, or not yet measured, are left out; a player that reads the manifest again sees
 * them. The parameters of the request, such as a signature, are those of the addresses in it.
 */
#include "app/http/http_las.h"

#include "app/config/mount.h"
#include "app/http/auth.h"
#include "app/stream/rungs.h"
#include "base/str.h"
#include "live/las_manifest.h"

#include <stdlib.h>
#include <string.h>

#define URL_MAX 4096

/* The manifest that is being made. */
struct las {
    struct ladder ladder;
    int count;
    struct las_representation rung[LADDER_RUNGS_MAX];
    struct buf url[LADDER_RUNGS_MAX];
};

/* The FLV address of a stream of the vhost, without the host. 0, or -1: it has none. */
static int flv_path(const struct config_vhost *vhost, const char *app, const char *name,
                    struct buf *out)
{
    const struct config_strings *mounts = &vhost->http_remux.mount;
    char pattern[1024];

    for (int i = 0; vhost->http_remux.enabled && i < mounts->count; i++) {
        const char *slash;

        if (!str_ends(mounts->item[i], ".flv") ||
            mount_expand(mounts->item[i], vhost->name, app, name, pattern, sizeof(pattern)) != 0)
            continue;
        slash = strchr(pattern, '/');
        return slash != NULL ? http_path_encode(out, slash) : -1;
    }
    return -1;
}

static int put_url(const struct http_exchange *x, const struct config_vhost *vhost, const char *app,
                   const char *name, struct buf *out)
{
    const char *host = x->request->host;
    const char *query = x->request->query != NULL ? x->request->query : "";
    int is_v6 = strchr(host, ':') != NULL && host[0] != '[';
    int rc = buf_printf(out, "%s://%s%s%s", x->is_tls ? "https" : "http", is_v6 ? "[" : "", host,
                        is_v6 ? "]" : "");

    if (x->request->port != 0)
        rc |= buf_printf(out, ":%d", x->request->port);
    rc |= flv_path(vhost, app, name, out);
    if (query[0] != '\0')
        rc |= buf_printf(out, "?%s", query);
    return rc | buf_append(out, "", 1);
}

/* Adds the rung if it is published and measured. */
static void las_add(struct las *las, const struct http_exchange *x,
                    const struct config_vhost *vhost, int at)
{
    const char *app = las->ladder.rung[at].app;
    const char *name = las->ladder.rung[at].name;
    struct las_representation *rung = &las->rung[las->count];
    struct buf *url = &las->url[las->count];
    struct source_peer peer = {.is_live = 0};
    char key[SOURCE_KEY_MAX];

    memset(rung, 0, sizeof(*rung));
    if (str_format(key, sizeof(key), "%s/%s/%s", vhost->name, app, name) != 0 ||
        !rungs_look(x->server, key, &peer, &rung->facts) || rung->facts.kbps == 0)
        return;
    buf_reset(url);
    if (put_url(x, vhost, app, name, url) != 0)
        return;
    rung->url = (const char *)buf_data(url);
    rung->host = x->request->host;
    rung->quality = las->ladder.rung[at].quality;
    /* Players must reload for another codec. */
    rung->is_fixed =
        memcmp(rung->facts.codec, las->rung[0].facts.codec, sizeof(rung->facts.codec)) != 0;
    las->count++;
}

static struct err *las_answer(struct http_exchange *x, const struct config_vhost *vhost,
                              struct las *las, usec_t timeout)
{
    struct err *err;
    struct buf text;

    for (int i = 0; i < las->ladder.count; i++)
        las_add(las, x, vhost, i);
    if (las->count == 0)
        return http_answer_error(x, 404, NULL, timeout, "no rung of this ladder is published");
    las->rung[las->count / 2].is_default = 1;
    buf_init(&text, LAS_MANIFEST_MAX);
    if (las_manifest_write(las->rung, las->count, &text) != 0)
        err = http_answer_error(x, 503, NULL, timeout, "service unavailable: memory");
    else
        err = http_answer(x, 200, "application/json", "Cache-Control: no-cache, no-store\r\n",
                          buf_data(&text), text.len, timeout);
    buf_fini(&text);
    return err;
}

/* The ladder at this address: 0 or -1. */
static int las_find(const struct http_exchange *x, const struct config_vhost *vhost,
                    struct ladder *out)
{
    const char *path = x->request->path;
    const char *slash = strrchr(path, '/');
    size_t len = strlen(path) - strlen(HTTP_LAS_EXTENSION);
    char app[256], name[256];

    if (slash == NULL || slash == path || path + len <= slash + 1 ||
        str_copy_n(app, sizeof(app), path + 1, (size_t)(slash - path - 1)) != 0 ||
        str_copy_n(name, sizeof(name), slash + 1, (size_t)(path + len - slash - 1)) != 0 ||
        ladder_find_own(&vhost->ladder, app, name, out) != 0)
        return -1;
    return 0;
}

static struct err *las_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    const struct config_vhost *vhost;
    struct auth_stream stream;
    struct err *err;
    struct las *las;

    if (!str_ends(x->request->path, HTTP_LAS_EXTENSION))
        return http_next(self, x, timeout);
    vhost = http_target_vhost(x->config, x->request->host, x->request->query);
    las = calloc(1, sizeof(*las));
    if (las == NULL)
        return err_new(ERR_NOMEM, "manifest");
    for (int i = 0; i < LADDER_RUNGS_MAX; i++)
        buf_init(&las->url[i], URL_MAX);
    if (vhost == NULL || las_find(x, vhost, &las->ladder) != 0) {
        err = http_next(self, x, timeout);
    } else if (!http_is_read(x)) {
        err = http_answer_method(x, timeout);
    } else {
        stream =
            (struct auth_stream){.vhost = vhost, .app = las->ladder.app, .name = las->ladder.name};
        err = auth_ask_play(x, &stream, timeout) == HTTP_STEP_NEXT
                  ? las_answer(x, vhost, las, timeout)
                  : http_step_err(x);
    }
    for (int i = 0; i < LADDER_RUNGS_MAX; i++)
        buf_fini(&las->url[i]);
    free(las);
    return err;
}

struct http_handler *http_las_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    assert(next != NULL);
    if (handler == NULL)
        return NULL;
    handler->serve = las_serve;
    handler->next = next;
    return handler;
}
