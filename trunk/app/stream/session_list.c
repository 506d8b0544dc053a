/*
 * The list of sessions. It is intrusive: an entry needs no allocation of its own, and removal is
 * O(1). The newest entry comes first, so that the end of the list, which an API client that pages
 * through it reads last, changes least.
 */
#include "app/stream/session_list.h"

#include "app/core/admission.h"
#include "app/core/server.h"
#include "app/stream/stream.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void session_list_type(const struct session_entry *client, char out[SESSION_TYPE_SIZE])
{
    (void)str_format(out, SESSION_TYPE_SIZE, "%s-%s",
                     client->is_publisher ? "fmle" : client->format,
                     client->is_publisher ? "publish" : "play");
}

/* Without memory the stream keeps what it has. */
static void session_name_stream(struct stream *stream, const struct session_entry *client)
{
    char *tc_url;

    if (!str_starts(client->facts.tc_url, "rtmp") ||
        (stream->tc_url != NULL && !client->is_publisher))
        return;
    tc_url = strdup(client->facts.tc_url);
    if (tc_url == NULL)
        return;
    free(stream->tc_url);
    stream->tc_url = tc_url;
}

void session_list_enter(struct server *server, struct session_entry *client)
{
    struct stream *stream = source_data(client->source);

    assert(client->conn != NULL && client->format != NULL);
    (void)str_copy(client->id, sizeof(client->id), co_id());
    client->since = clock_now();
    if (client->facts.tc_url == NULL)
        client->facts = session_facts_none;
    if (stream != NULL)
        session_name_stream(stream, client);
    if (!client->is_publisher && stream != NULL && stream_is_live(server, client->source))
        admission_is_live(server, client->conn, 1);
    if (client->is_publisher && stream != NULL)
        stream->publisher = client;
    if (client->is_worker) {
        if (!client->is_publisher && stream != NULL)
            stream->internal_viewers++;
        return;
    }
    client->before[0] = client->conn->bytes_in;
    client->before[1] = client->conn->bytes_out;
    server->sessions_gone.clients++;
    client->prev = NULL;
    client->next = server->sessions;
    if (client->next != NULL)
        client->next->prev = client;
    server->sessions = client;
    server->client_count++;
}

static void session_add(struct session_totals *totals, const struct session_entry *client)
{
    totals->bytes_in += client->conn->bytes_in - client->before[0];
    totals->bytes_out += client->conn->bytes_out - client->before[1];
}

void session_list_totals(const struct server *server, struct session_totals *out)
{
    *out = server->sessions_gone;
    for (const struct session_entry *client = server->sessions; client != NULL;
         client = client->next)
        session_add(out, client);
}

void session_list_leave(struct server *server, struct session_entry *client)
{
    struct stream *stream = source_data(client->source);

    if (stream != NULL && stream->publisher == client)
        stream->publisher = NULL;
    if (client->is_worker) {
        if (!client->is_publisher && stream != NULL)
            stream->internal_viewers--;
        return;
    }
    assert(server->client_count > 0);
    session_add(&server->sessions_gone, client);
    if (client->prev != NULL)
        client->prev->next = client->next;
    else
        server->sessions = client->next;
    if (client->next != NULL)
        client->next->prev = client->prev;
    server->client_count--;
}
