/*
 * The state of the process, and the limits that all processes of one server share. Every floor
 * reads both, so they are below all others.
 */
#include "app/core/server.h"

#include <string.h>
#include <sys/random.h>

void server_make_service_id(char out[SERVER_SERVICE_ID_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t random[SERVER_SERVICE_ID_SIZE - 1];

    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        memcpy(random, &(usec_t){clock_wall()}, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        out[i] = letters[random[i] % (sizeof(letters) - 1)];
    out[sizeof(random)] = '\0';
}

void server_retire(struct server *server)
{
    if (server->state != SERVER_RUNNING)
        return;
    server->is_retiring = 1;
    server->state = SERVER_DRAINING;
    co_cond_broadcast(&server->changed);
}

void server_stop(struct server *server)
{
    server->state = SERVER_STOPPING;
    co_cond_broadcast(&server->changed);
}

void server_wake_ticker(struct server *server)
{
    co_cond_signal(&server->ticker);
}

void server_shared_evicted(struct server *server, int process)
{
    if (server->shared != NULL)
        server->shared->evicted(server->shared_arg, process);
}

const char *server_shared_ip_enter(struct server *server, const char *name, uint64_t limit)
{
    return server->shared != NULL ? server->shared->ip_limit_enter(server->shared_arg, name, limit)
                                  : NULL;
}

void server_shared_ip_leave(struct server *server, const char *name)
{
    if (server->shared != NULL)
        server->shared->ip_limit_leave(server->shared_arg, name);
}

uint64_t server_shared_memory(struct server *server, uint64_t used, int *workers)
{
    *workers = 1;
    return server->shared != NULL ? server->shared->memory(server->shared_arg, used, workers) : 0;
}

int server_shared_stream_enter(struct server *server, const char *key)
{
    return server->shared != NULL ? server->shared->stream_enter(server->shared_arg, key) : 0;
}

void server_shared_stream_leave(struct server *server, const char *key)
{
    if (server->shared != NULL)
        server->shared->stream_leave(server->shared_arg, key);
}

void server_shared_take_with(struct server *server, server_take_fn take)
{
    if (server->shared != NULL)
        server->shared->take_with(server->shared_arg, take);
}
