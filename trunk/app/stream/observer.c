/*
 * The rows of the observers and the place of each row's state. A lookup scans all rows, because
 * there are few. The per-frame event needs no lookup: stream.c passes the state to it.
 */
#include "app/stream/observer.h"

#include "app/stream/stream.h"

#include <assert.h>
#include <stddef.h>

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
}

/* ---- questions ---- */

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
