/*
 * Requests for /metrics. The answer is written in turns of the event loop and sent in one piece, so
 * that a slow reader gets a consistent text.
 */
#include "app/control/exporter.h"

#include "app/control/exporter_private.h"
#include "app/control/http_api.h"
#include "app/core/metrics.h"
#include "app/http/api_access.h"
#include "app/http/http_listener.h"
#include "app/http/http_session.h"

#include <stdlib.h>
#include <string.h>

#define EXPORTER_PATH "/metrics"
#define EXPORTER_TYPE "text/plain; charset=utf-8"
#define EXPORTER_MAX  ((size_t)256 * 1024 * 1024)
/* SRS's code for an exporter that is off. */
#define EXPORTER_DISABLED "{\"code\":1090}"

static struct err *exporter_answer(struct http_exchange *x, usec_t timeout)
{
    struct exporter_text text;
    struct err *err;

    exporter_text_init(&text, EXPORTER_MAX);
    exporter_render(x->server, &text);
    metrics_add(x->server->metrics, METRICS_SCRAPES, 1);
    metrics_add(x->server->metrics, METRICS_SCRAPE_TIME, text.held);
    if (text.failed)
        err = http_answer_error(x, 503, NULL, timeout, "no memory for this answer");
    else
        err = http_answer(x, 200, EXPORTER_TYPE, "Cache-Control: no-store\r\n", buf_data(&text.out),
                          text.out.len, timeout);
    buf_fini(&text.out);
    return err;
}

static struct err *exporter_serve(struct http_handler *self, struct http_exchange *x,
                                  usec_t timeout)
{
    const struct config *config = x->server->config;
    struct api_access access = {0, NULL};

    if (strcmp(x->request->path, EXPORTER_PATH) != 0 || (!x->is_exporter && !http_api_has_all(x)))
        return http_next(self, x, timeout);
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    if (!x->is_exporter)
        access = api_access_check(x);
    if (access.status == 401)
        return api_access_ask_login(x, timeout);
    if (access.status != 0)
        return http_answer_error(x, access.status, NULL, timeout, "%s", access.why);
    if (!config->exporter.enabled || x->server->metrics == NULL)
        return http_answer(x, 200, "application/json", "Cache-Control: no-store\r\n",
                           EXPORTER_DISABLED, strlen(EXPORTER_DISABLED), timeout);
    return exporter_answer(x, timeout);
}

struct http_handler *exporter_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = exporter_serve;
    handler->next = next;
    return handler;
}

static const struct config_strings *exporter_addresses(const struct config *config)
{
    return config->exporter.enabled ? &config->exporter.listen : NULL;
}

const struct listener_type exporter_listener = {.name = "exporter",
                                                .protocol = &http_listener_protocol,
                                                .addresses = exporter_addresses,
                                                .flags = HTTP_SESSION_API | HTTP_SESSION_EXPORTER,
                                                .quota = QUOTA_API,
                                                .is_admitted_always = 1};
