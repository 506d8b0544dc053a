/*
 * The segments of one stream: from its place in the ring into the window, from the publish to some
 * time after the end; and which worker makes them when publishers come and go at several. A
 * playlist stays at its worker for as long as it lives, so that nothing in it changes for its
 * players: when the next encoder publishes at another worker, the stream is pulled from there.
 */
#include "app/config/config_diff.h"
#include "app/hls/hls_private.h"
#include "app/stream/finished_segment.h"
#include "app/stream/publication.h"
#include "live/viewer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are taken from the ring at once. */
#define HLS_BATCH ((size_t)256 * 1024)
/* Numbers begin with the seconds since then, so that they grow over restarts of the server, and
 * still fit 32 bits for a long time. 2024-01-01. */
#define HLS_EPOCH 1704067200

static struct hls_clock now_of(void)
{
    return (struct hls_clock){clock_now(), clock_wall()};
}

/* ---- segments ---- */

static void on_segment(void *arg, const struct hls_segment *segment)
{
    struct hls_stream *own = arg;
    struct server *server = own->stream->server;
    struct hls *hls = hls_of(server);
    const struct finished_segment finished = {.stream = own->stream,
                                              .number = segment->number,
                                              .size = segment->bytes,
                                              .duration_ms = (int64_t)(segment->ticks / 90),
                                              .id = own->publisher.page_url,
                                              .ip = own->publisher.swf_url,
                                              .tc_url = own->publisher.tc_url,
                                              .param = own->publisher.param};
    struct hls_place place = {
        .slot = hls->slot, .has_segments = 1, .bits_per_sec = own->window.bits_per_sec};

    hls_window_position(&own->window, &place.position);
    hls_share_stream_put(hls->share, source_key(own->source), &place);
    if (own->cut.forced > 0 && !own->is_warned) {
        own->is_warned = 1;
        log_warn(server->log,
                 "%s: keyframes are more than %d s apart: HLS segments begin between them; raise "
                 "hls_fragment or shorten the encoder's GOP",
                 source_key(own->source), (int)own->window.target);
    }
    co_cond_broadcast(&hls->changed);
    observers_on_segment(server, &finished);
}

/* The publisher, who may be gone when the last segment is finished. Without memory it is not
 * reported. */
static void publisher_read(struct hls_stream *own)
{
    const struct session_facts none = session_facts_none;
    struct session_facts facts = none;
    struct session_info info;

    if (own->publisher_block != NULL || publication_describe(own->stream, &info) != 0)
        return;
    facts.tc_url = info.tc_url != NULL ? info.tc_url : "";
    facts.param = info.param;
    /* The other two texts of the block have room for these. */
    facts.page_url = info.id;
    facts.swf_url = info.ip;
    (void)session_facts_copy(&facts, &own->publisher, &own->publisher_block);
}

static void publisher_forget(struct hls_stream *own)
{
    free(own->publisher_block);
    own->publisher_block = NULL;
    own->publisher = session_facts_none;
}

static void viewer_end(struct hls_stream *own)
{
    if (own->viewer != NULL)
        viewer_close(own->viewer);
    own->viewer = NULL;
}

void hls_stream_receive(struct hls_stream *own)
{
    viewer_end(own);
    own->viewer = viewer_open_uncounted(own->source, &mux_ts, clock_now());
    own->skips = 0;
    if (own->viewer == NULL && !own->is_short)
        log_error(own->stream->server->log, "%s: no HLS segments: out of memory; retrying",
                  source_key(own->source));
    own->is_short = own->viewer == NULL;
}

/* Takes one batch from the ring; 0: there is none. */
static int take(struct hls_stream *own)
{
    struct hls_clock clock = now_of();
    struct viewer_batch batch;
    enum viewer_status status = viewer_next(own->viewer, HLS_BATCH, &batch);

    if (viewer_skips(own->viewer) != own->skips) {
        own->skips = viewer_skips(own->viewer);
        hls_cut_break(&own->cut, &clock);
    }
    if (status == VIEWER_BYTES) {
        for (int i = 0; i < batch.count; i++)
            hls_cut_feed(&own->cut, batch.span[i].iov_base, batch.span[i].iov_len, &clock);
        viewer_sent(own->viewer);
        return 1;
    }
    if (status != VIEWER_END)
        return 0;
    hls_cut_break(&own->cut, &clock);
    /* The tracks have changed in a way that ends responses; else TS cannot carry the stream. */
    if (viewer_has_begun(own->viewer))
        hls_stream_receive(own);
    else
        viewer_end(own);
    return own->viewer != NULL;
}

void hls_stream_take(struct hls_stream *own)
{
    publisher_read(own);
    if (own->is_short && source_state(own->source) == SOURCE_LIVE)
        hls_stream_receive(own);
    while (own->viewer != NULL && take(own))
        continue;
}

/* ---- one stream ---- */

static struct hls_limits limits_of(const struct config_vhost *vhost)
{
    return (struct hls_limits){vhost->hls.fragment, vhost->hls.window, vhost->hls.part,
                               (size_t)vhost->hls.max_bytes};
}

static void link_to(struct hls_stream **list, struct hls_stream *own)
{
    own->prev = NULL;
    own->next = *list;
    if (own->next != NULL)
        own->next->prev = own;
    *list = own;
}

static void unlink_from(struct hls_stream **list, struct hls_stream *own)
{
    if (own->prev != NULL)
        own->prev->next = own->next;
    else
        *list = own->next;
    if (own->next != NULL)
        own->next->prev = own->prev;
}

/* Stays a viewer, so that this worker pulls the stream from the one that publishes it. */
void hls_stream_attend(struct hls_stream *own, int is_attending)
{
    if (own->is_attending == is_attending)
        return;
    own->is_attending = is_attending != 0;
    if (is_attending)
        source_attend(own->source);
    else
        source_depart(own->source);
}

void hls_stream_stop(struct hls_stream *own)
{
    struct hls *hls = own->stream != NULL ? hls_of(own->stream->server) : NULL;
    struct source *source = own->source;

    assert(hls != NULL || (source == NULL && !own->is_left));
    if (own->is_left)
        unlink_from(&hls->left, own);
    if (source != NULL) {
        viewer_end(own);
        hls_stream_attend(own, 0);
        hls_share_stream_leave(hls->share, source_key(source), hls->slot);
        hls_cut_fini(&own->cut);
        hls_window_fini(&own->window);
        unlink_from(&hls->first, own);
        co_cond_broadcast(&hls->changed);
        co_cond_broadcast(&hls->grown);
    }
    publisher_forget(own);
    memset(own, 0, sizeof(*own));
    if (source != NULL)
        source_unref(source);
}

/* Begins where the playlist ends that players may have, at whichever worker it was. */
static void start(struct hls_stream *own, struct stream *stream, const struct config_vhost *vhost,
                  const struct hls_place *before)
{
    struct hls *hls = hls_of(stream->server);
    struct hls_limits limits = limits_of(vhost);
    struct hls_position from = before->position;
    uint64_t seconds = (uint64_t)(clock_wall() / USEC_PER_SEC);

    own->stream = stream;
    own->publisher = session_facts_none;
    own->source = source_ref(stream->source);
    link_to(&hls->first, own);
    if (from.number == 0)
        from.number = seconds > HLS_EPOCH ? seconds - HLS_EPOCH : 0;
    hls_window_init(&own->window, &limits, &from);
    hls_cut_init(&own->cut, &own->window, before->position.number > 0);
    own->cut.on_segment = on_segment;
    own->cut.arg = own;
}

/* A publication has begun here, or it is still to be seen which worker makes its segments. */
void hls_stream_begin(struct stream *stream, const struct config_vhost *vhost)
{
    struct hls_stream *own = hls_stream_of(stream);
    struct hls *hls = hls_of(stream->server);
    const char *key = source_key(stream->source);
    struct hls_place before;
    /* A pull that only viewers keep up must not be kept up by another worker's pull of it. */
    enum hls_entry entry = hls_share_stream_enter(
        hls->share, key, hls->slot, publication_kind(stream) != PUBLISHER_ENCODER, &before);

    if (entry == HLS_ENTRY_FULL) {
        log_warn(stream->server->log, "%s: no HLS segments: max_streams", key);
        return;
    }
    if (entry == HLS_ENTRY_OTHER) {
        if (own->source != NULL)
            hls_stream_stop(own);
        if (!own->is_left)
            link_to(&hls->left, own);
        own->is_left = 1;
        own->stream = stream;
        return;
    }
    if (own->is_left || (own->source != NULL && before.slot != hls->slot)) {
        /* hls_stream_stop() leaves the place only if it is this worker's. */
        hls_stream_stop(own);
        (void)hls_share_stream_enter(hls->share, key, hls->slot, 1, &before);
    }
    if (own->source == NULL)
        start(own, stream, vhost, &before);
    own->ended_at = 0;
    publisher_forget(own);
    hls_stream_attend(own, 0);
    hls_stream_receive(own);
    co_cond_broadcast(&hls->changed);
}

int hls_stream_is_mine(const struct hls_stream *own)
{
    const struct hls *hls = hls_of(own->stream->server);
    struct hls_place place;

    return hls_share_stream_find(hls->share, source_key(own->source), &place) == 0 &&
           place.slot == hls->slot;
}

/* Nothing is published any more, and nothing will be. */
static void end(struct hls_stream *own, usec_t now)
{
    struct hls *hls = hls_of(own->stream->server);
    struct hls_place place;

    own->ended_at = now;
    co_cond_broadcast(&hls->grown);
    if (hls_share_stream_find(hls->share, source_key(own->source), &place) == 0) {
        place.is_ended = 1;
        hls_share_stream_put(hls->share, source_key(own->source), &place);
    }
    co_cond_broadcast(&hls->changed);
}

void hls_stream_check_idle(struct hls_stream *own, usec_t now)
{
    const struct config_vhost *vhost =
        config_diff_vhost(own->stream->server->config, own->stream->vhost);
    usec_t wait = vhost != NULL ? vhost->http_remux.republish_wait : 0;

    if (own->is_attending && !observers_are_elsewhere(own->stream->server, source_key(own->source)))
        hls_stream_attend(own, 0);
    if (own->is_attending)
        return;
    if (own->ended_at == 0 && now - own->idle_at >= wait)
        end(own, now);
    if (own->ended_at != 0 && now - own->ended_at >= (usec_t)(own->window.listed_ticks * 100 / 9))
        hls_stream_stop(own);
}

void hls_stream_unpublish(struct hls_stream *own)
{
    struct hls_clock clock = now_of();

    hls_stream_take(own);
    hls_cut_break(&own->cut, &clock);
    viewer_end(own);
    hls_stream_attend(own, 0);
    own->idle_at = clock.now;
    co_cond_broadcast(&hls_of(own->stream->server)->grown);
}

void hls_stream_limit(struct hls_stream *own, const struct config_vhost *vhost)
{
    own->window.limits = limits_of(vhost);
}
