/*
 * The rows of the observers and the place of each row's state. A lookup scans all rows, because
 * there are few. The per-frame event needs no lookup: stream.c passes the state to it.
 */
#include "app/stream/observer.h"

#include "app/stream/stream.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define ALIGNMENT _Alignof(max_align_t)

static size_t align(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void observer_layout(struct server *server)
{
    size_t at = align(sizeof(struct stream));

    server->data_row_count = 0;
    for (int i = 0; server->tables != NULL && server->tables->observers[i] != NULL; i++) {
        const struct observer *row = server->tables->observers[i];

        assert(i < SERVER_OBSERVERS_MAX);
        server->offset[i] = at;
        if (row->on_data != NULL)
            server->data_row[server->data_row_count++] = (struct server_data_row){row->on_data, at};
        at += align(row->state_size);
    }
    server->stream_size = at;
}

/* -1: the server has no such row. */
static int row_index(const struct server *server, const struct observer *row)
{
    for (int i = 0; server->tables != NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i] == row)
            return i;
    return -1;
}

void *observer_own(const struct server *server, const struct observer *row)
{
    int i = row_index(server, row);

    return i >= 0 ? server->own[i] : NULL;
}

void observer_set_own(struct server *server, const struct observer *row, void *own)
{
    int i = row_index(server, row);

    assert(i >= 0);
    server->own[i] = own;
}

void *observer_state(const struct stream *stream, const struct observer *row)
{
    int i = row_index(stream->server, row);

    return i >= 0 ? (char *)stream + stream->server->offset[i] : NULL;
}

/* ---- what all processes share ---- */

struct err *observers_share_new(const struct tables *tables, struct shared_memory *memory,
                                const struct config *config, int slots, void **shared)
{
    struct err *err = NULL;

    for (int i = 0; err == NULL && tables->observers[i] != NULL; i++)
        if (tables->observers[i]->share_new != NULL)
            err = tables->observers[i]->share_new(memory, config, slots, &shared[i]);
    if (err != NULL)
        observers_share_free(tables, shared);
    return err;
}

void observers_share_free(const struct tables *tables, void **shared)
{
    for (int i = 0; tables != NULL && tables->observers[i] != NULL; i++) {
        if (shared[i] != NULL)
            tables->observers[i]->share_free(shared[i]);
        shared[i] = NULL;
    }
}

void observers_share_reap(const struct tables *tables, void *const *shared, int slot)
{
    for (int i = 0; tables != NULL && tables->observers[i] != NULL; i++)
        if (shared[i] != NULL)
            tables->observers[i]->share_reap(shared[i], slot);
}

void *observer_shared(const struct server *server, const struct observer *row)
{
    int i = row_index(server, row);

    return i >= 0 ? server->row_shared[i] : NULL;
}

int observer_slot(const struct server *server)
{
    return server->slot;
}

/* ---- the process ---- */

struct err *observers_open(struct server *server)
{
    struct err *err = NULL;

    for (int i = 0; err == NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->open != NULL)
            err = server->tables->observers[i]->open(server, &server->own[i]);
    return err;
}

struct err *observers_start(struct server *server)
{
    struct err *err = NULL;

    if (server->shared == NULL) {
        err = observers_share_new(server->tables, NULL, server->config, 1, server->row_shared);
        server->owns_row_shared = 1;
    }

    for (int i = 0; err == NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->start != NULL)
            err = server->tables->observers[i]->start(server, server->own[i]);
    return err;
}

struct err *observers_ready(struct server *server)
{
    struct err *err = NULL;

    for (int i = 0; err == NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->ready != NULL)
            err = server->tables->observers[i]->ready(server, server->own[i]);
    return err;
}

void observers_tick(struct server *server, usec_t now)
{
    for (int i = 0; server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->tick != NULL)
            server->tables->observers[i]->tick(server, server->own[i], now);
}

void observers_settle(struct server *server)
{
    for (int i = 0; server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->settle != NULL)
            server->tables->observers[i]->settle(server, server->own[i]);
}

struct err *observers_check_config(struct server *server, const struct config *config)
{
    struct err *err = NULL;

    for (int i = 0; err == NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->check_config != NULL)
            err = server->tables->observers[i]->check_config(server, server->own[i], config);
    return err;
}

void observers_on_config(struct server *server, const struct config *before)
{
    for (int i = 0; server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->on_config != NULL)
            server->tables->observers[i]->on_config(server, server->own[i], before, server->config);
}

/* Also while the server starts or has failed to: only rows that are open are told. */
void observers_on_workers(struct server *server)
{
    for (int i = 0; server->tables->observers[i] != NULL; i++)
        if (server->own[i] != NULL && server->tables->observers[i]->on_workers != NULL)
            server->tables->observers[i]->on_workers(server, server->own[i]);
}

void observers_on_record(struct server *server, const struct recorded_file *file)
{
    for (int i = 0; server->tables != NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->on_record != NULL)
            server->tables->observers[i]->on_record(server, server->own[i], file);
}

void observers_on_segment(struct server *server, const struct finished_segment *segment)
{
    for (int i = 0; server->tables != NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->on_segment != NULL)
            server->tables->observers[i]->on_segment(server, server->own[i], segment);
}

void observers_on_enter(struct server *server, const struct session_entry *session)
{
    for (int i = 0; server->tables != NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->on_enter != NULL)
            server->tables->observers[i]->on_enter(server, server->own[i], session);
}

void observers_on_leave(struct server *server, const struct session_entry *session)
{
    for (int i = 0; server->tables != NULL && server->tables->observers[i] != NULL; i++)
        if (server->tables->observers[i]->on_leave != NULL)
            server->tables->observers[i]->on_leave(server, server->own[i], session);
}

static int row_count(const struct server *server)
{
    int count = 0;

    while (server->tables != NULL && server->tables->observers[count] != NULL)
        count++;
    return count;
}

void observers_leave(struct server *server)
{
    for (int i = row_count(server) - 1; i >= 0; i--)
        if (server->tables->observers[i]->leave != NULL)
            server->tables->observers[i]->leave(server, server->own[i]);
}

void observers_halt(struct server *server)
{
    for (int i = row_count(server) - 1; i >= 0; i--)
        if (server->tables->observers[i]->halt != NULL)
            server->tables->observers[i]->halt(server, server->own[i]);
}

void observers_stop(struct server *server, usec_t timeout)
{
    for (int i = row_count(server) - 1; i >= 0; i--)
        if (server->tables->observers[i]->stop != NULL)
            server->tables->observers[i]->stop(server, server->own[i], timeout);
}

void observers_close(struct server *server)
{
    for (int i = row_count(server) - 1; i >= 0; i--) {
        if (server->tables->observers[i]->close != NULL && server->own[i] != NULL)
            server->tables->observers[i]->close(server, server->own[i]);
        server->own[i] = NULL;
    }
    if (server->owns_row_shared)
        observers_share_free(server->tables, server->row_shared);
}

/* ---- questions ---- */

int observers_find(const struct server *server, const char *key, struct source_peer *peer,
                   struct source_facts *facts)
{
    memset(peer, 0, sizeof(*peer));
    memset(facts, 0, sizeof(*facts));
    for (int i = 0; i < row_count(server); i++) {
        const struct observer *row = server->tables->observers[i];

        if (row->find != NULL && row->find(server, server->own[i], key, peer, facts))
            return 1;
    }
    return 0;
}

int observers_are_elsewhere(const struct server *server, const char *key)
{
    for (int i = 0; i < row_count(server); i++) {
        const struct observer *row = server->tables->observers[i];

        if (row->is_elsewhere != NULL && row->is_elsewhere(server, server->own[i], key))
            return 1;
    }
    return 0;
}

int observers_fetch(const struct tables *tables, const struct config_vhost *vhost)
{
    for (int i = 0; tables != NULL && tables->observers[i] != NULL; i++)
        if (tables->observers[i]->fetches != NULL && tables->observers[i]->fetches(vhost))
            return 1;
    return 0;
}

int observers_are_remote(struct server *server, const struct config_vhost *vhost, const char *key,
                         usec_t timeout)
{
    for (int i = 0; i < row_count(server); i++) {
        const struct observer *row = server->tables->observers[i];

        if (row->is_remote != NULL && row->is_remote(server, vhost, key, timeout))
            return 1;
    }
    return 0;
}
