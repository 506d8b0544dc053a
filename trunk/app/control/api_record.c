/*
 * The body of a request is {"action":"start"} or {"action":"stop"}. Both may be repeated. What the
 * configuration says counts again at the next publish.
 */
#include "app/control/api_record.h"

#include "app/http/http_exchange.h"
#include "app/record/record.h"
#include "app/stream/stream.h"
#include "base/json_depth.h"

#include <string.h>

#define BODY_DEPTH 4

json_t *api_record_json(const struct api_query *query, const struct stream *stream)
{
    struct record_state state;

    record_describe(stream, &state);
    if (query->is_public || !state.is_active)
        return json_pack("{s:b}", "active", state.is_active);
    return json_pack("{s:b,s:o,s:I,s:I}", "active", 1, "file", api_json_text(state.path), "bytes",
                     (json_int_t)state.bytes, "duration_ms", (json_int_t)state.duration_ms);
}

const char *api_record_action(const struct http_exchange *x, const char **why)
{
    const char *call = NULL;
    const char *action;
    json_t *body = NULL;

    *why = "the body must be {\"action\":\"start\"} or {\"action\":\"stop\"}";
    if (x->body != NULL && json_depth_fits((const char *)x->body, x->body_len, BODY_DEPTH))
        body = json_loadb((const char *)x->body, x->body_len, JSON_REJECT_DUPLICATES, NULL);
    action = json_string_value(json_object_get(body, "action"));
    if (action != NULL && strcmp(action, "start") == 0)
        call = "records-start";
    else if (action != NULL && strcmp(action, "stop") == 0)
        call = "records-stop";
    json_decref(body);
    return call;
}

struct search {
    const struct api_query *query;
    struct stream *stream;
};

static void look(struct source *source, void *arg)
{
    struct search *search = arg;
    char id[API_ID_SIZE];

    api_json_id(search->query->server, source_key(source), id);
    if (strcmp(id, search->query->id) == 0)
        search->stream = source_data(source);
}

/* The stream, if its encoder publishes to this process. */
static struct stream *stream_find(const struct api_query *query)
{
    struct search search = {query, NULL};

    hub_each(query->server->hub, look, &search);
    return search.stream != NULL && record_is_here(search.stream) ? search.stream : NULL;
}

int api_record_start(const struct api_query *query, json_t *out)
{
    struct stream *stream = stream_find(query);

    if (stream == NULL)
        return 1;
    if (record_start(stream) != 0)
        return -1;
    log_info(query->server->log, "%s: recording started by the API", source_key(stream->source));
    return api_json_set(out, "record", api_record_json(query, stream));
}

int api_record_stop(const struct api_query *query, json_t *out)
{
    struct stream *stream = stream_find(query);

    if (stream == NULL)
        return 1;
    record_stop(stream);
    log_info(query->server->log, "%s: recording stopped by the API", source_key(stream->source));
    return api_json_set(out, "record", api_record_json(query, stream));
}
