/*
 * One publisher over HTTP. A web page must not publish from the address of its reader: requests
 * with an Origin are refused, and so are the types of bodies with which a form sends a file.
 *
 * The connection closes after the answer: a body that was not read to its end leaves nothing that
 * could follow.
 */
#include "app/http/http_publish.h"

#include "app/core/admission.h"
#include "app/core/log_limit.h"
#include "app/core/metrics.h"
#include "app/core/server.h"
#include "app/http/http_facts.h"
#include "app/http/http_verdict.h"
#include "app/stream/gate.h"
#include "app/stream/publication.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/co.h"
#include "media/flv.h"
#include "media/mux.h"
#include "proto/token.h"

#include <stdlib.h>
#include <string.h>

#define PUBLISH_CLAIM_TIMEOUT (10 * USEC_PER_SEC)
#define IDLE_CHECK            USEC_PER_SEC
/* A tag may take this long to arrive, unless normal_timeout is longer. */
#define PUBLISH_TAG_TIME_MAX (60 * USEC_PER_SEC)

struct publishing {
    struct http_exchange *x;
    struct co *co;
    const struct config_vhost *vhost;
    const char *app, *name;
    struct source *source; /* held */
    struct publication *publication;
    struct permit *permits;
    struct session_entry entry;
    char *facts; /* memory of entry.facts */
    struct flv_in *in;
    struct gate_verdict *verdict; /* of the last gates, if they refused */
    uint8_t has_begun, is_replaced, is_unserved, has_fingerprint;
    uint8_t fingerprint[TOKEN_FINGERPRINT_SIZE];
    usec_t last_media;
    usec_t last_viewer, checked; /* kickoff_for_idle */
};

int http_publish_is_stream(const struct http_message *request)
{
    return (strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0) &&
           request->upgrade == HTTP_UPGRADE_NONE && mux_find_path(request->path) == &mux_flv &&
           (request->is_chunked || request->content_length > 0);
}

/* ---- permission ---- */

static int ask(struct publishing *p, struct source *source, int is_last,
               struct gate_request *request, struct gate_verdict *verdict, usec_t timeout)
{
    const struct http_exchange *x = p->x;

    *request = (struct gate_request){.server = x->server,
                                     .action = ACCESS_PUBLISH,
                                     .protocol = GATE_HTTP,
                                     .vhost = p->vhost,
                                     .app = p->app,
                                     .stream = p->name,
                                     .param = x->request->query,
                                     .ip = x->conn->ip,
                                     .page = http_facts_page(x->request),
                                     .facts = &p->entry.facts,
                                     .is_tls = x->is_tls,
                                     .source = source,
                                     .is_last = is_last,
                                     .type = mux_flv.name,
                                     .permits = is_last ? &p->permits : NULL,
                                     .bytes_in = x->conn->bytes_in,
                                     .bytes_out = x->conn->bytes_out};
    return gates_ask(request, verdict, timeout);
}

/* Asks the gates before (NULL) or after the stream is found. */
static enum http_step ask_step(struct publishing *p, struct source *source, usec_t timeout)
{
    struct gate_request request;
    struct gate_verdict *verdict = malloc(sizeof(*verdict));
    enum http_step step = HTTP_STEP_NEXT;

    if (verdict == NULL)
        return http_step_answered(p->x, err_new(ERR_NOMEM, "no memory for an access check"));
    if (ask(p, source, 0, &request, verdict, timeout) != 0)
        step = http_step_answered(p->x, http_verdict_answer(p->x, &request, verdict, timeout));
    free(verdict);
    return step;
}

/* ---- the publication ---- */

static void publish_evicted(void *publisher, enum evict_reason why)
{
    struct publishing *p = publisher;

    p->is_unserved = why == EVICT_NOT_SERVED;
    p->is_replaced = 1;
    co_interrupt(p->co);
}

/* As over RTMP: what the old connection of an encoder that reconnects still holds is read first. */
static int publish_probe(void *publisher)
{
    const struct publishing *p = publisher;

    return !net_has_more(p->x->conn);
}

static int publish_grant(void *publisher, usec_t timeout)
{
    struct publishing *p = publisher;
    struct gate_request request;

    if (!gates_are_used(p->x->server, p->vhost, GATE_LAST))
        return 0;
    if (p->verdict == NULL)
        p->verdict = malloc(sizeof(*p->verdict));
    if (p->verdict == NULL)
        return -1;
    return ask(p, p->source, 1, &request, p->verdict, timeout) == 0 ? 0 : -1;
}

static int publish_describe(void *publisher, struct session_info *out)
{
    const struct publishing *p = publisher;

    *out = (struct session_info){p->entry.id, p->x->conn->ip, p->entry.facts.tc_url,
                                 p->entry.facts.param, ""};
    return 0;
}

static size_t publish_pending(const void *publisher)
{
    const struct publishing *p = publisher;

    return flv_in_pending(p->in);
}

static const struct publisher_ops publish_ops = {.pending = publish_pending,
                                                 .evict = publish_evicted,
                                                 .ask = publish_probe,
                                                 .grant = publish_grant,
                                                 .describe = publish_describe};

/* The stream is not this one's: says why. */
static struct err *publish_refused(struct publishing *p, enum publication_verdict verdict,
                                   usec_t timeout)
{
    const struct gate_request request = {
        .action = ACCESS_PUBLISH, .vhost = p->vhost, .app = p->app, .stream = p->name};

    if (verdict == PUBLICATION_REFUSED && p->verdict != NULL)
        return http_verdict_answer(p->x, &request, p->verdict, timeout);
    if (verdict == PUBLICATION_BUSY)
        return http_answer_error(p->x, 409, NULL, timeout, "the stream is already being published");
    if (verdict == PUBLICATION_ELSEWHERE)
        return http_answer_error(p->x, 409, NULL, timeout,
                                 "the stream is published at another server");
    return http_answer_error(p->x, 503, "Retry-After: 5\r\n", timeout, "out of memory");
}

/* kickoff_for_idle. */
static struct err *check_idle(struct publishing *p, usec_t now)
{
    usec_t limit = p->vhost->publish.kickoff_for_idle;
    struct source_stat stat;

    if (limit == 0 || now - p->checked < IDLE_CHECK)
        return NULL;
    p->checked = now;
    source_stat(p->source, &stat);
    if (stat.viewers > 0)
        p->last_viewer = now;
    return now - p->last_viewer < limit
               ? NULL
               : err_new(ERR_TIMEOUT, "nobody watched for %lld ms (kickoff_for_idle)",
                         (long long)(limit / USEC_PER_MS));
}

/* A peer that sends bytes without a whole tag, for a limited time only. */
static struct err *check_silent(const struct publishing *p, usec_t now)
{
    const struct config_publish *limits = &p->vhost->publish;
    usec_t limit = limits->firstpkt_timeout;

    if (p->has_begun && limits->normal_timeout > PUBLISH_TAG_TIME_MAX)
        limit = limits->normal_timeout;
    else if (p->has_begun)
        limit = PUBLISH_TAG_TIME_MAX;
    if (now - p->last_media < limit)
        return NULL;
    return err_new(ERR_TIMEOUT, "no media for %lld ms", (long long)(limit / USEC_PER_MS));
}

/* Pushes the tags of a piece of the body. */
static struct err *push(struct publishing *p, const uint8_t *data, size_t len)
{
    enum scan scan = SCAN_DONE;
    struct flv_tag tag;
    size_t used;

    while ((scan = flv_in_feed(p->in, data, len, &used, &tag)) == SCAN_DONE) {
        struct frame frame;

        flv_frame_parse(&frame, tag.type, tag.timestamp, tag.data, tag.len);
        p->last_media = co_now();
        source_push(p->source, &frame, p->last_media);
        p->has_begun = 1;
        if (source_has_lost_header(p->source))
            return err_new(ERR_NOMEM, "sequence header");
        data += used;
        len -= used;
    }
    return scan == SCAN_BAD ? err_new(ERR_PROTO, "the body is not FLV") : NULL;
}

/* Another publisher asks whether this one is alive: it is, once what has arrived does not contain
 * its end. */
static void publish_check_asked(struct publishing *p)
{
    if (p->publication->is_probed && !net_has_more(p->x->conn))
        publication_answer(p->publication);
}

/* Reads the body to its end. */
static MAY_YIELD struct err *publish_loop(struct publishing *p)
{
    const struct config_publish *limits = &p->vhost->publish;
    struct err *err = NULL;

    p->last_media = p->last_viewer = co_now();
    while (err == NULL && !p->is_replaced) {
        const uint8_t *data;
        size_t len;

        publish_check_asked(p);
        err = p->x->read_body(p->x->body_arg, &data, &len,
                              p->has_begun ? limits->normal_timeout : limits->firstpkt_timeout);
        if (err == NULL && len == 0)
            return NULL;
        if (err == NULL && !p->is_replaced)
            err = push(p, data, len);
        if (err == NULL)
            err = check_silent(p, co_now());
        if (err == NULL)
            err = check_idle(p, co_now());
        if (err == NULL && p->x->server->state == SERVER_STOPPING)
            err = err_new(ERR_INTERRUPTED, "server is stopping");
    }
    return err;
}

/* The answer after the end; err: why it ended early. */
static struct err *publish_answer(struct publishing *p, const struct err *err, usec_t timeout)
{
    static const char done[] = "{\"code\":0}\n";

    if (p->is_replaced) {
        if (p->x->server->state != SERVER_STOPPING)
            co_forget_interrupt();
        return http_answer_error(p->x, 409, NULL, timeout, "%s",
                                 p->is_unserved ? "this vhost is no longer served"
                                                : "another publisher has taken over the stream");
    }
    if (err == NULL)
        return http_answer(p->x, 200, "application/json", NULL, done, strlen(done), timeout);
    switch (err_code(err)) {
    case ERR_PROTO:
        return http_answer_error(p->x, 400, NULL, timeout, "%s", err_text(err));
    case ERR_TIMEOUT:
        return http_answer_error(p->x, 408, NULL, timeout, "%s", err_text(err));
    case ERR_INTERRUPTED:
        return http_answer_error(p->x, 503, NULL, timeout, "server is stopping");
    default:
        return NULL; /* disconnected */
    }
}

/* Has the stream: from the first byte to the answer. */
static struct err *publish_run(struct publishing *p, usec_t timeout)
{
    struct server *server = p->x->server;
    struct err *answered;
    struct err *err;

    p->entry.conn = p->x->conn;
    p->entry.source = p->source;
    p->entry.format = mux_flv.name;
    p->entry.is_publisher = 1;
    session_list_enter(server, &p->entry);
    log_info(server->log, "start publish %s from %s over HTTP", source_key(p->source),
             p->x->conn->ip);
    err = publish_loop(p);
    if (p->has_begun)
        publication_finish(p->publication, PUBLICATION_LINGER);
    else
        publication_end(p->publication);
    p->publication = NULL;
    log_err(server->log, err == NULL || err_is_quiet(err) ? LOG_INFO : LOG_WARN, err,
            "stop publish %s from %s over HTTP, %llu bytes received: %s", source_key(p->source),
            p->x->conn->ip, (unsigned long long)p->x->conn->bytes_in,
            p->is_unserved   ? "its vhost is no longer configured"
            : p->is_replaced ? "taken over"
            : err != NULL    ? err_text(err)
                             : "end of the body");
    p->entry.has_failed = err != NULL && (!err_is_quiet(err) || err_code(err) == ERR_TIMEOUT);
    session_list_leave(server, &p->entry);
    answered = publish_answer(p, err, timeout);
    if (answered == NULL && err != NULL && !p->x->has_answered)
        return err;
    err_free(err);
    return answered;
}

/* ---- the request ---- */

/* curl names the second last type when it sends a file, and the last one with --data-binary; a form
 * escapes what it sends as the last one, so that it is no FLV. */
static int is_flv_type(const struct http_message *request)
{
    static const char *const types[] = {"video/x-flv", "video/flv", "application/octet-stream",
                                        "application/x-www-form-urlencoded"};
    const char *type = http_message_header(request, "Content-Type");

    if (type == NULL)
        return 1;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strlen(types[i]) == strcspn(type, "; ") &&
            strncasecmp(type, types[i], strlen(types[i])) == 0)
            return 1;
    return 0;
}

/* The limits of publishers. */
static enum http_step admit(struct publishing *p, usec_t timeout)
{
    struct server *server = p->x->server;
    const char *limit = NULL;
    struct err *err = NULL;

    if (server->memory.level != MEMORY_EASY)
        limit = "max_memory";
    if (limit == NULL)
        limit = admission_become(server, p->x->conn, QUOTA_PUBLISHER);
    if (limit == NULL) {
        p->source = stream_get_publish(server, p->vhost, p->app, p->name, &err);
        if (p->source != NULL) {
            source_ref(p->source);
            return HTTP_STEP_NEXT;
        }
        limit = "max_streams";
        err_free(err);
    }
    metrics_add_label(server->metrics, METRICS_REFUSALS, limit, 1);
    log_peer(server, LOG_WARN, "publisher refused", p->x->conn->ip, "refused %s: %s",
             p->x->conn->ip, limit);
    return http_step_answered(p->x, http_answer_error(p->x, 503, "Retry-After: 5\r\n", timeout,
                                                      "service unavailable: %s", limit));
}

static struct err *publish_found(struct publishing *p, usec_t timeout)
{
    const struct publisher publisher = {.ops = &publish_ops,
                                        .arg = p,
                                        .kind = PUBLISHER_ENCODER,
                                        .config = p->x->config,
                                        .vhost = p->vhost,
                                        .fingerprint = p->has_fingerprint ? p->fingerprint : NULL};
    enum publication_verdict verdict;
    struct directory_place place;

    if (ask_step(p, p->source, timeout) != HTTP_STEP_NEXT)
        return http_step_err(p->x);
    p->in = flv_in_new((size_t)p->x->config->max_message);
    if (p->in == NULL)
        return publish_refused(p, PUBLICATION_NOMEM, timeout);
    verdict = publication_begin(source_data(p->source), &publisher, &p->publication, &place,
                                PUBLISH_CLAIM_TIMEOUT);
    return verdict == PUBLICATION_OURS ? publish_run(p, timeout)
                                       : publish_refused(p, verdict, timeout);
}

static struct err *publish_take(struct publishing *p, usec_t timeout)
{
    struct http_exchange *x = p->x;
    struct err *err;

    if (http_facts(x, p->app, &p->entry.facts, &p->facts) != 0)
        return err_new(ERR_NOMEM, "no memory for a publisher");
    p->has_fingerprint = token_fingerprint(x->request->query, p->fingerprint) == 0;
    if (ask_step(p, NULL, timeout) != HTTP_STEP_NEXT || admit(p, timeout) != HTTP_STEP_NEXT) {
        err = http_step_err(x);
    } else {
        err = publish_found(p, timeout);
    }
    permit_end_all(&p->permits, x->conn->bytes_in, x->conn->bytes_out);
    if (p->source != NULL) {
        stream_publish_end(p->source);
        source_unref(p->source);
    }
    flv_in_free(p->in);
    free(p->verdict);
    free(p->facts);
    (void)admission_become(x->server, x->conn, QUOTA_NEW);
    return err;
}

static struct err *publish_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    const struct http_target *target = http_target(x);
    struct publishing *p;
    struct err *err;

    if (x->read_body == NULL || target->vhost == NULL || target->mux != &mux_flv ||
        !target->vhost->publish.http)
        return http_next(self, x, timeout);
    if (http_message_header(x->request, "Origin") != NULL)
        return http_answer_error(x, 403, NULL, timeout, "web pages cannot publish");
    if (!is_flv_type(x->request))
        return http_answer_error(x, 415, NULL, timeout, "the body must be video/x-flv");
    if (x->server->state != SERVER_RUNNING)
        return http_answer_error(x, 503, "Retry-After: 5\r\n", timeout, "server is stopping");
    if (observers_fetch(x->server->tables, target->vhost))
        return http_answer_error(x, 403, NULL, timeout,
                                 "this server is an edge: publish at its origin, or over RTMP");
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return http_answer_error(x, 503, NULL, timeout, "out of memory");
    p->x = x;
    p->co = co_self();
    p->vhost = target->vhost;
    p->app = target->app;
    p->name = target->stream;
    err = publish_take(p, timeout);
    free(p);
    return err;
}

struct http_handler *http_publish_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = publish_serve;
    handler->next = next;
    return handler;
}
