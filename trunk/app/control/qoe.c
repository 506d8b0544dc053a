/*
 * Receives reports. Anybody may send one: a report has a maximum size, each address a maximum rate,
 * and only streams that exist get one, so that no table grows by untrusted input.
 *
 * The rate is counted in a fixed number of cells, which addresses share by a secret hash: there is
 * nothing to run out of, and nobody can choose whose cell to fill.
 */
#include "app/control/qoe.h"

#include "app/control/qoe_report.h"
#include "app/core/metrics.h"
#include "app/core/quota.h"
#include "app/core/server.h"
#include "app/stream/observer.h"
#include "base/siphash.h"
#include "base/str.h"
#include "co/co.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define QOE_PATH "/api/v1/qoe"
/* Reports of one cell in this time; a player sends one every 10 s, and many may share an address.
 */
#define QOE_WINDOW (10 * USEC_PER_SEC)
#define QOE_RATE   200
#define QOE_CELLS  1024

struct qoe_handler {
    struct http_handler handler; /* first: cast back */
    struct siphash_key secret;
    usec_t since; /* the window's beginning */
    uint16_t count[QOE_CELLS];
};

static int is_too_fast(struct qoe_handler *qoe, const char *ip)
{
    char name[IP_TEXT_MAX];
    uint16_t *count;

    if (co_now() - qoe->since >= QOE_WINDOW) {
        memset(qoe->count, 0, sizeof(qoe->count));
        qoe->since = co_now();
    }
    quota_address(ip, name);
    count = &qoe->count[siphash(&qoe->secret, name, strlen(name)) % QOE_CELLS];
    if (*count >= QOE_RATE)
        return 1;
    (*count)++;
    return 0;
}

static void stream_count(struct metrics_stream *stream, const struct qoe_report *report)
{
    for (int i = 0; i < METRICS_QOE_COUNT; i++)
        if (report->count[i] > 0)
            atomic_fetch_add(&stream->qoe.count[i], report->count[i]);
    if (report->startup >= 0)
        metrics_histogram_add(&stream->qoe.startup, METRICS_QOE_STARTUP, report->startup);
    if (report->latency >= 0)
        metrics_histogram_add(&stream->qoe.latency, METRICS_QOE_LATENCY, report->latency);
    if (report->true_latency >= 0)
        metrics_histogram_add(&stream->qoe.true_latency, METRICS_QOE_TRUE_LATENCY,
                              report->true_latency);
}

/* A stream that is published but has no entry of its own is counted with the others. */
static int is_live(const struct server *server, const char *key)
{
    const struct source *source = hub_find(server->hub, key);

    return (source != NULL && source_state(source) != SOURCE_IDLE) ||
           observers_are_elsewhere(server, key);
}

/* 0, or -1: there is no such stream. */
static int report_count(const struct http_exchange *x, const struct qoe_report *report)
{
    struct http_address address = {x->request->host, report->query, report->path};
    struct metrics *metrics = x->server->metrics;
    struct metrics_stream *stream;
    struct http_target target;
    char key[SOURCE_KEY_MAX];

    http_target_find(x->config, &address, &target);
    if (target.vhost == NULL || target.app[0] == '\0' || target.stream[0] == '\0' ||
        str_format(key, sizeof(key), "%s/%s/%s", target.vhost->name, target.app, target.stream) !=
            0)
        return -1;
    stream = metrics_stream_find(metrics, key);
    if (stream != NULL) {
        stream_count(stream, report);
        metrics_stream_release(metrics, stream);
        return 0;
    }
    if (metrics_stream_other(metrics) == NULL || !is_live(x->server, key))
        return -1;
    stream_count(metrics_stream_other(metrics), report);
    return 0;
}

static struct err *qoe_refuse(struct http_exchange *x, int status, const char *label,
                              const char *reason, usec_t timeout)
{
    metrics_add_label(x->server->metrics, METRICS_QOE_REFUSALS, label, 1);
    return http_answer_error(x, status, NULL, timeout, "%s", reason);
}

static struct err *qoe_take(struct qoe_handler *qoe, struct http_exchange *x, usec_t timeout)
{
    struct qoe_report report;
    const char *why;

    if (is_too_fast(qoe, x->conn->ip))
        return qoe_refuse(x, 429, "rate", "too many reports from this address", timeout);
    if (x->body == NULL)
        return qoe_refuse(x, 400, "malformed", "the report is empty or too long", timeout);
    why = qoe_report_parse(x->body, x->body_len, &report);
    if (why != NULL)
        return qoe_refuse(x, 400, "malformed", why, timeout);
    if (report_count(x, &report) != 0)
        return qoe_refuse(x, 404, "stream", "no such stream", timeout);
    return http_answer(x, 204, NULL, "Cache-Control: no-store\r\n", NULL, 0, timeout);
}

static struct err *qoe_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    const struct config_http_api *config = &x->server->config->http_api;

    if (!config->enabled || !config->qoe || strcmp(x->request->path, QOE_PATH) != 0 ||
        strcmp(x->request->method, "POST") != 0)
        return http_next(self, x, timeout);
    return qoe_take((struct qoe_handler *)self, x, timeout);
}

struct http_handler *qoe_new(struct http_handler *next)
{
    struct qoe_handler *qoe = calloc(1, sizeof(*qoe));

    assert(next != NULL);
    if (qoe == NULL)
        return NULL;
    siphash_secret(&qoe->secret);
    qoe->handler.serve = qoe_serve;
    qoe->handler.next = next;
    return &qoe->handler;
}
