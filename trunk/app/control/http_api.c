/*
 * The API's addresses, one row of the table below for each. The api_*.c files create the content;
 * this file checks access, handles paging, and writes the frame of an answer: `code` 0 and the
 * server's names first. If an object does not exist, the code is another one, but the status is
 * 200, since consoles for SRS check only the code.
 */
#include "app/control/http_api.h"

#include "app/control/http_api_listener.h"
#include "app/http/api_access.h"

#include "app/control/api_clients.h"
#include "app/control/api_config.h"
#include "app/control/api_facts.h"
#include "app/control/api_gather.h"
#include "app/control/api_json.h"
#include "app/control/api_raw.h"
#include "app/control/api_record.h"
#include "app/control/api_send.h"
#include "app/control/api_streams.h"
#include "app/control/api_system.h"
#include "app/control/qoe.h"
#include "app/core/server.h"
#include "base/str.h"
#include "proto/url.h"

#include <stdlib.h>
#include <string.h>

#define ALLOW_READ   "Allow: GET, HEAD, OPTIONS\r\n"
#define ALLOW_POST   "Allow: POST, OPTIONS\r\n"
#define ALLOW_DELETE "Allow: GET, HEAD, DELETE, OPTIONS\r\n"

#define API_COUNT_DEFAULT 10
#define API_COUNT_MAX     1000
#define API_START_MAX     1000000

/* SRS's codes for objects that do not exist. */
#define API_NO_VHOST  2014
#define API_NO_STREAM 2048
#define API_NO_CLIENT 2049

enum api_flags {
    API_INTERNAL = 1, /* for the other workers only */
    API_UNLISTED = 2, /* not in the list of addresses */
    API_BY_POST = 4,  /* SRS also asks it by POST, with an empty body */
};

struct api_call {
    const char *name;
    MAY_YIELD int (*answer)(const struct api_query *query, json_t *out); /* api_json.h */
    int missing; /* the code for an unknown id; 0: takes no id */
    int flags;
    const char *doc;
    const char *delete; /* the call that DELETE means; NULL: none */
    /* Whether this request changes something; NULL: none does. */
    int (*changes)(const struct http_exchange *x);
};

static int answer_list(const struct api_query *query, json_t *out);

static const struct api_call calls[] = {
    {"", answer_list, 0, API_UNLISTED, NULL, NULL, NULL},
    {"versions", api_facts_versions, 0, 0, "the version of the server", NULL, NULL},
    {"summaries", api_system_summaries, 0, 0,
     "the server: its process, memory and connections; and its machine", NULL, NULL},
    {"rusages", api_system_rusages, 0, 0, "the resources that the process has used", NULL, NULL},
    {"self_proc_stats", api_system_process, 0, 0, "the process, as the kernel counts", NULL, NULL},
    {"system_proc_stats", api_system_processors, 0, 0, "the machine's processors", NULL, NULL},
    {"meminfos", api_system_memory, 0, 0, "the machine's memory", NULL, NULL},
    {"authors", api_facts_authors, 0, 0, "license and authors", NULL, NULL},
    {"features", api_facts_features, 0, 0, "what the server can do", NULL, NULL},
    {"vhosts", api_streams_vhosts, API_NO_VHOST, 0, "all vhosts, or vhosts/ID", NULL, NULL},
    {"streams", api_streams, API_NO_STREAM, 0,
     "streams by start and count, or streams/ID; POST streams/ID/record starts and stops a "
     "recording",
     NULL, NULL},
    {"records-start", api_record_start, API_NO_STREAM, API_INTERNAL, NULL, NULL, NULL},
    {"records-stop", api_record_stop, API_NO_STREAM, API_INTERNAL, NULL, NULL, NULL},
    {"clients", api_clients, API_NO_CLIENT, 0,
     "clients by start and count, or clients/ID; DELETE clients/ID disconnects one", "kicks", NULL},
    {"kicks", api_clients_kick, API_NO_CLIENT, API_INTERNAL, NULL, NULL, NULL},
    {"qoe", qoe_json, 0, 0, "what player pages reported, by start and count", NULL, NULL},
    {"raw", api_raw, 0, 0, "raw?rpc=raw, reload or reload-fetch: the settings of the API; reloads",
     NULL, api_raw_is_change},
    {"config", api_config, 0, 0, "the effective configuration, without secrets", NULL, NULL},
    {"clusters", api_facts_clusters, 0, API_BY_POST,
     "which server has a stream, by vhost, app and stream", NULL, NULL},
    {"tests/requests", api_facts_request, 0, API_UNLISTED, "what the client has sent", NULL, NULL},
    {"tests/errors", api_facts_error, 0, API_UNLISTED, "an error, 100", NULL, NULL},
    {"tests/redirects", NULL, 0, API_UNLISTED, "a redirection to tests/errors", NULL, NULL},
};

#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

static int list_put(json_t *list, const char *name, const char *doc)
{
    return api_json_set(list, name, json_string(doc));
}

static int answer_list(const struct api_query *query, json_t *out)
{
    json_t *urls = json_object();
    json_t *tests = json_object();
    int rc = urls != NULL && tests != NULL ? 0 : -1;

    (void)query;
    for (size_t i = 1; i < CALL_COUNT && rc == 0; i++) {
        if ((calls[i].flags & (API_INTERNAL | API_UNLISTED)) == 0)
            rc = list_put(urls, calls[i].name, calls[i].doc);
        else if (str_starts(calls[i].name, "tests/"))
            rc = list_put(tests, calls[i].name + strlen("tests/"), calls[i].doc);
    }
    if (rc == 0)
        rc = json_object_set(urls, "tests", tests);
    if (rc == 0)
        rc = json_object_set(out, "urls", urls);
    json_decref(urls);
    json_decref(tests);
    return rc;
}

/* "/" and "/api": the way down to /api/v1/. */
static const struct {
    const char *path, *name, *doc;
} levels[] = {{"/", "api", "the HTTP API"},
              {"/api", "v1", "its version 1"},
              {"/api/", "v1", "its version 1"}};

static int answer_level(const struct api_query *query, json_t *out)
{
    json_t *urls = json_object();

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (strcmp(levels[i].path, query->x->request->path) == 0 &&
            list_put(urls, levels[i].name, levels[i].doc) != 0) {
            json_decref(urls);
            return -1;
        }
    return api_json_set(out, "urls", urls);
}

static const struct api_call level_call = {"", answer_level, 0, API_UNLISTED, NULL, NULL, NULL};

/* ---- finding ---- */

/* At http_api's own address, or if that is one of http_server's. */
int http_api_has_all(const struct http_exchange *x)
{
    return x->is_api || x->is_worker || http_api_listener_is_joined(x->server->config);
}

static const struct api_call *call_named(const char *name, size_t len)
{
    for (size_t i = 0; i < CALL_COUNT; i++)
        if (strlen(calls[i].name) == len && strncmp(calls[i].name, name, len) == 0)
            return &calls[i];
    return NULL;
}

/* The row of "streams" or "streams/ID"; *id: the part after the slash, or "". An unknown address
 * answers with the list of addresses. */
static const struct api_call *call_find(const struct http_exchange *x, const char **id)
{
    const char *path = x->request->path;
    const struct api_call *call;
    const char *slash;

    *id = "";
    if (!str_starts(path, API_ACCESS_PREFIX))
        return strcmp(path, "/api/v1") == 0 ? &calls[0] : &level_call;
    path += strlen(API_ACCESS_PREFIX);
    call = call_named(path, strlen(path));
    slash = strchr(path, '/');
    if (call == NULL && slash != NULL) {
        call = call_named(path, (size_t)(slash - path));
        if (call != NULL && call->missing == 0 && slash[1] != '\0')
            call = NULL;
        if (call != NULL)
            *id = slash + 1;
    }
    if (call == NULL || ((call->flags & API_INTERNAL) && !x->is_worker))
        return &calls[0];
    return call;
}

/* ---- answering ---- */

static size_t query_number(const struct http_exchange *x, const char *name, int64_t fallback,
                           int64_t min, int64_t max)
{
    int64_t number = fallback;
    char text[24];

    if (url_query_get(x->request->query, name, text, sizeof(text)) == 0 &&
        str_to_i64(text, 0, INT64_MAX, &number) == 0 && number > max)
        number = max;
    return (size_t)(number < min ? min : number);
}

/* The answer of this process, or of all processes of this server. */
static int call_answer(const struct api_call *call, const struct api_query *query, json_t *body,
                       usec_t timeout)
{
    const struct api_gather_call all = {call->name, query, call->answer};

    return api_gather_answer(&all, body, timeout);
}

static void query_fill(struct api_query *query, const struct http_exchange *x, const char *id,
                       int is_public)
{
    size_t count_max = x->is_worker ? API_START_MAX + API_COUNT_MAX : API_COUNT_MAX;

    *query = (struct api_query){
        .server = x->server,
        .x = x,
        .id = id,
        .start = query_number(x, "start", 0, 0, API_START_MAX),
        .count = query_number(x, "count", API_COUNT_DEFAULT, x->is_worker ? 0 : 1, count_max),
        .is_public = is_public,
        .is_part = x->is_worker};
    if (x->is_worker)
        query->is_public = query_number(x, API_GATHER_PUBLIC, 0, 0, 1) != 0;
}

static struct err *call_serve(struct http_exchange *x, const struct api_request *request,
                              const struct api_call *call, const char *id, usec_t timeout)
{
    char after[API_ID_SIZE] = "", upto[API_ID_SIZE] = "";
    struct api_query query;
    json_t *body = json_object();
    struct err *err;
    int code = api_json_head(x->server, body);

    query_fill(&query, x, id, request->is_public);
    (void)url_query_get(x->is_worker ? x->request->query : "", API_GATHER_AFTER, after,
                        sizeof(after));
    (void)url_query_get(x->is_worker ? x->request->query : "", API_GATHER_UPTO, upto, sizeof(upto));
    query.after = after;
    query.upto = upto;
    if (code == 0)
        code = call_answer(call, &query, body, timeout);
    if (code > 0) {
        json_object_clear(body);
        code = json_object_set_new(body, "code", json_integer(call->missing));
    }
    /* Only another worker needs to know that the id was found. */
    if (!x->is_worker)
        (void)json_object_del(body, "kick");
    if (code == 0)
        err = api_send(x, request, body, timeout);
    else
        err = http_answer_error(x, 503, NULL, timeout, "no memory for this answer");
    json_decref(body);
    return err;
}

/* ---- requests ---- */

/* The call that a DELETE of an object means; NULL: this address has none. */
static const struct api_call *call_delete(const struct api_call *call, const char *id)
{
    if (call->delete == NULL || id[0] == '\0')
        return NULL;
    return call_named(call->delete, strlen(call->delete));
}

static struct err *api_redirect(struct http_exchange *x, usec_t timeout)
{
    return http_answer(x, 302, NULL, "Location: " API_ACCESS_PREFIX "tests/errors\r\n", NULL, 0,
                       timeout);
}

/* A POST that only reads. */
static int is_post_read(const struct api_call *call, const struct api_request *request)
{
    return (call->flags & API_BY_POST) && strcmp(request->method, "POST") == 0;
}

/* Serves a request whose sender may see this. */
static struct err *api_admitted(struct http_exchange *x, const struct api_request *request,
                                const struct api_call *call, const char *id, usec_t timeout)
{
    int is_delete = strcmp(request->method, "DELETE") == 0;
    const struct api_call *meant = is_delete ? call_delete(call, id) : call;
    const char *why = NULL;

    if (meant == NULL || (!is_delete && !http_is_read(x) && !is_post_read(call, request)))
        return http_answer_error(x, 405, call_delete(call, id) != NULL ? ALLOW_DELETE : ALLOW_READ,
                                 timeout, "%s is not allowed here", request->method);
    if (is_delete || (call->changes != NULL && call->changes(x)))
        why = api_access_check_change(x, request->callback[0] != '\0');
    if (why != NULL)
        return http_answer_error(x, 403, NULL, timeout, "%s", why);
    if (meant->answer == NULL)
        return api_redirect(x, timeout);
    return call_serve(x, request, meant, id, timeout);
}

/* POST streams/ID/record. */
static struct err *record_serve(struct http_exchange *x, const struct api_request *request,
                                const char *id, usec_t timeout)
{
    char stream[API_ID_SIZE];
    const char *why = NULL;
    const char *name;

    if (strcmp(request->method, "POST") != 0)
        return http_answer_error(x, 405, ALLOW_POST, timeout, "%s is not allowed here",
                                 request->method);
    why = api_access_check_change(x, request->callback[0] != '\0');
    if (why != NULL)
        return http_answer_error(x, 403, NULL, timeout, "%s", why);
    name = api_record_action(x, &why);
    if (name == NULL)
        return http_answer_error(x, 400, NULL, timeout, "%s", why);
    if (str_copy_n(stream, sizeof(stream), id, strlen(id) - strlen(API_RECORD_SUFFIX)) != 0)
        (void)str_copy(stream, sizeof(stream), "-");
    return call_serve(x, request, call_named(name, strlen(name)), stream, timeout);
}

static struct err *api_pass(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    if (self->next != NULL)
        return http_next(self, x, timeout);
    return http_answer_error(x, 404, NULL, timeout,
                             "this address serves only the API: " API_ACCESS_PREFIX);
}

/* Whether the API answers at this address. http_server's own root is that of its files. */
static int is_ours(const struct http_exchange *x)
{
    const char *path = x->request->path;

    if (!x->server->config->http_api.enabled)
        return 0;
    if (str_starts(path, API_ACCESS_PREFIX))
        return 1;
    if (x->is_api && strcmp(path, "/") == 0)
        return 1;
    return http_api_has_all(x) && (strcmp(path, "/api") == 0 || strcmp(path, "/api/") == 0 ||
                                   strcmp(path, "/api/v1") == 0);
}

/* A script of a page of another site can read JSONP, where everyone can read everything anyway. */
static int is_open(const struct config *config)
{
    return config->http_api.open && !config->http_api.auth.enabled;
}

static struct err *api_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    static const char foreign[] = "pages of other sites can read only public data";
    const struct config *config = x->server->config;
    int is_public_path = api_access_is_public(config, x->request->path);
    struct api_request request;
    struct api_access access;
    const struct api_call *call;
    const char *id;

    if (!is_ours(x))
        return api_pass(self, x, timeout);
    access = api_access_check(x);
    if (access.status == 401)
        return api_access_ask_login(x, timeout);
    api_send_request(x, &request);
    if (access.status == 0 && request.callback[0] != '\0' && !is_open(config) &&
        api_access_is_foreign(x))
        access = (struct api_access){403, foreign};
    call = call_find(x, &id);
    request.is_public = access.status != 0 || !http_api_has_all(x);
    if (!http_api_has_all(x) && !is_public_path)
        return http_answer_error(x, 404, NULL, timeout, "no such API address");
    if (request.is_public && !is_public_path)
        return http_answer_error(x, 403, NULL, timeout, "%s", access.why);
    if (strcmp(call->name, "streams") == 0 && str_ends(id, API_RECORD_SUFFIX) && !request.is_public)
        return record_serve(x, &request, id, timeout);
    return api_admitted(x, &request, call, id, timeout);
}

struct http_handler *http_api_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = api_serve;
    handler->next = next;
    return handler;
}

/* ---- the list for the player page ---- */

static struct err *list_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    const struct config_http_api *api = &x->server->config->http_api;
    struct api_request request = {.method = x->request->method, .is_public = 1};

    if (strcmp(x->request->path, HTTP_API_LIST) != 0 || !api->enabled || !api->list)
        return http_next(self, x, timeout);
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    return call_serve(x, &request, call_named("streams", strlen("streams")), "", timeout);
}

struct http_handler *http_api_list_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        return NULL;
    handler->serve = list_serve;
    handler->next = next;
    return handler;
}
