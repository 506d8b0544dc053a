/*
 * The list of sessions. It is intrusive: an entry needs no allocation of its own, and removal is
 * O(1). The newest entry comes first, so that the end of the list, which an API client that pages
 * through it reads last, changes least.
 */
#include "app/stream/session_list.h"

#include "app/core/admission.h"
#include "app/core/metrics.h"
#include "app/core/server.h"
#include "app/stream/stream.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void session_list_type(const struct session_entry *entry, char out[SESSION_TYPE_SIZE])
{
    (void)str_format(out, SESSION_TYPE_SIZE, "%s-%s", entry->is_publisher ? "fmle" : entry->format,
                     entry->is_publisher ? "publish" : "play");
}

/* Without memory the stream keeps what it has. */
static void session_name_stream(struct stream *stream, const struct session_entry *entry)
{
    char *tc_url;

    if (!str_starts(entry->facts.tc_url, "rtmp") ||
        (stream->tc_url != NULL && !entry->is_publisher))
        return;
    tc_url = strdup(entry->facts.tc_url);
    if (tc_url == NULL)
        return;
    free(stream->tc_url);
    stream->tc_url = tc_url;
}

/* ---- metrics ---- */

static const char *type_of(const struct session_entry *entry)
{
    return entry->is_publisher ? "publish" : "play";
}

static void count_enter(struct server *server, const struct session_entry *entry)
{
    metrics_add(server->metrics, METRICS_CLIENTS, 1);
    metrics_add(server->metrics, METRICS_CLIENTS_TOTAL, 1);
    if (entry->is_publisher)
        metrics_add(server->metrics, METRICS_PUBLISHERS, 1);
    else
        metrics_add_label(server->metrics, METRICS_VIEWERS, entry->format, 1);
}

static void count_leave(struct server *server, const struct session_entry *entry)
{
    metrics_add(server->metrics, METRICS_CLIENTS, -1);
    if (entry->is_publisher)
        metrics_add(server->metrics, METRICS_PUBLISHERS, -1);
    else
        metrics_add_label(server->metrics, METRICS_VIEWERS, entry->format, -1);
    if (entry->has_failed)
        metrics_add(server->metrics, METRICS_CLIENTS_ERRORS, 1);
    metrics_observe(server->metrics, METRICS_SESSION_TIME, type_of(entry),
                    clock_now() - entry->since);
}

/* ---- the lists ---- */

static void list_add(struct session_entry **first, struct session_entry *entry)
{
    entry->prev = NULL;
    entry->next = *first;
    if (entry->next != NULL)
        entry->next->prev = entry;
    *first = entry;
}

static void list_remove(struct session_entry **first, struct session_entry *entry)
{
    if (entry->prev != NULL)
        entry->prev->next = entry->next;
    else
        *first = entry->next;
    if (entry->next != NULL)
        entry->next->prev = entry->prev;
}

void session_list_enter(struct server *server, struct session_entry *entry)
{
    struct stream *stream = source_data(entry->source);

    assert(entry->conn != NULL && entry->format != NULL);
    (void)str_copy(entry->id, sizeof(entry->id), co_id());
    entry->since = clock_now();
    if (entry->facts.tc_url == NULL)
        entry->facts = session_facts_none;
    if (stream != NULL)
        session_name_stream(stream, entry);
    if (!entry->is_publisher && stream != NULL && stream_is_live(server, entry->source))
        admission_is_live(server, entry->conn, 1);
    if (entry->is_publisher && stream != NULL)
        stream->publisher = entry;
    if (entry->is_worker) {
        if (!entry->is_publisher && stream != NULL) {
            stream->internal_viewers++;
            list_add(&stream->internal, entry);
        }
        return;
    }
    entry->before[0] = entry->conn->bytes_in;
    entry->before[1] = entry->conn->bytes_out;
    server->sessions_gone.clients++;
    list_add(&server->sessions, entry);
    server->client_count++;
    count_enter(server, entry);
    observers_on_enter(server, entry);
}

static void session_add(struct session_totals *totals, const struct session_entry *entry)
{
    totals->bytes_in += entry->conn->bytes_in - entry->before[0];
    totals->bytes_out += entry->conn->bytes_out - entry->before[1];
}

void session_list_totals(const struct server *server, struct session_totals *out)
{
    *out = server->sessions_gone;
    for (const struct session_entry *entry = server->sessions; entry != NULL; entry = entry->next)
        session_add(out, entry);
}

void session_list_leave(struct server *server, struct session_entry *entry)
{
    struct stream *stream = source_data(entry->source);

    if (stream != NULL && stream->publisher == entry)
        stream->publisher = NULL;
    if (entry->is_worker) {
        if (!entry->is_publisher && stream != NULL) {
            stream->internal_viewers--;
            stream->internal_bytes += entry->conn->bytes_out;
            list_remove(&stream->internal, entry);
        }
        return;
    }
    observers_on_leave(server, entry);
    assert(server->client_count > 0);
    session_add(&server->sessions_gone, entry);
    if (server->sampled == entry)
        server->sampled = entry->next;
    list_remove(&server->sessions, entry);
    server->client_count--;
    count_leave(server, entry);
}

struct session_entry *session_list_sample(struct server *server)
{
    struct session_entry *entry = server->sampled != NULL ? server->sampled : server->sessions;

    server->sampled = entry != NULL ? entry->next : NULL;
    return entry;
}

uint64_t session_list_internal_bytes(const struct stream *stream)
{
    uint64_t bytes = stream->internal_bytes;

    for (const struct session_entry *entry = stream->internal; entry != NULL; entry = entry->next)
        bytes += entry->conn->bytes_out;
    return bytes;
}
