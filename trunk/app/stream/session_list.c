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

void session_list_enter(struct server *server, struct session_entry *client)
{
    struct stream *stream = source_data(client->source);

    assert(client->conn != NULL && client->format != NULL);
    (void)str_copy(client->id, sizeof(client->id), co_id());
    client->since = clock_now();
    if (!client->is_publisher && stream != NULL && stream_is_live(server, client->source))
        admission_is_live(server, client->conn, 1);
    if (client->is_publisher && stream != NULL)
        stream->publisher = client;
    if (client->is_worker) {
        if (!client->is_publisher && stream != NULL)
            stream->internal_viewers++;
        return;
    }
    client->prev = NULL;
    client->next = server->sessions;
    if (client->next != NULL)
        client->next->prev = client;
    server->sessions = client;
    server->client_count++;
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
    if (client->prev != NULL)
        client->prev->next = client->next;
    else
        server->sessions = client->next;
    if (client->next != NULL)
        client->next->prev = client->prev;
    server->client_count--;
}
