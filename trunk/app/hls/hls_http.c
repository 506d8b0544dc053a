/*
 * Requests of players. The first one has no session: it is asked whether it may play, waits for the
 * stream, and gets a playlist whose only entry is the media playlist with the session in its
 * address, as SRS does it. All further requests of the session need no other permission. A session
 * that has ended, as of a player that was paused, begins again under the same address.
 */
#include "app/hls/hls_http.h"

#include "app/core/admission.h"
#include "app/core/metrics.h"
#include "app/hls/hls_private.h"
#include "app/http/auth.h"
#include "app/http/http_static.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How long a request waits for the first segment. */
#define WAIT_MAX (60 * USEC_PER_SEC)
/* A waiting request renews its session as often. */
#define WAIT_STEP USEC_PER_SEC
/* Bytes that are sent with one timeout. */
#define SEND_PIECE ((size_t)256 * 1024)

#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"
#define SEGMENT_TYPE  "video/mp2t"
#define NO_STORE      "Cache-Control: no-cache, no-store\r\n"
/* A segment never changes, and its address is the session's. */
#define STORE "Cache-Control: private, max-age=60\r\n"

#define QUERY_MAX (3 * HTTP_TARGET_MAX)

/* ---- waiting ---- */

void hls_http_touch(const struct hls_request *request, uint64_t bytes)
{
    if (request != NULL)
        (void)hls_share_seat_touch(request->hls->share, request->id, request->address->key, bytes,
                                   clock_now());
}

static usec_t wait_time(const struct config_vhost *vhost)
{
    usec_t standby = vhost->http_remux.standby_timeout;

    return standby > 0 && standby < WAIT_MAX ? standby : WAIT_MAX;
}

static usec_t wait_step(usec_t deadline)
{
    usec_t left = co_left(deadline);

    return left < WAIT_STEP ? left : WAIT_STEP;
}

int hls_http_wait(struct hls *hls, const char *key, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    while (hls_find(hls, key) == NULL)
        if (co_left(deadline) == 0 || hls_wait(hls, wait_step(deadline)) != 0)
            return -1;
    return 0;
}

static int is_live(const struct hls_request *request)
{
    const struct source *source = hub_find(request->x->server->hub, request->address->key);

    return (source != NULL && source_state(source) == SOURCE_LIVE) ||
           observers_are_elsewhere(request->x->server, request->address->key);
}

/* A client that waits has closed its connection. */
static MAY_YIELD int has_left(const struct http_exchange *x)
{
    return (net_wait(x->conn, 0, 0) & NET_HUP) != 0;
}

/* Waits for the publisher: 0 or -1. */
static int wait_for_stream(struct hls_request *request, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);

    while (!is_live(request)) {
        if (co_left(deadline) == 0 || hls_wait(request->hls, wait_step(deadline)) != 0 ||
            has_left(request->x))
            return -1;
        hls_http_touch(request, 0);
    }
    return 0;
}

/* The same as one of the connections that wait. */
static enum http_step await_stream(struct hls_request *request, usec_t timeout)
{
    struct http_exchange *x = request->x;
    const char *limit;
    int rc;

    if (is_live(request))
        return HTTP_STEP_NEXT;
    limit = admission_become(x->server, x->conn, QUOTA_WAITER);
    if (limit != NULL) {
        metrics_add_label(x->server->metrics, METRICS_REFUSALS, limit, 1);
        return http_step_answered(x, http_answer_error(x, 503, "Retry-After: 5\r\n", timeout,
                                                       "service unavailable: %s", limit));
    }
    rc = wait_for_stream(request, wait_time(request->address->vhost));
    (void)admission_become(x->server, x->conn, QUOTA_NEW);
    if (rc == 0)
        return HTTP_STEP_NEXT;
    return http_step_answered(
        x, http_answer_error(x, 404, NULL, timeout, "nobody publishes this stream"));
}

/* ---- answers ---- */

static void renew(void *arg)
{
    hls_http_touch(arg, 0);
}

/* Waits for what the request is for. READY, or the answer's error in *err. */
static enum hls_reload_answer await(struct http_exchange *x, const struct hls_request *request,
                                    const char *key, const struct hls_reload *reload,
                                    struct err **err, usec_t timeout)
{
    enum hls_reload_answer answer =
        hls_reload_wait(hls_of(x->server), key, reload, x->conn, request != NULL ? renew : NULL,
                        (void *)(uintptr_t)request);

    *err = NULL;
    switch (answer) {
    case HLS_RELOAD_READY:
        break;
    case HLS_RELOAD_TOO_FAR:
        *err = http_answer_error(x, 400, NULL, timeout, "segment %lld is too far ahead",
                                 (long long)reload->number);
        break;
    case HLS_RELOAD_LATE:
        *err = http_answer_error(x, 503, NULL, timeout, "service unavailable: no new segment");
        break;
    case HLS_RELOAD_GONE:
        *err = http_answer_error(x, 404, NULL, timeout, "this stream has ended");
        break;
    }
    return answer;
}

struct err *hls_http_send_playlist(struct http_exchange *x, const struct hls_request *request,
                                   const char *key, const struct hls_names *names,
                                   const struct hls_reload *reload, usec_t timeout)
{
    struct hls_playlist_options options = {.skips_oldest = reload->skips_oldest};
    const struct hls_stream *own;
    struct buf text;
    struct err *err;

    if (await(x, request, key, reload, &err, timeout) != HLS_RELOAD_READY)
        return err;
    own = hls_find(hls_of(x->server), key);
    assert(own != NULL);
    options.is_ended = own->ended_at != 0;
    buf_init(&text, HLS_PLAYLIST_MAX);
    if (hls_playlist_media(&own->window, names, &options, &text) != 0)
        err = http_answer_error(x, 503, NULL, timeout, "service unavailable: memory");
    else
        err = http_answer(x, 200, PLAYLIST_TYPE, NO_STORE, buf_data(&text), text.len, timeout);
    if (err == NULL)
        hls_http_touch(request, text.len);
    buf_fini(&text);
    return err;
}

/* Sends bytes in pieces, so that a timeout means no progress. */
static struct err *send_all(struct http_exchange *x, const struct hls_request *request,
                            const struct buf *data, usec_t timeout)
{
    struct err *err = NULL;

    for (size_t at = 0; at < data->len && err == NULL; at += SEND_PIECE) {
        size_t len = data->len - at < SEND_PIECE ? data->len - at : SEND_PIECE;

        err = io_write(&x->conn->io, buf_data(data) + at, len, timeout);
        if (err == NULL)
            hls_http_touch(request, len);
    }
    return err;
}

/* Sends the part, or with NULL all of them, of a segment that the caller holds. */
static struct err *send_held(struct http_exchange *x, const struct hls_request *request,
                             const struct hls_segment *segment, const struct hls_part *part,
                             usec_t timeout)
{
    size_t bytes = part != NULL ? part->data.len : segment->bytes;
    struct err *err = NULL;
    struct buf head;

    buf_init(&head, HTTP_ANSWER_HEAD_MAX);
    if (http_head(x, 200, SEGMENT_TYPE, STORE, (int64_t)bytes, &head) != 0)
        err = err_new(ERR_LIMIT, "response header too long");
    x->has_answered = err == NULL;
    if (err == NULL)
        err = io_write(&x->conn->io, buf_data(&head), head.len, timeout);
    buf_fini(&head);
    if (err != NULL || x->is_head)
        return err;
    if (part != NULL)
        return send_all(x, request, &part->data, timeout);
    for (part = segment->first; part != NULL && err == NULL; part = part->next)
        err = send_all(x, request, &part->data, timeout);
    return err;
}

struct err *hls_http_send_segment(struct http_exchange *x, const struct hls_request *request,
                                  const char *key, const struct hls_reload *wanted, usec_t timeout)
{
    const struct hls_part *part = NULL;
    struct hls_segment *segment;
    const struct hls_stream *own;
    struct err *err;

    if (wanted->part >= 0 && await(x, request, key, wanted, &err, timeout) != HLS_RELOAD_READY)
        return err;
    own = hls_find(hls_of(x->server), key);
    segment = own == NULL         ? NULL
              : wanted->part >= 0 ? hls_window_find_open(&own->window, (uint64_t)wanted->number)
                                  : hls_window_find(&own->window, (uint64_t)wanted->number);
    if (segment != NULL && wanted->part >= 0)
        part = hls_segment_part(segment, (uint64_t)wanted->part);
    if (segment == NULL || (wanted->part >= 0 && part == NULL))
        return http_answer_error(x, 404, NULL, timeout, "no such segment");
    (void)hls_segment_ref(segment);
    err = send_held(x, request, segment, part, timeout);
    hls_segment_unref(segment);
    return err;
}

/* The playlist that names the session. */
static struct err *answer_variants(struct hls_request *request, const struct hls_names *names,
                                   usec_t timeout)
{
    struct http_exchange *x = request->x;
    struct source *source = hub_find(x->server->hub, request->address->key);
    struct hls_variant variant = {0};
    struct hls_place place;
    struct source_stat stat;
    struct err *err;
    struct buf text;

    if (hls_share_stream_find(request->hls->share, request->address->key, &place) == 0)
        variant.bits_per_sec = place.bits_per_sec;
    if (source != NULL) {
        source_stat(source, &stat);
        variant.width = stat.width;
        variant.height = stat.height;
    }
    buf_init(&text, HLS_PLAYLIST_MAX);
    if (hls_playlist_variants(&variant, names, &text) != 0)
        err = http_answer_error(x, 503, NULL, timeout, "service unavailable: memory");
    else
        err = http_answer(x, 200, PLAYLIST_TYPE, NO_STORE, buf_data(&text), text.len, timeout);
    buf_fini(&text);
    return err;
}

/* What this worker has. NEXT: nothing. */
static enum http_step answer_here(struct hls_request *request, const struct hls_names *names,
                                  usec_t timeout)
{
    const struct hls_address *address = request->address;
    struct http_exchange *x = request->x;
    const struct hls_reload wanted = {address->number, address->part, 0};

    if (hls_find(request->hls, address->key) == NULL)
        return HTTP_STEP_NEXT;
    return http_step_answered(
        x, address->is_segment ? hls_http_send_segment(x, request, address->key, &wanted, timeout)
                               : hls_http_send_playlist(x, request, address->key, names,
                                                        &request->reload, timeout));
}

/* Whether a playlist that is not there is worth a wait. */
static int may_wait(const struct hls_request *request)
{
    return !request->address->is_segment &&
           (request->address->vhost->http_remux.hstrs || is_live(request));
}

/* The playlist or the segment, from wherever it is. */
static struct err *answer(struct hls_request *request, const struct hls_names *names,
                          usec_t timeout)
{
    const struct hls_address *address = request->address;
    struct hls *hls = request->hls;
    usec_t deadline = co_deadline(wait_time(address->vhost));
    enum http_step step = HTTP_STEP_NEXT;

    for (;;) {
        struct hls_place place;

        if (hls_share_stream_find(hls->share, address->key, &place) != 0)
            place.slot = hls->slot;
        if (place.slot == hls->slot)
            step = answer_here(request, names, timeout);
        else
            step = hls_worker_answer(request, names, place.slot, timeout);
        if (step != HTTP_STEP_NEXT || !may_wait(request) || co_left(deadline) == 0 ||
            hls_wait(hls, wait_step(deadline)) != 0 || has_left(request->x))
            break;
        hls_http_touch(request, 0);
    }
    if (step != HTTP_STEP_NEXT)
        return http_step_err(request->x);
    return http_answer_error(request->x, 404, NULL, timeout, "%s",
                             address->is_segment ? "no such segment"
                                                 : "nobody publishes this stream");
}

/* ---- requests ---- */

/* The names in a playlist for this request; both belong to the caller. */
static enum http_step with_names(struct hls_request *request, int is_first, usec_t timeout)
{
    struct http_exchange *x = request->x;
    char *query = malloc(QUERY_MAX);
    struct hls_names names = {.query = query};
    struct err *err;
    struct buf stream;

    buf_init(&stream, 1024);
    if (query == NULL || hls_address_encode(&stream, request->address->stream) != 0 ||
        buf_append(&stream, "", 1) != 0 ||
        hls_address_query(request->id, x->request->query, query, QUERY_MAX) != 0) {
        err = http_answer_error(x, 414, NULL, timeout, "address too long");
    } else {
        names.stream = (const char *)buf_data(&stream);
        err =
            is_first ? answer_variants(request, &names, timeout) : answer(request, &names, timeout);
    }
    buf_fini(&stream);
    free(query);
    return http_step_answered(x, err);
}

/* Whether a stream without a publisher may still come. */
static int may_come(const struct hls_request *request, usec_t timeout)
{
    struct server *server = request->x->server;
    const struct config_vhost *vhost = request->address->vhost;

    return is_live(request) || vhost->http_remux.hstrs || observers_fetch(server->tables, vhost) ||
           observers_are_remote(server, vhost, request->address->key, timeout);
}

/* A request without a session. */
static enum http_step serve_first(struct hls_request *request, usec_t timeout)
{
    struct http_exchange *x = request->x;
    const struct hls_address *address = request->address;
    enum http_step step = HTTP_STEP_NEXT;
    struct auth_stream target = {
        .vhost = address->vhost, .app = address->app, .name = address->stream};

    /* The answer must not show who may not play whether the stream exists. */
    step = auth_ask_play(x, &target, timeout);
    if (step != HTTP_STEP_NEXT)
        return step;
    if ((x->is_head && !is_live(request)) || !may_come(request, timeout))
        return http_step_answered(
            x, http_answer_error(x, 404, NULL, timeout, "nobody publishes this stream"));
    if (x->is_head)
        return http_step_answered(x, http_answer(x, 200, PLAYLIST_TYPE, NO_STORE, "", 0, timeout));
    hls_session_id(request->id);
    step = hls_session_begin(request, timeout);
    if (step != HTTP_STEP_NEXT)
        return step;
    step = await_stream(request, timeout);
    if (step != HTTP_STEP_NEXT) {
        hls_session_abandon(request->hls, request->id);
        return step;
    }
    return with_names(request, 1, timeout);
}

static enum http_step serve_session(struct hls_request *request, usec_t timeout)
{
    struct http_exchange *x = request->x;
    enum http_step step = HTTP_STEP_NEXT;

    switch (hls_share_seat_touch(request->hls->share, request->id, request->address->key, 0,
                                 clock_now())) {
    case HLS_SEAT_YOURS:
        break;
    case HLS_SEAT_NONE:
        /* HEAD begins no session. */
        if (x->is_head)
            return http_step_answered(
                x, http_answer_error(x, 404, NULL, timeout, "this session has ended"));
        step = hls_session_begin(request, timeout);
        break;
    case HLS_SEAT_KICKED:
        return http_step_answered(
            x, http_answer_error(x, 403, NULL, timeout, "this session was ended"));
    case HLS_SEAT_OTHER:
        return http_step_answered(
            x, http_answer_error(x, 403, NULL, timeout, "this session is for another stream"));
    }
    return step == HTTP_STEP_NEXT ? with_names(request, 0, timeout) : step;
}

/* What this link answers. NEXT: the address is none of its own. */
static enum http_step hls_http_step(struct http_exchange *x, usec_t timeout)
{
    struct hls_address *address = malloc(sizeof(*address));
    struct hls_request request = {.hls = hls_of(x->server), .x = x, .address = address};
    enum http_step step = HTTP_STEP_NEXT;
    char id[64];
    int has_id =
        url_query_get(x->request->query, HLS_SESSION, id, sizeof(id)) == 0 && hls_session_is_id(id);

    if (address == NULL || request.hls == NULL || hls_address_find(x, address) != 0 ||
        (address->is_segment && !has_id) || (!is_live(&request) && !has_id && http_static_has(x))) {
        free(address);
        return HTTP_STEP_NEXT;
    }
    if (!http_is_read(x)) {
        step = http_step_answered(x, http_answer_method(x, timeout));
    } else if (hls_reload_read(x->request->query, &request.reload) != 0) {
        step = http_step_answered(
            x, http_answer_error(x, 400, NULL, timeout, "_HLS_msn or _HLS_part is not valid"));
    } else if (has_id) {
        (void)str_copy(request.id, sizeof(request.id), id);
        step = serve_session(&request, timeout);
    } else {
        step = serve_first(&request, timeout);
    }
    free(address);
    return step;
}

static struct err *hls_http_serve(struct http_handler *self, struct http_exchange *x,
                                  usec_t timeout)
{
    if (!str_ends(x->request->path, ".m3u8") && !str_ends(x->request->path, ".ts"))
        return http_next(self, x, timeout);
    if (hls_http_step(x, timeout) == HTTP_STEP_NEXT)
        return http_next(self, x, timeout);
    return http_step_err(x);
}

struct http_handler *hls_http_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = hls_http_serve;
    handler->next = next;
    return handler;
}
