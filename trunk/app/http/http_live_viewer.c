/*
 * HTTP viewers. Once the address is resolved, the viewer takes the connection over and the
 * request's memory is freed. What remains of a viewer is its parked coroutine and a position in the
 * ring.
 */
#include "app/http/http_live_private.h"

#include "app/core/admission.h"
#include "app/core/metrics.h"
#include "app/core/server.h"
#include "app/http/auth.h"
#include "app/http/http_drain.h"
#include "app/http/http_facts.h"
#include "app/http/http_live.h"
#include "app/http/http_quality.h"
#include "app/http/http_ws.h"
#include "app/stream/fanout.h"
#include "app/stream/gate.h"
#include "app/stream/play_wish.h"
#include "app/stream/quality.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "app/stream/via_claim.h"
#include "base/str.h"
#include "co/co.h"
#include "live/viewer.h"
#include "proto/url.h"
#include "proto/ws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_LIVE_HEAD_MAX ((size_t)8192)
#define HTTP_LIVE_FAR      "startPts is far after the newest frame: play without it"
#define HTTP_LIVE_LOOP     "loop: the servers of this stream request it from each other"
/* How long a WebSocket client may take to answer a close. */
#define HTTP_LIVE_CLOSE_WAIT (2 * USEC_PER_SEC)

/* The part of a request that its stream keeps. */
struct http_live {
    struct server *server;
    struct config *config; /* held */
    const struct config_vhost *vhost;
    struct source *source; /* held */
    struct session_entry entry;
    struct net_conn *conn;
    struct permit *permits; /* granted until the viewer has left */
    char *facts;            /* the memory of the client's facts; NULL: none */
    const struct mux *mux;
    struct viewer_wish wish; /* tracks, and where to begin */
    enum fanout_framing framing;
    usec_t requested_at;     /* when the client asked for a stream that was live; 0: it was not */
    usec_t since;            /* worker pull: when its first viewer arrived; else -1 */
    struct buf head;         /* of the 200 answer */
    struct buf not_found;    /* the whole 404 answer, for a standby without success */
    struct buf unfit;        /* the same for a stream that has no track that this format carries */
    struct buf loop;         /* the same for a stream whose servers ask each other for it */
    usec_t standby;          /* USEC_NEVER: no limit */
    quality_rungs rungs;     /* ?quality=auto: what it may get; else 0 */
    struct quality *quality; /* the same while it plays; else NULL */
    struct http_ws *ws;      /* NULL: plain HTTP */
    struct via_claim *claim; /* of another server; NULL: a player */
};

static void http_live_drop(struct http_live *live)
{
    buf_fini(&live->head);
    buf_fini(&live->not_found);
    buf_fini(&live->unfit);
    buf_fini(&live->loop);
    http_ws_free(live->ws);
    via_claim_leave(live->claim);
    permit_end_all(&live->permits, live->conn->bytes_in, live->conn->bytes_out);
    free(live->facts);
    source_unref(live->source);
    config_unref(live->config);
    free(live);
}

/*
 * Discards input from a viewer; only its end matters. 0, or -1 when the peer has disconnected. For
 * another worker, each byte is the time in ms that it wants between two batches.
 */
static __attribute__((noinline)) int http_live_discard(struct net_conn *conn,
                                                       struct fanout_viewer *worker)
{
    uint8_t scratch[1024];

    for (int i = 0; i < 16; i++) {
        ssize_t got = net_try_read(conn, scratch, sizeof(scratch));

        if (got == 0)
            return -1;
        if (got < 0)
            return errno == EAGAIN ? 0 : -1;
        if (worker != NULL)
            fanout_viewer_pace(worker, scratch[got - 1] * USEC_PER_MS);
    }
    return 0;
}

static __attribute__((noinline)) struct fanout_viewer *http_live_open(struct http_live *live,
                                                                      struct net_conn *conn)
{
    struct fanout_viewer_opts opts = {live->vhost, live->framing,
                                      live->head.len > 0 ? &live->head : NULL,
                                      live->entry.is_worker, live->requested_at};
    struct viewer *viewer = viewer_open_wish(live->source, live->mux, &live->wish, clock_now());
    struct fanout_viewer *fv;

    if (viewer == NULL)
        return NULL;
    if (live->since >= 0)
        viewer_since(viewer, live->since);
    fv = fanout_viewer_open(live->server, conn, viewer, &opts);
    live->entry.viewer = fv != NULL ? viewer : NULL;
    return fv;
}

/* The peer's address for the log. A UNIX socket has none. */
static const char *http_live_client_name(const struct net_conn *conn)
{
    return conn->ip[0] != '\0' ? conn->ip : "this machine";
}

static __attribute__((noinline)) void http_live_log(const struct server *server, const char *key,
                                                    const struct net_conn *conn, const char *why)
{
    log_info(server->log, "stop play %s from %s, %llu bytes sent: %s", key,
             http_live_client_name(conn), (unsigned long long)conn->bytes_out, why);
}

/* Why a format cannot carry anything of a stream. */
static const char *http_live_unfit_reason(const struct mux *mux, enum source_only only)
{
    if (mux->unfit != NULL)
        return mux->unfit;
    if (only == SOURCE_AUDIO_ONLY)
        return "this stream has no audio in a codec of this format";
    if (only == SOURCE_VIDEO_ONLY)
        return "this stream has no video in a codec of this format";
    return "this stream has neither audio nor video in a codec of this format";
}

/* Answers 404 in place of the stream, with this reason; `answer` is already rendered. */
static MAY_YIELD __attribute__((noinline)) void http_live_not_found(struct http_live *live,
                                                                    struct net_conn *conn,
                                                                    const char *reason,
                                                                    const struct buf *answer)
{
    if (live->ws != NULL)
        http_ws_close(live->ws, conn, WS_CODE_NOT_FOUND, reason, HTTP_LIVE_CLOSE_WAIT);
    else if (answer->len > 0)
        err_free(io_write(&conn->io, buf_data(answer), answer->len, 10 * USEC_PER_SEC));
}

/* Handles input from the viewer. 0, or -1 when it has disconnected. */
static int http_live_input(struct http_live *live, struct net_conn *conn, struct fanout_viewer *fv)
{
    if (live->ws != NULL)
        return http_ws_input(live->ws, conn, fv);
    /* Once the stream has started, no other answer is possible. */
    if (live->not_found.data != NULL && fanout_viewer_has_begun(fv)) {
        buf_reset(&live->not_found);
        buf_reset(&live->unfit);
        buf_reset(&live->loop);
    }
    return http_live_discard(conn, live->entry.is_worker ? fv : NULL);
}

static __attribute__((noinline)) void http_live_enter(struct http_live *live, struct net_conn *conn)
{
    live->entry.conn = conn;
    live->entry.source = live->source;
    live->entry.format = live->mux->name;
    live->entry.extension = live->mux->extension;
    session_list_enter(live->server, &live->entry);
}

/* The stream was published meanwhile: the standby time starts again at the end of that
 * publication. */
static int http_live_waits_again(const struct http_live *live, usec_t *deadline)
{
    usec_t again = source_absent_since(live->source) + live->standby;

    if (again <= *deadline || again <= co_now())
        return 0;
    *deadline = again;
    return 1;
}

/* The viewer is at another rung of its ladder. */
static __attribute__((noinline)) void http_live_moved(struct http_live *live)
{
    struct source *source = viewer_source(live->entry.viewer);

    source_ref(source);
    source_unref(live->source);
    live->source = source;
    live->entry.source = source;
    quality_moved(live->server, live->quality);
}

/* Runs the viewer until its end. The stack stays small, since a parked viewer keeps it. */
static MAY_YIELD void http_live_run(struct net_conn *conn, void *arg)
{
    struct http_live *live = arg;
    struct fanout_viewer *fv = http_live_open(live, conn);
    enum fanout_wait wait = FANOUT_BROKEN;
    usec_t deadline = co_deadline(live->standby);
    const char *why = "no memory";

    http_live_enter(live, conn);
    if (fv != NULL && live->rungs != 0)
        live->quality = quality_open(live->server, fv, &live->entry, live->rungs);
    /* Bytes that a WebSocket client sent together with its request are no longer in the socket. */
    if (fv != NULL && live->ws != NULL)
        (void)http_live_input(live, conn, fv);
    while (fv != NULL) {
        wait = fanout_viewer_pump(fv, co_left(deadline));
        why = wait == FANOUT_ENDED ? "the stream ended" : "connection lost";
        if (wait == FANOUT_TIMEOUT && http_live_waits_again(live, &deadline))
            continue;
        if (wait == FANOUT_MOVED) {
            http_live_moved(live);
            continue;
        }
        if (wait != FANOUT_INPUT)
            break;
        if (http_live_input(live, conn, fv) != 0) {
            why = "viewer disconnected";
            break;
        }
    }
    quality_close(live->server, live->quality);
    live->entry.viewer = NULL;
    /* Stalled or evicted; a peer that has closed has left its end to read. */
    live->entry.has_failed =
        wait == FANOUT_BROKEN && live->server->state != SERVER_STOPPING && !net_has_more(conn);
    if (fv != NULL && live->server->state == SERVER_STOPPING)
        fanout_viewer_part(fv);
    if (fv != NULL)
        fanout_viewer_close(fv);
    if (live->ws != NULL && http_ws_ended(live->ws) != NULL)
        why = http_ws_ended(live->ws);
    if (live->ws != NULL && wait == FANOUT_ENDED)
        http_ws_linger(live->ws, conn, HTTP_LIVE_CLOSE_WAIT);
    if (wait == FANOUT_TIMEOUT) {
        why = "stream was not published";
        http_live_not_found(live, conn, "nobody publishes this stream", &live->not_found);
    } else if (wait == FANOUT_LOOP) {
        why = HTTP_LIVE_LOOP;
        http_live_not_found(live, conn, why, &live->loop);
    } else if (wait == FANOUT_UNFIT || wait == FANOUT_FAR) {
        why =
            wait == FANOUT_FAR ? HTTP_LIVE_FAR : http_live_unfit_reason(live->mux, live->wish.only);
        http_live_not_found(live, conn, why, &live->unfit);
    }
    session_list_leave(live->server, &live->entry);
    http_live_log(live->server, source_key(live->source), conn, why);
    http_live_drop(live);
}

/* Asks the gates for the stream that was found, whatever its address looked like: first the gates
 * that need no stream, then the others. Another Millrace server gets the unmodified FLV. */
static enum http_step http_live_ask(struct http_exchange *x, const struct config_vhost *vhost,
                                    struct source *source, const struct mux **mux, usec_t timeout)
{
    const struct stream *stream = source_data(source);
    struct auth_stream target = {.vhost = vhost, .app = stream->app, .name = stream->name};
    enum http_step step;

    if (x->is_worker)
        return http_drain_answer(x, timeout);
    step = auth_ask_play(x, &target, timeout);
    if (step == HTTP_STEP_NEXT)
        step = http_drain_answer(x, timeout);
    if (step != HTTP_STEP_NEXT)
        return step;
    target.source = source;
    step = auth_ask_play(x, &target, timeout);
    if (target.is_original && *mux == &mux_flv)
        *mux = &mux_original;
    return step;
}

static const char *http_live_type(const struct http_exchange *x, const struct mux *mux)
{
    if (x->request->upgrade == HTTP_UPGRADE_WEBSOCKET)
        return "ws";
    return mux == &mux_original ? mux_flv.name : mux->name;
}

/* The last question, once nothing else can refuse the viewer. HEAD asks nothing: no viewer follows.
 */
static enum http_step http_live_ask_last(struct http_exchange *x, struct http_live *live,
                                         usec_t timeout)
{
    const struct stream *stream = source_data(live->source);
    struct auth_stream target = {.vhost = live->vhost,
                                 .app = stream->app,
                                 .name = stream->name,
                                 .source = live->source,
                                 .permits = &live->permits,
                                 .type = http_live_type(x, live->mux)};

    if (x->is_worker || x->is_head || !gates_are_used(x->server, live->vhost, GATE_LAST))
        return HTTP_STEP_NEXT;
    return auth_ask_play(x, &target, timeout);
}

/* The claim of a viewer that is another server, or another worker of this one. */
static struct via_claim *http_live_claim(const struct http_exchange *x,
                                         const struct http_live *live)
{
    struct via_claimant claimant = {live->vhost, x->is_worker ? NULL : x->conn->ip,
                                    http_message_header(x->request, HTTP_VIA_HEADER)};

    return claimant.text != NULL ? via_claim_enter(source_data(live->source), &claimant) : NULL;
}

/* A server that is believed gets a status of its own, and so tells its viewers. Without memory the
 * connection just closes. */
static void http_live_prepare_loop(struct http_exchange *x, struct http_live *live)
{
    int status = via_claim_is_believed(live->claim) ? 508 : 404;

    if (live->ws == NULL && source_state(live->source) != SOURCE_LIVE &&
        stream_is_coming(source_data(live->source), NULL) &&
        http_render_error(x, status, HTTP_LIVE_LOOP, &live->loop) != 0)
        buf_reset(&live->loop);
}

/* The format for the log: another server or worker gets the stream as published. */
static const char *http_live_format(const struct http_exchange *x, const struct http_live *live)
{
    if (live->mux->extension != NULL)
        return live->mux->extension;
    return x->is_worker ? " (worker pull)" : " (pull)";
}

/* The 404 answer for a stream that has nothing for this viewer, if that may turn out. 0, or -1 if
 * out of memory. */
static int http_live_prepare_unfit(struct http_exchange *x, struct http_live *live)
{
    const char *reason = NULL;

    if (source_fit(live->source, live->mux, live->wish.only) != SOURCE_FITS)
        reason = http_live_unfit_reason(live->mux, live->wish.only);
    else if (live->wish.start.kind == SOURCE_START_AT)
        reason = HTTP_LIVE_FAR;
    return reason != NULL ? http_render_error(x, 404, reason, &live->unfit) : 0;
}

/* The head of the answer. DONE: nothing follows (HEAD, or a refused upgrade). */
static enum http_step http_live_begin(struct http_exchange *x, struct http_live *live,
                                      usec_t timeout)
{
    struct err *err;
    int is_chunked = 0;

    if (x->request->upgrade == HTTP_UPGRADE_WEBSOCKET) {
        live->framing = FANOUT_WEBSOCKET;
        err = http_ws_accept(x, &live->ws, timeout);
        return live->ws != NULL ? HTTP_STEP_NEXT : http_step_answered(x, err);
    }
    if (http_stream_head(x, live->mux->content_type, &live->head, &is_chunked) != 0 ||
        http_render_error(x, 404, "nobody publishes this stream", &live->not_found) != 0)
        return http_step_answered(x, err_new(ERR_LIMIT, "response header too long"));
    if (http_live_prepare_unfit(x, live) != 0)
        return http_step_answered(x, err_new(ERR_LIMIT, "response header too long"));
    live->framing = is_chunked ? FANOUT_CHUNKED : FANOUT_RAW;
    if (!x->is_head)
        return HTTP_STEP_NEXT;
    x->has_answered = 1;
    err = io_write(&x->conn->io, buf_data(&live->head), live->head.len, timeout);
    return http_step_answered(x, err);
}

/* What the query asks for: NULL, or the reason of the refusal. Another server, or another worker,
 * gets all tracks, for all of its viewers. */
static const char *http_live_wish(const char *query, const struct mux *mux,
                                  struct viewer_wish *wish)
{
    if (mux != &mux_original)
        return play_wish_parse(query, wish);
    memset(wish, 0, sizeof(*wish));
    return play_wish_parse_start(query, &wish->start);
}

/* The time since which the stream is wanted at another worker. */
static usec_t http_live_since(const char *query)
{
    char value[24];
    int64_t since;

    if (query == NULL || url_query_get(query, HTTP_LIVE_SINCE, value, sizeof(value)) != 0 ||
        str_to_i64(value, 0, INT64_MAX, &since) != 0)
        return -1;
    return since;
}

static struct err *http_live_refuse_limit(struct http_exchange *x, const char *limit,
                                          usec_t timeout)
{
    char reason[80];

    (void)str_format(reason, sizeof(reason), "service unavailable: %s", limit);
    log_warn(x->server->log, "refused %s: %s", http_live_client_name(x->conn), limit);
    return http_ws_refuse(x, 503, "Retry-After: 5\r\n", reason, timeout);
}

/* A viewer with what its client says about itself. NULL if out of memory. */
static struct http_live *http_live_new_viewer(const struct http_exchange *x,
                                              const struct source *source)
{
    const struct stream *stream = source_data(source);
    struct http_live *live = calloc(1, sizeof(*live));

    if (live == NULL || x->is_worker ||
        http_facts(x, stream->app, &live->entry.facts, &live->facts) == 0)
        return live;
    free(live);
    return NULL;
}

static struct err *http_live_take_admitted(struct http_exchange *x, struct source *source,
                                           const struct config_vhost *vhost, const struct mux *mux,
                                           usec_t timeout)
{
    struct http_live *live;
    struct viewer_wish wish;
    const char *reason;

    if (http_live_ask(x, vhost, source, &mux, timeout) != HTTP_STEP_NEXT)
        return http_step_err(x);
    if (x->server->memory.level != MEMORY_EASY && !x->is_worker) {
        metrics_add_label(x->server->metrics, METRICS_REFUSALS, "max_memory", 1);
        return http_ws_refuse(x, 503, "Retry-After: 5\r\n", "service unavailable: max_memory",
                              timeout);
    }
    reason = http_live_wish(x->request->query, mux, &wish);
    if (reason == NULL)
        reason = http_quality_check(x, mux, &wish);
    if (reason != NULL)
        return http_answer_error(x, 400, NULL, timeout, "%s", reason);
    if (stream_fit(source_data(source), mux, wish.only) == SOURCE_UNFIT)
        return http_ws_refuse(x, 404, NULL, http_live_unfit_reason(mux, wish.only), timeout);
    live = http_live_new_viewer(x, source);
    if (live == NULL)
        return err_new(ERR_NOMEM, "viewer");
    live->server = x->server;
    live->conn = x->conn;
    live->config = config_ref(x->config);
    live->vhost = vhost;
    live->source = source_ref(source);
    live->mux = mux;
    live->wish = wish;
    live->rungs = x->wants_auto ? http_quality_rungs(x, vhost, source, timeout) : 0;
    live->entry.is_worker = x->is_worker;
    live->entry.is_websocket = x->request->upgrade == HTTP_UPGRADE_WEBSOCKET;
    live->requested_at = !x->is_worker && stream_is_live(x->server, source) ? x->requested_at : 0;
    live->since = x->is_worker ? http_live_since(x->request->query) : -1;
    live->standby =
        vhost->http_remux.standby_timeout > 0 ? vhost->http_remux.standby_timeout : USEC_NEVER;
    buf_init(&live->head, HTTP_LIVE_HEAD_MAX);
    buf_init(&live->not_found, HTTP_LIVE_HEAD_MAX);
    buf_init(&live->unfit, HTTP_LIVE_HEAD_MAX);
    buf_init(&live->loop, HTTP_LIVE_HEAD_MAX);
    if (http_live_ask_last(x, live, timeout) != HTTP_STEP_NEXT ||
        http_live_begin(x, live, timeout) != HTTP_STEP_NEXT) {
        http_live_drop(live);
        return http_step_err(x);
    }
    live->claim = http_live_claim(x, live);
    http_live_prepare_loop(x, live);
    log_info(x->server->log, "play %s%s from %s", source_key(source), http_live_format(x, live),
             http_live_client_name(x->conn));
    x->stream = http_live_run;
    x->stream_arg = live;
    return NULL;
}

struct err *http_live_take(struct http_exchange *x, struct source *source,
                           const struct config_vhost *vhost, const struct mux *mux, usec_t timeout)
{
    const char *limit = admission_play(x->server, x->conn, stream_is_live(x->server, source));
    struct err *err;

    if (limit != NULL)
        return http_live_refuse_limit(x, limit, timeout);
    source_ref(source);
    err = http_live_take_admitted(x, source, vhost, mux, timeout);
    source_unref(source);
    /* The request was answered without a viewer. */
    if (x->stream == NULL)
        (void)admission_become(x->server, x->conn, QUOTA_NEW);
    return err;
}
