/*
 * The row of HLS. A stream that is published at this worker is cut into segments from its first
 * keyframe on, whether anybody plays it or not: so the playlist is there when the first player
 * comes, and every segment is reported. The server's tick takes what the ring has, so that nothing
 * is done per frame. After the end of the publication the segments stay until players have had time
 * to get them.
 */
#include "app/hls/hls.h"

#include "app/hls/hls_private.h"

#include "app/config/config_diff.h"
#include "live/viewer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct hls *hls_of(const struct server *server)
{
    return observer_own(server, &hls_observer);
}

struct hls_stream *hls_stream_of(const struct stream *stream)
{
    return observer_state(stream, &hls_observer);
}

struct hls_stream *hls_find(const struct hls *hls, const char *key)
{
    const struct source *source = hub_find(hls->server->hub, key);
    struct hls_stream *own = source != NULL ? hls_stream_of(source_data(source)) : NULL;

    return own != NULL && own->source != NULL && own->window.listed != NULL ? own : NULL;
}

int hls_wait(struct hls *hls, usec_t timeout)
{
    if (hls->server->state == SERVER_STOPPING)
        return -1;
    return co_cond_wait(&hls->changed, timeout) == CO_INTERRUPTED ? -1 : 0;
}

static int is_wanted(const struct stream *stream, const struct config_vhost *vhost)
{
    return vhost != NULL && hls_address_is_used(vhost) &&
           source_state(stream->source) == SOURCE_LIVE && !stream_is_worker_pull(stream);
}

static void hls_on_publish(struct stream *stream, void *state)
{
    const struct config_vhost *vhost = config_diff_vhost(stream->server->config, stream->vhost);
    struct hls_stream *own = state;
    struct hls *hls = hls_of(stream->server);

    if (hls->share == NULL)
        return;
    if (is_wanted(stream, vhost))
        hls_stream_begin(stream, vhost);
    else if (own->source != NULL && hls_stream_is_mine(own) && own->ended_at == 0)
        hls_stream_receive(own); /* from another worker, to which its publisher has gone */
    else
        hls_stream_stop(own);
    co_cond_broadcast(&hls->changed);
}

static void hls_on_unpublish(struct stream *stream, void *state)
{
    struct hls_stream *own = state;

    (void)stream;
    if (own->is_left)
        hls_stream_stop(own);
    if (own->source != NULL)
        hls_stream_unpublish(own);
}

static void hls_on_gone(struct stream *stream, void *state)
{
    (void)state;
    co_cond_broadcast(&hls_of(stream->server)->changed);
}

static void hls_on_vhost(struct stream *stream, void *state, const struct config_vhost *before,
                         const struct config_vhost *vhost)
{
    struct hls_stream *own = state;

    (void)before;
    if (!hls_address_is_used(vhost))
        hls_stream_stop(own);
    else if (is_wanted(stream, vhost) && own->source == NULL && !own->is_left)
        hls_stream_begin(stream, vhost);
    if (own->source != NULL)
        hls_stream_limit(own, vhost);
}

/* Its place in the ring costs too much memory: it loses it. */
static int hls_on_evict(struct stream *stream, void *state, struct viewer *viewer)
{
    const struct hls_stream *own = state;

    (void)stream;
    if (own->viewer != viewer)
        return 0;
    viewer_skip(viewer);
    return 1;
}

static void hls_detach(struct stream *stream, void *state)
{
    const struct hls_stream *own = state;

    (void)stream;
    assert(own->source == NULL && !own->is_left);
}

/* ---- the process ---- */

/* Whether the worker that had the segments of these still has them. */
static void check_left(struct hls *hls)
{
    struct hls_stream *next;

    for (struct hls_stream *own = hls->left; own != NULL; own = next) {
        const struct config_vhost *vhost =
            config_diff_vhost(hls->server->config, own->stream->vhost);

        next = own->next;
        if (is_wanted(own->stream, vhost))
            hls_stream_begin(own->stream, vhost);
    }
}

static void hls_tick(struct server *server, void *arg, usec_t now)
{
    struct hls *hls = arg;
    struct hls_stream *next;
    int has_grown = 0;

    (void)server;
    for (struct hls_stream *own = hls->first; own != NULL; own = next) {
        uint32_t before = own->cut.ended_parts;

        next = own->next;
        hls_stream_take(own);
        has_grown |= own->cut.ended_parts != before;
        hls_window_trim(&own->window, now);
        if (own->viewer == NULL && source_state(own->source) != SOURCE_LIVE)
            hls_stream_check_idle(own, now);
    }
    if (has_grown)
        co_cond_broadcast(&hls->grown);
    check_left(hls);
    hls_session_check(hls, now);
}

static struct err *hls_open(struct server *server, void **own)
{
    struct hls *hls = calloc(1, sizeof(*hls));
    struct err *err;

    if (hls == NULL)
        return err_new(ERR_NOMEM, "hls");
    hls->server = server;
    *own = hls;
    err = co_cond_init(&hls->changed);
    return err != NULL ? err : co_cond_init(&hls->grown);
}

static struct err *hls_start(struct server *server, void *own)
{
    struct hls *hls = own;

    hls->share = observer_shared(server, &hls_observer);
    hls->slot = observer_slot(server);
    /* What this worker's predecessor has left, if it was not the master that cleaned up. */
    hls_share_reap(hls->share, hls->slot);
    return NULL;
}

/* A stream whose segments are here may be published at another worker now. */
static void hls_on_workers(struct server *server, void *own)
{
    struct hls *hls = own;
    struct hls_stream *next;

    for (struct hls_stream *one = hls->first; one != NULL; one = next) {
        next = one->next;
        if (!hls_stream_is_mine(one))
            hls_stream_stop(one);
        else if (one->viewer == NULL && one->ended_at == 0 &&
                 observers_are_elsewhere(server, source_key(one->source)))
            hls_stream_attend(one, 1);
    }
    check_left(hls);
    co_cond_broadcast(&hls->changed);
}

static void hls_stop(struct server *server, void *own, usec_t timeout)
{
    struct hls *hls = own;

    (void)server;
    (void)timeout;
    hls_session_end_all(hls);
    while (hls->first != NULL)
        hls_stream_stop(hls->first);
    while (hls->left != NULL)
        hls_stream_stop(hls->left);
}

static void hls_close(struct server *server, void *own)
{
    struct hls *hls = own;

    (void)server;
    co_cond_fini(&hls->changed);
    co_cond_fini(&hls->grown);
    free(hls);
}

const struct observer hls_observer = {.name = "hls",
                                      .state_size = sizeof(struct hls_stream),
                                      .share_new = hls_share_new,
                                      .share_free = hls_share_free,
                                      .share_reap = hls_share_reap,
                                      .open = hls_open,
                                      .start = hls_start,
                                      .tick = hls_tick,
                                      .stop = hls_stop,
                                      .close = hls_close,
                                      .on_workers = hls_on_workers,
                                      .on_publish = hls_on_publish,
                                      .on_unpublish = hls_on_unpublish,
                                      .on_gone = hls_on_gone,
                                      .on_vhost = hls_on_vhost,
                                      .on_evict = hls_on_evict,
                                      .detach = hls_detach};
