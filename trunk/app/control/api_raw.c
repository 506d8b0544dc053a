/*
 * SRS's raw API of today: it shows the API's settings and reloads. The answer to a reload comes
 * when all workers have applied it, or says why nothing has changed.
 */
#include "app/control/api_raw.h"

#include "app/control/api_config.h"
#include "app/core/reload.h"
#include "app/http/http_exchange.h"
#include "proto/url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* SRS's codes. */
#define RAW_BAD_CONFIG  1023
#define RAW_NO_RPC      1060
#define RAW_NOT_ALLOWED 1061

#define RELOAD_TIMEOUT (20 * USEC_PER_SEC)

static void rpc_read(const struct http_exchange *x, char out[32])
{
    if (url_query_get(x->request->query, "rpc", out, 32) != 0)
        out[0] = '\0';
}

int api_raw_is_change(const struct http_exchange *x)
{
    char rpc[32];

    rpc_read(x, rpc);
    return strcmp(rpc, "reload") == 0;
}

/* With another code than 0, the answer is the code alone. */
static int answer_code(json_t *out, int code)
{
    return json_object_clear(out) != 0 ? -1 : json_object_set_new(out, "code", json_integer(code));
}

static json_t *lines_json(const char *text)
{
    json_t *lines = json_array();

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        if (len > 0 && json_array_append_new(lines, json_stringn(text, len)) != 0)
            (void)json_array_append_new(lines, json_string("?"));
        text += len + (text[len] == '\n');
    }
    return lines;
}

/* {err,msg,state,rid} as SRS has them, and what has changed. */
static json_t *report_json(const struct reload_report *report)
{
    static const char *const states[] = {"none", "running", "applied", "failed"};
    int has_failed = report->state == RELOAD_FAILED;
    char number[24];

    (void)snprintf(number, sizeof(number), "%" PRIu32, report->number);
    return json_pack("{s:i,s:o,s:i,s:s,s:s,s:i,s:o,s:s}", "err", has_failed ? RAW_BAD_CONFIG : 0,
                     "msg", api_json_text(has_failed ? report->text : ""), "state",
                     (int)report->state, "rid", number, "result", states[report->state], "changes",
                     report->changes, "lines", has_failed ? json_array() : lines_json(report->text),
                     "restart", report->restart_names);
}

static MAY_YIELD int raw_reload(const struct api_query *query, json_t *out)
{
    const struct config_api_raw *raw = &query->x->config->http_api.raw_api;
    const struct reload_door *door = query->server->tables->reload;
    struct reload_report *report;
    struct err *err;
    int rc;

    if (!raw->enabled || !raw->allow_reload)
        return answer_code(out, RAW_NOT_ALLOWED);
    report = calloc(1, sizeof(*report));
    if (report == NULL)
        return -1;
    err = door->now(query->server, report, RELOAD_TIMEOUT);
    err_free(err);
    rc = api_json_set(out, "data", report_json(report));
    if (rc == 0 && report->state == RELOAD_FAILED)
        rc = json_object_set_new(out, "code", json_integer(RAW_BAD_CONFIG));
    free(report);
    return rc;
}

static int raw_fetch(const struct api_query *query, json_t *out)
{
    struct reload_report *report = calloc(1, sizeof(*report));
    int rc;

    if (report == NULL)
        return -1;
    query->server->tables->reload->last(query->server, report);
    rc = api_json_set(out, "data", report_json(report));
    free(report);
    return rc;
}

int api_raw(const struct api_query *query, json_t *out)
{
    int has_door = query->server->tables != NULL && query->server->tables->reload != NULL;
    char rpc[32];

    rpc_read(query->x, rpc);
    if (strcmp(rpc, "raw") == 0)
        return api_config_raw(query->x->config, out);
    if (has_door && strcmp(rpc, "reload") == 0)
        return raw_reload(query, out);
    if (has_door && strcmp(rpc, "reload-fetch") == 0)
        return raw_fetch(query, out);
    return answer_code(out, RAW_NO_RPC);
}
