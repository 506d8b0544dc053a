/*
 * Clients as JSON. A client that is kicked is one whose connection fails: its coroutine ends it as
 * after any other failure, with all that belongs to an end.
 */
#include "app/control/api_clients.h"

#include "app/control/api_page.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/co.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The id as a number that has the same order. Ids have eight characters. */
static uint64_t key_of(const char *id)
{
    uint64_t key = 0;

    for (int i = 0; i < 8; i++) {
        key = key << 8 | (unsigned char)*id;
        id += *id != '\0';
    }
    return key;
}

static json_t *name_json(const struct stream *stream, const struct session_entry *client)
{
    char name[API_TEXT_MAX];

    (void)str_format(name, sizeof(name), "%s%s", stream->name,
                     client->extension != NULL ? client->extension : "");
    return api_json_text(name);
}

static json_t *tc_url_json(const struct stream *stream, const struct session_entry *client)
{
    char made[API_TEXT_MAX];

    if (client->facts.tc_url[0] != '\0')
        return api_json_tc_url(client->facts.tc_url);
    (void)str_format(made, sizeof(made), "rtmp://%s/%s", stream->vhost, stream->app);
    return api_json_text(made);
}

/* A viewer whose rung the server changes. Without memory the fields are missing. */
static void quality_put(json_t *json, const struct session_entry *client)
{
    (void)json_object_set_new(json, "quality", json_string("auto"));
    (void)json_object_set_new(json, "switches", json_integer(client->switches));
}

static json_t *client_json(const struct server *server, const struct session_entry *client)
{
    const struct stream *stream = source_data(client->source);
    usec_t age = clock_now() - client->since;
    uint64_t in = client->conn->bytes_in - client->before[0];
    uint64_t out = client->conn->bytes_out - client->before[1];
    int64_t kbps[2] = {rate_mean(in, age), rate_mean(out, age)};
    char id[API_ID_SIZE];
    char vhost[API_ID_SIZE];
    char type[SESSION_TYPE_SIZE];
    json_t *json;

    assert(stream != NULL);
    api_json_id(server, source_key(client->source), id);
    api_json_id(server, stream->vhost, vhost);
    session_list_type(client, type);
    json = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:s,s:b,s:f,s:I,s:I,s:o}", "id",
                     client->id, "vhost", vhost, "stream", id, "ip", client->conn->ip, "pageUrl",
                     api_json_text(client->facts.page_url), "swfUrl",
                     api_json_text(client->facts.swf_url), "tcUrl", tc_url_json(stream, client),
                     "url", api_json_url(stream->vhost, stream->app, stream->name), "name",
                     name_json(stream, client), "type", type, "publish", client->is_publisher,
                     "alive", (double)age / (double)USEC_PER_SEC, "send_bytes", (json_int_t)out,
                     "recv_bytes", (json_int_t)in, "kbps", api_json_kbps(kbps));
    if (json != NULL && client->is_auto)
        quality_put(json, client);
    return json;
}

/* ---- lists ---- */

/* Appends the part of the page that begins at index `at`. 0 or -1. */
static int part_put(const struct server *server, const struct api_page *page, size_t at,
                    json_t *list)
{
    const struct session_entry *part[API_PAGE_PART] = {NULL};

    for (const struct session_entry *client = server->sessions; client != NULL;
         client = client->next) {
        int i = api_page_find(page, at, key_of(client->id));

        if (i >= 0)
            part[i] = client;
    }
    for (int i = 0; i < API_PAGE_PART; i++)
        if (part[i] != NULL && api_json_put(list, client_json(server, part[i])) != 0)
            return -1;
    return 0;
}

static MAY_YIELD int clients_list(const struct api_query *query, json_t *list)
{
    const struct server *server = query->server;
    struct api_page page;
    int rc = api_page_init(&page, server->client_count);

    for (const struct session_entry *client = server->sessions; client != NULL && rc == 0;
         client = client->next)
        api_page_add(&page, key_of(client->id));
    if (rc == 0 && query->is_part)
        api_page_bound(&page, query->after[0] != '\0', key_of(query->after),
                       query->upto[0] != '\0' ? key_of(query->upto) : UINT64_MAX);
    if (rc == 0)
        api_page_cut(&page, query->start, query->count);
    for (size_t at = 0; at < page.count && rc == 0; at += API_PAGE_PART) {
        rc = part_put(server, &page, at, list);
        co_yield ();
    }
    api_page_fini(&page);
    return rc;
}

static int clients_keys(const struct api_query *query, json_t *keys)
{
    for (const struct session_entry *client = query->server->sessions; client != NULL;
         client = client->next)
        if (api_json_put(keys, json_string(client->id)) != 0)
            return -1;
    return 0;
}

static struct session_entry *client_find(const struct api_query *query)
{
    struct session_entry *client = query->server->sessions;

    while (client != NULL && strcmp(client->id, query->id) != 0)
        client = client->next;
    return client;
}

int api_clients(const struct api_query *query, json_t *out)
{
    int wants_keys = query->is_part && query->count == 0;
    json_t *list;
    int rc;

    if (query->id[0] != '\0') {
        const struct session_entry *client = client_find(query);

        return client != NULL ? api_json_set(out, "client", client_json(query->server, client)) : 1;
    }
    list = json_array();
    rc = wants_keys ? clients_keys(query, list) : clients_list(query, list);
    if (rc == 0)
        rc = json_object_set(out, wants_keys ? "keys" : "clients", list);
    json_decref(list);
    return rc;
}

int api_clients_kick(const struct api_query *query, json_t *out)
{
    struct session_entry *client = client_find(query);

    if (client == NULL)
        return 1;
    log_info(query->server->log, "kick client %s of %s from %s", client->id,
             source_key(client->source), client->conn->ip);
    io_close(&client->conn->io);
    return api_json_set(out, "kick", json_object());
}
