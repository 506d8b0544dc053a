/*
 * The API's addresses, one row of the table below for each. api_json.c creates the content; this
 * file checks access, handles paging, and writes the frame of an answer: `code` 0 and the server's
 * names first. If an object does not exist, the code is another one, but the status is 200, since
 * consoles for SRS check only the code.
 */
#include "app/control/http_api.h"

#include "app/core/endpoint.h"
#include "app/http/api_access.h"

#include "app/control/api_json.h"
#include "app/control/api_workers.h"
#include "app/core/server.h"
#include "app/http/http_listener.h"
#include "app/http/http_session.h"
#include "base/str.h"
#include "proto/url.h"

#include <stdlib.h>
#include <string.h>

#define API_COUNT_DEFAULT 10
#define API_COUNT_MAX     1000
#define API_START_MAX     1000000

/* SRS's codes for objects that do not exist. */
#define API_NO_VHOST  2047
#define API_NO_STREAM 2048
#define API_NO_CLIENT 2049

struct api_call {
    const char *name;
    /* 0; 1: unknown id; -1: out of memory. */
    int (*answer)(const struct api_query *query, json_t *out);
    int missing; /* the code for an unknown id; 0: takes no id */
    const char *doc;
};

static int answer_root(const struct api_query *query, json_t *out);

static const struct api_call calls[] = {
    {"", answer_root, 0, NULL},
    {"versions", api_json_versions, 0, "the version of the server"},
    {"summaries", api_json_summaries, 0, "the server: its process, memory and connections"},
    {"vhosts", api_json_vhosts, API_NO_VHOST, "all vhosts, or vhosts/ID"},
    {"streams", api_json_streams, API_NO_STREAM, "streams by start and count, or streams/ID"},
    {"clients", api_json_clients, API_NO_CLIENT, "clients by start and count, or clients/ID"},
};

#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

static int answer_root(const struct api_query *query, json_t *out)
{
    json_t *urls = json_object();

    (void)query;
    for (size_t i = 1; i < CALL_COUNT; i++)
        if (json_object_set_new(urls, calls[i].name, json_string(calls[i].doc)) != 0) {
            json_decref(urls);
            return -1;
        }
    return json_object_set_new(out, "urls", urls);
}

/* Whether the whole API is available: at http_api's own address, or if that is one of
 * http_server's. */
static int is_whole(const struct http_exchange *x)
{
    const struct config *config = x->server->config;

    for (int i = 0; i < config->http_api.listen.count && !x->is_api; i++)
        if (endpoint_is_shared(config, config->http_api.listen.item[i]))
            return 1;
    return x->is_api || x->is_worker;
}

/* The row of "streams" or "streams/ID"; *id: the part after the slash, or "". */
static const struct api_call *call_find(const char *path, const char **id)
{
    const char *slash = strchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);

    *id = slash != NULL ? slash + 1 : "";
    for (size_t i = 0; i < CALL_COUNT; i++) {
        if (strlen(calls[i].name) != len || strncmp(calls[i].name, path, len) != 0)
            continue;
        return **id == '\0' || calls[i].missing != 0 ? &calls[i] : NULL;
    }
    return NULL;
}

static size_t query_number(const struct http_exchange *x, const char *name, int64_t fallback,
                           int64_t max)
{
    int64_t number = fallback;
    char text[24];

    if (url_query_get(x->request->query, name, text, sizeof(text)) == 0 &&
        str_to_i64(text, 0, INT64_MAX, &number) == 0 && number > max)
        number = max;
    return (size_t)number;
}

static struct err *answer_send(struct http_exchange *x, const json_t *body, usec_t timeout)
{
    char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(10));
    struct err *err;

    if (text == NULL)
        return http_answer_error(x, 503, NULL, timeout, "no memory for this answer");
    err = http_answer(x, 200, "application/json", "Cache-Control: no-store\r\n", text, strlen(text),
                      timeout);
    free(text);
    return err;
}

/* The answer of this process, or, with several workers, of all. */
static int call_answer(struct http_exchange *x, const struct api_call *call,
                       const struct api_query *query, json_t *body, usec_t timeout)
{
    struct api_workers_call all = {call->name, query, call->answer};

    if (x->is_worker || !api_workers_is_shared(x->server, call->name))
        return call->answer(query, body);
    return api_workers_gather(&all, body, timeout);
}

/* A publisher's id is the id of a client, so public answers must not contain it. */
static int hide_client(json_t *stream)
{
    return json_object_set_new(json_object_get(stream, "publish"), "cid", json_string(""));
}

static int hide_clients(json_t *body)
{
    json_t *streams = json_object_get(body, "streams");
    json_t *stream = json_object_get(body, "stream");
    int is_bad = stream != NULL && hide_client(stream) != 0;

    for (size_t i = 0; i < json_array_size(streams); i++)
        is_bad |= hide_client(json_array_get(streams, i)) != 0;
    return is_bad ? -1 : 0;
}

/* A request from a page of another site, which may read only public answers (app/http/cors.c). */
static int is_of_other_page(const struct http_exchange *x)
{
    return !x->server->config->http_api.open && http_message_header(x->request, "Origin") != NULL;
}

static struct err *call_serve(struct http_exchange *x, const struct api_call *call, const char *id,
                              int is_public, usec_t timeout)
{
    size_t count_max = x->is_worker ? API_START_MAX + API_COUNT_MAX : API_COUNT_MAX;
    struct api_query query = {.server = x->server,
                              .id = id,
                              .start = query_number(x, "start", 0, API_START_MAX),
                              .count = query_number(x, "count", API_COUNT_DEFAULT, count_max),
                              .is_part = x->is_worker};
    json_t *body = json_object();
    struct err *err;
    int code = api_json_head(x->server, body);

    if (code == 0)
        code = call_answer(x, call, &query, body, timeout);
    if (code > 0) {
        json_object_clear(body);
        code = json_object_set_new(body, "code", json_integer(call->missing));
    }
    if (code == 0 && is_public)
        code = hide_clients(body);
    if (code == 0)
        err = answer_send(x, body, timeout);
    else
        err = http_answer_error(x, 503, NULL, timeout, "no memory for this answer");
    json_decref(body);
    return err;
}

static struct err *api_pass(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    if (self->next != NULL)
        return http_next(self, x, timeout);
    return http_answer_error(x, 404, NULL, timeout,
                             "this address serves only the API: " API_ACCESS_PREFIX);
}

static struct err *api_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    const char *path = x->request->path;
    const struct api_call *call;
    int is_public = api_access_is_public(path);
    const char *id = "";
    const char *why;

    if (!x->server->config->http_api.enabled || !str_starts(path, API_ACCESS_PREFIX))
        return api_pass(self, x, timeout);
    call = call_find(path + strlen(API_ACCESS_PREFIX), &id);
    if (call == NULL || (!is_public && !is_whole(x)))
        return http_answer_error(x, 404, NULL, timeout, "no such API address");
    why = api_access_check(x);
    if (why != NULL && !is_public)
        return http_answer_error(x, 403, NULL, timeout, "%s", why);
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    return call_serve(x, call, id, why != NULL || !is_whole(x) || is_of_other_page(x), timeout);
}

static const struct config_strings *api_addresses(const struct config *config)
{
    return config->http_api.enabled ? &config->http_api.listen : NULL;
}

static int api_has_proxy_header(const struct config *config)
{
    return config->http_api.proxy_protocol;
}

const struct listener_type http_api_listener = {.name = "HTTP API",
                                                .protocol = &http_listener_protocol,
                                                .addresses = api_addresses,
                                                .has_proxy_header = api_has_proxy_header,
                                                .flags = HTTP_SESSION_API,
                                                .quota = QUOTA_API,
                                                .is_joined_with_http = 1,
                                                .is_admitted_always = 1};

struct http_handler *http_api_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = api_serve;
    handler->next = next;
    return handler;
}
