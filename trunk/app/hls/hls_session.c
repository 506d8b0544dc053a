/*
 * A player of HLS has no connection of its own: it requests a playlist every few seconds and
 * segments in between, over any connections and at any worker. Its session begins like that of any
 * other viewer, with the same gates and limits, and is listed like one; its requests renew it, and
 * it ends when none has come for some time.
 */
#include "app/core/admission.h"
#include "app/core/ip_limit.h"
#include "app/core/metrics.h"
#include "app/hls/hls_private.h"
#include "app/http/auth.h"
#include "app/http/http_drain.h"
#include "app/http/http_facts.h"
#include "app/stream/gate.h"
#include "app/stream/session_list.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* Without a request for so many target durations the player has left; for the least time. */
#define SESSION_TARGETS 3
#define SESSION_TIMEOUT (10 * USEC_PER_SEC)
#define SESSION_CHECK   (USEC_PER_SEC / 2)
/* How long a player that was kicked is refused under its old address. */
#define SESSION_KICKED (60 * USEC_PER_SEC)

struct hls_session {
    struct hls_session *prev, *next;
    struct hls *hls;
    struct source *source; /* held */
    struct net_conn conn;  /* in place of a connection: its address, bytes, and whether kicked */
    struct session_entry entry;
    struct permit *permits;
    struct ip_limit *limit; /* it counts as a connection of its address */
    char *facts;
    uint64_t before[2]; /* bytes of the connection that it began on */
    char id[HLS_SHARE_ID_SIZE];
    usec_t kicked_at; /* it has ended, and only its id is left; 0: it has not */
};

/* ---- ids ---- */

void hls_session_id(char id[HLS_SHARE_ID_SIZE])
{
    char part[2][SERVER_SERVICE_ID_SIZE];

    server_make_service_id(part[0]);
    server_make_service_id(part[1]);
    (void)str_format(id, HLS_SHARE_ID_SIZE, "%s%s", part[0], part[1]);
}

int hls_session_is_id(const char *text)
{
    return strlen(text) == HLS_SHARE_ID_SIZE - 1 &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0';
}

/* ---- what stands for a connection ---- */

static void conn_close(struct io *io)
{
    ((struct net_conn *)(void *)io)->closed = 1;
}

static struct err *conn_read(struct io *io, void *buf, size_t len, size_t *got, usec_t timeout)
{
    (void)io;
    (void)buf;
    (void)len;
    (void)timeout;
    *got = 0;
    return err_new(ERR_CLOSED, "a session of HLS has no connection");
}

static struct err *conn_writev(struct io *io, struct iovec *iov, int n, usec_t timeout)
{
    (void)io;
    (void)iov;
    (void)n;
    (void)timeout;
    return err_new(ERR_CLOSED, "a session of HLS has no connection");
}

static const struct io_ops conn_ops = {conn_read, conn_writev, conn_close};

/* ---- the end ---- */

static void session_unlink(struct hls_session *session)
{
    if (session->prev != NULL)
        session->prev->next = session->next;
    else
        session->hls->sessions = session->next;
    if (session->next != NULL)
        session->next->prev = session->prev;
}

/* Everything but its memory. */
static void session_leave(struct hls_session *session, const char *why)
{
    struct server *server = session->hls->server;
    usec_t seen;

    (void)hls_share_seat_read(session->hls->share, session->id, &seen, &session->conn.bytes_out);
    session_list_leave(server, &session->entry);
    permit_end_all(&session->permits, session->before[0],
                   session->before[1] + session->conn.bytes_out);
    log_info(server->log, "stop play %s.m3u8 (%s) from %s, %llu bytes sent: %s",
             source_key(session->source), session->entry.id, session->conn.ip,
             (unsigned long long)session->conn.bytes_out, why);
    admission_leave_more(server, QUOTA_VIEWER);
    ip_limit_leave(server, session->limit);
    source_depart(session->source);
    source_unref(session->source);
    session->source = NULL;
}

static void session_free(struct hls_session *session)
{
    hls_share_seat_remove(session->hls->share, session->id);
    session_unlink(session);
    free(session->facts);
    free(session);
}

static void session_end(struct hls_session *session, const char *why)
{
    if (session->source != NULL)
        session_leave(session, why);
    session_free(session);
}

void hls_session_abandon(struct hls *hls, const char *id)
{
    for (struct hls_session *s = hls->sessions; s != NULL; s = s->next) {
        if (strcmp(s->id, id) != 0)
            continue;
        session_end(s, "stream was not published");
        return;
    }
}

void hls_session_end_all(struct hls *hls)
{
    struct hls_session *next;

    for (struct hls_session *s = hls->sessions; s != NULL; s = next) {
        next = s->next;
        session_end(s, "server is stopping");
    }
}

static usec_t timeout_of(const struct hls_session *session)
{
    struct hls_place place;
    usec_t timeout = SESSION_TIMEOUT;

    if (hls_share_stream_find(session->hls->share, source_key(session->source), &place) == 0 &&
        place.position.target * SESSION_TARGETS * USEC_PER_SEC > timeout)
        timeout = place.position.target * SESSION_TARGETS * USEC_PER_SEC;
    return timeout;
}

static void session_check(struct hls_session *session, usec_t now)
{
    usec_t seen = 0;

    if (session->kicked_at != 0) {
        if (now - session->kicked_at > SESSION_KICKED)
            session_free(session);
        return;
    }
    if (session->conn.closed) {
        hls_share_seat_kick(session->hls->share, session->id);
        session_leave(session, "kicked");
        session->kicked_at = now;
        return;
    }
    if (hls_share_seat_read(session->hls->share, session->id, &seen, &session->conn.bytes_out) !=
            0 ||
        now - seen > timeout_of(session))
        session_end(session, "no request for some time");
}

void hls_session_check(struct hls *hls, usec_t now)
{
    struct hls_session *next;

    if (now - hls->checked_at < SESSION_CHECK)
        return;
    hls->checked_at = now;
    for (struct hls_session *s = hls->sessions; s != NULL; s = next) {
        next = s->next;
        session_check(s, now);
    }
}

/* ---- the beginning ---- */

static enum http_step refuse_limit(struct http_exchange *x, const char *limit, usec_t timeout)
{
    metrics_add_label(x->server->metrics, METRICS_REFUSALS, limit, 1);
    return http_step_answered(x, http_answer_error(x, 503, "Retry-After: 5\r\n", timeout,
                                                   "service unavailable: %s", limit));
}

/* Asks the gates for which the stream need not exist, then those that want it. */
static enum http_step ask(const struct hls_request *request, struct source *source, usec_t timeout)
{
    const struct hls_address *address = request->address;
    struct auth_stream target = {
        .vhost = address->vhost, .app = address->app, .name = address->stream, .source = source};

    return auth_ask_play(request->x, &target, timeout);
}

/* The last gates, under the id that the client has from now on. */
static enum http_step ask_last(const struct hls_request *request, struct hls_session *session,
                               usec_t timeout)
{
    const struct hls_address *address = request->address;
    struct auth_stream target = {.vhost = address->vhost,
                                 .app = address->app,
                                 .name = address->stream,
                                 .source = session->source,
                                 .permits = &session->permits,
                                 .type = "hls"};

    if (!gates_are_used(request->x->server, address->vhost, GATE_LAST))
        return HTTP_STEP_NEXT;
    return auth_ask_play(request->x, &target, timeout);
}

/* Its seat is taken: from here on it is a viewer. */
static void session_enter(struct hls_session *session, const struct http_exchange *x)
{
    struct hls *hls = session->hls;

    session->conn.io.ops = &conn_ops;
    session->conn.fd = -1;
    (void)str_copy(session->conn.ip, sizeof(session->conn.ip), x->conn->ip);
    session->conn.port = x->conn->port;
    session->entry.conn = &session->conn;
    session->entry.source = session->source;
    session->entry.format = "hls";
    session->entry.extension = ".m3u8";
    session->next = hls->sessions;
    if (session->next != NULL)
        session->next->prev = session;
    hls->sessions = session;
    session_list_enter(hls->server, &session->entry);
    source_attend(session->source);
    log_info(hls->server->log, "play %s.m3u8 from %s", source_key(session->source),
             session->conn.ip);
}

/* With a place among the viewers. */
static enum http_step session_make(struct hls_request *request, struct source *source,
                                   usec_t timeout)
{
    struct http_exchange *x = request->x;
    struct hls_session *session = calloc(1, sizeof(*session));
    const char *limit;
    enum http_step step;

    if (session == NULL ||
        http_facts(x, request->address->app, &session->entry.facts, &session->facts) != 0) {
        free(session);
        return refuse_limit(x, "memory", timeout);
    }
    session->hls = request->hls;
    session->source = source;
    session->before[0] = x->conn->bytes_in;
    session->before[1] = x->conn->bytes_out;
    (void)str_copy(session->id, sizeof(session->id), request->id);
    limit = ip_limit_enter(x->server, x->conn->ip, &session->limit);
    step = limit == NULL ? ask_last(request, session, timeout) : refuse_limit(x, limit, timeout);
    if (step == HTTP_STEP_NEXT &&
        hls_share_seat_add(request->hls->share, session->id, request->hls->slot,
                           request->address->key, clock_now()) != 0)
        step = refuse_limit(x, "max_connections", timeout);
    if (step == HTTP_STEP_NEXT) {
        (void)source_ref(source);
        session_enter(session, x);
        return step;
    }
    permit_end_all(&session->permits, x->conn->bytes_in, x->conn->bytes_out);
    ip_limit_leave(x->server, session->limit);
    free(session->facts);
    free(session);
    return step;
}

/* As session_make(), under an id of its own for hooks, the API and the log. */
static enum http_step session_make_named(struct hls_request *request, struct source *source,
                                         usec_t timeout)
{
    char connection[CO_ID_SIZE];
    char own[SERVER_SERVICE_ID_SIZE];
    enum http_step step;

    (void)str_copy(connection, sizeof(connection), co_id());
    server_make_service_id(own);
    co_set_id(own);
    step = session_make(request, source, timeout);
    co_set_id(connection);
    return step;
}

static enum http_step begin_found(struct hls_request *request, struct source *source,
                                  usec_t timeout)
{
    struct http_exchange *x = request->x;
    const struct mux *mux = mux_find(".m3u8");
    const char *limit;
    enum http_step step = ask(request, source, timeout);

    if (step != HTTP_STEP_NEXT)
        return step;
    if (stream_fit(source_data(source), mux, SOURCE_BOTH) == SOURCE_UNFIT)
        return http_step_answered(
            x, http_answer_error(x, 404, NULL, timeout,
                                 "this stream has neither audio nor video in a codec of HLS"));
    limit = x->server->memory.level != MEMORY_EASY ? "max_memory"
                                                   : admission_enter_more(x->server, QUOTA_VIEWER);
    if (limit != NULL)
        return refuse_limit(x, limit, timeout);
    step = session_make_named(request, source, timeout);
    if (step != HTTP_STEP_NEXT)
        admission_leave_more(x->server, QUOTA_VIEWER);
    return step;
}

enum http_step hls_session_begin(struct hls_request *request, usec_t timeout)
{
    struct http_exchange *x = request->x;
    const struct hls_address *address = request->address;
    enum http_step step = ask(request, NULL, timeout);
    struct source *source;
    struct err *err;

    if (step == HTTP_STEP_NEXT)
        step = http_drain_answer(x, timeout);
    if (step != HTTP_STEP_NEXT)
        return step;
    source = stream_get(x->server, address->vhost, address->app, address->stream, &err);
    if (source == NULL) {
        err_free(err);
        return refuse_limit(x, "max_streams", timeout);
    }
    (void)source_ref(source);
    step = begin_found(request, source, timeout);
    source_unref(source);
    return step;
}
